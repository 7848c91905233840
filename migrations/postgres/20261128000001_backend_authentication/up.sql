-- What is known of a user beside the columns, as JSON.
ALTER TABLE users ADD COLUMN details text NOT NULL DEFAULT '{}';
-- The last sign-in through the backend authentication API.
ALTER TABLE users ADD COLUMN last_sign_in_at bigint;

-- By what users are found when they sign in. One user for each: the key sees to that.
CREATE TABLE user_identifiers (
    environment_id text    NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    -- 'email', 'phone_number', 'username' …
    kind           text    NOT NULL,
    -- Of a username, which is one application's; else empty.
    application_id text    NOT NULL,
    -- In the form in which two that mean the same are equal.
    value          text    NOT NULL,
    user_id        text    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- As it was given.
    shown          text    NOT NULL,
    is_primary     boolean NOT NULL,
    verified_at    bigint,
    created_at     bigint  NOT NULL,
    PRIMARY KEY (environment_id, kind, application_id, value)
);

CREATE INDEX user_identifiers_of_user ON user_identifiers (user_id);

-- The applications that a user may sign in to.
CREATE TABLE user_applications (
    user_id         text   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    application_id  text   NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    custom_data     text   NOT NULL,
    created_at      bigint NOT NULL,
    last_sign_in_at bigint,
    PRIMARY KEY (user_id, application_id)
);

CREATE INDEX user_applications_of_application ON user_applications (application_id);

-- That a user is signed in: to all applications of the environment whose backends know the secret.
CREATE TABLE login_sessions (
    -- UUID: `sid` of the tokens.
    id              text   NOT NULL PRIMARY KEY,
    environment_id  text   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    user_id         text   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of what the backend has, in hexadecimal.
    secret_hash     text   NOT NULL UNIQUE,
    -- By what the user was authenticated, and when, as JSON.
    methods         text   NOT NULL,
    created_at      bigint NOT NULL,
    -- Counts on with each authentication, up to `expires_at`.
    idle_expires_at bigint NOT NULL,
    expires_at      bigint NOT NULL,
    ended_at        bigint
);

CREATE INDEX login_sessions_of_user ON login_sessions (user_id, created_at, id);
CREATE INDEX login_sessions_by_idle_expiry ON login_sessions (idle_expires_at);

-- The clients that got tokens of one: who is told when it ends.
CREATE TABLE login_session_clients (
    session_id     text   NOT NULL REFERENCES login_sessions (id) ON DELETE CASCADE,
    client_id      text   NOT NULL,
    application_id text   NOT NULL,
    joined_at      bigint NOT NULL,
    PRIMARY KEY (session_id, client_id)
);

-- What is known of a user beside the columns, as JSON.
ALTER TABLE users ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
-- The last sign-in through the backend authentication API.
ALTER TABLE users ADD COLUMN last_sign_in_at INTEGER;

-- By what users are found when they sign in. One user for each: the key sees to that.
CREATE TABLE user_identifiers (
    environment_id TEXT    NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    -- 'email', 'phone_number', 'username' …
    kind           TEXT    NOT NULL,
    -- Of a username, which is one application's; else empty.
    application_id TEXT    NOT NULL,
    -- In the form in which two that mean the same are equal.
    value          TEXT    NOT NULL,
    user_id        TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- As it was given.
    shown          TEXT    NOT NULL,
    is_primary     INTEGER NOT NULL CHECK (is_primary IN (0, 1)),
    verified_at    INTEGER,
    created_at     INTEGER  NOT NULL,
    PRIMARY KEY (environment_id, kind, application_id, value)
) STRICT;

CREATE INDEX user_identifiers_of_user ON user_identifiers (user_id);

-- The applications that a user may sign in to.
CREATE TABLE user_applications (
    user_id         TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    application_id  TEXT   NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    custom_data     TEXT   NOT NULL,
    created_at      INTEGER NOT NULL,
    last_sign_in_at INTEGER,
    PRIMARY KEY (user_id, application_id)
) STRICT;

CREATE INDEX user_applications_of_application ON user_applications (application_id);

-- That a user is signed in: to all applications of the environment whose backends know the secret.
CREATE TABLE login_sessions (
    -- UUID: `sid` of the tokens.
    id              TEXT   NOT NULL PRIMARY KEY,
    environment_id  TEXT   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    user_id         TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of what the backend has, in hexadecimal.
    secret_hash     TEXT   NOT NULL UNIQUE,
    -- By what the user was authenticated, and when, as JSON.
    methods         TEXT   NOT NULL,
    created_at      INTEGER NOT NULL,
    -- Counts on with each authentication, up to `expires_at`.
    idle_expires_at INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    ended_at        INTEGER
) STRICT;

CREATE INDEX login_sessions_of_user ON login_sessions (user_id, created_at, id);
CREATE INDEX login_sessions_by_idle_expiry ON login_sessions (idle_expires_at);

-- The clients that got tokens of one: who is told when it ends.
CREATE TABLE login_session_clients (
    session_id     TEXT   NOT NULL REFERENCES login_sessions (id) ON DELETE CASCADE,
    client_id      TEXT   NOT NULL,
    application_id TEXT   NOT NULL,
    joined_at      INTEGER NOT NULL,
    PRIMARY KEY (session_id, client_id)
) STRICT;

-- The password of a user, who has one for all applications of the environment.
CREATE TABLE passwords (
    user_id    TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- argon2id with its parameters, as a PHC string.
    hash       TEXT NOT NULL,
    -- Whether the user did not choose it: it is good for choosing one, and for nothing else.
    temporary  boolean NOT NULL,
    -- Counts the passwords that the user has had: of two changes at the same moment one finds another number.
    generation bigint NOT NULL,
    changed_at bigint NOT NULL
);

-- The passwords before it, so that they do not come back.
CREATE TABLE password_history (
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    generation bigint NOT NULL,
    hash       TEXT NOT NULL,
    PRIMARY KEY (user_id, generation)
);

-- That somebody may set a new password of a user, once.
CREATE TABLE password_resets (
    -- SHA-256 of the reset token, in hexadecimal.
    token_hash          TEXT NOT NULL PRIMARY KEY,
    environment_id      TEXT NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    user_id             TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    application_id      TEXT NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    -- By what the user was authenticated, as JSON.
    methods             TEXT NOT NULL,
    -- Whether it is good for nothing but a second authentication.
    needs_second_factor boolean NOT NULL,
    -- The password that it replaces: NULL if there is none. Once that is changed the token is worth nothing.
    generation          bigint,
    expires_at          bigint NOT NULL
);

CREATE INDEX password_resets_by_age ON password_resets (expires_at);

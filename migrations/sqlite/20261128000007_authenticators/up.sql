-- How often authenticators of a kind were tried of late, and whether they are locked.
CREATE TABLE authenticator_attempts (
    -- The user's id; or, for an identifier that is nobody's, a hash of it: it locks as a user's would, so that nobody learns who there is.
    holder              TEXT    NOT NULL,
    authenticator       TEXT    NOT NULL,
    user_id             TEXT    REFERENCES users (id) ON DELETE CASCADE,
    failures            INTEGER  NOT NULL,
    -- When the last of them was counted.
    counted_at          INTEGER,
    locked              INTEGER NOT NULL,
    -- NULL while locked: until somebody unlocks.
    locked_until        INTEGER,
    last_succeeded_at   INTEGER,
    last_failed_at      INTEGER,
    last_application_id TEXT,
    PRIMARY KEY (holder, authenticator)
) STRICT;

CREATE INDEX authenticator_attempts_of_user ON authenticator_attempts (user_id);
CREATE INDEX authenticator_attempts_of_nobody ON authenticator_attempts (counted_at) WHERE user_id IS NULL;

-- Authenticator apps, each of one user for one application.
CREATE TABLE totp_authenticators (
    id             TEXT   NOT NULL PRIMARY KEY,
    environment_id TEXT   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    application_id TEXT   NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    user_id        TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    label          TEXT   NOT NULL,
    issuer         TEXT   NOT NULL,
    -- As the app was told; the application's settings may be others by now.
    algorithm      TEXT   NOT NULL,
    digits         INTEGER NOT NULL,
    period         INTEGER NOT NULL,
    -- Sealed under the master key: AES-256-GCM with environment, user and id as associated data.
    secret         BLOB  NOT NULL,
    -- The latest step whose code was used: that one and those before it are never taken again.
    last_step      INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    last_used_at   INTEGER
) STRICT;

CREATE INDEX totp_authenticators_of_user ON totp_authenticators (user_id, application_id);
CREATE INDEX totp_authenticators_of_application ON totp_authenticators (application_id);

-- Transactions that wait for a user's code.
CREATE TABLE totp_transactions (
    id             TEXT   NOT NULL PRIMARY KEY,
    environment_id TEXT   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    application_id TEXT   NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    -- NULL: begun for an identifier that is nobody's. It is kept like any other, so that nobody learns who there is.
    user_id        TEXT   REFERENCES users (id) ON DELETE CASCADE,
    challenge      TEXT   NOT NULL,
    approval_data  TEXT   NOT NULL,
    expires_at     INTEGER NOT NULL,
    UNIQUE (user_id, application_id, challenge)
) STRICT;

CREATE INDEX totp_transactions_by_expiry ON totp_transactions (expires_at);
CREATE INDEX totp_transactions_of_application ON totp_transactions (application_id);

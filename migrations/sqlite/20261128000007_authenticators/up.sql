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

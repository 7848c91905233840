-- How often authenticators of a kind were tried of late, and whether they are locked.
CREATE TABLE authenticator_attempts (
    -- The user's id; or, for an identifier that is nobody's, a hash of it: it locks as a user's would, so that nobody learns who there is.
    holder              text    NOT NULL,
    authenticator       text    NOT NULL,
    user_id             text    REFERENCES users (id) ON DELETE CASCADE,
    failures            bigint  NOT NULL,
    -- When the last of them was counted.
    counted_at          bigint,
    locked              boolean NOT NULL,
    -- NULL while locked: until somebody unlocks.
    locked_until        bigint,
    last_succeeded_at   bigint,
    last_failed_at      bigint,
    last_application_id text,
    PRIMARY KEY (holder, authenticator)
);

CREATE INDEX authenticator_attempts_of_user ON authenticator_attempts (user_id);
CREATE INDEX authenticator_attempts_of_nobody ON authenticator_attempts (counted_at) WHERE user_id IS NULL;

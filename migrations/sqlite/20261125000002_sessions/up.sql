-- What refresh tokens hang on: whom they speak for, and the most that an access token got with them may say.
CREATE TABLE sessions (
    id              TEXT   NOT NULL PRIMARY KEY,
    environment_id  TEXT   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    client_id       TEXT   NOT NULL,
    -- What was granted, as JSON.
    definition      TEXT   NOT NULL,
    -- Which of its refresh tokens are good: those of this generation. Each use counts it up, so that of several uses at the same
    -- moment one is the first.
    generation      INTEGER NOT NULL,
    -- The refresh token whose use did that last, and when: it may be sent again a moment later.
    rotated_by      TEXT,
    rotated_at      INTEGER,
    created_at      INTEGER NOT NULL,
    last_used_at    INTEGER NOT NULL,
    -- Counts on with each use, up to `expires_at`.
    idle_expires_at INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    ended_at        INTEGER,
    end_reason      TEXT
) STRICT;

CREATE INDEX sessions_of_environment ON sessions (environment_id, created_at, id);
CREATE INDEX sessions_by_idle_expiry ON sessions (idle_expires_at);

-- What a session came of: revoking it ends the session. Kinds and values are those of `revocations`, but a session outlives
-- those.
CREATE TABLE session_origins (
    session_id     TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    kind           TEXT NOT NULL,
    value          TEXT NOT NULL,
    environment_id TEXT NOT NULL,
    PRIMARY KEY (session_id, kind, value)
) STRICT;

CREATE INDEX session_origins_by_value ON session_origins (environment_id, kind, value);

-- Used ones are kept as long as their session, so that a second use is known for what it is.
CREATE TABLE refresh_tokens (
    -- SHA-256 in hexadecimal.
    hash       TEXT   NOT NULL PRIMARY KEY,
    session_id TEXT   NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    generation INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);

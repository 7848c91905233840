-- Counts the revocations, apart from `version`: one must not make the nodes read the whole environment again.
ALTER TABLE environments ADD COLUMN revocations_version bigint NOT NULL DEFAULT 0;

-- What is revoked, until the last token that it concerns has expired. A token has no row, unless it is revoked itself.
CREATE TABLE revocations (
    environment_id text   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    -- 'token', 'session', 'subject', 'client' or 'key'.
    kind           text   NOT NULL,
    -- A `jti`, a session id, a `sub`, a client id or a `kid`.
    value          text   NOT NULL,
    -- Subjects and clients: tokens that come of one issued in this second or earlier are dead.
    revoked_at     bigint NOT NULL,
    -- No token that it concerns lives so long.
    expires_at     bigint NOT NULL,
    -- Of `environments.revocations_version`: nodes read what is new to them.
    version        bigint NOT NULL,
    PRIMARY KEY (environment_id, kind, value)
);

CREATE INDEX revocations_by_version ON revocations (environment_id, version);
CREATE INDEX revocations_by_expiry ON revocations (expires_at);

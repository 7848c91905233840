CREATE TABLE signing_keys (
    environment_id TEXT    NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    kid            TEXT    NOT NULL,
    alg            TEXT    NOT NULL,
    -- Sealed under the master key: AES-256-GCM with environment and kid as associated data.
    private_key    BLOB    NOT NULL,
    public_jwk     TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    activates_at   INTEGER NOT NULL,
    retires_at     INTEGER,
    removes_at     INTEGER,
    PRIMARY KEY (environment_id, kid)
) STRICT;

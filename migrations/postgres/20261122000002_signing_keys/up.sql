CREATE TABLE signing_keys (
    environment_id text   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    kid            text   NOT NULL,
    alg            text   NOT NULL,
    -- Sealed under the master key: AES-256-GCM with environment and kid as associated data.
    private_key    bytea  NOT NULL,
    public_jwk     text   NOT NULL,
    created_at     bigint NOT NULL,
    activates_at   bigint NOT NULL,
    retires_at     bigint,
    removes_at     bigint,
    PRIMARY KEY (environment_id, kid)
);

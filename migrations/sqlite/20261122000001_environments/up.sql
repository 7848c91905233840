-- Ids are UUIDs or names as text, times are seconds since 1970, lists and objects are JSON as text: the same on both engines.

CREATE TABLE tenants (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE environments (
    id                    TEXT    NOT NULL PRIMARY KEY,
    tenant_id             TEXT    NOT NULL REFERENCES tenants (id),
    name                  TEXT    NOT NULL,
    is_default            INTEGER NOT NULL CHECK (is_default IN (0, 1)),
    enabled               INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    access_token_lifetime INTEGER NOT NULL,
    -- Counts the changes of the environment and of everything in it, so that the nodes know when to read it again.
    version               INTEGER NOT NULL,
    created_at            INTEGER NOT NULL,
    updated_at            INTEGER NOT NULL,
    UNIQUE (tenant_id, name)
) STRICT;

-- The default environment's issuer is the public URL itself, so there can be only one.
CREATE UNIQUE INDEX environments_one_default ON environments (is_default) WHERE is_default;

CREATE TABLE resource_servers (
    environment_id TEXT    NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    audience       TEXT    NOT NULL,
    scopes         TEXT    NOT NULL,
    scope_claim    TEXT    NOT NULL,
    max_lifetime   INTEGER,
    clients        TEXT    NOT NULL,
    token_profile  TEXT    NOT NULL,
    signing_alg    TEXT,
    enabled        INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    PRIMARY KEY (environment_id, audience)
) STRICT;

CREATE TABLE clients (
    environment_id TEXT    NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    client_id      TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    kind           TEXT    NOT NULL,
    enabled        INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    grants         TEXT    NOT NULL,
    access         TEXT    NOT NULL,
    permissions    TEXT    NOT NULL,
    exchange_error TEXT    NOT NULL,
    -- 'file' or 'command': who looks after it.
    origin         TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    PRIMARY KEY (environment_id, client_id)
) STRICT;

CREATE TABLE client_secrets (
    id             TEXT    NOT NULL PRIMARY KEY,
    environment_id TEXT    NOT NULL,
    client_id      TEXT    NOT NULL,
    -- SHA-256, in hexadecimal.
    hash           TEXT    NOT NULL,
    origin         TEXT    NOT NULL CHECK (origin IN ('file', 'generated')),
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER,
    FOREIGN KEY (environment_id, client_id) REFERENCES clients (environment_id, client_id) ON DELETE CASCADE
) STRICT;

CREATE INDEX client_secrets_of_client ON client_secrets (environment_id, client_id);

CREATE TABLE applications (
    id             TEXT    NOT NULL PRIMARY KEY,
    environment_id TEXT    NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    name           TEXT    NOT NULL,
    platform       TEXT    NOT NULL,
    enabled        INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    UNIQUE (environment_id, name)
) STRICT;

CREATE TABLE identity_connections (
    environment_id TEXT    NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    name           TEXT    NOT NULL,
    provider       TEXT    NOT NULL,
    enabled        INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    PRIMARY KEY (environment_id, name)
) STRICT;

CREATE TABLE exchange_rules (
    environment_id TEXT    NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    name           TEXT    NOT NULL,
    -- The order of the environment file.
    position       INTEGER NOT NULL,
    definition     TEXT    NOT NULL,
    enabled        INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    PRIMARY KEY (environment_id, name)
) STRICT;

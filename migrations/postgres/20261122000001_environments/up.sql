-- Ids are UUIDs or names as text, times are seconds since 1970, lists and objects are JSON as text: the same on both engines.

CREATE TABLE tenants (
    id         text    NOT NULL PRIMARY KEY,
    name       text    NOT NULL UNIQUE,
    created_at bigint  NOT NULL
);

CREATE TABLE environments (
    id                    text    NOT NULL PRIMARY KEY,
    tenant_id             text    NOT NULL REFERENCES tenants (id),
    name                  text    NOT NULL,
    is_default            boolean NOT NULL,
    enabled               boolean NOT NULL,
    access_token_lifetime bigint  NOT NULL,
    -- Counts the changes of the environment and of everything in it, so that the nodes know when to read it again.
    version               bigint  NOT NULL,
    created_at            bigint  NOT NULL,
    updated_at            bigint  NOT NULL,
    UNIQUE (tenant_id, name)
);

-- The default environment's issuer is the public URL itself, so there can be only one.
CREATE UNIQUE INDEX environments_one_default ON environments (is_default) WHERE is_default;

CREATE TABLE resource_servers (
    environment_id text    NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    audience       text    NOT NULL,
    scopes         text    NOT NULL,
    scope_claim    text    NOT NULL,
    max_lifetime   bigint,
    clients        text    NOT NULL,
    token_profile  text    NOT NULL,
    signing_alg    text,
    enabled        boolean NOT NULL,
    PRIMARY KEY (environment_id, audience)
);

CREATE TABLE clients (
    environment_id text    NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    client_id      text    NOT NULL,
    name           text    NOT NULL,
    kind           text    NOT NULL,
    enabled        boolean NOT NULL,
    grants         text    NOT NULL,
    access         text    NOT NULL,
    permissions    text    NOT NULL,
    exchange_error text    NOT NULL,
    -- 'file' or 'command': who looks after it.
    origin         text    NOT NULL,
    created_at     bigint  NOT NULL,
    updated_at     bigint  NOT NULL,
    PRIMARY KEY (environment_id, client_id)
);

CREATE TABLE client_secrets (
    id             text   NOT NULL PRIMARY KEY,
    environment_id text   NOT NULL,
    client_id      text   NOT NULL,
    -- SHA-256, in hexadecimal.
    hash           text   NOT NULL,
    origin         text   NOT NULL CHECK (origin IN ('file', 'generated')),
    created_at     bigint NOT NULL,
    expires_at     bigint,
    FOREIGN KEY (environment_id, client_id) REFERENCES clients (environment_id, client_id) ON DELETE CASCADE
);

CREATE INDEX client_secrets_of_client ON client_secrets (environment_id, client_id);

CREATE TABLE applications (
    id             text    NOT NULL PRIMARY KEY,
    environment_id text    NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    name           text    NOT NULL,
    platform       text    NOT NULL,
    enabled        boolean NOT NULL,
    UNIQUE (environment_id, name)
);

CREATE TABLE identity_connections (
    environment_id text    NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    name           text    NOT NULL,
    provider       text    NOT NULL,
    enabled        boolean NOT NULL,
    PRIMARY KEY (environment_id, name)
);

CREATE TABLE exchange_rules (
    environment_id text    NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    name           text    NOT NULL,
    -- The order of the environment file.
    position       bigint  NOT NULL,
    definition     text    NOT NULL,
    enabled        boolean NOT NULL,
    PRIMARY KEY (environment_id, name)
);

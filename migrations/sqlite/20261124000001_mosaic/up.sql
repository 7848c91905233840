ALTER TABLE tenants ADD COLUMN enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1));

-- Counts the changes of users that exist, so that the nodes know when what they remember of users is old. Apart from `version`:
-- users change far more often than the environment around them.
ALTER TABLE environments ADD COLUMN users_version INTEGER NOT NULL DEFAULT 1;

-- When the last token under the key expires, if it lives longer than the environment's tokens do now.
ALTER TABLE signing_keys ADD COLUMN tokens_until INTEGER NOT NULL DEFAULT 0;

-- 'file' or 'command': who looks after it.
ALTER TABLE applications ADD COLUMN origin TEXT NOT NULL DEFAULT 'file';
ALTER TABLE applications ADD COLUMN allowed_origins TEXT NOT NULL DEFAULT '[]';
ALTER TABLE applications ADD COLUMN allowed_proxy_urls TEXT NOT NULL DEFAULT '[]';
-- SHA-256 of the application's key, in hexadecimal.
ALTER TABLE applications ADD COLUMN key_hash TEXT;
ALTER TABLE applications ADD COLUMN webhook TEXT;
-- Sealed under the master key: AES-256-GCM with environment and application as associated data.
ALTER TABLE applications ADD COLUMN webhook_secret BLOB;

ALTER TABLE identity_connections ADD COLUMN origin TEXT NOT NULL DEFAULT 'file';
ALTER TABLE identity_connections ADD COLUMN title TEXT NOT NULL DEFAULT '';
ALTER TABLE identity_connections ADD COLUMN sort_order INTEGER NOT NULL DEFAULT 0;

-- The permissions that the services of an environment define. Who has them stands at the clients.
CREATE TABLE permissions (
    environment_id TEXT NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    service_id     TEXT NOT NULL,
    key            TEXT NOT NULL,
    title          TEXT NOT NULL,
    gql_operations TEXT NOT NULL,
    origin         TEXT NOT NULL,
    PRIMARY KEY (environment_id, service_id, key)
) STRICT;

-- Services of other environments that may get tokens of this one.
CREATE TABLE managed_services (
    environment_id      TEXT    NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    service_id          TEXT    NOT NULL,
    name                TEXT    NOT NULL,
    -- Where the service account is at home; its secret is checked there.
    home_environment_id TEXT    NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    client_id           TEXT    NOT NULL,
    permissions         TEXT    NOT NULL,
    enabled             INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    PRIMARY KEY (environment_id, service_id)
) STRICT;

CREATE TABLE users (
    id                TEXT    NOT NULL PRIMARY KEY,
    environment_id    TEXT    NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    email             TEXT,
    name              TEXT,
    enabled           INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    -- The profile of tokens for which none is named.
    active_profile_id TEXT    NOT NULL,
    created_at        INTEGER  NOT NULL,
    updated_at        INTEGER  NOT NULL
) STRICT;

CREATE INDEX users_of_environment ON users (environment_id, created_at, id);
CREATE INDEX users_by_email ON users (environment_id, email);

-- Under which names others know a user: who vouches, and the name there. One user for each.
CREATE TABLE user_identities (
    environment_id TEXT   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    connection     TEXT   NOT NULL,
    subject_id     TEXT   NOT NULL,
    user_id        TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (environment_id, connection, subject_id)
) STRICT;

CREATE INDEX user_identities_of_user ON user_identities (user_id);

CREATE TABLE profiles (
    id                TEXT   NOT NULL PRIMARY KEY,
    user_id           TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    unique_identifier TEXT,
    display_name      TEXT,
    picture_url       TEXT,
    created_at        INTEGER NOT NULL,
    UNIQUE (user_id, unique_identifier)
) STRICT;

ALTER TABLE tenants ADD COLUMN enabled boolean NOT NULL DEFAULT true;

-- Counts the changes of users that exist, so that the nodes know when what they remember of users is old. Apart from `version`:
-- users change far more often than the environment around them.
ALTER TABLE environments ADD COLUMN users_version bigint NOT NULL DEFAULT 1;

-- When the last token under the key expires, if it lives longer than the environment's tokens do now.
ALTER TABLE signing_keys ADD COLUMN tokens_until bigint NOT NULL DEFAULT 0;

-- 'file' or 'command': who looks after it.
ALTER TABLE applications ADD COLUMN origin text NOT NULL DEFAULT 'file';
ALTER TABLE applications ADD COLUMN allowed_origins text NOT NULL DEFAULT '[]';
ALTER TABLE applications ADD COLUMN allowed_proxy_urls text NOT NULL DEFAULT '[]';
-- SHA-256 of the application's key, in hexadecimal.
ALTER TABLE applications ADD COLUMN key_hash text;
ALTER TABLE applications ADD COLUMN webhook text;
-- Sealed under the master key: AES-256-GCM with environment and application as associated data.
ALTER TABLE applications ADD COLUMN webhook_secret bytea;

ALTER TABLE identity_connections ADD COLUMN origin text NOT NULL DEFAULT 'file';
ALTER TABLE identity_connections ADD COLUMN title text NOT NULL DEFAULT '';
ALTER TABLE identity_connections ADD COLUMN sort_order bigint NOT NULL DEFAULT 0;

-- The permissions that the services of an environment define. Who has them stands at the clients.
CREATE TABLE permissions (
    environment_id text NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    service_id     text NOT NULL,
    key            text NOT NULL,
    title          text NOT NULL,
    gql_operations text NOT NULL,
    origin         text NOT NULL,
    PRIMARY KEY (environment_id, service_id, key)
);

-- Services of other environments that may get tokens of this one.
CREATE TABLE managed_services (
    environment_id      text    NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    service_id          text    NOT NULL,
    name                text    NOT NULL,
    -- Where the service account is at home; its secret is checked there.
    home_environment_id text    NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    client_id           text    NOT NULL,
    permissions         text    NOT NULL,
    enabled             boolean NOT NULL,
    PRIMARY KEY (environment_id, service_id)
);

CREATE TABLE users (
    id                text    NOT NULL PRIMARY KEY,
    environment_id    text    NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    email             text,
    name              text,
    enabled           boolean NOT NULL,
    -- The profile of tokens for which none is named.
    active_profile_id text    NOT NULL,
    created_at        bigint  NOT NULL,
    updated_at        bigint  NOT NULL
);

CREATE INDEX users_of_environment ON users (environment_id, created_at, id);
CREATE INDEX users_by_email ON users (environment_id, email);

-- Under which names others know a user: who vouches, and the name there. One user for each.
CREATE TABLE user_identities (
    environment_id text   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    connection     text   NOT NULL,
    subject_id     text   NOT NULL,
    user_id        text   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at     bigint NOT NULL,
    PRIMARY KEY (environment_id, connection, subject_id)
);

CREATE INDEX user_identities_of_user ON user_identities (user_id);

CREATE TABLE profiles (
    id                text   NOT NULL PRIMARY KEY,
    user_id           text   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    unique_identifier text,
    display_name      text,
    picture_url       text,
    created_at        bigint NOT NULL,
    UNIQUE (user_id, unique_identifier)
);

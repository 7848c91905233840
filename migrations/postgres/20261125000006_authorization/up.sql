-- Where users may be sent back to, and the application that they sign in to.
ALTER TABLE clients ADD COLUMN sign_in text NOT NULL DEFAULT '{}';

-- How this server is a client of the provider.
ALTER TABLE identity_connections ADD COLUMN sign_in text;
-- Sealed under the master key: AES-256-GCM with environment and connection as associated data.
ALTER TABLE identity_connections ADD COLUMN sign_in_secret bytea;

-- Users who are signing in. Gone when they come back, or ten minutes later.
CREATE TABLE authorization_requests (
    -- SHA-256 of the `state` that the provider is sent, in hexadecimal.
    state_hash     text   NOT NULL PRIMARY KEY,
    environment_id text   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    -- SHA-256 of what only the browser knows that began.
    browser_hash   text   NOT NULL,
    request        text   NOT NULL,
    -- The network that it came from: nobody may fill this table.
    network        text   NOT NULL,
    expires_at     bigint NOT NULL
);

CREATE INDEX authorization_requests_by_network ON authorization_requests (network);
CREATE INDEX authorization_requests_by_expiry ON authorization_requests (expires_at);

-- Codes are kept beyond their use: one that comes twice takes back what it gave.
CREATE TABLE authorization_codes (
    -- SHA-256 of the code, in hexadecimal.
    code_hash      text   NOT NULL PRIMARY KEY,
    environment_id text   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    user_id        text   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    granted        text   NOT NULL,
    expires_at     bigint NOT NULL,
    used_at        bigint,
    -- What the first use gave.
    session_id     text,
    replayed_at    bigint,
    -- Until when it is remembered.
    forget_at      bigint NOT NULL
);

CREATE INDEX authorization_codes_by_age ON authorization_codes (forget_at);
CREATE INDEX authorization_codes_of_user ON authorization_codes (user_id);

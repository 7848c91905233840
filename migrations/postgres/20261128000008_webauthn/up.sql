-- The names under which users have passkeys: each is one user's within an application.
CREATE TABLE webauthn_usernames (
    environment_id text   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    application_id text   NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    username       text   NOT NULL,
    user_id        text   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at     bigint NOT NULL,
    PRIMARY KEY (environment_id, application_id, username)
);

CREATE INDEX webauthn_usernames_of_user ON webauthn_usernames (user_id);
CREATE INDEX webauthn_usernames_of_application ON webauthn_usernames (application_id);

CREATE TABLE webauthn_credentials (
    environment_id text   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    -- As the authenticator named it, in base64url. Nobody registers one a second time: the key sees to that.
    id             text   NOT NULL,
    user_id        text   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    application_id text   NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    username       text   NOT NULL,
    -- What the authenticator keeps with the key and says at a login, in base64url.
    user_handle    text   NOT NULL,
    display_name   text   NOT NULL,
    -- Key, flags and attestation, as the verifier writes them.
    credential     text   NOT NULL,
    -- What the authenticator's signature counter must exceed, unless it has none.
    counter        bigint NOT NULL,
    aaguid         text   NOT NULL,
    -- The browsers that it was used with, as JSON.
    devices        text   NOT NULL,
    created_at     bigint NOT NULL,
    last_seen_at   bigint NOT NULL,
    removed_at     bigint,
    PRIMARY KEY (environment_id, id)
);

CREATE INDEX webauthn_credentials_of_user ON webauthn_credentials (user_id);
CREATE INDEX webauthn_credentials_of_username ON webauthn_credentials (application_id, username);

-- Registrations and logins that wait for the authenticator. Gone with the first answer, or when their time is over.
CREATE TABLE webauthn_ceremonies (
    -- SHA-256 of `webauthn_session_id`, in hexadecimal.
    id_hash        text   NOT NULL PRIMARY KEY,
    environment_id text   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    application_id text   NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    -- What was asked for, and the verifier's state, as JSON.
    ceremony       text   NOT NULL,
    -- The network that it came from: nobody may fill this table.
    network        text   NOT NULL,
    expires_at     bigint NOT NULL
);

CREATE INDEX webauthn_ceremonies_by_network ON webauthn_ceremonies (network);
CREATE INDEX webauthn_ceremonies_by_expiry ON webauthn_ceremonies (expires_at);

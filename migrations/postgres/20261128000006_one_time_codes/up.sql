-- Codes and links that were sent to users, one of each purpose and channel: a newer one takes the place of the older.
CREATE TABLE one_time_codes (
    id             text NOT NULL PRIMARY KEY,
    environment_id text NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    user_id        text NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    application_id text NOT NULL,
    purpose        text NOT NULL,
    channel        text NOT NULL,
    -- Who asked for it, and whether other clients of the application may redeem it.
    client_id      text NOT NULL,
    any_client     boolean NOT NULL,
    -- SHA-256, in hexadecimal, of how the user was named.
    named_as       text NOT NULL,
    -- Where it was sent; NULL if it was given to the client.
    address        text,
    -- Whether that is an address of the user's own, and not one that was named for this once.
    own_address    boolean NOT NULL,
    -- SHA-256, in hexadecimal, of the request id that must come back with it; empty if there is none.
    request_hash   text NOT NULL,
    -- Of a link SHA-256, in hexadecimal. Of a code, which is short, an HMAC under a key that is not in this database.
    secret_hash    text NOT NULL,
    -- How many guesses are still looked at.
    tries_left     bigint NOT NULL,
    details        text NOT NULL,
    created_at     bigint NOT NULL,
    expires_at     bigint NOT NULL,
    UNIQUE (user_id, application_id, purpose, channel)
);

CREATE INDEX one_time_codes_by_hash ON one_time_codes (secret_hash);
CREATE INDEX one_time_codes_by_age ON one_time_codes (expires_at);

-- How many messages went to an address or a user of late.
CREATE TABLE sendings (
    environment_id text NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    -- The limit.
    kind           text NOT NULL,
    -- The user's id, or SHA-256 of the address in hexadecimal.
    holder         text NOT NULL,
    sent           bigint NOT NULL,
    -- When counting begins anew.
    until          bigint NOT NULL,
    PRIMARY KEY (environment_id, kind, holder)
);

CREATE INDEX sendings_by_age ON sendings (until);

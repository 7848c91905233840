-- Codes and links that were sent to users, one of each purpose and channel: a newer one takes the place of the older.
CREATE TABLE one_time_codes (
    id             TEXT NOT NULL PRIMARY KEY,
    environment_id TEXT NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    user_id        TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    application_id TEXT NOT NULL,
    purpose        TEXT NOT NULL,
    channel        TEXT NOT NULL,
    -- Who asked for it, and whether other clients of the application may redeem it.
    client_id      TEXT NOT NULL,
    any_client     INTEGER NOT NULL CHECK (any_client IN (0, 1)),
    -- SHA-256, in hexadecimal, of how the user was named.
    named_as       TEXT NOT NULL,
    -- Where it was sent; NULL if it was given to the client.
    address        TEXT,
    -- Whether that is an address of the user's own, and not one that was named for this once.
    own_address    INTEGER NOT NULL CHECK (own_address IN (0, 1)),
    -- SHA-256, in hexadecimal, of the request id that must come back with it; empty if there is none.
    request_hash   TEXT NOT NULL,
    -- Of a link SHA-256, in hexadecimal. Of a code, which is short, an HMAC under a key that is not in this database.
    secret_hash    TEXT NOT NULL,
    -- How many guesses are still looked at.
    tries_left     INTEGER NOT NULL,
    details        TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    UNIQUE (user_id, application_id, purpose, channel)
) STRICT;

CREATE INDEX one_time_codes_by_hash ON one_time_codes (secret_hash);
CREATE INDEX one_time_codes_by_age ON one_time_codes (expires_at);

-- How many messages went to an address or a user of late.
CREATE TABLE sendings (
    environment_id TEXT NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    -- The limit.
    kind           TEXT NOT NULL,
    -- The user's id, or SHA-256 of the address in hexadecimal.
    holder         TEXT NOT NULL,
    sent           INTEGER NOT NULL,
    -- When counting begins anew.
    until          INTEGER NOT NULL,
    PRIMARY KEY (environment_id, kind, holder)
) STRICT;

CREATE INDEX sendings_by_age ON sendings (until);

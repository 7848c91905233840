-- What nodes tell each other of failures, so that nobody gains by spreading guesses over them. Each row is a sum over all nodes,
-- kept as the time at which nothing will be left of it.
CREATE TABLE failures (
    -- The name of the limit.
    kind           TEXT    NOT NULL,
    -- An address, or of IPv6 a /64. It, and the two below, are empty where the limit does not ask.
    network        TEXT    NOT NULL,
    environment_id TEXT    NOT NULL,
    client_id      TEXT    NOT NULL,
    -- Microseconds since 1970.
    until_us       INTEGER NOT NULL,
    changed_us     INTEGER NOT NULL,
    PRIMARY KEY (kind, network, environment_id, client_id)
) STRICT;
CREATE INDEX failures_changed ON failures (changed_us);

-- What nodes tell each other of failures, so that nobody gains by spreading guesses over them. Each row is a sum over all nodes,
-- kept as the time at which nothing will be left of it. Not logged: a flood of failures is not to become a flood of WAL, and after
-- a crash of the database each node still knows its own.
CREATE UNLOGGED TABLE failures (
    -- The name of the limit.
    kind           text   NOT NULL,
    -- An address, or of IPv6 a /64. It, and the two below, are empty where the limit does not ask.
    network        text   NOT NULL,
    environment_id text   NOT NULL,
    client_id      text   NOT NULL,
    -- Microseconds since 1970.
    until_us       bigint NOT NULL,
    changed_us     bigint NOT NULL,
    PRIMARY KEY (kind, network, environment_id, client_id)
);
CREATE INDEX failures_changed ON failures (changed_us);

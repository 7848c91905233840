-- One chain per node: each record holds the hash of the one before it. There is no foreign key to environments, because the
-- record of what an environment did outlives the environment. The server deletes the old ones.
CREATE TABLE audit_records (
    -- Whole days since 1970, in UTC.
    day            INTEGER NOT NULL,
    node           TEXT    NOT NULL,
    seq            INTEGER NOT NULL,
    time_ms        INTEGER NOT NULL,
    environment_id TEXT,
    event          TEXT    NOT NULL,
    outcome        TEXT    NOT NULL,
    request_id     TEXT    NOT NULL,
    client_id      TEXT,
    subject        TEXT,
    jti            TEXT,
    reason         TEXT,
    -- The whole record as JSON; the columns above repeat parts of it, for searching.
    record         TEXT    NOT NULL,
    previous_hash  TEXT    NOT NULL,
    hash           TEXT    NOT NULL,
    PRIMARY KEY (day, node, seq)
) STRICT;

-- One chain per node: each record holds the hash of the one before it. There is no foreign key to environments, because the
-- record of what an environment did outlives the environment. The server makes a partition per day and drops the old ones.
CREATE TABLE audit_records (
    -- Whole days since 1970, in UTC.
    day            bigint NOT NULL,
    node           text   NOT NULL,
    seq            bigint NOT NULL,
    time_ms        bigint NOT NULL,
    environment_id text,
    event          text   NOT NULL,
    outcome        text   NOT NULL,
    request_id     text   NOT NULL,
    client_id      text,
    subject        text,
    jti            text,
    reason         text,
    -- The whole record as JSON; the columns above repeat parts of it, for searching.
    record         text   NOT NULL,
    previous_hash  text   NOT NULL,
    hash           text   NOT NULL,
    PRIMARY KEY (day, node, seq)
) PARTITION BY RANGE (day);

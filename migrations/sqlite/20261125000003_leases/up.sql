-- Who does a work that one node does for all, and until when. An expired row means nothing.
CREATE TABLE leases (
    name       TEXT    NOT NULL PRIMARY KEY,
    -- Names the node, or a single run; random.
    holder     TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

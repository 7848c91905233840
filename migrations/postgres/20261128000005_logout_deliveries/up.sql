-- Who is still to be told that a session has ended (OpenID Connect Back-Channel Logout 1.0). Not tied to session and user: whoever
-- deletes a user ends the sessions, and the clients are told all the same.
CREATE TABLE logout_deliveries (
    session_id     text NOT NULL,
    client_id      text NOT NULL,
    environment_id text NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    user_id        text NOT NULL,
    created_at     bigint NOT NULL,
    -- How often it was tried.
    attempts       bigint NOT NULL,
    -- When it is due. Whoever takes it on moves this, so that no other node does.
    due_at         bigint NOT NULL,
    PRIMARY KEY (session_id, client_id)
);

CREATE INDEX logout_deliveries_by_due_at ON logout_deliveries (due_at);

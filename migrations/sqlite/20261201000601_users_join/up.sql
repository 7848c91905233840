-- When a user of another application belongs to this one: 'at_once' or 'by_proof'. Applications that are there stay as they were.
ALTER TABLE applications ADD COLUMN users_join TEXT NOT NULL DEFAULT 'at_once';

-- Users whom an application's backend has named, and who have not proved to it yet who they are. They are not the application's.
CREATE TABLE pending_joins (
    user_id        TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    application_id TEXT    NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (user_id, application_id)
) STRICT;

CREATE INDEX pending_joins_of_application ON pending_joins (application_id);

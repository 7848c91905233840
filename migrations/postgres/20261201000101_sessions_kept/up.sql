-- How long a session stays at least, for the sake of long-lived tokens that came of it: whoever shows one of its refresh tokens to revoke
-- it must reach them. 0 says that there are none.
ALTER TABLE sessions ADD COLUMN kept_until bigint NOT NULL DEFAULT 0;

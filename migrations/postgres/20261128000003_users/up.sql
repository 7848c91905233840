-- When the user was enabled or disabled last.
ALTER TABLE users ADD COLUMN status_changed_at bigint;
-- What the application calls the user's account.
ALTER TABLE user_applications ADD COLUMN external_account_id text;

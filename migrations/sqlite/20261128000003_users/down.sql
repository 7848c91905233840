ALTER TABLE user_applications DROP COLUMN external_account_id;
ALTER TABLE users DROP COLUMN status_changed_at;

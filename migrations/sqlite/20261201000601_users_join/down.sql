DROP TABLE pending_joins;
ALTER TABLE applications DROP COLUMN users_join;

ALTER TABLE applications DROP COLUMN login_preferences;

DROP TABLE login_session_clients;
DROP TABLE login_sessions;
DROP TABLE user_applications;
DROP TABLE user_identifiers;
ALTER TABLE users DROP COLUMN last_sign_in_at;
ALTER TABLE users DROP COLUMN details;

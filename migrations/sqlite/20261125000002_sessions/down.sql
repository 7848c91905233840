DROP TABLE refresh_tokens;
DROP TABLE session_origins;
DROP TABLE sessions;

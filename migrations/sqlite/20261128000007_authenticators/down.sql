DROP TABLE authenticator_attempts;

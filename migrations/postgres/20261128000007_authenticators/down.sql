DROP TABLE totp_transactions;
DROP TABLE totp_authenticators;
DROP TABLE authenticator_attempts;

DROP TABLE authorization_codes;
DROP TABLE authorization_requests;
ALTER TABLE identity_connections DROP COLUMN sign_in_secret;
ALTER TABLE identity_connections DROP COLUMN sign_in;
ALTER TABLE clients DROP COLUMN sign_in;

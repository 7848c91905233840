DROP TABLE revocations;
ALTER TABLE environments DROP COLUMN revocations_version;

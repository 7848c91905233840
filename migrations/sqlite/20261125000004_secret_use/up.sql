-- Written in batches, about once a minute: a little behind.
ALTER TABLE client_secrets ADD COLUMN last_used_at INTEGER;

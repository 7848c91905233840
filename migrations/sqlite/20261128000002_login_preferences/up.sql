-- What users may sign in with behind the application's backend, and the limits of each method.
ALTER TABLE applications ADD COLUMN login_preferences TEXT NOT NULL DEFAULT '{}';

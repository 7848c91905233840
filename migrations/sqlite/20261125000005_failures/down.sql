DROP TABLE failures;

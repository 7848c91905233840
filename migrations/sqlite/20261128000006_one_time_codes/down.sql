DROP TABLE sendings;
DROP TABLE one_time_codes;

//! What is kept in memory.

mod foreign_keys;

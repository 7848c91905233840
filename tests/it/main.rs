//! All tests that see the whole server. Folders mirror the URLs and `src/grants`.

mod properties;

//! All tests that see the whole server. Folders mirror `src/grants` and the URLs.

mod grants;
mod properties;
mod support;

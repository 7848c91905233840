//! All tests that see the whole server. Folders mirror `src/grants` and the URLs.

#![expect(clippy::indexing_slicing, reason = "a test that meets what it does not expect may panic")]

mod cli;
mod grants;
mod lifecycle;
mod properties;
mod support;

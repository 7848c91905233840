//! What the server can do, without HTTP.

pub mod environment_file;

//! Who looks after what is kept.

use serde::{Deserialize, Serialize};

/// Who looks after a client, an application, an identity connection or a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// An environment file: leaving the file disables it.
    File,
    /// A command or the management API: environment files leave it alone until one names it.
    Command,
}

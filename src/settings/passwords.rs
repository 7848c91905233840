//! `[passwords]`: how passwords of users are hashed.

use std::{num::NonZero, thread};

use super::reader::Reader;
use crate::domain::{password::HashParameters, web_url};

/// How passwords of users are hashed.
#[derive(Debug, Clone)]
pub struct Passwords {
    /// What a new hash costs.
    pub parameters: HashParameters,
    /// How many threads hash.
    pub hash_threads: usize,
    /// How many passwords may wait for them.
    pub queue: usize,
    /// Where the list of leaked passwords is; `None`: none is asked.
    pub breach_list_url: Option<String>,
}

impl Passwords {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let mut number = |key, range| u32::try_from(reader.integer(key, range)).unwrap_or(1);
        let parameters = HashParameters {
            // The least that OWASP has for argon2id is 7 MiB, with five passes.
            memory_kib: number("passwords.memory_kib", 7168..=1_048_576),
            iterations: number("passwords.iterations", 1..=20),
            lanes: number("passwords.lanes", 1..=16),
        };
        let threads = reader.count("passwords.hash_threads", 0..=256);
        Self {
            parameters,
            hash_threads: if threads == 0 { half_the_cores() } else { threads },
            queue: reader.count("passwords.queue", 1..=10_000),
            breach_list_url: breach_list_url(reader),
        }
    }
}

fn half_the_cores() -> usize {
    (thread::available_parallelism().map_or(1, NonZero::get) / 2).max(1)
}

fn breach_list_url(reader: &mut Reader) -> Option<String> {
    let url = reader.optional("passwords.breach_list_url")?;
    if !web_url::is_web_url(&url) || url.ends_with('/') || url.contains(['?', '#']) {
        reader.error(
            "passwords.breach_list_url",
            "must be an absolute URL without query, and without a slash at the end",
        );
    }
    reader.check_spelling("passwords.breach_list_url", &url);
    Some(url)
}

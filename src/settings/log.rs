//! `[log]`: what is logged and how.

use super::reader::Reader;

/// What is logged and how.
#[derive(Debug, Clone)]
pub struct Log {
    /// The form of a line.
    pub format: LogFormat,
    /// A filter in the syntax of `env_logger`: `info`, or `warn,tessera=debug`.
    pub level: String,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

impl Log {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let format =
            reader.choice("log.format", [("text", LogFormat::Text), ("json", LogFormat::Json)], LogFormat::Text);
        let level = reader.text("log.level");
        if !is_filter(&level) {
            reader.error(
                "log.level",
                "must be a level (error, warn, info, debug, trace, off), or levels by module such as warn,tessera=debug",
            );
        }
        Self { format, level }
    }
}

/// `env_logger` takes an unknown word for a module's name and then logs nothing; so a bare word must be a level here.
fn is_filter(text: &str) -> bool {
    !text.trim().is_empty()
        && text.split(',').map(str::trim).filter(|part| !part.is_empty()).all(|part| {
            let level = part.split_once('=').map_or(part, |(_, level)| level);
            level.parse::<log::LevelFilter>().is_ok()
        })
}

#[cfg(test)]
mod tests {
    use super::is_filter;

    #[test]
    fn a_filter_is_made_of_levels_so_that_a_typing_mistake_does_not_silence_the_log() {
        assert!(is_filter("info") && is_filter("warn,tessera=debug,actix_web::middleware=off") && is_filter("DEBUG"));
        assert!(!is_filter("") && !is_filter("inof") && !is_filter("warn,tessera") && !is_filter("tessera=loud"));
    }
}

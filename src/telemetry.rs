//! The log: `env_logger`, as text for people or as one JSON object per line.

use std::io::{self, Write as _};

use env_logger::{Builder, fmt::Formatter};
use log::{
    Record,
    kv::{Error, Key, Source, Value, VisitSource, VisitValue},
};
use serde_json::{Map, json};

use crate::settings::{Log, LogFormat};

/// Modules that log as an error what strangers send, and quote it: bytes that are no HTTP, an answer of an authenticator that is wrong.
/// Strangers would decide what the log says and how long it is. Each such request is refused, with a reason of ours where it can be read.
const OF_STRANGERS: [&str; 3] = ["webauthn_rs_core", "actix_http::h1::dispatcher", "actix_http::h1::decoder"];

/// Starts logging to standard error. Once per process; a second call changes nothing.
pub fn start(settings: &Log) {
    let mut builder = Builder::new();
    for module in OF_STRANGERS {
        builder.filter_module(module, log::LevelFilter::Off);
    }
    builder.parse_filters(&settings.level).format_key_values(text_fields);
    if settings.format == LogFormat::Json {
        builder.format(|out, record| writeln!(out, "{}", json_line(&out.timestamp_millis().to_string(), record)));
    }
    // Fails only where a logger is set already, as in a test that starts several servers.
    let _ = builder.try_init();
}

fn json_line(time: &str, record: &Record<'_>) -> String {
    let mut line = Map::new();
    line.insert("time".to_owned(), json!(time));
    line.insert("level".to_owned(), json!(record.level().as_str()));
    line.insert("target".to_owned(), json!(record.target()));
    line.insert("message".to_owned(), json!(record.args().to_string()));
    // Only a visitor that refuses can fail, and this one takes everything.
    let _ = record.key_values().visit(&mut Fields(&mut line));
    serde_json::Value::Object(line).to_string()
}

/// Puts the key-values of a record beside its message.
struct Fields<'a>(&'a mut Map<String, serde_json::Value>);

impl<'kvs> VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        if is_there(&value) {
            self.0.insert(key.to_string(), json!(value.to_string()));
        }
        Ok(())
    }
}

/// Puts the key-values of a record behind its message.
fn text_fields(out: &mut Formatter, fields: &dyn Source) -> io::Result<()> {
    struct Text<'a>(&'a mut Formatter);

    impl<'kvs> VisitSource<'kvs> for Text<'_> {
        fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
            if is_there(&value) {
                write!(self.0, " {key}={value}")?;
            }
            Ok(())
        }
    }

    fields.visit(&mut Text(out)).map_err(io::Error::other)
}

/// Whether it is more than `None`: most requests belong to no trace.
fn is_there(value: &Value<'_>) -> bool {
    struct Look(bool);

    impl<'v> VisitValue<'v> for Look {
        fn visit_any(&mut self, _: Value<'_>) -> Result<(), Error> {
            self.0 = true;
            Ok(())
        }

        fn visit_null(&mut self) -> Result<(), Error> {
            Ok(())
        }
    }

    let mut look = Look(false);
    // Fails nowhere above.
    let _ = value.visit(&mut look);
    look.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_in_a_message_cannot_forge_a_second_line() {
        let pairs = [("request_id", Value::from("r-1")), ("trace_id", Value::null())];
        let record = Record::builder()
            .args(format_args!("refused\n{{\"level\":\"FORGED\"}}"))
            .level(log::Level::Info)
            .target("tessera")
            .key_values(&pairs)
            .build();
        let line = json_line("2026-01-01T00:00:00.000Z", &record);
        assert_eq!(line.lines().count(), 1);
        let read: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(read["level"], "INFO");
        assert_eq!(read["request_id"], "r-1");
        assert!(read.get("trace_id").is_none(), "what there is not is left out");
    }
}

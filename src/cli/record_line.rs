//! An audit record as one line for people.

use serde_json::{Map, Value};

use crate::{domain::timestamp::iso_8601, store::audit_records::AuditRow};

/// The members that a line has, with the names that it has them under.
const SHOWN: [(&str, &str); 15] = [
    ("operation", "operation"),
    ("operator", "by"),
    ("grant", "grant"),
    ("client_id", "client"),
    ("subject", "subject"),
    ("application_id", "application"),
    ("audience", "audience"),
    ("scope_granted", "scope"),
    ("scope_widened", "widened"),
    ("rule", "rule"),
    ("jti", "jti"),
    ("reason", "reason"),
    ("detail", "detail"),
    ("client_address", "from"),
    ("request_id", "request"),
];

/// Time, event and outcome, and what else there is. Nothing in it can move the cursor of a terminal or begin a second line.
pub(super) fn compact(row: &AuditRow) -> String {
    let members: Map<String, Value> = serde_json::from_str(&row.record).unwrap_or_default();
    let mut line = format!("{} {} {}", iso_8601(row.time_ms), plain(&row.event), plain(&row.outcome));
    for (name, label) in SHOWN {
        let text = match members.get(name) {
            None | Some(Value::Null) => continue,
            Some(Value::String(text)) => plain(text),
            Some(Value::Array(list)) => plain(&list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")),
            Some(other) => plain(&other.to_string()),
        };
        line.push_str(&format!(" {label}={text}"));
    }
    line
}

/// A text as it is where that is plain, and in quotes with everything else escaped where it is not.
fn plain(text: &str) -> String {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
    if is_plain { text.to_owned() } else { format!("\"{}\"", text.escape_debug()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_whatever_the_record_holds() {
        let record =
            serde_json::json!({ "client_id": "bff", "detail": "no\n\u{1b}[2J\u{202e} \"x\"", "audience": ["a", "b"] });
        let row = AuditRow {
            day: 0,
            node: "n".to_owned(),
            seq: 1,
            time_ms: 0,
            environment_id: None,
            event: "token.refused".to_owned(),
            outcome: "refused".to_owned(),
            request_id: "r".to_owned(),
            client_id: None,
            subject: None,
            jti: None,
            reason: None,
            record: record.to_string(),
            previous_hash: String::new(),
            hash: String::new(),
        };
        assert_eq!(
            compact(&row),
            "1970-01-01T00:00:00.000Z token.refused refused client=bff audience=a,b \
             detail=\"no\\n\\u{1b}[2J\\u{202e} \\\"x\\\"\""
        );
    }
}

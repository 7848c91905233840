//! Objects that applications keep with a user: their own business, within bounds. Tokens carry them (contract, §4.1).

use serde_json::{Map, Value};

/// What an application keeps: a JSON object.
pub type CustomData = Map<String, Value>;

/// The most that is kept of a user, as JSON, in bytes: `custom_data` and the `custom_app_data` of one application together, as
/// tokens carry both.
pub const MAX_CUSTOM_DATA: usize = 100 * 1024;
/// How deep it may be nested; the object itself is the first level.
const MAX_CUSTOM_DEPTH: usize = 10;
/// The longest name of a member, in bytes.
const MAX_MEMBER_NAME: usize = 100;

/// Puts `changes` over `kept`, member by member (a shallow merge). A member that is `null` is taken away.
pub fn merge_custom_data(kept: &mut CustomData, changes: CustomData) {
    for (name, value) in changes {
        if value.is_null() {
            kept.remove(&name);
        } else {
            kept.insert(name, value);
        }
    }
}

/// Why `data` cannot be kept, in a sentence about `member`; `None` if it can. How long it may be is for the caller to say, who knows
/// what else counts.
pub fn check_custom_data(member: &str, data: &CustomData) -> Option<String> {
    check_members(data, 1).err().map(|why| format!("{member} {why}"))
}

/// Why the two cannot be kept together, in a sentence; `None` if they can.
pub fn check_custom_size(custom_data: &CustomData, custom_app_data: &CustomData) -> Option<String> {
    let size = |data: &CustomData| serde_json::to_string(data).map_or(usize::MAX, |text| text.len());
    let all = size(custom_data).saturating_add(size(custom_app_data));
    (all > MAX_CUSTOM_DATA)
        .then(|| format!("custom_data and custom_app_data have more than {MAX_CUSTOM_DATA} bytes together, as JSON"))
}

fn check_members(data: &CustomData, level: usize) -> Result<(), String> {
    if level > MAX_CUSTOM_DEPTH {
        return Err(format!("is nested more than {MAX_CUSTOM_DEPTH} levels deep"));
    }
    data.iter().try_for_each(|(name, value)| {
        if name.is_empty() || name.len() > MAX_MEMBER_NAME || name.chars().any(char::is_control) {
            return Err(format!("has a member whose name is not 1 to {MAX_MEMBER_NAME} bytes of text"));
        }
        check_value(value, level)
    })
}

fn check_value(value: &Value, level: usize) -> Result<(), String> {
    match value {
        Value::Object(members) => check_members(members, level + 1),
        Value::Array(_) if level >= MAX_CUSTOM_DEPTH => {
            Err(format!("is nested more than {MAX_CUSTOM_DEPTH} levels deep"))
        }
        Value::Array(items) => items.iter().try_for_each(|item| check_value(item, level + 1)),
        // Lines of text are fine; what forges lines elsewhere, or ends a C string, is not.
        Value::String(text) if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) => {
            Err("has a text with control characters".to_owned())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> CustomData {
        match value {
            Value::Object(members) => members,
            other => panic!("{other} is no object"),
        }
    }

    #[test]
    fn members_are_merged_one_by_one_and_null_takes_one_away() {
        let mut kept = object(json!({ "a": { "b": 1, "c": 2 }, "d": 3, "e": 4 }));
        merge_custom_data(&mut kept, object(json!({ "a": { "b": 5 }, "d": null, "f": [null] })));
        assert_eq!(Value::Object(kept), json!({ "a": { "b": 5 }, "e": 4, "f": [null] }));
    }

    #[test]
    fn ten_levels_are_kept_and_eleven_are_not() {
        let nested = |levels: usize, wrap: fn(Value) -> Value| {
            let inside = (1..levels).fold(json!(1), |inside, _| wrap(inside));
            check_custom_data("custom_data", &object(json!({ "a": inside })))
        };
        for wrap in [|inside| json!({ "a": inside }), |inside| json!([inside])] as [fn(Value) -> Value; 2] {
            assert_eq!(nested(10, wrap), None);
            assert_eq!(nested(11, wrap).as_deref(), Some("custom_data is nested more than 10 levels deep"));
        }
    }

    #[test]
    fn the_two_objects_share_a_hundred_kilobytes() {
        // 8 bytes of JSON around the text, and 2 of the other object.
        let data = |bytes: usize| object(json!({ "a": "x".repeat(bytes - 8) }));
        assert_eq!(check_custom_size(&data(MAX_CUSTOM_DATA - 2), &CustomData::new()), None);
        assert!(check_custom_size(&data(MAX_CUSTOM_DATA - 1), &CustomData::new()).is_some());
        assert!(check_custom_size(&data(60_000), &data(60_000)).is_some());
    }

    #[test]
    fn names_and_texts_are_text() {
        let check = |data: Value| check_custom_data("custom_data", &object(data));
        assert_eq!(check(json!({ "a b": "two\nlines\tand\r\nmore" })), None);
        for wrong in [
            json!({ "": 1 }),
            json!({ "a\u{0}": 1 }),
            json!({ "x".repeat(101): 1 }),
            json!({ "a": "\u{0}" }),
            json!({ "a": [{ "b": "\u{1b}[2J" }] }),
        ] {
            assert!(check(wrong.clone()).is_some(), "{wrong}");
        }
    }
}

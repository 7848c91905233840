//! JSON objects whose member names are unique at every level.
//!
//! serde_json keeps the last of two members with one name; other readers keep the first. A token that two readers
//! understand differently can be checked as one thing and used as another (RFC 7519 §4, RFC 8725 §2.5).

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

/// Reads a JSON object. `None` for anything else, for a repeated member name at any depth, and for nesting deeper than
/// serde_json's limit of 128.
pub(super) fn parse_object(json: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(json) {
        Ok(Strict(Value::Object(members))) => Some(members),
        _ => None,
    }
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON with unique member names")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Strict(value))) = members.next_entry::<String, Strict>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a member name is repeated"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn repeated_member_names_are_refused_at_every_depth_and_however_they_are_written() {
        for bad in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"a":{"b":1,"b":2}}"#, r#"{"a":[{"b":1,"b":2}]}"#] {
            assert_eq!(parse_object(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn only_a_whole_object_is_read() {
        for bad in ["", "null", "[]", "\"a\"", "1", "{", "{}x", "{} {}", "{\"a\":1e999}", "{\"a\":NaN}", "{'a':1}"] {
            assert_eq!(parse_object(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(parse_object(b"{\"a\":\"\xff\"}"), None);
        assert_eq!(parse_object("{\"a\":".repeat(200).as_bytes()), None);
    }

    proptest! {
        #[test]
        fn without_repeated_names_it_reads_what_serde_json_reads(text in r#"\{"a":(null|true|-?[0-9]{1,25}|[0-9]\.[0-9]e[0-9]{1,3}|"[a-zé\\n]*"|\[1, \{"b": "c"\}\])\}"#) {
            let plain: Option<Map<String, Value>> = serde_json::from_str(&text).ok();
            prop_assert_eq!(parse_object(text.as_bytes()), plain);
        }
    }
}

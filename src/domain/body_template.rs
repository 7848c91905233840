//! The body of a request that is made from a template: for gateways of text messages, whose vendors all want another one.

use serde_json::Value;
use url::form_urlencoded;

/// Stands for the number.
const TO: &str = "{to}";
/// Stands for the number without its `+`.
const TO_DIGITS: &str = "{to_digits}";
/// Stands for the text.
const TEXT: &str = "{text}";
/// Stands for whom the message says that it comes from.
const SENDER: &str = "{sender}";

/// A body with `{to}` or `{to_digits}`, `{text}` and `{sender}` in its values. It is taken apart before anything is put in, so that no text can
/// be more than a value.
#[derive(Clone)]
pub enum BodyTemplate {
    /// `application/json`.
    Json(Value),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, String)>),
}

impl BodyTemplate {
    /// Reads a JSON document.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn json(text: &str) -> Result<Self, &'static str> {
        let value: Value = serde_json::from_str(text).map_err(|_| "must be JSON, as the content type says")?;
        Self::Json(value).checked()
    }

    /// Reads a form.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn form(text: &str) -> Result<Self, &'static str> {
        Self::Form(form_urlencoded::parse(text.as_bytes()).into_owned().collect()).checked()
    }

    fn checked(self) -> Result<Self, &'static str> {
        let mut texts = Vec::new();
        match &self {
            Self::Json(value) => strings(value, &mut texts),
            Self::Form(pairs) => texts.extend(pairs.iter().map(|(_, value)| value.as_str())),
        }
        let holds = |name: &str| texts.iter().any(|text| text.contains(name));
        let names_both = (holds(TO) || holds(TO_DIGITS)) && holds(TEXT);
        if names_both { Ok(self) } else { Err("must hold {to} (or {to_digits}) and {text}, each within a value") }
    }

    /// Its media type, and what is sent.
    pub fn filled(&self, to: &str, text: &str, sender: &str) -> (&'static str, Vec<u8>) {
        let digits = to.strip_prefix('+').unwrap_or(to);
        let fill = |template: &str| filled(template, &[(TO, to), (TO_DIGITS, digits), (TEXT, text), (SENDER, sender)]);
        match self {
            Self::Json(value) => ("application/json", mapped(value, &fill).to_string().into_bytes()),
            Self::Form(pairs) => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(pairs.iter().map(|(name, value)| (name, fill(value))));
                ("application/x-www-form-urlencoded", form.finish().into_bytes())
            }
        }
    }
}

fn strings<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(members) => members.values().for_each(|member| strings(member, found)),
        _ => {}
    }
}

fn mapped(value: &Value, fill: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(fill(text)),
        Value::Array(items) => items.iter().map(|item| mapped(item, fill)).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, member)| (name.clone(), mapped(member, fill))).collect())
        }
        other => other.clone(),
    }
}

/// `template` with each of `values` in place of its name. In one pass: a value that holds a name stays as it is.
pub fn filled(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(place) = rest.find('{') {
        let (before, from) = rest.split_at(place);
        text.push_str(before);
        let found = values.iter().find_map(|(name, value)| from.strip_prefix(name).map(|after| (value, after)));
        match found {
            Some((value, after)) => {
                text.push_str(value);
                rest = after;
            }
            None => {
                text.push('{');
                rest = from.strip_prefix('{').unwrap_or_default();
            }
        }
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(template: &BodyTemplate, text: &str) -> String {
        String::from_utf8(template.filled("+4915112345", text, "Acme").1).expect("text")
    }

    #[test]
    fn a_text_stays_a_value_whatever_is_in_it() {
        let json = BodyTemplate::json(r#"{"messages":[{"to":"{to}","text":"{text}"}],"from":"{sender}","n":1}"#);
        let form = BodyTemplate::form("To=%7Bto%7D&Body={text}&From={sender}&Kind=x");
        let (json, form) = (json.unwrap_or_else(|why| panic!("{why}")), form.unwrap_or_else(|why| panic!("{why}")));
        for evil in [r#"","to":"+1900"#, "a&To=%2B1900", "{to}{sender}{text}", "\\\"\n\u{2028}", "100% + more", "{"] {
            let read: Value = serde_json::from_str(&body(&json, evil)).expect("JSON");
            let expected = serde_json::json!({
                "messages": [{"to": "+4915112345", "text": evil}], "from": "Acme", "n": 1,
            });
            assert_eq!(read, expected);
            let filled = body(&form, evil);
            let read: Vec<(String, String)> = form_urlencoded::parse(filled.as_bytes()).into_owned().collect();
            let expected = [("To", "+4915112345"), ("Body", evil), ("From", "Acme"), ("Kind", "x")];
            assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
    }

    #[test]
    fn a_gateway_that_wants_digits_alone_gets_them() {
        let form = BodyTemplate::form("to={to_digits}&text={text}").unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(body(&form, "{to}"), "to=4915112345&text=%7Bto%7D");
    }

    #[test]
    fn a_template_without_a_place_for_number_and_text_is_refused() {
        for bad in ["", "{to} {text}", r#"{"to":"{to}"}"#, r#"{"{to}":"x","{text}":"y"}"#, r#"{"to":{to}}"#] {
            assert!(BodyTemplate::json(bad).is_err(), "{bad}");
        }
        for bad in ["", "to={to}", "{to}=1&{text}=2"] {
            assert!(BodyTemplate::form(bad).is_err(), "{bad}");
        }
    }
}

//! What is known of a user beside the columns of the table: what a profile page shows, and what applications keep there.
//!
//! Everything in here comes from an application's backend and is kept, shown and signed into tokens; nothing of it lets anybody
//! sign in.

mod custom_data;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use custom_data::{CustomData, MAX_CUSTOM_DATA, check_custom_data, check_custom_size, merge_custom_data};

use super::{
    timestamp::{from_rfc_3339, iso_8601},
    web_url::is_web_url,
};

/// The longest part of a name, title, country, state, city and postal code, in characters: the contract's bound.
const MAX_NAME_PART: usize = 30;
/// The longest street address, in characters: the contract's bound.
const MAX_STREET: usize = 150;
/// The longest language tag or `Accept-Language` header that is kept, in bytes.
const MAX_LANGUAGE: usize = 100;

/// What is known of a user, as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserDetails {
    /// The parts of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<PersonName>,
    /// `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birthday: Option<String>,
    /// The URL of a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// A language tag, or an `Accept-Language` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Where the user lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// When the address was written last, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_updated_at: Option<i64>,
    /// What the applications of the environment keep of the user together.
    #[serde(default, skip_serializing_if = "CustomData::is_empty")]
    pub custom_data: CustomData,
}

/// The parts of a person's name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonName {
    /// Such as "Dr".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 30))]
    pub title: Option<String>,
    /// The first name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 30))]
    pub first_name: Option<String>,
    /// The middle name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 30))]
    pub middle_name: Option<String>,
    /// The last name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 30))]
    pub last_name: Option<String>,
}

/// A postal address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 30))]
    pub country: Option<String>,
    /// The state or region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 30))]
    pub state: Option<String>,
    /// The city.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 30))]
    pub city: Option<String>,
    /// Street and number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 150))]
    pub street_address: Option<String>,
    /// The postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 30))]
    pub postal_code: Option<String>,
    /// What the user uses it as.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<AddressKind>,
}

/// What an address is used as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AddressKind {
    /// The user lives there.
    Home,
    /// The user works there.
    Work,
    /// Anything else.
    Other,
}

impl PersonName {
    /// First, middle and last name, as far as they are there; `None` where none is.
    pub fn full(&self) -> Option<String> {
        let parts = [&self.first_name, &self.middle_name, &self.last_name];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }
}

impl UserDetails {
    /// What of it cannot be kept, one sentence for each mistake; with the whole of what is kept, so after a change.
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut line = |member: &str, value: &Option<String>, longest: usize| {
            if value.as_deref().is_some_and(|value| !is_line(value, longest)) {
                mistakes.push(format!("{member} must be 1 to {longest} characters without control characters"));
            }
        };
        if let Some(name) = &self.name {
            line("name.title", &name.title, MAX_NAME_PART);
            line("name.first_name", &name.first_name, MAX_NAME_PART);
            line("name.middle_name", &name.middle_name, MAX_NAME_PART);
            line("name.last_name", &name.last_name, MAX_NAME_PART);
        }
        if let Some(address) = &self.address {
            line("address.country", &address.country, MAX_NAME_PART);
            line("address.state", &address.state, MAX_NAME_PART);
            line("address.city", &address.city, MAX_NAME_PART);
            line("address.street_address", &address.street_address, MAX_STREET);
            line("address.postal_code", &address.postal_code, MAX_NAME_PART);
        }
        if self.picture.as_deref().is_some_and(|picture| !is_web_url(picture)) {
            // Browsers follow it, and `javascript:` is a URL too.
            mistakes.push("picture must be an absolute http or https URL without credentials".to_owned());
        }
        if self.language.as_deref().is_some_and(|language| !is_language(language)) {
            mistakes.push(format!("language must be 1 to {MAX_LANGUAGE} printable ASCII characters"));
        }
        if self.birthday.as_deref().is_some_and(|birthday| day(birthday).as_deref() != Some(birthday)) {
            mistakes.push("birthday must be a date, such as 1815-12-10".to_owned());
        }
        mistakes.extend(check_custom_data("custom_data", &self.custom_data));
        mistakes
    }
}

/// The day of a birthday, as it is kept: of `1815-12-10`, and of a moment (RFC 3339) the day in UTC. `None` if it is neither.
pub fn day(text: &str) -> Option<String> {
    let millis = from_rfc_3339(text)?;
    iso_8601(millis).get(..10).map(str::to_owned)
}

/// Text for people in one line, of a bounded number of characters.
fn is_line(text: &str, longest: usize) -> bool {
    !text.is_empty() && text.chars().count() <= longest && !text.chars().any(char::is_control)
}

fn is_language(text: &str) -> bool {
    (1..=MAX_LANGUAGE).contains(&text.len()) && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn mistakes(details: Value) -> Vec<String> {
        serde_json::from_value::<UserDetails>(details).expect("details").mistakes()
    }

    #[test]
    fn what_a_profile_page_shows_is_kept_and_nothing_that_is_too_long_or_runs() {
        assert_eq!(
            mistakes(json!({
                "name": { "title": "Countess", "first_name": "Ada", "last_name": "Lovelace" },
                "birthday": "1815-12-10",
                "picture": "https://cdn.example/ada.png",
                "language": "en-GB,en;q=0.9",
                "address": { "country": "UK", "city": "London", "street_address": "12 St James's Square", "type": "Home" },
                "custom_data": { "likes": ["engines"] },
            })),
            Vec::<String>::new()
        );
        for wrong in [
            json!({ "name": { "first_name": "" } }),
            json!({ "name": { "first_name": "a\r\nBcc: b@c.example" } }),
            json!({ "name": { "last_name": "\u{0}" } }),
            json!({ "name": { "title": "x".repeat(31) } }),
            json!({ "address": { "city": "a\u{7}" } }),
            json!({ "address": { "street_address": "x".repeat(151) } }),
            json!({ "picture": "javascript:alert(1)" }),
            json!({ "picture": "https://u:p@cdn.example/" }),
            json!({ "language": "en\r\nX: y" }),
            json!({ "language": "x".repeat(101) }),
            json!({ "birthday": "1815-12-10T00:00:00Z" }),
            json!({ "birthday": "1815-02-30" }),
        ] {
            assert_eq!(mistakes(wrong.clone()).len(), 1, "{wrong}");
        }
        // Characters are counted, not bytes.
        assert_eq!(mistakes(json!({ "name": { "first_name": "ä".repeat(30) } })), Vec::<String>::new());
        assert_eq!(mistakes(json!({ "name": { "first_name": "\n" }, "picture": "x" })).len(), 2);
    }

    #[test]
    fn a_birthday_is_a_day_in_either_form() {
        assert_eq!(day("1815-12-10").as_deref(), Some("1815-12-10"));
        assert_eq!(day("1815-12-10T23:30:00-01:00").as_deref(), Some("1815-12-11"));
        assert_eq!(day("10.12.1815"), None);
    }

    #[test]
    fn a_full_name_has_the_parts_that_are_there() {
        let name = |parts: Value| serde_json::from_value::<PersonName>(parts).expect("a name").full();
        assert_eq!(name(json!({ "title": "Dr" })), None);
        assert_eq!(name(json!({ "first_name": "Ada", "last_name": "Lovelace" })).as_deref(), Some("Ada Lovelace"));
    }

    #[test]
    fn what_nobody_knows_takes_no_room() {
        assert_eq!(serde_json::to_string(&UserDetails::default()).expect("JSON"), "{}");
    }
}

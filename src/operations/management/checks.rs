//! What may stand in an argument. Everything here comes from outside and is kept, shown and signed into tokens.

use serde_json::json;

use crate::{
    domain::{
        user::is_text,
        web_url::{MAX_URL, MAX_URLS, is_origin, is_web_url},
    },
    operations::mosaic_error::{MosaicCode, MosaicError},
    outbound::Outbound,
};

/// The most items of a list that is kept with one thing.
pub const MAX_ITEMS: usize = MAX_URLS;
/// The most things on one page of a list.
pub const MAX_PAGE: i64 = 100;

/// Ids are UUIDs; an environment file may have made others, but none that is longer.
const MAX_ID: usize = 64;

/// An argument that cannot be taken: which, and why not.
pub fn invalid(argument: &str, reason: &str) -> MosaicError {
    MosaicError::new(MosaicCode::ArgumentInvalid, format!("{argument} {reason}"))
        .with_details(json!({ "argument": argument }))
}

/// Nothing of that id is here; nor, as far as anybody can tell, elsewhere.
pub fn not_found() -> MosaicError {
    MosaicCode::NotFound.into()
}

/// Something that people read or that names something.
///
/// # Errors
/// It is empty, longer than that many bytes, or has control characters.
pub fn text(argument: &str, value: &str, longest: usize) -> Result<(), MosaicError> {
    if is_text(value, longest) {
        return Ok(());
    }
    Err(invalid(argument, &format!("must be 1 to {longest} bytes of text without control characters")))
}

/// The same, where there may be none.
///
/// # Errors
/// Those of [`text`].
pub fn optional_text(argument: &str, value: Option<&str>, longest: usize) -> Result<(), MosaicError> {
    value.map_or(Ok(()), |value| text(argument, value, longest))
}

/// Whether `id` can be one. What cannot is not looked up: Postgres calls a NUL an error, which would tell this id from others.
///
/// # Errors
/// [`MosaicCode::NotFound`], as for an id that nobody has.
pub fn id(id: &str) -> Result<(), MosaicError> {
    if is_text(id, MAX_ID) { Ok(()) } else { Err(not_found()) }
}

/// An absolute `http` or `https` URL without credentials. It is shown to people, whose browsers follow it.
///
/// # Errors
/// It is anything else.
pub fn web_url(argument: &str, value: &str) -> Result<(), MosaicError> {
    text(argument, value, MAX_URL)?;
    if is_web_url(value) { Ok(()) } else { Err(invalid(argument, "must be an absolute http or https URL")) }
}

/// A URL that this server is to call: by what the text says, it may.
///
/// # Errors
/// It is too long, or must not be called.
pub fn callable_url(outbound: &Outbound, argument: &str, value: &str) -> Result<(), MosaicError> {
    text(argument, value, MAX_URL)?;
    outbound.check_url(value).map_err(|error| invalid(argument, &format!("cannot be called: {error}")))
}

/// Origins of web pages (RFC 6454 §6.2), such as `https://app.example`.
///
/// # Errors
/// There are too many, or one is none.
pub fn origins(argument: &str, values: &[String]) -> Result<(), MosaicError> {
    count(argument, values.len())?;
    for value in values {
        text(argument, value, MAX_URL)?;
        if !is_origin(value) {
            return Err(invalid(argument, "must be origins such as https://app.example, without a path"));
        }
    }
    Ok(())
}

/// A list of [`web_url`].
///
/// # Errors
/// There are too many, or one is none.
pub fn web_urls(argument: &str, values: &[String]) -> Result<(), MosaicError> {
    count(argument, values.len())?;
    values.iter().try_for_each(|value| web_url(argument, value))
}

/// Refuses a list that is too long.
///
/// # Errors
/// There are more than [`MAX_ITEMS`].
pub fn count(argument: &str, items: usize) -> Result<(), MosaicError> {
    if items <= MAX_ITEMS {
        return Ok(());
    }
    Err(invalid(argument, &format!("may have at most {MAX_ITEMS} items")))
}

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The most that are wanted.
    pub first: i64,
    /// How many are left out before.
    pub offset: i64,
}

impl Page {
    /// The part that the arguments `first` (default and most: [`MAX_PAGE`]) and `offset` (default: 0) name.
    ///
    /// # Errors
    /// One of them is out of bounds.
    pub fn new(first: Option<i32>, offset: Option<i32>) -> Result<Self, MosaicError> {
        let first = first.map_or(MAX_PAGE, i64::from);
        if !(0..=MAX_PAGE).contains(&first) {
            return Err(invalid("first", &format!("must be 0 to {MAX_PAGE}")));
        }
        let offset = offset.map_or(0, i64::from);
        if offset < 0 {
            return Err(invalid("offset", "must not be negative"));
        }
        Ok(Self { first, offset })
    }

    /// That part of a list that is in memory.
    pub fn of<T>(self, items: Vec<T>) -> Vec<T> {
        let [offset, first] = [self.offset, self.first].map(|count| usize::try_from(count).unwrap_or(0));
        items.into_iter().skip(offset).take(first).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_bounded() {
        assert!(origins("allowedOrigins", &vec!["https://a.example".to_owned(); MAX_ITEMS]).is_ok());
        assert!(origins("allowedOrigins", &vec!["https://a.example".to_owned(); MAX_ITEMS + 1]).is_err());
    }

    #[test]
    fn a_page_is_bounded() {
        assert_eq!(Page::new(None, None), Ok(Page { first: 100, offset: 0 }));
        assert_eq!(Page::new(Some(2), Some(1)).map(|page| page.of(vec!['a', 'b', 'c', 'd'])), Ok(vec!['b', 'c']));
        assert_eq!(Page::new(Some(0), Some(i32::MAX)).map(|page| page.of(vec!['a'])), Ok(vec![]));
        for (first, offset) in [(Some(101), None), (Some(-1), None), (None, Some(-1))] {
            assert!(Page::new(first, offset).is_err(), "{first:?} {offset:?}");
        }
    }
}

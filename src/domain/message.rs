//! What a caller may say of a mail or a text message that is sent in its name (contract §2.2, §2.3), and its bounds.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use schemars::JsonSchema;
use serde::Deserialize;

/// The longest `base64logo`, in characters.
pub const MAX_LOGO: usize = 20_000;
/// The longest subject and sender name, in characters.
const MAX_LINE: usize = 200;
/// The longest paragraph, in characters.
const MAX_PARAGRAPH: usize = 4_000;
/// The longest text message of a caller's own, in characters.
const MAX_CUSTOM_TEXT: usize = 140;
/// The longest sender of a text message, in characters: as long as the telephone network lets one be.
const MAX_SENDER_ID: usize = 11;
/// Stands for the code in a caller's own text message.
pub const OTP: &str = "{otp}";
/// Stands for the name of the application.
pub const APP: &str = "{app}";

/// A mail of the caller's own. Where it is given the application's template is not used at all: what it leaves out is
/// empty.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmailContent {
    /// The subject.
    #[schemars(length(min = 1, max = 200))]
    pub subject: String,
    /// The colour of the button and of the code, as `#rrggbb`.
    #[schemars(regex(pattern = "^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$"))]
    pub primary_color: Option<String>,
    /// A picture above the text: PNG, JPEG, GIF or WebP in base64.
    #[serde(rename = "base64logo")]
    #[schemars(length(max = 20000))]
    pub base64_logo: Option<String>,
    /// The heading.
    #[schemars(length(max = 4000))]
    pub header_text: Option<String>,
    /// The text above the link or the code.
    #[schemars(length(max = 4000))]
    pub body_text: Option<String>,
    /// The words of the link.
    #[schemars(length(max = 200))]
    pub link_text: Option<String>,
    /// The text below the link or the code.
    #[schemars(length(max = 4000))]
    pub info_text: Option<String>,
    /// The small print.
    #[schemars(length(max = 4000))]
    pub footer_text: Option<String>,
    /// The name beside the address that the mail comes from.
    #[schemars(length(max = 200))]
    pub sender_name: Option<String>,
}

/// A text message of the caller's own.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct CustomSms {
    /// The text, with `{otp}` for the code and `{app}` for the name of the application.
    #[schemars(length(max = 140))]
    pub custom_message: Option<String>,
    /// Whom the message says that it comes from.
    #[schemars(length(max = 11))]
    pub sender_id: Option<String>,
}

/// What is wrong with a text of the caller's own. Fit to be told: it repeats nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct ContentError {
    /// The field, as the contract names it.
    pub field: &'static str,
    /// What it has to be.
    pub problem: &'static str,
}

impl EmailContent {
    /// Whether all of it is within its bounds. Asked before anything else, so that a wrong one is refused alike whether there
    /// is somebody to send it to or not.
    ///
    /// # Errors
    /// The first field that is not.
    pub fn check(&self) -> Result<(), ContentError> {
        line("email_content.subject", &self.subject)?;
        if self.subject.trim().is_empty() {
            return Err(ContentError { field: "email_content.subject", problem: "must not be empty" });
        }
        line("email_content.senderName", self.sender_name.as_deref().unwrap_or_default())?;
        line("email_content.linkText", self.link_text.as_deref().unwrap_or_default())?;
        for (field, text) in [
            ("email_content.headerText", &self.header_text),
            ("email_content.bodyText", &self.body_text),
            ("email_content.infoText", &self.info_text),
            ("email_content.footerText", &self.footer_text),
        ] {
            paragraph(field, text.as_deref().unwrap_or_default())?;
        }
        if self.primary_color.as_deref().is_some_and(|colour| Colour::parse(colour).is_none()) {
            return Err(ContentError {
                field: "email_content.primaryColor",
                problem: "must be a colour such as #1a73e8",
            });
        }
        if self.base64_logo.as_deref().is_some_and(|logo| !logo.is_empty() && Logo::parse(logo).is_none()) {
            let problem = "must be a PNG, JPEG, GIF or WebP picture in at most 20000 characters of base64";
            return Err(ContentError { field: "email_content.base64logo", problem });
        }
        Ok(())
    }
}

impl CustomSms {
    /// Whether all of it is within its bounds.
    ///
    /// # Errors
    /// The first field that is not.
    pub fn check(&self) -> Result<(), ContentError> {
        if let Some(text) = &self.custom_message {
            let refused = |problem| Err(ContentError { field: "custom_sms_input.custom_message", problem });
            if text.chars().count() > MAX_CUSTOM_TEXT {
                return refused("must have at most 140 characters");
            }
            if text.chars().any(|c| c.is_control() && c != '\n') {
                return refused("must not hold control characters");
            }
            if !text.contains(OTP) || !text.contains(APP) {
                return refused("must contain {otp} and {app}");
            }
        }
        match &self.sender_id {
            Some(sender) if !is_sender_id(sender) => Err(ContentError {
                field: "custom_sms_input.sender_id",
                problem: "must be 1 to 11 letters, digits, spaces, or one of + - _ . &",
            }),
            _ => Ok(()),
        }
    }
}

/// Whether a text may stand as the sender of a text message.
fn is_sender_id(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || " +-_.&".contains(c);
    !text.trim().is_empty() && text.len() <= MAX_SENDER_ID && text.chars().all(is_allowed)
}

/// What stands in a header: a line break in it would begin a header of the caller's own.
fn line(field: &'static str, text: &str) -> Result<(), ContentError> {
    if text.chars().count() > MAX_LINE {
        return Err(ContentError { field, problem: "must have at most 200 characters" });
    }
    if text.chars().any(char::is_control) {
        return Err(ContentError { field, problem: "must be one line without control characters" });
    }
    Ok(())
}

fn paragraph(field: &'static str, text: &str) -> Result<(), ContentError> {
    if text.chars().count() > MAX_PARAGRAPH {
        return Err(ContentError { field, problem: "must have at most 4000 characters" });
    }
    if text.chars().any(|c| c.is_control() && !"\n\r\t".contains(c)) {
        return Err(ContentError { field, problem: "must not hold control characters" });
    }
    Ok(())
}

/// A colour of a page: three bytes, so that nothing else can get into a style sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

impl Colour {
    /// What is used where none is given.
    pub const DEFAULT: Self = Self { red: 0x1f, green: 0x4e, blue: 0x9e };
    const WHITE: Self = Self { red: 255, green: 255, blue: 255 };
    const BLACK: Self = Self { red: 0, green: 0, blue: 0 };

    /// Reads `#rgb` or `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        let of = |from: usize, to: usize| u8::from_str_radix(digits.get(from..to)?, 16).ok();
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        match digits.len() {
            3 => Some(Self { red: of(0, 1)? * 17, green: of(1, 2)? * 17, blue: of(2, 3)? * 17 }),
            6 => Some(Self { red: of(0, 2)?, green: of(2, 4)?, blue: of(4, 6)? }),
            _ => None,
        }
    }

    /// As a style sheet has it.
    pub fn css(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }

    /// Black or white, whichever can be read on it.
    pub fn readable_on(self) -> Self {
        let brightness = 299 * u32::from(self.red) + 587 * u32::from(self.green) + 114 * u32::from(self.blue);
        if brightness > 150_000 { Self::BLACK } else { Self::WHITE }
    }
}

/// A picture that a mail may carry. Told by its first bytes, whatever it says it is; no SVG, which can hold scripts.
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    /// Its media type.
    pub content_type: &'static str,
    /// The picture.
    pub bytes: Vec<u8>,
}

impl Logo {
    /// Reads base64, as it is or as a `data:` URL.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_LOGO {
            return None;
        }
        let encoded = match text.strip_prefix("data:image/") {
            Some(rest) => rest.split_once(";base64,")?.1,
            None => text,
        };
        let bytes = STANDARD.decode(encoded).ok()?;
        let begins = |with: &[u8]| bytes.starts_with(with);
        let content_type = if begins(b"\x89PNG\r\n\x1a\n") {
            "image/png"
        } else if begins(b"\xff\xd8\xff") {
            "image/jpeg"
        } else if begins(b"GIF87a") || begins(b"GIF89a") {
            "image/gif"
        } else if begins(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            "image/webp"
        } else {
            return None;
        };
        Some(Self { content_type, bytes })
    }
}

#[cfg(test)]
mod tests;

//! What stands in mails and text messages.

mod html;
mod plain;
#[cfg(test)]
mod tests;

use super::{MessageKind, Parcel};
use crate::{
    domain::{
        body_template::filled,
        message::{APP, Colour, ContentError, CustomSms, EmailContent, Logo, OTP},
    },
    outbound::{mail::Mail, sms::TextMessage},
};

/// What a message is about. Links and codes are secrets: they stand in the message, and nowhere else.
#[derive(Clone, Copy)]
pub enum Letter<'a> {
    /// A link to sign in with, good for so many minutes.
    SignInLink(&'a str, i64),
    /// A code to sign in with, good for so many minutes.
    SignInCode(&'a str, i64),
    /// A link to set a new password with, good for so many minutes.
    PasswordResetLink(&'a str, i64),
    /// A code to set a new password with, good for so many minutes.
    PasswordResetCode(&'a str, i64),
    /// The password was changed.
    PasswordChanged,
    /// A password that has to be changed at once, good for so many hours.
    TemporaryPassword(&'a str, i64),
    /// A code that shows that an address is the user's, good for so many minutes.
    Verification(&'a str, i64),
}

impl<'a> Letter<'a> {
    /// What a message with it is for.
    pub const fn kind(&self) -> MessageKind {
        match self {
            Letter::SignInLink(..) => MessageKind::SignInLink,
            Letter::SignInCode(..) => MessageKind::SignInCode,
            Letter::PasswordResetLink(..) => MessageKind::PasswordResetLink,
            Letter::PasswordResetCode(..) => MessageKind::PasswordResetCode,
            Letter::PasswordChanged => MessageKind::PasswordChanged,
            Letter::TemporaryPassword(..) => MessageKind::TemporaryPassword,
            Letter::Verification(..) => MessageKind::Verification,
        }
    }

    fn action(&self) -> Action<'a> {
        match *self {
            Letter::SignInLink(link, _) | Letter::PasswordResetLink(link, _) => Action::Link(link),
            Letter::SignInCode(code, _)
            | Letter::PasswordResetCode(code, _)
            | Letter::TemporaryPassword(code, _)
            | Letter::Verification(code, _) => Action::Code(code),
            Letter::PasswordChanged => Action::Nothing,
        }
    }

    /// How long it is good.
    fn time(&self) -> String {
        let of = |number: i64, unit: &str| format!("{number} {unit}{}", if number == 1 { "" } else { "s" });
        match *self {
            Letter::SignInLink(_, minutes)
            | Letter::SignInCode(_, minutes)
            | Letter::PasswordResetLink(_, minutes)
            | Letter::PasswordResetCode(_, minutes)
            | Letter::Verification(_, minutes) => of(minutes, "minute"),
            Letter::TemporaryPassword(_, hours) => of(hours, "hour"),
            Letter::PasswordChanged => String::new(),
        }
    }
}

/// How an application's own mails look: its login preferences (`message`), and its name.
#[derive(Clone, Copy, Default)]
pub struct Branding<'a> {
    /// The name of the application.
    pub application: &'a str,
    /// `primaryColor`.
    pub primary_color: Option<&'a str>,
    /// `from`: the name beside the address.
    pub sender_name: Option<&'a str>,
    /// `subject`.
    pub subject: Option<&'a str>,
}

/// What a user is to use.
#[derive(Clone, Copy)]
enum Action<'a> {
    Link(&'a str),
    Code(&'a str),
    Nothing,
}

/// A mail before it is written: what is empty is left out.
struct Page<'a> {
    colour: Colour,
    has_logo: bool,
    header: String,
    body: String,
    action: Action<'a>,
    link_text: String,
    info: String,
    footer: String,
}

/// Writes a mail: the caller's own where `custom` is given, and then nothing but that (contract §5), or the application's.
///
/// # Errors
/// `custom` is not within its bounds ([`EmailContent::check`]), or the link is none that may stand in a mail.
pub fn mail(
    to: &str,
    letter: &Letter<'_>,
    branding: &Branding<'_>,
    custom: Option<&EmailContent>,
) -> Result<Parcel, ContentError> {
    if matches!(letter.action(), Action::Link(link) if !is_link(link)) {
        return Err(ContentError { field: "redirect_uri", problem: "cannot stand in a mail" });
    }
    let (page, subject, sender_name, logo) = match custom {
        Some(custom) => {
            custom.check()?;
            let logo = custom.base64_logo.as_deref().and_then(Logo::parse);
            (own_page(letter, custom, logo.is_some()), custom.subject.clone(), custom.sender_name.clone(), logo)
        }
        None => {
            let subject = branding.subject.filter(|subject| !subject.is_empty()).map(str::to_owned);
            let subject = subject.unwrap_or_else(|| default_subject(letter, branding.application));
            let sender = branding.sender_name.or(Some(branding.application)).map(str::to_owned);
            (default_page(letter, branding), subject, sender, None)
        }
    };
    let (text, html) = (plain::write(&page), html::write(&page));
    Ok(Parcel::Mail(Mail { to: to.to_owned(), sender_name, subject, text, html, logo }))
}

/// Writes a text message with a code.
///
/// # Errors
/// `custom` is not within its bounds ([`CustomSms::check`]).
pub fn sms(
    to: &str,
    letter: &Letter<'_>,
    application: &str,
    custom: Option<&CustomSms>,
) -> Result<Parcel, ContentError> {
    let code = match letter.action() {
        Action::Code(code) | Action::Link(code) => code,
        Action::Nothing => "",
    };
    let (own_text, sender) = match custom {
        Some(custom) => {
            custom.check()?;
            (custom.custom_message.as_deref(), custom.sender_id.clone())
        }
        None => (None, None),
    };
    let text = match own_text {
        Some(text) => filled(text, &[(OTP, code), (APP, application)]),
        None => default_text(letter, code, application),
    };
    Ok(Parcel::Sms(TextMessage { to: to.to_owned(), text, sender }))
}

fn default_text(letter: &Letter<'_>, code: &str, app: &str) -> String {
    let time = letter.time();
    match letter {
        Letter::SignInCode(..) => format!("{code} is your code to sign in to {app}. It is good for {time}."),
        Letter::PasswordResetCode(..) => {
            format!("{code} is your code to set a new password for {app}. It is good for {time}.")
        }
        Letter::Verification(..) => format!("{code} is your code to confirm this number for {app}."),
        Letter::TemporaryPassword(..) => format!("Your temporary password for {app} is {code}. It is good for {time}."),
        Letter::SignInLink(..) => format!("Sign in to {app}: {code}"),
        Letter::PasswordResetLink(..) => format!("Set a new password for {app}: {code}"),
        Letter::PasswordChanged => format!("Your password for {app} was changed."),
    }
}

fn own_page<'a>(letter: &Letter<'a>, custom: &EmailContent, has_logo: bool) -> Page<'a> {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    Page {
        colour: custom.primary_color.as_deref().and_then(Colour::parse).unwrap_or(Colour::DEFAULT),
        has_logo,
        header: text(&custom.header_text),
        body: text(&custom.body_text),
        action: letter.action(),
        link_text: text(&custom.link_text),
        info: text(&custom.info_text),
        footer: text(&custom.footer_text),
    }
}

fn default_subject(letter: &Letter<'_>, app: &str) -> String {
    match letter {
        Letter::SignInLink(..) => format!("Sign in to {app}"),
        Letter::SignInCode(..) => format!("Your code to sign in to {app}"),
        Letter::PasswordResetLink(..) | Letter::PasswordResetCode(..) => format!("Set a new password for {app}"),
        Letter::PasswordChanged => format!("Your password for {app} was changed"),
        Letter::TemporaryPassword(..) => format!("Your temporary password for {app}"),
        Letter::Verification(..) => format!("Confirm your address for {app}"),
    }
}

fn default_page<'a>(letter: &Letter<'a>, branding: &Branding<'_>) -> Page<'a> {
    let (app, time) = (branding.application, letter.time());
    let (body, link_text, info) = match letter {
        Letter::SignInLink(..) => {
            ("Use this link to sign in.", "Sign in", format!("The link is good for {time}, and once."))
        }
        Letter::SignInCode(..) => ("Use this code to sign in.", "", format!("The code is good for {time}, and once.")),
        Letter::PasswordResetLink(..) => (
            "Somebody, hopefully you, asked for a new password. Use this link to set one.",
            "Set a new password",
            format!("The link is good for {time}, and once."),
        ),
        Letter::PasswordResetCode(..) => (
            "Somebody, hopefully you, asked for a new password. Use this code to set one.",
            "",
            format!("The code is good for {time}, and once."),
        ),
        Letter::PasswordChanged => ("Your password was changed just now.", "", String::new()),
        Letter::TemporaryPassword(..) => (
            "This is a temporary password. You will be asked to choose one of your own when you sign in.",
            "",
            format!("It is good for {time}."),
        ),
        Letter::Verification(..) => {
            ("Use this code to confirm that this address is yours.", "", format!("The code is good for {time}."))
        }
    };
    let footer = match letter {
        Letter::PasswordChanged => "If this was not you, set a new password at once and tell us.",
        _ => "If you did not ask for this, do nothing. Never give it to anybody who asks you for it.",
    };
    Page {
        colour: branding.primary_color.and_then(Colour::parse).unwrap_or(Colour::DEFAULT),
        has_logo: false,
        header: app.to_owned(),
        body: body.to_owned(),
        action: letter.action(),
        link_text: link_text.to_owned(),
        info,
        footer: footer.to_owned(),
    }
}

/// Whether a URL may stand in a mail as a link: of the web, and nothing but a URL (RFC 3986 appendix A).
fn is_link(link: &str) -> bool {
    let of_the_web = ["https://", "http://"].iter().any(|scheme| link.len() > scheme.len() && link.starts_with(scheme));
    of_the_web && link.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
}

//! `[email]`: how mails are sent.

use std::{net::IpAddr, time::Duration};

use super::reader::Reader;
use crate::domain::{secret::Secret, user::is_text, web_url};

/// The longest name and address, in bytes.
const MAX_TEXT: usize = 320;

/// How mails are sent.
#[derive(Clone)]
pub struct Email {
    /// The mail server's name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept from others.
    pub security: EmailSecurity,
    /// How this server signs in there.
    pub sign_in: EmailSignIn,
    /// The address that mails are from.
    pub from_address: String,
    /// The name beside it.
    pub from_name: String,
    /// How long the server may take in each step.
    pub timeout: Duration,
}

/// How the mail server knows that it is us.
#[derive(Clone)]
pub enum EmailSignIn {
    /// It does not ask.
    None,
    /// By user name and password.
    Password(String, Secret),
    /// By user name and an access token (`XOAUTH2`).
    Token(String, EmailTokens),
}

/// Where access tokens for the mail server come from.
#[derive(Clone)]
pub struct EmailTokens {
    /// The token endpoint.
    pub token_url: String,
    /// The client that asks there.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// The refresh token of the mailbox; `None`: `client_credentials`.
    pub refresh_token: Option<Secret>,
    /// The scopes that are asked for, or an empty text.
    pub scope: String,
}

/// How the connection to the mail server is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailSecurity {
    /// TLS from the first byte.
    Tls,
    /// `STARTTLS`, and nothing without it.
    StartTls,
    /// None; to this machine alone.
    None,
}

impl EmailSecurity {
    const fn usual_port(self) -> i64 {
        match self {
            EmailSecurity::Tls => 465,
            EmailSecurity::StartTls => 587,
            EmailSecurity::None => 25,
        }
    }
}

impl Email {
    /// `None`: no mails are sent.
    pub(super) fn read(reader: &mut Reader, plain_http_to_loopback: bool) -> Option<Self> {
        let host = reader.text("email.host");
        let words = [("tls", EmailSecurity::Tls), ("starttls", EmailSecurity::StartTls), ("none", EmailSecurity::None)];
        let security = reader.choice("email.security", words, EmailSecurity::Tls);
        let port = read_port(reader, security);
        let sign_in = read_sign_in(reader, plain_http_to_loopback);
        let from_address = reader.text("email.from_address");
        let from_name = reader.text("email.from_name");
        let timeout = reader.seconds("email.timeout", 1..=120);
        if host.is_empty() {
            let others = [!from_address.is_empty(), !from_name.is_empty(), !matches!(sign_in, EmailSignIn::None)];
            if others.contains(&true) {
                reader.error("email.host", "must be set too, because other settings of [email] are");
            }
            return None;
        }
        // TE-001: passwords, codes and links would pass the network in the clear.
        if security == EmailSecurity::None && !is_loopback(&host) {
            reader.error("email.security", "can only be \"none\" when email.host is this machine, such as 127.0.0.1");
        }
        if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte)) {
            reader.error("email.host", "must be the name or the address of a mail server, without scheme and port");
        }
        if !is_address(&from_address) {
            reader.error("email.from_address", "must be the address that mails are from, such as login@example.com");
        }
        if !from_name.is_empty() && !is_text(&from_name, MAX_TEXT) {
            reader.error("email.from_name", "must be one line of at most 320 bytes");
        }
        Some(Self { host, port, security, sign_in, from_address, from_name, timeout })
    }
}

fn read_port(reader: &mut Reader, security: EmailSecurity) -> u16 {
    let given = reader.integer("email.port", 0..=65_535);
    let port = if given == 0 { security.usual_port() } else { given };
    reader.show("email.port", port);
    u16::try_from(port).unwrap_or_default()
}

fn read_sign_in(reader: &mut Reader, plain_http_to_loopback: bool) -> EmailSignIn {
    let username = reader.optional("email.username");
    let (password, password_is_set) = read_secret(reader, "email.password");
    let (tokens, tokens_are_set) = read_tokens(reader, plain_http_to_loopback);
    if password_is_set && tokens_are_set {
        reader.error("email.oauth2_token_url", "is set together with a password; keep one of them");
    }
    match (username, password, tokens) {
        (Some(username), Some(password), None) => return EmailSignIn::Password(username, password),
        (Some(username), None, Some(tokens)) => return EmailSignIn::Token(username, tokens),
        (Some(_), None, None) if !password_is_set && !tokens_are_set => {
            reader.error("email.password", "must be set too (or email.password_file), because email.username is");
        }
        (None, ..) if password_is_set => reader.error("email.username", "must be set too, because a password is"),
        (None, ..) if tokens_are_set => {
            reader.error("email.username", "must be set too, because email.oauth2_token_url is");
        }
        _ => {}
    }
    EmailSignIn::None
}

/// A secret as a value or in the file of `<key>_file`, and whether one of them is set, be it unreadable.
fn read_secret(reader: &mut Reader, key: &str) -> (Option<Secret>, bool) {
    let file_key = format!("{key}_file");
    let value = reader.secret(key);
    let file_is_set = reader.path(&file_key).is_some();
    let from_file = reader.secret_file(&file_key);
    if value.is_some() && file_is_set {
        reader.error(&file_key, format!("is set together with {key}; keep one of them"));
    }
    let is_set = value.is_some() || file_is_set;
    (value.or(from_file), is_set)
}

/// Where tokens come from, and whether anything of it is set.
fn read_tokens(reader: &mut Reader, plain_http_to_loopback: bool) -> (Option<EmailTokens>, bool) {
    let token_url = reader.text("email.oauth2_token_url");
    let client_id = reader.text("email.oauth2_client_id");
    let (client_secret, secret_is_set) = read_secret(reader, "email.oauth2_client_secret");
    let (refresh_token, refresh_is_set) = read_secret(reader, "email.oauth2_refresh_token");
    let scope = reader.text("email.oauth2_scope");
    if token_url.is_empty() {
        let others = [!client_id.is_empty(), secret_is_set, refresh_is_set, !scope.is_empty()];
        if others.contains(&true) {
            reader.error("email.oauth2_token_url", "must be set too, because other settings of email.oauth2 are");
        }
        return (None, others.contains(&true));
    }
    if !web_url::is_web_url(&token_url) || !(plain_http_to_loopback || token_url.starts_with("https://")) {
        let problem = "must be an absolute https:// URL without user name and password";
        reader.error("email.oauth2_token_url", problem);
    }
    reader.check_spelling("email.oauth2_token_url", &token_url);
    if client_id.is_empty() {
        reader.error("email.oauth2_client_id", "must be set too, because email.oauth2_token_url is");
    }
    if !secret_is_set {
        let problem = "must be set too (or email.oauth2_client_secret_file), because email.oauth2_token_url is";
        reader.error("email.oauth2_client_secret", problem);
    }
    let tokens =
        client_secret.map(|client_secret| EmailTokens { token_url, client_id, client_secret, refresh_token, scope });
    (tokens, true)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// As far as one can tell without asking anybody; the mail library looks again at the start.
fn is_address(text: &str) -> bool {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || "<>,;:\"()".contains(c);
    let parts = text.split_once('@');
    let whole = parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    whole && text.len() <= MAX_TEXT && !text.contains(is_odd)
}

//! `[email]`: how mails are sent.

use std::{net::IpAddr, time::Duration};

use super::reader::Reader;
use crate::domain::{secret::Secret, user::is_text};

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
    /// User name and password, where it wants them.
    pub credentials: Option<(String, Secret)>,
    /// The address that mails are from.
    pub from_address: String,
    /// The name beside it.
    pub from_name: String,
    /// How long the server may take in each step.
    pub timeout: Duration,
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
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let host = reader.text("email.host");
        let words = [("tls", EmailSecurity::Tls), ("starttls", EmailSecurity::StartTls), ("none", EmailSecurity::None)];
        let security = reader.choice("email.security", words, EmailSecurity::Tls);
        let port = read_port(reader, security);
        let credentials = read_credentials(reader);
        let from_address = reader.text("email.from_address");
        let from_name = reader.text("email.from_name");
        let timeout = reader.seconds("email.timeout", 1..=120);
        if host.is_empty() {
            let others = [!from_address.is_empty(), !from_name.is_empty(), credentials.is_some()];
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
        Some(Self { host, port, security, credentials, from_address, from_name, timeout })
    }
}

fn read_port(reader: &mut Reader, security: EmailSecurity) -> u16 {
    let given = reader.integer("email.port", 0..=65_535);
    let port = if given == 0 { security.usual_port() } else { given };
    reader.show("email.port", port);
    u16::try_from(port).unwrap_or_default()
}

fn read_credentials(reader: &mut Reader) -> Option<(String, Secret)> {
    let username = reader.optional("email.username");
    let password = reader.secret("email.password");
    let file_is_set = reader.path("email.password_file").is_some();
    let from_file = reader.secret_file("email.password_file");
    if password.is_some() && file_is_set {
        reader.error("email.password_file", "is set together with email.password; keep one of them");
    }
    let password_is_set = password.is_some() || file_is_set;
    match (username, password.or(from_file)) {
        (Some(username), Some(password)) => return Some((username, password)),
        (Some(_), None) if !password_is_set => {
            reader.error("email.password", "must be set too (or email.password_file), because email.username is");
        }
        (None, _) if password_is_set => reader.error("email.username", "must be set too, because a password is"),
        _ => {}
    }
    None
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

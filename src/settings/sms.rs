//! `[sms]`: how text messages are sent: through the HTTP gateway of any vendor.

use std::time::Duration;

use super::reader::{Reader, SHOWN_SECRET};
use crate::domain::{answer_pattern::AnswerPattern, body_template::BodyTemplate, secret::Secret, web_url};

/// How text messages are sent.
#[derive(Clone)]
pub struct Sms {
    /// Where the gateway is.
    pub url: String,
    /// Whether requests are `PUT` instead of `POST`.
    pub put: bool,
    /// The headers of a request, and their values.
    pub headers: Vec<(String, Secret)>,
    /// What is sent.
    pub body: BodyTemplate,
    /// Whom messages say that they come from.
    pub sender: String,
    /// The statuses that mean that a message was taken; none: those from 200 to 299.
    pub statuses: Vec<u16>,
    /// The pattern that an answer must match besides.
    pub answer: Option<AnswerPattern>,
    /// How long a request may take.
    pub timeout: Duration,
}

impl Sms {
    /// `None`: no text messages are sent.
    pub(super) fn read(reader: &mut Reader, plain_http_to_loopback: bool) -> Option<Self> {
        let url = reader.text("sms.url");
        let put = reader.choice("sms.method", [("POST", false), ("PUT", true)], false);
        let headers = read_headers(reader);
        let types = [("application/json", false), ("application/x-www-form-urlencoded", true)];
        let form = reader.choice("sms.content_type", types, false);
        let body = reader.text("sms.body");
        let sender = reader.text("sms.sender");
        let statuses = read_statuses(reader);
        let answer = read_pattern(reader);
        let timeout = reader.seconds("sms.timeout", 1..=120);
        if url.is_empty() {
            if !headers.is_empty() || !body.is_empty() || !sender.is_empty() {
                reader.error("sms.url", "must be set too, because other settings of [sms] are");
            }
            return None;
        }
        if !web_url::is_web_url(&url) || !(plain_http_to_loopback || url.starts_with("https://")) {
            reader.error("sms.url", "must be an absolute https:// URL without user name and password");
        }
        reader.check_spelling("sms.url", &url);
        let template = if form { BodyTemplate::form(&body) } else { BodyTemplate::json(&body) };
        let body = template.map_err(|problem| reader.error("sms.body", problem)).ok()?;
        Some(Self { url, put, headers, body, sender, statuses, answer, timeout })
    }
}

fn read_headers(reader: &mut Reader) -> Vec<(String, Secret)> {
    let lines = reader.list("sms.headers");
    let mut headers: Vec<_> = lines.iter().filter_map(|line| read_header(reader, "sms.headers", line)).collect();
    // Any of them may be a secret, so none is shown.
    let shown: Vec<String> = headers.iter().map(|(name, _)| format!("{name}: {SHOWN_SECRET}")).collect();
    reader.show("sms.headers", shown);
    if let Some(text) = reader.secret_file("sms.headers_file") {
        let lines = text.reveal().lines().map(str::trim).filter(|line| !line.is_empty());
        headers.extend(lines.filter_map(|line| read_header(reader, "sms.headers_file", line)));
    }
    headers
}

/// The mistake does not quote the line: it may be a secret.
fn read_header(reader: &mut Reader, key: &str, line: &str) -> Option<(String, Secret)> {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let is_ours = |name: &str| ["content-type", "content-length", "host", "connection"].contains(&name);
    match line.split_once(':').map(|(name, value)| (name.trim().to_lowercase(), value.trim())) {
        Some((name, _)) if is_ours(&name) => {
            reader.error(key, format!("must not hold {name}, which is set already"));
            None
        }
        Some((name, value))
            if is_name(&name) && !value.is_empty() && value.bytes().all(|b| (b' '..=b'~').contains(&b)) =>
        {
            Some((name, Secret::new(value)))
        }
        _ => {
            reader.error(key, "must hold headers, such as \"Authorization: Bearer …\", in visible ASCII characters");
            None
        }
    }
}

fn read_pattern(reader: &mut Reader) -> Option<AnswerPattern> {
    let text = reader.optional("sms.answer_pattern")?;
    AnswerPattern::parse(&text).map_err(|problem| reader.error("sms.answer_pattern", problem)).ok()
}

fn read_statuses(reader: &mut Reader) -> Vec<u16> {
    let mut statuses = Vec::new();
    for text in reader.list("sms.statuses") {
        match text.parse::<u16>() {
            Ok(status) if (200..300).contains(&status) => statuses.push(status),
            _ => reader.error("sms.statuses", "must hold statuses from 200 to 299"),
        }
    }
    statuses
}

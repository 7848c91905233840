//! Mails over SMTP. The only place that names lettre.
//!
//! The connection is encrypted before anything is said, or is to this machine; certificates are checked as those of other
//! requests are. What a server answers is not repeated beyond its number: those that look for bad links quote them, and a link
//! of ours is a secret.

use std::{
    error::Error as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lettre::{
    Address, Transport as _,
    message::{
        Attachment, Mailbox, Message, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        Error, PoolConfig, SmtpTransport, SmtpTransportBuilder,
        authentication::{Credentials, Mechanism},
        client::{Tls, TlsParameters},
        extension::ClientId,
    },
};

use super::{
    Outbound, SendError,
    mail_token::{MailTokenOptions, MailTokens},
};
use crate::domain::{message::Logo, secret::Secret};

/// How HTML names the picture of its mail.
pub const LOGO_ID: &str = "logo";
/// How long a connection is kept without use. Servers hang up after five minutes (RFC 5321 §4.5.3.2.7).
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// The answer to credentials that are not good, or not any more (RFC 4954 §6).
const CREDENTIALS_REFUSED: u16 = 535;

/// How the connection to the mail server is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS from the first byte (RFC 8314 §3.3).
    Tls,
    /// `STARTTLS` (RFC 3207), and nothing without it.
    StartTls,
    /// None. To this machine alone.
    None,
}

/// Where mails go, and whom they are from.
#[derive(Clone)]
pub struct MailOptions {
    /// The server's name; its certificate has to be for it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept from others.
    pub security: MailSecurity,
    /// How this server signs in there.
    pub sign_in: MailSignIn,
    /// The address that mails are from, also that of the envelope, to which failures are reported.
    pub from: String,
    /// The name beside it, where a mail has none of its own.
    pub from_name: String,
    /// How long the server may take, in each step.
    pub timeout: Duration,
}

/// How a mail server knows that it is us.
#[derive(Clone)]
pub enum MailSignIn {
    /// It does not ask.
    None,
    /// By user name and password.
    Password(String, Secret),
    /// By user name and an access token (`XOAUTH2`).
    Token(String, MailTokenOptions),
}

/// A mail to one address.
#[derive(Clone)]
pub struct Mail {
    /// Whom it is to.
    pub to: String,
    /// The name beside the address that it is from.
    pub sender_name: Option<String>,
    /// The subject.
    pub subject: String,
    /// The text for those who see no HTML.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// The picture that the HTML names as `cid:logo`.
    pub logo: Option<Logo>,
}

/// Sends mails. Cheap to clone; clones share their connections. Blocks: for threads of its own.
#[derive(Clone)]
pub struct Mailer {
    connections: Connections,
    from: Address,
    from_name: String,
}

/// The connections to the mail server.
#[derive(Clone)]
enum Connections {
    /// The connections last as long as the server.
    Lasting(SmtpTransport),
    /// The connections belong to an access token, and each token gets its own.
    ByToken(Arc<ByToken>),
}

struct ByToken {
    user: String,
    tokens: MailTokens,
    builder: SmtpTransportBuilder,
    /// The last token, and the connections under it.
    current: Mutex<Option<(Secret, SmtpTransport)>>,
}

impl ByToken {
    /// The connections under this token.
    fn under(&self, token: Secret) -> SmtpTransport {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, transport)) = current.as_ref()
            && known.reveal() == token.reveal()
        {
            return transport.clone();
        }
        let credentials = Credentials::new(self.user.clone(), token.reveal().to_owned());
        let builder = self.builder.clone().credentials(credentials).authentication(vec![Mechanism::Xoauth2]);
        let transport = builder.build();
        *current = Some((token, transport.clone()));
        transport
    }
}

impl Mailer {
    /// Prepares sending. Nothing is sent.
    ///
    /// # Errors
    /// The address is none, the certificates of the system cannot be read, or the token endpoint must not be called.
    pub fn new(options: &MailOptions, outbound: &Outbound) -> Result<Self, String> {
        let from = parse_address(&options.from).ok_or("the address that mails are from is not an address")?;
        let parameters = || TlsParameters::new(options.host.clone()).map_err(|error| error.to_string());
        let tls = match options.security {
            MailSecurity::Tls => Tls::Wrapper(parameters()?),
            // Never `Opportunistic`: whoever stands between could take the offer out of the greeting.
            MailSecurity::StartTls => Tls::Required(parameters()?),
            MailSecurity::None => Tls::None,
        };
        let builder = SmtpTransport::builder_dangerous(&options.host)
            .port(options.port)
            .tls(tls)
            .timeout(Some(options.timeout))
            .pool_config(PoolConfig::new().idle_timeout(IDLE_TIMEOUT))
            // The domain of our address, not the name of this machine, which is nobody's business (RFC 5321 §4.1.4 takes it).
            .hello_name(ClientId::Domain(from.domain().to_owned()));
        let connections = match &options.sign_in {
            MailSignIn::None => Connections::Lasting(builder.build()),
            MailSignIn::Password(user, password) => {
                let credentials = Credentials::new(user.clone(), password.reveal().to_owned());
                Connections::Lasting(builder.credentials(credentials).build())
            }
            MailSignIn::Token(user, tokens) => {
                let tokens = MailTokens::new(outbound.clone(), tokens.clone()).map_err(|error| error.to_string())?;
                let (user, current) = (user.clone(), Mutex::default());
                Connections::ByToken(Arc::new(ByToken { user, tokens, builder, current }))
            }
        };
        Ok(Self { connections, from, from_name: options.from_name.clone() })
    }

    /// Whether a text is an address that mails can be from.
    pub fn is_address(text: &str) -> bool {
        parse_address(text).is_some()
    }

    /// Sends a mail, made at `now_ms` (milliseconds of Unix time) under the random `id`. Blocks while the mail server is spoken to.
    ///
    /// # Errors
    /// The mail cannot be sent, now or ever.
    pub async fn send(&self, mail: &Mail, id: &str, now_ms: i64) -> Result<(), SendError> {
        let message = self.message(mail, id, now_ms).map_err(SendError::lasting)?;
        let by_token = match &self.connections {
            Connections::Lasting(transport) => {
                return transport.send(&message).map(|_| ()).map_err(|error| failure(&error));
            }
            Connections::ByToken(by_token) => by_token,
        };
        let transport = by_token.under(by_token.tokens.token(now_ms).await?);
        let Err(error) = transport.send(&message) else { return Ok(()) };
        let refused = error.status().is_some_and(|code| u16::from(code) == CREDENTIALS_REFUSED);
        if !refused {
            return Err(failure(&error));
        }
        // The token may have been revoked, or its key changed: another one may do.
        by_token.tokens.forget().await;
        Err(SendError::passing("the mail server refused the access token"))
    }

    fn message(&self, mail: &Mail, id: &str, now_ms: i64) -> Result<Message, String> {
        let to = parse_address(&mail.to).ok_or("the address of the user is none that mails can be sent to")?;
        let name = mail.sender_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&self.from_name);
        // What the library would make harmless is refused: a line break in a name or a subject is an attack.
        if [name, &mail.subject].iter().any(|text| text.chars().any(char::is_control)) {
            return Err("a line break or control character in a header".to_owned());
        }
        let name = Some(name.to_owned()).filter(|name| !name.is_empty());
        let at = std::time::UNIX_EPOCH + Duration::from_millis(now_ms.max(0).unsigned_abs());
        let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
        Message::builder()
            .from(Mailbox::new(name, self.from.clone()))
            .to(Mailbox::new(None, to))
            .subject(&mail.subject)
            .date(at)
            .message_id(Some(format!("<{id}@{}>", self.from.domain())))
            // So that nobody's holiday answers it (RFC 3834 §5).
            .raw_header(automatic)
            .multipart(parts(mail)?)
            .map_err(|error| error.to_string())
    }
}

/// The text first: readers take the last that they can show (RFC 2046 §5.1.4).
fn parts(mail: &Mail) -> Result<MultiPart, String> {
    let both = MultiPart::alternative().singlepart(SinglePart::plain(mail.text.clone()));
    let html = SinglePart::html(mail.html.clone());
    let Some(logo) = &mail.logo else { return Ok(both.singlepart(html)) };
    let content_type = ContentType::parse(logo.content_type).map_err(|error| error.to_string())?;
    let picture = Attachment::new_inline(LOGO_ID.to_owned()).body(logo.bytes.clone(), content_type);
    Ok(both.multipart(MultiPart::related().singlepart(html).singlepart(picture)))
}

/// An address alone, without name, comment or list: `a@x, b@y` would be two. A domain in another alphabet is written as mail servers
/// know it: few of them offer SMTPUTF8 (RFC 6531), and the domain does not need it.
fn parse_address(text: &str) -> Option<Address> {
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || "<>,;:\"()".contains(c)) {
        return None;
    }
    let (local, domain) = text.rsplit_once('@')?;
    let domain = if domain.is_ascii() { domain.to_owned() } else { ascii_domain(domain)? };
    format!("{local}@{domain}").parse().ok()
}

/// A domain as mail servers know it: labels in other alphabets as `xn--…` (RFC 5891). `None` if the text is no domain.
fn ascii_domain(domain: &str) -> Option<String> {
    // The library decodes percent signs, as in URLs.
    let host = Some(domain).filter(|domain| !domain.contains('%')).and_then(|domain| url::Host::parse(domain).ok());
    if let Some(url::Host::Domain(domain)) = host { Some(domain) } else { None }
}

/// What of a failure may be told: the number of an answer, never its words.
fn failure(error: &Error) -> SendError {
    let words = error.source().map(ToString::to_string).unwrap_or_default();
    match error.status() {
        Some(code) if error.is_permanent() => SendError::lasting(format!("the mail server answered {code}")),
        Some(code) => SendError::passing(format!("the mail server answered {code}")),
        None if error.is_timeout() => SendError::passing("the mail server did not answer in time"),
        None if error.is_response() => SendError::passing("the mail server answered what is not SMTP"),
        None if error.is_client() => SendError::lasting(format!("the mail cannot be sent: {words}")),
        None if error.is_tls() => SendError::passing(format!("no TLS with the mail server: {words}")),
        None => SendError::passing(format!("the mail server cannot be reached: {words}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailer() -> Mailer {
        let options = MailOptions {
            host: "localhost".to_owned(),
            port: 25,
            security: MailSecurity::None,
            sign_in: MailSignIn::None,
            from: "login@acme.example".to_owned(),
            from_name: "Acme".to_owned(),
            timeout: Duration::from_secs(1),
        };
        let outbound = Outbound::new(crate::outbound::OutboundOptions::default()).expect("outbound");
        Mailer::new(&options, &outbound).expect("a mailer")
    }

    fn mail(to: &str, subject: &str, sender_name: Option<&str>) -> Mail {
        Mail {
            to: to.to_owned(),
            sender_name: sender_name.map(str::to_owned),
            subject: subject.to_owned(),
            text: "text".to_owned(),
            html: "<p>text".to_owned(),
            logo: None,
        }
    }

    fn head(mail: &Mail) -> Result<String, String> {
        let message = mailer().message(mail, "id", 0)?;
        let text = String::from_utf8(message.formatted()).expect("ASCII");
        Ok(text.split_once("\r\n\r\n").expect("a head").0.to_owned())
    }

    #[test]
    fn the_headers_are_ours_and_what_is_not_ascii_is_encoded() {
        let head = head(&mail("u@b.example", "Grüße", Some("Ä \"Quoted\", Inc."))).expect("a mail");
        for line in [
            "To: u@b.example",
            "Message-ID: <id@acme.example>",
            "Date: Thu, 01 Jan 1970 00:00:00 +0000",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
        ] {
            assert!(head.lines().any(|said| said == line), "{line}: {head}");
        }
        assert!(head.is_ascii() && head.contains("Subject: =?utf-8?b?"), "{head}");
        assert!(head.contains("<login@acme.example>") && head.matches("From:").count() == 1, "{head}");
    }

    #[test]
    fn a_domain_in_another_alphabet_is_written_as_mail_servers_know_it() {
        let head = head(&mail("ada@Bücher.example", "s", None)).expect("a mail");
        assert!(head.lines().any(|said| said == "To: ada@xn--bcher-kva.example"), "{head}");
    }

    #[test]
    fn nothing_that_is_given_can_become_a_header_or_a_second_recipient() {
        for evil in ["x\r\nBcc: evil@e.example", "x\nBcc: evil@e.example", "x\rBcc: e", "x\0y", "x\u{85}y"] {
            assert!(head(&mail("u@b.example", evil, None)).is_err(), "{evil:?}");
            assert!(head(&mail("u@b.example", "s", Some(evil))).is_err(), "{evil:?}");
        }
        for evil in [
            "u@b.example\r\nBcc: e@e.example",
            "u@b.example,e@e.example",
            "u@b.example>\r\nRCPT TO:<e@e.example",
            "e@e.example <u@b.example>",
            "\"u x\"@b.example",
            "u@b.example\n",
            "u b@b.example",
            "",
            "u",
        ] {
            assert!(head(&mail(evil, "s", None)).is_err(), "{evil:?}");
        }
    }
}

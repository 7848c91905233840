//! Text messages, through the HTTP gateway of whatever vendor the settings describe.

use std::time::Duration;

use super::{Limits, Outbound, OutboundError, Posting, SendError};
use crate::domain::{answer_pattern::AnswerPattern, body_template::BodyTemplate, secret::Secret};

/// For looking up the name, connecting and the TLS handshake.
const CONNECT: Duration = Duration::from_secs(5);
/// The most of an answer that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// A text message.
#[derive(Clone)]
pub struct TextMessage {
    /// The number, as E.164 has it.
    pub to: String,
    /// The text.
    pub text: String,
    /// Whom it says that it comes from, where that is not what the settings say.
    pub sender: Option<String>,
}

/// How a gateway is spoken to.
#[derive(Clone)]
pub struct GatewayOptions {
    /// Where requests go.
    pub url: String,
    /// `POST` or `PUT`.
    pub method: GatewayMethod,
    /// Headers, with their values, which may be secrets.
    pub headers: Vec<(String, Secret)>,
    /// What is sent.
    pub body: BodyTemplate,
    /// Whom messages say that they come from.
    pub sender: String,
    /// The statuses that mean that the message was taken; none: all from 200 to 299.
    pub statuses: Vec<u16>,
    /// The pattern that the answer must match too: many gateways answer 200 to what they did not take.
    pub answer: Option<AnswerPattern>,
    /// How long a request may take.
    pub timeout: Duration,
}

/// The method of a request. Not `GET`: a URL, and with it the code in it, ends up in the logs of whatever it passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatewayMethod {
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
}

/// Sends text messages.
#[derive(Clone)]
pub struct Gateway {
    outbound: Outbound,
    options: GatewayOptions,
}

impl Gateway {
    /// Prepares sending. Nothing is sent.
    ///
    /// # Errors
    /// The URL must not be called.
    pub fn new(outbound: Outbound, options: GatewayOptions) -> Result<Self, OutboundError> {
        outbound.check_url(&options.url)?;
        Ok(Self { outbound, options })
    }

    /// Sends one.
    ///
    /// # Errors
    /// It cannot be sent, now or ever. What the gateway answers is not told, but for its status: many repeat the message.
    pub async fn send(&self, message: &TextMessage) -> Result<(), SendError> {
        let options = &self.options;
        let sender = message.sender.as_deref().unwrap_or(&options.sender);
        let (content_type, body) = options.body.filled(&message.to, &message.text, sender);
        let headers: Vec<_> = options.headers.iter().map(|(name, value)| (name.as_str(), value.reveal())).collect();
        let posting = Posting { put: options.method == GatewayMethod::Put, content_type, body, headers: &headers };
        let limits = Limits { connect: CONNECT, total: options.timeout, max_body: MAX_ANSWER };
        match self.outbound.post_once(&options.url, posting, limits).await {
            Ok(answer) => self.judge(answer.status, &answer.body),
            // It was taken or not; that it said too much is no reason to send it again.
            Err(error @ (OutboundError::TooLarge | OutboundError::Redirected)) => {
                Err(SendError::lasting(error.to_string()))
            }
            Err(error @ (OutboundError::UrlRefused(_) | OutboundError::AddressRefused)) => {
                Err(SendError::lasting(error.to_string()))
            }
            Err(error) => Err(SendError::passing(error.to_string())),
        }
    }

    fn judge(&self, status: u16, body: &[u8]) -> Result<(), SendError> {
        let expected = &self.options.statuses;
        let taken = if expected.is_empty() { (200..300).contains(&status) } else { expected.contains(&status) };
        let matches = self.options.answer.as_ref().is_none_or(|pattern| pattern.matches(body));
        let why = format!("the gateway answered {status}");
        match status {
            _ if taken && matches => Ok(()),
            _ if taken => Err(SendError::lasting(format!("{why}, and not what sms.answer_pattern demands"))),
            408 | 425 | 429 | 500..=599 => Err(SendError::passing(why)),
            _ => Err(SendError::lasting(why)),
        }
    }
}

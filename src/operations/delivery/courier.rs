//! What carries a message: the mail server or the gateway.

use tokio::runtime::Runtime;

use super::Parcel;
use crate::outbound::{SendError, mail::Mailer, sms::Gateway};

/// What carries the messages of one channel.
#[derive(Clone)]
pub(super) enum Courier {
    Mail(Mailer),
    Sms(Gateway),
}

impl Courier {
    /// Sends a message. Blocks.
    pub fn carry(&self, runtime: &Runtime, parcel: &Parcel, id: &str, now_ms: i64) -> Result<(), SendError> {
        match (self, parcel) {
            (Courier::Mail(mailer), Parcel::Mail(mail)) => runtime.block_on(mailer.send(mail, id, now_ms)),
            (Courier::Sms(gateway), Parcel::Sms(message)) => runtime.block_on(gateway.send(message)),
            // Each queue takes messages of its own channel only.
            (Courier::Mail(_), Parcel::Sms(_)) | (Courier::Sms(_), Parcel::Mail(_)) => {
                Err(SendError { passes: false, why: "the message is in the wrong queue".to_owned() })
            }
        }
    }
}

//! What is counted of messages.

use super::Channel;
use crate::metrics::{CountByTwo, Kind, Page};

/// How a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Sent,
    Failed,
    Refused,
}

impl Kind for Ending {
    const ALL: &'static [Self] = &[Ending::Sent, Ending::Failed, Ending::Refused];

    fn place(self) -> usize {
        self as usize
    }

    fn label(self) -> &'static str {
        match self {
            Ending::Sent => "sent",
            Ending::Failed => "failed",
            Ending::Refused => "refused",
        }
    }
}

/// How messages ended, on this node since it started.
#[derive(Debug, Default)]
pub(super) struct DeliveryCounts(CountByTwo<Channel, Ending>);

impl DeliveryCounts {
    pub(super) fn ended(&self, channel: Channel, well: bool) {
        self.0.one(channel, if well { Ending::Sent } else { Ending::Failed });
    }

    pub(super) fn refused(&self, channel: Channel) {
        self.0.one(channel, Ending::Refused);
    }

    pub(super) fn expose(&self, page: &mut Page) {
        let help = "Messages to users, by channel and by how they ended; refused: too many waited already.";
        self.0.expose(page, "tessera_messages_total", help, ["channel", "outcome"]);
    }
}

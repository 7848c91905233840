//! Mails and text messages to users: written in [`content`], sent by threads of their own.
//!
//! Whoever asks for one is answered when it is in the queue. How long a mail server takes, and whether there was anybody to write
//! to at all, cannot be told from how long the answer takes.

pub mod content;
mod counts;
mod courier;
mod queue;
mod worker;

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use self::{counts::DeliveryCounts, courier::Courier, queue::Queue, worker::Worker};
use crate::{
    audit::AuditLog,
    domain::{clock::Clock, random::Random},
    metrics::{Kind, Page},
    outbound::{
        mail::{Mail, Mailer},
        sms::{Gateway, TextMessage},
    },
};

/// Messages that may wait for each channel. A mail with a picture takes some 60 KB.
const QUEUE: usize = 1_000;
/// Threads of each channel.
const THREADS: usize = 4;
/// How often the end of the threads is looked for.
const LOOK: Duration = Duration::from_millis(10);

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// A link to sign in with.
    SignInLink,
    /// A code to sign in with.
    SignInCode,
    /// A link to set a new password with.
    PasswordResetLink,
    /// A code to set a new password with.
    PasswordResetCode,
    /// The news that the password was changed.
    PasswordChanged,
    /// A password that has to be changed at once.
    TemporaryPassword,
    /// A code that shows that an address is the user's.
    Verification,
}

impl MessageKind {
    /// The `operation` of its audit record.
    pub const fn as_str(self) -> &'static str {
        match self {
            MessageKind::SignInLink => "sign_in_link",
            MessageKind::SignInCode => "sign_in_code",
            MessageKind::PasswordResetLink => "password_reset_link",
            MessageKind::PasswordResetCode => "password_reset_code",
            MessageKind::PasswordChanged => "password_changed",
            MessageKind::TemporaryPassword => "temporary_password",
            MessageKind::Verification => "verification",
        }
    }
}

/// The way that a message takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// A mail.
    Mail,
    /// A text message.
    Sms,
}

impl Kind for Channel {
    const ALL: &'static [Self] = &[Channel::Mail, Channel::Sms];

    fn place(self) -> usize {
        self as usize
    }

    fn label(self) -> &'static str {
        match self {
            Channel::Mail => "mail",
            Channel::Sms => "sms",
        }
    }
}

/// What is sent.
#[derive(Clone)]
pub enum Parcel {
    /// A mail, see [`content::mail`].
    Mail(Mail),
    /// A text message, see [`content::sms`].
    Sms(TextMessage),
}

impl Parcel {
    fn channel(&self) -> Channel {
        match self {
            Parcel::Mail(_) => Channel::Mail,
            Parcel::Sms(_) => Channel::Sms,
        }
    }
}

/// A message to a user, and what its record says of it.
#[derive(Clone)]
pub struct Message {
    /// What it is for.
    pub kind: MessageKind,
    /// The environment.
    pub environment_id: String,
    /// The application that it is sent for.
    pub application_id: String,
    /// The client that asked for it.
    pub client_id: String,
    /// The user.
    pub user_id: String,
    /// The request that asked for it.
    pub request_id: String,
    /// When it is good for nothing any more, in seconds since 1970: a code that has expired is not sent.
    pub expires_at: Option<i64>,
    /// What is sent.
    pub parcel: Parcel,
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// The settings name nothing that could send it.
    #[error("no such messages can be sent: see [email] and [sms] in the settings")]
    NotConfigured,
    /// As many wait as may.
    #[error("too many messages wait to be sent")]
    Busy,
}

/// What messages are sent with, and what that is recorded with.
pub struct DeliveryParts {
    /// Sends mails, if the settings say how.
    pub mailer: Option<Mailer>,
    /// Sends text messages, if the settings say how.
    pub gateway: Option<Gateway>,
    /// Where each is recorded.
    pub audit: AuditLog,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
}

/// Takes messages, and sends them in its own time. Cheap to clone.
#[derive(Clone)]
pub struct Delivery(Arc<Inner>);

struct Inner {
    mail: Option<Arc<Queue>>,
    sms: Option<Arc<Queue>>,
    clock: Arc<dyn Clock>,
    counts: Arc<DeliveryCounts>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Delivery {
    /// Starts the threads.
    ///
    /// # Errors
    /// One cannot be started.
    pub fn start(parts: DeliveryParts) -> io::Result<Self> {
        let mail = parts.mailer.as_ref().map(|_| Arc::new(Queue::new(QUEUE)));
        let sms = parts.gateway.as_ref().map(|_| Arc::new(Queue::new(QUEUE)));
        let counts = Arc::<DeliveryCounts>::default();
        let mut threads = Vec::new();
        let couriers = [
            (Channel::Mail, &mail, parts.mailer.clone().map(Courier::Mail)),
            (Channel::Sms, &sms, parts.gateway.clone().map(Courier::Sms)),
        ];
        for (channel, queue, courier) in couriers {
            let Some((queue, courier)) = queue.as_ref().zip(courier) else { continue };
            for _ in 0..THREADS {
                let worker = Worker {
                    queue: Arc::clone(queue),
                    courier: courier.clone(),
                    audit: parts.audit.clone(),
                    clock: Arc::clone(&parts.clock),
                    random: Arc::clone(&parts.random),
                    counts: Arc::clone(&counts),
                };
                threads.push(worker.start(channel)?);
            }
        }
        Ok(Self(Arc::new(Inner { mail, sms, clock: parts.clock, counts, threads: Mutex::new(threads) })))
    }

    /// Whether a message could be taken now. To be asked before it is looked up whether there is anybody to send one to: the
    /// refusal is then the same for everybody.
    ///
    /// # Errors
    /// As with [`send`](Self::send).
    pub fn ready(&self, channel: Channel) -> Result<(), DeliveryError> {
        let queue = self.queue(channel).ok_or(DeliveryError::NotConfigured)?;
        if queue.is_full() { Err(DeliveryError::Busy) } else { Ok(()) }
    }

    /// Takes a message. It is sent later, tried again where that may help, and recorded when it is sent or given up.
    ///
    /// # Errors
    /// Nothing is configured to send it, or too many wait.
    pub fn send(&self, message: Message) -> Result<(), DeliveryError> {
        let channel = message.parcel.channel();
        let queue = self.queue(channel).ok_or(DeliveryError::NotConfigured)?;
        let taken = queue.push(message, self.0.clock.now_millis());
        if taken.is_err() {
            self.0.counts.refused(channel);
        }
        taken
    }

    fn queue(&self, channel: Channel) -> Option<&Arc<Queue>> {
        match channel {
            Channel::Mail => self.0.mail.as_ref(),
            Channel::Sms => self.0.sms.as_ref(),
        }
    }

    /// Tries once more what waits, at most for `longest`, and ends the threads. What is left then is recorded as not sent. Blocks:
    /// call it after the last request.
    pub fn shutdown(&self, longest: Duration) {
        let queues: Vec<&Arc<Queue>> = [&self.0.mail, &self.0.sms].into_iter().flatten().collect();
        queues.iter().for_each(|queue| queue.stop());
        let threads = std::mem::take(&mut *self.0.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let deadline = Instant::now() + longest;
        while Instant::now() < deadline && threads.iter().any(|thread| !thread.is_finished()) {
            std::thread::sleep(LOOK);
        }
        // Threads that still talk to somebody end with the process.
        for queue in queues {
            let left = queue.give_up();
            if left > 0 {
                log::error!("{left} messages were not sent before the server stopped");
            }
        }
    }

    /// Writes how it goes onto `page`.
    pub fn expose(&self, page: &mut Page) {
        self.0.counts.expose(page);
        let help = "Messages to users that wait to be sent, or to be tried again, by channel.";
        for channel in Channel::ALL {
            let waiting = self.queue(*channel).map_or(0, |queue| queue.len());
            page.number("tessera_messages_waiting", help, &[("channel", channel.label())], waiting);
        }
    }
}

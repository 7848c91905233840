//! A thread that sends messages, one after the other.

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
};

use tokio::runtime::{Builder, Runtime};

use super::{
    Channel, Message,
    counts::DeliveryCounts,
    courier::Courier,
    queue::{Queue, Waiting},
};
use crate::{
    audit::{AuditLog, AuditRecord, Event, Outcome},
    domain::{
        clock::Clock,
        random::{Random, random_id},
    },
    metrics::Kind as _,
    outbound::SendError,
};

/// How long a message waits after each failure, in milliseconds; after the last it is given up, unless it is a mail that is still good.
const BACK_OFF_MS: [i64; 4] = [2_000, 10_000, 30_000, 60_000];
/// How long a mail waits after each later failure, in milliseconds. Servers that put off all unknown senders (greylisting, RFC 6647)
/// want some minutes.
const MAIL_BACK_OFF_MS: i64 = 60_000;

pub(super) struct Worker {
    pub queue: Arc<Queue>,
    pub courier: Courier,
    pub audit: AuditLog,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub counts: Arc<DeliveryCounts>,
}

impl Worker {
    pub fn start(self, channel: Channel) -> io::Result<JoinHandle<()>> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name(channel.label().to_owned()).spawn(move || {
            while let Some(waiting) = self.queue.take(&*self.clock) {
                self.handle(&runtime, waiting, channel);
            }
        })
    }

    fn handle(&self, runtime: &Runtime, mut waiting: Waiting, channel: Channel) {
        let sent = self.attempt(runtime, &waiting.message);
        waiting.attempts += 1;
        let Err(failure) = sent else {
            self.ended(runtime, &waiting.message, channel, None);
            return self.queue.done();
        };
        let due_ms = self.due_again(&waiting, channel).filter(|_| failure.passes);
        let Some(due_ms) = due_ms else {
            self.gave_up(runtime, &waiting, channel, &failure);
            return self.queue.done();
        };
        let Message { request_id, kind, .. } = &waiting.message;
        log::warn!(request_id = request_id.as_str(); "a message ({}, {}) was not sent and is tried again: {failure}", channel.label(), kind.as_str());
        waiting.due_ms = due_ms;
        if let Some(waiting) = self.queue.again(waiting) {
            self.gave_up(runtime, &waiting, channel, &failure);
        }
    }

    /// When a message that failed is tried again, in milliseconds of Unix time. A mail is tried for as long as its code or link is good.
    fn due_again(&self, waiting: &Waiting, channel: Channel) -> Option<i64> {
        let good_until = waiting.message.expires_at.map_or(0, |at| at.saturating_mul(1000));
        let later = || (channel == Channel::Mail).then_some(MAIL_BACK_OFF_MS);
        let (back_off, is_late) = match BACK_OFF_MS.get(waiting.attempts - 1) {
            Some(back_off) => (*back_off, false),
            None => (later()?, true),
        };
        let due_ms = self.clock.now_millis().saturating_add(back_off);
        (!is_late || due_ms < good_until).then_some(due_ms)
    }

    fn attempt(&self, runtime: &Runtime, message: &Message) -> Result<(), SendError> {
        let failed = |why: &str| SendError { passes: false, why: why.to_owned() };
        if message.expires_at.is_some_and(|at| at <= self.clock.now()) {
            return Err(failed("what it holds has expired"));
        }
        let id = random_id(&*self.random).map_err(|error| failed(&error.to_string()))?;
        self.courier.carry(runtime, &message.parcel, &id, self.clock.now_millis())
    }

    fn gave_up(&self, runtime: &Runtime, waiting: &Waiting, channel: Channel, failure: &SendError) {
        let Waiting { message: Message { request_id, kind, .. }, attempts, .. } = waiting;
        let why = format!("attempt {attempts}: {failure}");
        log::error!(request_id = request_id.as_str(); "a message ({}, {}) was given up: {why}", channel.label(), kind.as_str());
        self.ended(runtime, &waiting.message, channel, Some(why));
    }

    /// Counts and records how it ended. Nothing of the message itself is kept, nor whom it went to but for the user's id.
    fn ended(&self, runtime: &Runtime, message: &Message, channel: Channel, failure: Option<String>) {
        self.counts.ended(channel, failure.is_none());
        let outcome = if failure.is_none() { Outcome::Success } else { Outcome::Failed };
        let event = match channel {
            Channel::Mail => Event::MailSent,
            Channel::Sms => Event::TextMessageSent,
        };
        let mut record = AuditRecord::new(event, outcome, &message.request_id, self.clock.now_millis());
        record.environment_id = Some(message.environment_id.clone());
        record.operation = Some(message.kind.as_str());
        record.client_id = Some(message.client_id.clone()).filter(|id| !id.is_empty());
        record.application_id = Some(message.application_id.clone());
        record.subject = Some(message.user_id.clone());
        record.detail = failure;
        if runtime.block_on(self.audit.commit(record)).is_err() {
            log::warn!(request_id = message.request_id.as_str(); "that a message was sent, or given up, has no audit record");
        }
    }
}

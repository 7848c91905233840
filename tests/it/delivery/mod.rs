//! Mails and text messages to users, sent to real servers on loopback.

mod failures;
mod mail;
mod mail_token;
mod sms;
mod tls;

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tessera::{
    app::{self, Sources, StartError},
    domain::random::SystemRandom,
    operations::{
        context::Context,
        delivery::{
            Message, MessageKind, Parcel,
            content::{self, Branding, Letter},
        },
    },
};

use crate::support::{
    self, Engine,
    clock::TestClock,
    database::TestDatabase,
    leaks,
    mails::MailServer,
    server::{default_settings, load, variable},
};

/// A link with a secret in it.
const LINK: &str = "https://app.example/back?code=tso_ThisIsTheSecretOfALink0123456789&state=a%22b";

/// What the server sends with, and where it records.
struct World {
    context: Context,
    database: TestDatabase,
    clock: Arc<TestClock>,
}

fn world(settings: &[(&str, &str)]) -> World {
    started(settings).unwrap_or_else(|error| panic!("{error}"))
}

fn started(settings: &[(&str, &str)]) -> Result<World, StartError> {
    leaks::watch();
    leaks::secret_is(LINK);
    let database = TestDatabase::new(Engine::Sqlite);
    let mut all = default_settings();
    all.insert(variable("database.url"), database.url.clone());
    all.extend(settings.iter().map(|(key, value)| (variable(key), (*value).to_owned())));
    let settings = load(&all);
    let clock = Arc::new(TestClock::new());
    let sources = Sources { clock: Arc::clone(&clock) as _, random: Arc::new(SystemRandom) };
    let store = app::open_store(&settings)?;
    let master_key = app::master_key(&settings.keys, &SystemRandom)?;
    let context = app::context(&settings, &sources, &store, master_key, "http://127.0.0.1".to_owned())?;
    Ok(World { context, database, clock })
}

/// Sends through this server, in the clear.
fn to(server: &MailServer) -> World {
    waiting_for(server, 2)
}

/// The same, with so many seconds for an answer of the mail server.
fn waiting_for(server: &MailServer, seconds: u64) -> World {
    let (port, timeout) = (server.port().to_string(), seconds.to_string());
    let from = [("email.from_address", "login@acme.example"), ("email.from_name", "Acme Login")];
    let server = [("email.host", "127.0.0.1"), ("email.port", port.as_str()), ("email.security", "none")];
    world(&[from.as_slice(), &server, &[("email.timeout", timeout.as_str())]].concat())
}

fn eventually(what: &str, check: impl FnMut() -> bool) {
    support::eventually(what, Duration::from_secs(30), check);
}

fn message(kind: MessageKind, parcel: Parcel) -> Message {
    Message {
        kind,
        environment_id: "env".to_owned(),
        application_id: "app".to_owned(),
        client_id: "bff".to_owned(),
        user_id: "user-1".to_owned(),
        request_id: "request-1".to_owned(),
        expires_at: None,
        parcel,
    }
}

/// A mail with a link.
fn link_mail() -> Message {
    let branding = Branding { application: "Acme", ..Branding::default() };
    let parcel = content::mail("user@a.example", &Letter::SignInLink(LINK, 5), &branding, None);
    message(MessageKind::SignInLink, parcel.unwrap_or_else(|error| panic!("{error}")))
}

impl World {
    fn send(&self, message: Message) {
        self.context.delivery.send(message).unwrap_or_else(|error| panic!("{error}"));
    }

    fn records(&self) -> Vec<Value> {
        let records = self.database.audit_records();
        leaks::recorded(&records.iter().map(ToString::to_string).collect::<Vec<_>>());
        records
    }

    /// The one record, once there is one; time goes by until then.
    fn record(&self) -> Value {
        eventually("a record of a message", || {
            self.clock.advance(1);
            !self.records().is_empty()
        });
        let mut records = self.records();
        assert_eq!(records.len(), 1, "{records:?}");
        records.remove(0)
    }

    /// The one record, which says that the message was given up. Gives the reason.
    #[track_caller]
    fn assert_given_up(&self, event: &str) -> String {
        let record = self.record();
        assert_eq!((&record["event"], &record["outcome"]), (&event.into(), &"failed".into()), "{record}");
        record["detail"].as_str().expect("a reason").to_owned()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.context.delivery.shutdown(Duration::from_millis(200));
        self.context.audit.shutdown();
        leaks::check();
    }
}

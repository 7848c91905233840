//! An application's enrichment webhook: a receiver on loopback that checks what it is sent as a careful one does, and then
//! answers as well or as badly as a test likes.

use std::{
    collections::BTreeMap,
    io::Write as _,
    net::TcpStream,
    sync::{Arc, Mutex},
};

use openssl::{hash::MessageDigest, pkey::PKey, sign::Signer};
use serde_json::{Value, json};
use tessera::{
    app,
    domain::{
        application::{OnFailure, Webhook},
        clock::Clock,
        random::SystemRandom,
        secret::Secret,
    },
    jose::master_key::webhook_secret_aad,
    store::{StoreError, applications, environments},
};

use super::{
    peer::{Peer, respond, stall},
    server::load,
};

/// What its messages are signed with.
pub const SECRET: &str = "the-secret-of-the-webhook-with-more-than-32-characters";
/// The oldest message that is believed, in milliseconds.
const MAX_AGE: i64 = 120_000;

/// What it does once a message has arrived.
#[derive(Clone)]
pub enum Behaviour {
    /// Answers with a status line, further header lines and a body.
    Answer(&'static str, String, String),
    /// Answers nothing at all and keeps the connection.
    Stall,
    /// Begins a good answer and stops in its middle.
    StallInTheBody,
    /// Answers with 20 MiB, without saying how much it will be.
    Flood,
    /// Ends the connection at once.
    HangUp,
}

/// One message as it arrived.
#[derive(Clone)]
pub struct Message {
    /// Request line and headers.
    pub head: String,
    /// The exact body.
    pub body: String,
    /// Why it is not believed, if it is not.
    pub verdict: Result<(), String>,
}

impl Message {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let line = self.head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")))?;
        line.split_once(':').map(|(_, value)| value.trim())
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// The receiver. It dies when dropped.
pub struct Hook {
    peer: Peer,
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    behaviour: Mutex<Behaviour>,
    messages: Mutex<Vec<Message>>,
}

impl Hook {
    /// Starts to listen, and answers every message with the payload `{"plan": "gold"}`. `clock` says how old a message is.
    pub fn start(clock: Arc<dyn Clock>) -> Self {
        let shared = Arc::new(Shared {
            clock,
            behaviour: Mutex::new(payload(&json!({ "plan": "gold" }))),
            messages: Mutex::default(),
        });
        let receiver = Arc::clone(&shared);
        Self { peer: Peer::hearing(move |request, stream| receiver.receive(request, stream)), shared }
    }

    /// Where it is called.
    pub fn url(&self) -> String {
        self.peer.url("/hook")
    }

    /// What it does from now on.
    pub fn set(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().expect("no panic") = behaviour;
    }

    /// Forgets the messages so far.
    pub fn forget(&self) {
        self.shared.messages.lock().expect("no panic").clear();
    }

    /// The messages so far.
    pub fn messages(&self) -> Vec<Message> {
        self.shared.messages.lock().expect("no panic").clone()
    }
}

/// Answers well, with these claims.
pub fn payload(claims: &Value) -> Behaviour {
    answer(&json!({ "message_version": "1.0", "payload": claims, "errors": [], "warnings": [] }))
}

/// Answers with status 200 and this document.
pub fn answer(document: &Value) -> Behaviour {
    Behaviour::Answer("200 OK", "Content-Type: application/json\r\n".to_owned(), document.to_string())
}

impl Shared {
    fn receive(&self, request: &str, stream: &mut TcpStream) {
        let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
        let mut message = Message { head: head.to_owned(), body: body.to_owned(), verdict: Ok(()) };
        message.verdict = self.check(&message);
        let behaviour = self.behaviour.lock().expect("no panic").clone();
        let believed = message.verdict.is_ok();
        self.messages.lock().expect("no panic").push(message);
        if !believed {
            return respond(stream, "401 Unauthorized", "", "");
        }
        match behaviour {
            Behaviour::Answer(status, headers, body) => respond(stream, status, &headers, &body),
            Behaviour::Stall => stall(stream),
            Behaviour::StallInTheBody => {
                let begun = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"message_version\":\"1.0\"";
                let _ = stream.write_all(begun.as_bytes());
                stall(stream);
            }
            Behaviour::Flood => {
                let begun = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
                let block = [b' '; 64 * 1024];
                let _ = begun.and_then(|()| (0..320).try_for_each(|_| stream.write_all(&block)));
            }
            Behaviour::HangUp => {}
        }
    }

    /// What a careful receiver checks, with code that is not the server's.
    fn check(&self, message: &Message) -> Result<(), String> {
        let signature = message.header("x-mosaic-signature").ok_or("no signature")?;
        if signature != hmac(SECRET, &message.body) {
            return Err(format!("{signature} is not the signature"));
        }
        let sent: Value = serde_json::from_str(&message.body).map_err(|error| error.to_string())?;
        let sent = sent["timestamp"].as_str().and_then(millis).ok_or("no timestamp")?;
        let age = self.clock.now_millis() - sent;
        if (0..=MAX_AGE).contains(&age) { Ok(()) } else { Err(format!("it is {age} ms old")) }
    }
}

fn hmac(secret: &str, body: &str) -> String {
    let key = PKey::hmac(secret.as_bytes()).expect("a key");
    let mut signer = Signer::new(MessageDigest::sha256(), &key).expect("a signer");
    let code = signer.sign_oneshot_to_vec(body.as_bytes()).expect("a code");
    code.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Milliseconds since 1970 of `2026-01-31T08:15:00.250Z`.
fn millis(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (time, millis) = time.split_once('.')?;
    let numbers = |text: &str, separator| text.split(separator).map(str::parse).collect::<Result<Vec<i64>, _>>().ok();
    let [year, month, day] = numbers(date, '-')?.try_into().ok()?;
    let [hour, minute, second] = numbers(time, ':')?.try_into().ok()?;
    // Years that begin in March: the odd day is then the last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + millis.parse::<i64>().ok()?)
}

/// Gives an application of the default environment an enrichment webhook with [`SECRET`], in the database that `settings` name.
pub fn install(settings: &BTreeMap<String, String>, application_id: &str, url: &str, on_failure: OnFailure) {
    let settings = load(settings);
    let store = app::open_store(&settings).expect("the database");
    let master_key = app::master_key(&settings.keys, &SystemRandom).expect("the master key");
    let installed: Result<(), StoreError> = store.transact(|conn| {
        let all = environments::all(conn)?;
        let environment = all.iter().map(|stored| &stored.environment).find(|environment| environment.is_default);
        let id = &environment.expect("an environment").id;
        environments::touch(conn, id, 0)?;
        let mut stored = applications::find(conn, id, application_id)?.expect("the application");
        let aad = webhook_secret_aad(id, application_id);
        stored.application.webhook = Some(Webhook {
            url: url.to_owned(),
            on_failure,
            secret_sha256: Secret::new(SECRET).hash(),
            managed_by_file: false,
            sealed_secret: master_key.seal(&SystemRandom, SECRET.as_bytes(), &aad).expect("to seal"),
        });
        applications::upsert(conn, id, &stored.application, stored.origin)
    });
    installed.expect("to install the webhook");
}

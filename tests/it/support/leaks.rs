//! No token, secret or password in any log. Every test looks for them: what is sent and received is remembered here, and so is all
//! that is logged, by servers in this process, by processes and in audit records. A word that is both is a leak, whichever came
//! first, and the next server, process or database that is dropped fails its test.
//!
//! The log of the whole run stays in `target/tmp/logs/it.log`; `scripts/no-secrets-in-logs` looks through it once more, by what
//! secrets look like.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::Write as _,
    sync::{Mutex, MutexGuard, OnceLock},
};

use log::kv::{Key, Value, VisitSource};
use serde_json::Value as Json;

/// The shortest word that is looked for.
const SHORTEST: usize = 16;
/// Parameters whose value is a secret, whatever it looks like.
const SECRET_PARAMETERS: [&str; 7] =
    ["client_secret", "password", "refresh_token", "code", "code_verifier", "assertion", "webauthn_encoded_result"];

/// What a test says in every parameter, secret or not, to see that no answer repeats it.
const MARKER: &str = "Zx9MarkerOfTheCaller";

#[derive(Default)]
struct Seen {
    secrets: HashSet<String>,
    logged: HashSet<String>,
    leaks: Vec<String>,
}

impl Seen {
    fn log(&mut self, text: &str) {
        for word in words(text) {
            if self.secrets.contains(word) {
                self.leaks.push(format!("{word} in {text:?}"));
            } else if !self.logged.contains(word) {
                self.logged.insert(word.to_owned());
            }
        }
    }

    fn remember(&mut self, secret: &str) {
        for word in words(secret) {
            if self.logged.contains(word) {
                self.leaks.push(format!("{word}, which was logged before it was known to be a secret"));
            }
            self.secrets.insert(word.to_owned());
        }
    }
}

fn seen() -> MutexGuard<'static, Seen> {
    static SEEN: OnceLock<Mutex<Seen>> = OnceLock::new();
    SEEN.get_or_init(Mutex::default).lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What secrets and tokens are made of, in one piece: a dot or an equals sign ends a word, so that the parts of a token count alone.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.split(move |c| !is_part(c)).filter(|word| word.len() >= SHORTEST && *word != MARKER)
}

/// Everything that this process logs from now on is looked at, down to the level `trace`. The first call counts.
pub fn watch() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/logs");
        fs::create_dir_all(folder).expect("a folder for the log");
        let file = File::create(format!("{folder}/it.log")).expect("a log file");
        log::set_boxed_logger(Box::new(Collector(Mutex::new(file)))).expect("the only logger of the tests");
        log::set_max_level(log::LevelFilter::Trace);
        // The secrets that the environment files of the tests share.
        for secret in [super::BFF.1, super::CALENDAR.1, super::hook::SECRET] {
            secret_is(secret);
        }
    });
}

struct Collector(Mutex<File>);

impl log::Log for Collector {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        struct Pairs(String);
        impl<'kvs> VisitSource<'kvs> for Pairs {
            fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), log::kv::Error> {
                self.0 += &format!(" {key}={value}");
                Ok(())
            }
        }
        let mut pairs = Pairs(String::new());
        record.key_values().visit(&mut pairs).expect("a visitor that takes everything");
        self.keep(&format!("{} {} {}{}\n", record.level(), record.target(), record.args(), pairs.0));
    }

    fn flush(&self) {}
}

impl Collector {
    fn keep(&self, line: &str) {
        logged(line);
        let mut file = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.write_all(line.as_bytes()).expect("to write the log");
    }
}

/// Looks at what was logged.
fn logged(text: &str) {
    seen().log(text);
}

/// Looks at the log of a process that has ended, and keeps it with the others.
pub fn logged_by_process(text: &str) {
    watch();
    for line in text.lines() {
        log::info!(target: "process", "{line}");
    }
}

/// Looks at audit records, or at anything else that stays.
pub fn recorded(texts: &[String]) {
    texts.iter().for_each(|text| logged(text));
}

/// A secret that a log must not hold.
pub fn secret_is(secret: &str) {
    seen().remember(secret);
}

/// Remembers all tokens and generated secrets in a text: answers, output of commands, bodies.
pub fn secrets_in(text: &str) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    for word in text.split(|c| !is_part(c)) {
        let parts: Vec<&str> = word.split('.').collect();
        // Client secrets, links and request ids, sessions of users, refresh tokens, reset tokens.
        if ["tsk_", "tsl_", "tsq_", "tss_", "tsr_", "tsp_"].iter().any(|prefix| word.starts_with(prefix)) {
            secret_is(word);
        } else if word.starts_with("eyJ") && parts.len() >= 3 {
            // Not the header: it is no secret, and the same for many tokens.
            parts[1..].iter().for_each(|part| secret_is(part));
        }
    }
}

/// Remembers the secrets of an environment file.
pub fn secrets_of_file(toml: &str) {
    for line in toml.lines() {
        // The key of a permission is called the same as that of an application, and is shorter.
        let value = line
            .split_once(" = ")
            .filter(|(name, value)| ["secret", "key"].contains(&name.trim()) && value.trim_matches('"').len() >= 32);
        if let Some((_, value)) = value {
            secret_is(value.trim_matches('"'));
        }
    }
}

/// Remembers what a request gives away.
pub fn sent(request: &reqwest::blocking::Request) {
    for value in request.headers().get_all("authorization") {
        let value = String::from_utf8_lossy(value.as_bytes());
        secrets_in(&value);
        if let Some(credentials) = value.strip_prefix("Basic ") {
            secret_is(credentials);
            basic(credentials);
        }
    }
    let Some(body) = request.body().and_then(|body| body.as_bytes()) else { return };
    form(body);
    secrets_in(&String::from_utf8_lossy(body));
    if let Ok(json) = serde_json::from_slice::<Json>(body) {
        members(&json);
    }
}

fn basic(credentials: &str) {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let decoded = STANDARD.decode(credentials).unwrap_or_default();
    let decoded = String::from_utf8_lossy(&decoded).into_owned();
    if let Some((id, secret)) = decoded.split_once(':').filter(|(id, secret)| id != secret) {
        let plain: String = url::form_urlencoded::parse(secret.as_bytes()).map(|(name, _)| name.into_owned()).collect();
        [secret, &plain].into_iter().filter(|secret| *secret != id).for_each(secret_is);
    }
}

fn form(body: &[u8]) {
    for (name, value) in url::form_urlencoded::parse(body) {
        if SECRET_PARAMETERS.contains(&name.as_ref()) {
            secret_is(&value);
        }
        secrets_in(&value);
    }
}

fn members(json: &Json) {
    match json {
        Json::Object(all) => all.iter().for_each(|(name, value)| match value {
            Json::String(text)
                if ["clientSecret", "secret", "applicationKey", "password", "new_password"]
                    .contains(&name.as_str()) =>
            {
                secret_is(text);
            }
            value => members(value),
        }),
        Json::Array(all) => all.iter().for_each(members),
        Json::String(text) => secrets_in(text),
        _ => {}
    }
}

/// Fails if anything leaked so far, in this test or in one beside it.
pub fn check() {
    let leaks = std::mem::take(&mut seen().leaks);
    assert!(leaks.is_empty() || std::thread::panicking(), "secrets in a log:\n{}", leaks.join("\n"));
}

#[test]
fn a_leak_is_found_whichever_comes_first_the_secret_or_the_line() {
    let leaks = |work: &dyn Fn(&mut Seen)| {
        // Of this test alone, so as not to fail another.
        let mut seen = Seen::default();
        work(&mut seen);
        seen.leaks.len()
    };
    let (secret, token) = ("tsk_0123456789abcdef", "eyJhbGciOiJFUzI1NiJ9.cGF5bG9hZHBheWxvYWQ.c2lnbmF0dXJlc2ln");
    for line in [format!("refused: Some(\"{secret}\")"), format!("client_secret={secret}&x"), format!("[{secret}]")] {
        let (log, remember) = (|seen: &mut Seen| seen.log(&line), |seen: &mut Seen| seen.remember(secret));
        assert_eq!(leaks(&|seen| (log(seen), remember(seen)).0), 1, "{line}");
        assert_eq!(leaks(&|seen| (remember(seen), log(seen)).0), 1, "{line}");
    }
    // A token, or only its signature.
    for line in [token, "signature c2lnbmF0dXJlc2ln"] {
        assert!(leaks(&|seen| (seen.remember(token), seen.log(line)).0) > 0, "{line}");
    }
    assert_eq!(leaks(&|seen| (seen.remember(secret), seen.log("tsk_fedcba9876543210 and jti 0123456789abcdef")).0), 0);
}

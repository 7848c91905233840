//! A real Postgres that goes away, or stands still, under load. Nobody with a good token or secret is told that it is bad, nobody
//! waits without end, and nobody has to do anything for the service to be back.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crate::support::{
    ACCESS_TOKEN, Answer, BFF, CALENDAR, CLIENT_CREDENTIALS, DEMO, EXCHANGE, Engine, Installation, Process,
    cluster::Cluster, eventually,
};

/// The demo's application.
const APPLICATION: &str = "6f4b1a5e-0d3c-4b7e-9a21-5c8d7e6f4a3b";
const SUBJECT_ID: &str = "urn:tessera:params:oauth:token-type:subject-id";
/// How long the database stands still.
const STALL: Duration = Duration::from_secs(10);
/// The longest that a request may take: 2 seconds for a question to the database and 5 for the audit record, and something for a busy
/// machine. Less than the stall: nobody waits for its end.
const LONGEST: Duration = Duration::from_secs(9);
/// The longest that a probe may take.
const LONGEST_PROBE: Duration = Duration::from_secs(4);
/// How soon the service is back.
const BACK: Duration = Duration::from_secs(10);

/// What is asked all the time. All of it is in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Request {
    /// Of a client that is in memory.
    Known,
    /// An exchange of a token that is in memory.
    Exchange,
    /// For a user whom nobody has seen before, and who must be written into the database.
    NewUser,
    /// Of a client that is not in memory at first.
    NewClient,
}

/// One answer, and how long it took.
struct Timed {
    answer: Answer,
    asked: Instant,
    took: Duration,
}

struct World {
    cluster: Cluster,
    server: Process,
    user_token: String,
    /// Users so far.
    users: AtomicUsize,
}

impl World {
    fn start(commit: &str) -> Self {
        let cluster = Cluster::start();
        let mut installation = Installation::new(Engine::Sqlite)
            .with("database.url", &cluster.url())
            .with("audit.commit", commit)
            .with("server.workers", "2")
            // Room for all that a fast machine records during the stall: when it is full, requests are refused, as they should be.
            .with("audit.queue", "1000000")
            .with("database.acquire_timeout_ms", "500")
            .with("database.statement_timeout_ms", "1500")
            .with("log.level", "warn,tessera=info,access=warn");
        installation.cli(&["migrate"]).success();
        installation.apply(DEMO);
        let server = installation.serve();
        let user_token = installation.user_token();
        let world = Self { cluster, server, user_token, users: AtomicUsize::new(0) };
        for request in [Request::Known, Request::Exchange, Request::NewUser] {
            world.ask(request).answer.access_token();
        }
        world
    }

    fn ask(&self, request: Request) -> Timed {
        let exchange = [("grant_type", EXCHANGE), ("subject_token_type", ACCESS_TOKEN), ("audience", "resource-api")];
        let asked = Instant::now();
        let answer = match request {
            Request::Known => self.server.token(BFF, &CLIENT_CREDENTIALS),
            Request::Exchange => {
                let form = [&exchange[..], &[("subject_token", &self.user_token), ("scope", "calendar.edit")]].concat();
                self.server.token(BFF, &form)
            }
            Request::NewClient => self.server.token(CALENDAR, &CLIENT_CREDENTIALS),
            Request::NewUser => {
                let name = format!("user-{}", self.users.fetch_add(1, Ordering::SeqCst));
                let form = [
                    ("grant_type", EXCHANGE),
                    ("subject_token_type", SUBJECT_ID),
                    ("subject_token", &name),
                    ("application_id", APPLICATION),
                ];
                self.server.token(BFF, &form)
            }
        };
        Timed { answer, asked, took: asked.elapsed() }
    }

    /// Asks from several threads while `work` runs; gives every answer.
    fn under_load(&self, work: impl FnOnce()) -> BTreeMap<Request, Vec<Timed>> {
        let (answers, done) = (Mutex::new(BTreeMap::<Request, Vec<Timed>>::new()), AtomicBool::new(false));
        std::thread::scope(|scope| {
            // Of what hangs there are more than there are blocking threads.
            for (request, threads) in [(Request::Known, 2), (Request::Exchange, 2), (Request::NewUser, 6)] {
                for _ in 0..threads {
                    let (answers, done) = (&answers, &done);
                    scope.spawn(move || {
                        while !done.load(Ordering::SeqCst) {
                            let answer = self.ask(request);
                            answers.lock().expect("no panic").entry(request).or_default().push(answer);
                        }
                    });
                }
            }
            let _end = EndOfLoad(&done);
            std::thread::park_timeout(Duration::from_millis(500));
            work();
            // Some of what comes after.
            std::thread::park_timeout(Duration::from_millis(500));
        });
        answers.into_inner().expect("no panic")
    }

    /// Waits until everything works; nobody does anything for it.
    fn is_back(&self) {
        let restored = Instant::now();
        eventually("new clients to be served", BACK, || self.ask(Request::NewClient).answer.status == 200);
        eventually("new users to be served", BACK, || self.ask(Request::NewUser).answer.status == 200);
        eventually("the node to be ready", BACK, || self.server.get("/ready").status == 200);
        println!("back in service after {:?}", restored.elapsed());
    }

    fn probe(&self, path: &str) -> Answer {
        let asked = Instant::now();
        let answer = self.server.get(path);
        assert!(asked.elapsed() < LONGEST_PROBE, "{path} took {:?}", asked.elapsed());
        answer
    }
}

/// Ends the load, also when the test fails meanwhile.
struct EndOfLoad<'a>(&'a AtomicBool);

impl Drop for EndOfLoad<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// All of them are right and in time: a token, or to come back. What was asked is good: any other refusal is a lie.
fn assert_no_wrong_answer(answers: &BTreeMap<Request, Vec<Timed>>) {
    for (request, answers) in answers {
        let longest = answers.iter().map(|timed| timed.took).max().expect("an answer");
        let refused = answers.iter().filter(|timed| timed.answer.status == 503).count();
        println!("{request:?}: {} answers, {refused} to come back, the longest {longest:?}", answers.len());
        for timed in answers {
            match timed.answer.status.as_u16() {
                200 => drop(timed.answer.access_token()),
                _ => {
                    timed.answer.assert_refused(503, "temporarily_unavailable", "temporarily_unavailable");
                    assert_eq!(timed.answer.header("retry-after"), Some("1"));
                }
            }
        }
        assert!(longest < LONGEST, "{request:?} took {longest:?}");
    }
}

fn refused_of(answers: &BTreeMap<Request, Vec<Timed>>, request: Request) -> usize {
    answers[&request].iter().filter(|timed| timed.answer.status != 200).count()
}

#[test]
fn a_database_that_stands_still_makes_nobody_wait_for_long_and_no_good_token_bad() {
    for commit in ["before_response", "after_response"] {
        let world = World::start(commit);
        let mut period = (Instant::now(), Instant::now());
        let answers = world.under_load(|| {
            period.0 = Instant::now();
            let frozen = world.cluster.freeze();
            let mut said_so = None;
            while period.0.elapsed() < STALL {
                assert_eq!(world.probe("/health").status, 200);
                assert!(world.probe("/metrics").text.contains("tessera_audit_outage_seconds"));
                if world.probe("/ready").status == 503 {
                    said_so.get_or_insert_with(|| period.0.elapsed());
                }
                let answer = world.ask(Request::NewClient);
                answer.answer.assert_refused(503, "temporarily_unavailable", "temporarily_unavailable");
                assert!(answer.took < LONGEST, "{:?}", answer.took);
            }
            println!("{commit}: not ready after {:?}", said_so.expect("the node to say that it is not ready"));
            assert_eq!(world.probe("/ready").status, 503, "to its end");
            drop(frozen);
            period.1 = Instant::now();
            world.is_back();
        });
        assert_no_wrong_answer(&answers);
        assert!(refused_of(&answers, Request::NewUser) > 0, "there was a stall");
        if commit == "after_response" {
            let slowest =
                answers[&Request::Exchange].iter().chain(&answers[&Request::Known]).map(|timed| timed.took).max();
            let meanwhile =
                answers[&Request::Exchange].iter().filter(|timed| timed.asked > period.0 && timed.asked < period.1);
            println!("{} exchanges during the stall", meanwhile.count());
            assert_eq!(refused_of(&answers, Request::Known) + refused_of(&answers, Request::Exchange), 0);
            assert!(slowest.expect("an answer") < LONGEST_PROBE, "nothing that is in memory waits: {slowest:?}");
        }
    }
}

#[test]
fn a_restart_of_the_database_under_load_makes_no_good_token_bad() {
    for commit in ["before_response", "after_response"] {
        let world = World::start(commit);
        let answers = world.under_load(|| {
            world.cluster.stop();
            eventually("the node to say that it is not ready", BACK, || world.probe("/ready").status == 503);
            assert_eq!(world.probe("/health").status, 200);
            assert_eq!(world.probe("/metrics").status, 200);
            world.cluster.resume();
            world.is_back();
        });
        assert_no_wrong_answer(&answers);
        assert!(refused_of(&answers, Request::NewUser) > 0, "there was a restart");
        if commit == "after_response" {
            assert_eq!(refused_of(&answers, Request::Known) + refused_of(&answers, Request::Exchange), 0);
        }
    }
}

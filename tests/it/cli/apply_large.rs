//! `tessera apply` of much at once, and beside a server that goes on to serve.

use std::{
    fmt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tessera::{
    app::{self, Sources},
    domain::{
        clock::SystemClock,
        random::{Random, RandomError, SystemRandom},
    },
    operations::{
        apply::{ApplyContext, Change, apply},
        environment_file::EnvironmentFile,
        keys::KeyMaker,
        operator::Operator,
    },
    settings::Settings,
    store::{Conn, Engine as StoreEngine, Store, StoreError, StoreOptions},
};

use crate::{
    both_engines,
    support::{Engine, Installation, leaks},
};

/// A random source that does something at each call, which a command asks for while it plans.
struct Meanwhile<F>(F);

impl<F> fmt::Debug for Meanwhile<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meanwhile")
    }
}

impl<F: Fn() + Send + Sync> Random for Meanwhile<F> {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        (self.0)();
        SystemRandom.fill(bytes)
    }
}

fn client(id: &str, name: &str) -> String {
    format!(
        "[[client]]\nid = \"{id}\"\nname = \"{name}\"\ngrants = [\"client_credentials\"]\n\
         secret = \"a-secret-of-{id}-with-at-least-32-characters\"\n"
    )
}

fn file(clients: impl IntoIterator<Item = String>) -> String {
    format!("[environment]\nname = \"demo\"\n{}", clients.into_iter().collect::<String>())
}

/// `tessera apply` in this process, with another random source.
fn apply_with(installation: &Installation, toml: &str, random: &dyn Random) -> Vec<Change> {
    leaks::secrets_of_file(toml);
    let settings = Settings::load(None, installation.variables().clone().into_iter()).expect("settings");
    let store = app::open_store(&settings).expect("the database");
    let master_key = app::master_key(&settings.keys, &SystemRandom).expect("a master key");
    let file = EnvironmentFile::parse(toml, Path::new("test.toml"), &|_| None).expect("a good file");
    let sources = Sources { clock: Arc::new(SystemClock), random: Arc::new(SystemRandom) };
    let maker = app::key_maker(&settings, &sources, &master_key);
    let keys = KeyMaker { random, operator: Operator { random, ..maker.operator }, ..maker };
    apply(&ApplyContext { store: &store, keys, prune: false, progress: &|_| () }, &file).expect("to apply")
}

#[test]
fn others_write_while_a_file_is_compared_with_the_database() {
    let installation = Installation::new(Engine::Sqlite);
    let mut options = StoreOptions::new(installation.database.url.clone());
    options.statement_timeout = Duration::from_millis(50);
    let others = Store::open(&options).expect("the database");
    assert_eq!(others.engine(), StoreEngine::Sqlite);
    let (looks, locked) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let random = Meanwhile(|| {
        looks.fetch_add(1, Ordering::SeqCst);
        // On SQLite a transaction that can write is the only one.
        let write: Result<(), StoreError> = others.transact(|_: &mut Conn<'_>| Ok(()));
        locked.fetch_add(usize::from(write.is_err()), Ordering::SeqCst);
    });
    let clients = (0..20).map(|number| client(&format!("client-{number}"), "one"));
    let changes = apply_with(&installation, &file(clients), &random);
    assert_eq!(changes.iter().filter(|change| change.kind == "secret of client").count(), 20);
    assert!(looks.load(Ordering::SeqCst) > 20, "each new secret needs an id");
    assert_eq!(locked.load(Ordering::SeqCst), 0, "nothing that takes long happens while the database is locked");
}

both_engines! {
    fn what_somebody_changes_meanwhile_is_compared_again(engine) {
        let installation = Installation::new(engine);
        installation.apply(&file([client("a", "before")]));
        let calls = AtomicUsize::new(0);
        let random = Meanwhile(|| {
            // The first call is for the request's id; by the second one the clients were read.
            if calls.fetch_add(1, Ordering::SeqCst) == 1 {
                installation.apply(&file([client("a", "meanwhile"), client("c", "meanwhile")]));
            }
        });
        let wanted = file([client("a", "before"), client("b", "new")]);
        let changes = apply_with(&installation, &wanted, &random);
        let lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(lines, [
            "~ client c\n    enabled: true -> false (no longer in the file)",
            "~ client a\n    name: \"meanwhile\" -> \"before\"",
            "+ client b",
            "+ secret of client b",
        ]);
        assert!(calls.load(Ordering::SeqCst) > 1, "it was changed meanwhile");
        assert_eq!(installation.apply(&wanted), "nothing to change\n");
        let records = "SELECT count(*) || '' AS value FROM audit_records WHERE record LIKE '%\"client c\"%'";
        assert_eq!(installation.database.value(records), "2", "what was done is recorded, and not what was planned first");
    }
}

#[test]
fn a_large_file_says_how_it_gets_on_and_ends_with_one_line_for_each_kind() {
    let installation = Installation::new(Engine::Sqlite);
    let large = file((0..1200).map(|number| client(&format!("client-{number}"), "one")));
    let name = installation.file("large.toml", &large);
    let plan = installation.cli(&["apply", "--dry-run", name]).success();
    assert!(plan.contains("\n+ client client-1199\n"), "a plan is there to be read: {plan}");
    let done = installation.cli(&["apply", name]);
    let said = done.stderr();
    assert!(said.contains("comparing 1200 blocks with the database\nwriting 2404 changes\n"), "{said}");
    let out = done.success();
    let expected = ["+ 1200 times: client\n+ 1200 times: secret of client\n2404 changed\n"].concat();
    assert!(out.ends_with(&expected) && !out.contains("client-7"), "{out}");
    assert!(out.contains("+ environment demo\n") && out.lines().count() == 7, "what is few is listed: {out}");
    assert_eq!(installation.cli(&["apply", name]).success(), "nothing to change\n");
    let records = "SELECT count(*) || '' AS value FROM audit_records WHERE event = 'management.changed' AND record LIKE '%\"apply\"%'";
    assert_eq!(installation.database.value(records), "2404", "the audit log has each");
}

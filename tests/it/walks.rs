//! The walks of `docs/backend-authentication.md`: each is run as a reader would run it, in a shell, against a server with the demo
//! environment, a mail server and a gateway for text messages.

use std::{collections::BTreeMap, path::Path, process::Command};

use crate::support::{
    Engine, Installation, Process, leaks,
    mails::MailServer,
    sources::{read, root},
    texts,
};

const PAGE: &str = "docs/backend-authentication.md";

/// A test for each way to sign in that the contract has (§2, §3 and §7), by the title of its walk.
macro_rules! walks {
    ($( $name:ident = $title:literal; )+) => {
        const TITLES: &[&str] = &[$($title),+];

        $(
            #[test]
            fn $name() {
                walk($title);
            }
        )+
    };
}

walks! {
    password = "password";
    password_reset = "password reset";
    magic_link = "magic link";
    email_otp = "e-mail OTP";
    sms_otp = "SMS OTP";
    direct_otp = "direct OTP";
    totp = "TOTP";
    signed_transaction = "signed transaction";
    passkey = "passkey";
    sessions = "sessions and single sign-on";
    refresh = "refresh";
    users = "users";
}

/// The scripts of the page, by the titles of their walks.
fn scripts() -> BTreeMap<String, String> {
    let page = read(PAGE);
    let mut found = BTreeMap::new();
    for section in page.split("\n## ").skip(1) {
        let (title, text) = section.split_once('\n').expect("a heading and its section");
        let Some(title) = title.strip_prefix("Walk: ") else { continue };
        let blocks =
            text.split("\n```sh\n").skip(1).map(|rest| rest.split("\n```").next().expect("the end of a block"));
        let script = blocks.collect::<Vec<_>>().join("\n");
        assert!(!script.is_empty(), "the walk {title:?} has nothing to run");
        assert!(found.insert(title.to_owned(), script).is_none(), "two walks are called {title:?}");
    }
    found
}

fn walk(title: &str) {
    let scripts = scripts();
    let script = scripts.get(title).unwrap_or_else(|| panic!("{PAGE} has no section \"## Walk: {title}\""));
    let folder = tempfile::tempdir().expect("a folder");
    let [mails, messages] = ["mails", "texts"].map(|name| {
        let folder = folder.path().join(name);
        std::fs::create_dir(&folder).expect("a folder");
        folder
    });
    let mail_server = MailServer::keeping_in(&mails);
    let gateway = texts::keeping_in(&messages);
    let port = mail_server.port().to_string();
    // The command itself and the real time: codes of authenticator apps go by it.
    let mut installation = Installation::demo(Engine::Sqlite)
        .with("email.host", "127.0.0.1")
        .with("email.port", &port)
        .with("email.security", "none")
        .with("email.from_address", "login@demo.example")
        .with("sms.url", &gateway.url("/messages"))
        .with("sms.body", texts::TEMPLATE)
        .with("outbound.plain_http_to_loopback", "true");
    let server = installation.serve();
    run(&server, script, [&mails, &messages]);
}

/// Under the shell that readers have, stopping at the first command that fails.
fn run(server: &Process, script: &str, [mails, texts]: [&Path; 2]) {
    let done = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        // Some run files of the repository, as readers do from a clone.
        .current_dir(root())
        .env("TESSERA", server.at(""))
        .env("MAILS", mails)
        .env("TEXTS", texts)
        .output()
        .expect("bash");
    let [out, err] = [&done.stdout, &done.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    leaks::secrets_in(&out);
    let log = server.stderr.text();
    assert!(done.status.success(), "{}\n--- stdout\n{out}\n--- stderr\n{err}\n--- log\n{log}", done.status);
}

#[test]
fn every_walk_is_run_and_every_method_has_one() {
    let found: Vec<String> = scripts().into_keys().collect();
    let mut expected: Vec<&str> = TITLES.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn walks_begin_with_a_token_and_fail_loudly() {
    for (title, script) in scripts() {
        assert!(script.contains("$TESSERA/token"), "{title} does not begin with a token");
        // Otherwise a refusal would go into the next command, or nowhere.
        assert!(script.contains("--fail-with-body"), "{title} never looks at the status");
    }
}

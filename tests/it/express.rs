//! The example in Express, as its page says to start it: without a mail server, and to the end. Packages are stand-ins
//! (`express/stand_ins/`), as the tests ask no registry; `make interop` has the real ones, and a browser.

use std::{fs, path::Path, process::Command, sync::Mutex, time::Duration};

use reqwest::{blocking::Client, redirect};
use serde_json::Value;
use tessera::domain::clock::{Clock as _, SystemClock};

use crate::support::{
    Answer, Process,
    authenticator_app::AuthenticatorApp,
    cli::tessera,
    eventually,
    sources::{files, read, root},
};

const FOLDER: &str = "docs/examples/express";
const ACCOUNT: [(&str, &str); 2] = [("email", "ada@mail.example"), ("password", "a bicycle made of rhubarb")];

/// `npm`, as far as the page uses it.
const NPM: &str = r#"#!/bin/sh
set -eu
case "$1" in
ci)
    for name in express jose; do
        mkdir -p "node_modules/$name"
        cp "$STAND_INS/$name.js" "node_modules/$name/index.js"
        printf '{"type":"module","main":"index.js"}' >"node_modules/$name/package.json"
    done
    ;;
start) exec node server.js ;;
esac
"#;

/// What the page has one type into each of the two terminals.
fn terminals() -> [String; 2] {
    let page = read(&format!("{FOLDER}/README.md"));
    let block = page.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    let (first, second) = block.split_once("# In another one").expect("two terminals");
    // Somebody may have the port already.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).expect("a port").port();
    [first.to_owned(), format!("# In another one{second}")].map(|typed| typed.replace("2525", &port.to_string()))
}

/// Types it into a shell, whose place the last command takes: so it ends with the test.
fn shell(script: &str, folder: &Path) -> Command {
    let (before, last) = script.trim_end().rsplit_once('\n').expect("a comment and a command");
    let mut command = Command::new("sh");
    command.args(["-euc", &format!("{before}\nexec env {last}")]).current_dir(folder);
    let path = std::env::var("PATH").expect("PATH");
    command.env("PATH", format!("{}:{path}", folder.join("bin").display()));
    command.env("STAND_INS", root().join("tests/it/express/stand_ins"));
    command
}

/// A clone with the example, and `bin` with what the page calls.
fn clone() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for file in files(FOLDER, "").into_iter().filter(|file| !file.contains("node_modules")) {
        let copy = folder.path().join(&file);
        fs::create_dir_all(copy.parent().expect("a folder")).expect("to make a folder");
        fs::copy(root().join(&file), copy).expect("to copy");
    }
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).expect("to make a folder");
    std::os::unix::fs::symlink(tessera().get_program(), bin.join("tessera")).expect("to link");
    fs::write(bin.join("npm"), NPM).expect("to write");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(bin.join("npm"), mode).expect("to make it a program");
    folder
}

/// A browser with one cookie.
struct Browser {
    client: Client,
    origin: String,
    cookie: Mutex<String>,
}

impl Browser {
    fn at(origin: String) -> Self {
        let client = Client::builder().redirect(redirect::Policy::none()).build().expect("an HTTP client");
        Self { client, origin, cookie: Mutex::default() }
    }

    fn send(&self, request: reqwest::blocking::RequestBuilder) -> Answer {
        let mut cookie = self.cookie.lock().expect("no panic");
        let request = request.header("cookie", cookie.as_str()).header("sec-fetch-site", "same-origin");
        let answer = Answer::to(request);
        if let Some(set) = answer.header("set-cookie") {
            set.split(';').next().unwrap_or_default().clone_into(&mut cookie);
        }
        answer
    }

    fn get(&self, path: &str) -> Answer {
        self.send(self.client.get(format!("{}{path}", self.origin)))
    }

    fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(self.client.post(format!("{}{path}", self.origin)).form(form))
    }

    /// A form that leads on to another page.
    #[track_caller]
    fn leads(&self, path: &str, form: &[(&str, &str)], to: &str) {
        let answer = self.post(path, form);
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, Some(to)), "{path}: {}", answer.text);
    }

    #[track_caller]
    fn is_sent(&self, path: &str, to: &str) {
        let answer = self.get(path);
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, Some(to)), "{path}: {}", answer.text);
    }

    /// The claims that the home page shows.
    #[track_caller]
    fn claims(&self) -> Value {
        let answer = self.get("/");
        assert_eq!(answer.status, 200, "{}", answer.text);
        serde_json::from_str(&element(&answer.text, "claims")).expect("claims")
    }
}

/// The text of the element with that id.
fn element(page: &str, id: &str) -> String {
    let text = page.split_once(&format!("id=\"{id}\">")).and_then(|(_, rest)| rest.split('<').next());
    let text = text.unwrap_or_else(|| panic!("no {id} in {page}"));
    text.replace("&#34;", "\"").replace("&#38;", "&").replace("&#39;", "'")
}

#[test]
fn the_example_is_walked_to_its_end_as_printed() {
    let folder = clone();
    let [first, second] = terminals();
    let mut command = shell(&first, folder.path());
    command.env("TESSERA__SERVER__LISTEN", "127.0.0.1:0");
    let server = Process::start(command);
    let issuer = || {
        let said = server.stdout.text();
        let (_, after) = said.split_once("the demo environment at ")?;
        Some(after.split_once(" (Ctrl-C")?.0.to_owned())
    };
    eventually("the server to listen", Duration::from_secs(60), || issuer().is_some());
    let mut command = shell(&second, folder.path());
    command.env("ISSUER", issuer().expect("listening")).env("PORT", "0");
    let application = Process::start(command);
    let origin = || application.stdout.text().lines().find(|line| line.starts_with("http://")).map(str::to_owned);
    eventually("the application to listen", Duration::from_secs(60), || origin().is_some());
    let browser = Browser::at(origin().expect("listening"));

    browser.is_sent("/", "/login");
    browser.leads("/signup", &ACCOUNT, "/login");
    let wrong = browser.post("/login", &[ACCOUNT[0], ("password", "not this one")]);
    assert_eq!(wrong.status, 401, "{}", wrong.text);
    browser.leads("/login", &ACCOUNT, "/");
    browser.is_sent("/", "/mfa");

    let sent = browser.post("/mfa/email/send", &[]);
    assert_eq!(sent.status, 200, "{}\n{}", sent.text, server.stderr.text());
    let code = || {
        let printed = application.stdout.text();
        printed.split_once("ada@mail.example: ").and_then(|(_, rest)| Some(rest.get(..6)?.to_owned()))
    };
    eventually("the code to be printed", Duration::from_secs(60), || code().is_some());
    browser.leads("/mfa/email", &[("code", &code().expect("printed"))], "/");
    let claims = browser.claims();
    assert_eq!(claims["amr"], serde_json::json!(["pwd", "eotp", "mfa"]), "{claims}");
    assert_eq!((&claims["email"], &claims["aud"]), (&ACCOUNT[0].1.into(), &"web-backend".into()));
    browser.leads("/session/check", &[], "/");
    assert_eq!(browser.claims()["sid"], claims["sid"], "the same login session");

    let page = browser.post("/totp", &[]);
    let app = AuthenticatorApp::of_uri(&element(&page.text, "totp"));
    browser.leads("/logout", &[], "/login");
    browser.is_sent("/", "/login");
    browser.leads("/login", &ACCOUNT, "/");
    let shown = app.code_at(SystemClock.now());
    browser.leads("/mfa/totp", &[("code", &shown)], "/");
    assert_eq!(browser.claims()["amr"], serde_json::json!(["pwd", "totp", "mfa"]));

    let forged = browser.post("/backchannel-logout", &[("logout_token", "eyJhbGciOiJub25lIn0.e30.")]);
    assert_eq!(forged.status, 400, "{}", forged.text);
    browser.leads("/logout", &[], "/login");
    browser.is_sent("/", "/login");
}

//! Names of users that look alike, and changes of a user at the same moment.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use super::{
    delegated::{APP, ENVIRONMENT, SIGN_IN, claims, delegate, rows, server},
    forged::path_of,
};
use crate::{
    both_engines,
    support::{
        Answer, EXCHANGE, Engine, TestServer,
        tokens::{SUBJECT_ID, verify_of},
    },
};

/// No two of them are one name: nothing is folded, trimmed or normalised, whatever a database makes of letters.
const LOOK_ALIKES: [&str; 31] = [
    "ada",
    "Ada",
    "ADA",
    "ada ",
    " ada",
    "ada  ",
    "ad\u{430}",
    "ada\u{200b}",
    "\u{feff}ada",
    "ada\u{202e}",
    "ada\u{2028}",
    "ａｄａ",
    "ada\u{a0}",
    "é",
    "e\u{301}",
    "É",
    "ß",
    "ss",
    "ẞ",
    "ﬁ",
    "fi",
    "İ",
    "i\u{307}",
    "I",
    "ı",
    "%",
    "_",
    "\\",
    "'",
    "\"",
    "🦀",
];

both_engines! {
    fn names_that_look_alike_are_different_users(engine) {
        let server = server(engine);
        let log_in = |server: &TestServer, name: &str| claims(server, &delegate(server, SIGN_IN, name, &[]))["sub"].to_string();
        let users: Vec<String> = LOOK_ALIKES.iter().map(|name| log_in(&server, name)).collect();
        assert_eq!(users.iter().collect::<BTreeSet<_>>().len(), LOOK_ALIKES.len());
        assert_eq!(rows(&server, "users"), LOOK_ALIKES.len().to_string());
        // A node that has to ask the database finds the same.
        let node = server.another_node();
        let found: Vec<String> = LOOK_ALIKES.iter().map(|name| log_in(&node, name)).collect();
        assert_eq!(users, found);
    }

    fn profile_identifiers_that_look_alike_are_different_profiles(engine) {
        let server = server(engine);
        let log_in = |server: &TestServer, name: &str| {
            claims(server, &delegate(server, SIGN_IN, "ada", &[("unique_profile_identifier", name)]))["profileId"].to_string()
        };
        let profiles: Vec<String> = LOOK_ALIKES.iter().map(|name| log_in(&server, name)).collect();
        assert_eq!(profiles.iter().collect::<BTreeSet<_>>().len(), LOOK_ALIKES.len());
        let node = server.another_node();
        assert_eq!(profiles, LOOK_ALIKES.iter().map(|name| log_in(&node, name)).collect::<Vec<_>>());
        assert_eq!(rows(&server, "users"), "1");
    }

    // Of bytes, which both databases and the indexes count, not of letters.
    fn a_name_has_at_most_255_bytes_and_no_control_characters(engine) {
        let server = server(engine);
        for good in ["x".repeat(255), "é".repeat(127) + "x", "🦀".repeat(63) + "xyz"] {
            let profile = [("unique_profile_identifier", &good[..good.len() - 3])];
            claims(&server, &delegate(&server, SIGN_IN, &good, &profile[..usize::from(good.is_ascii())]));
        }
        let long = ["x".repeat(256), "é".repeat(128), "🦀".repeat(64)];
        let control = ["a\u{7f}", "a\u{85}", "a\r", "\t", "a\u{1b}[31m"].map(str::to_owned);
        for bad in long.iter().chain(&control) {
            let refused = [
                delegate(&server, SIGN_IN, bad, &[]),
                delegate(&server, SIGN_IN, "ada", &[("unique_profile_identifier", bad)]),
                delegate(&server, SIGN_IN, "ada", &[("name", bad)]),
                delegate(&server, SIGN_IN, "ada", &[("email", bad)]),
            ];
            for answer in refused {
                server.assert_refused(&answer, "invalid_request", "invalid_parameter");
            }
        }
        for bad in ["\0", "a\0"] {
            delegate(&server, SIGN_IN, bad, &[]).assert_refused(400, "invalid_request", "malformed_body");
        }
        assert_eq!(rows(&server, "users"), "3");
    }

    // One server, one memory of the process, the same names everywhere.
    fn users_of_one_name_in_two_environments_are_strangers(engine) {
        let server = server(engine);
        let other_app = "00000000-0000-4000-8000-000000000001";
        let other = ENVIRONMENT.replacen("name = \"delegated\"", "name = \"other\"\ntenant = \"another\"", 1);
        let other = other.replace(APP, other_app).replace("1b7e8a3f-", "00000000-");
        server.apply(&other);
        let path = path_of(&server, "other");
        let post = |application_id: &str, more: &[(&str, &str)]| {
            let request = server.request(Method::POST, &format!("{path}/token")).basic_auth(SIGN_IN.0, Some(SIGN_IN.1));
            let form = [("grant_type", EXCHANGE), ("subject_token", "ada"), ("subject_token_type", SUBJECT_ID)];
            Answer::to(request.form(&[&form[..], &[("application_id", application_id)], more].concat()))
        };
        server.eventually("the environment is served", || post(APP, &[]).json()["error_code"] == "application_not_active");
        let there = |more: &[(&str, &str)]| {
            let audience = format!("{}{path}", server.url);
            verify_of(&server, &path, &post(other_app, more).access_token(), &audience)
        };
        let here = |more: &[(&str, &str)]| claims(&server, &delegate(&server, SIGN_IN, "ada", more));
        let (ours, theirs) = (here(&[("name", "Ada")]), there(&[("name", "Countess")]));
        for (round, ours_again, theirs_again) in [(1, here(&[]), there(&[])), (2, here(&[]), there(&[]))] {
            for name in ["sub", "profileId", "name", "tenantId", "environmentId"] {
                assert_ne!(ours[name], theirs[name], "{name}");
                assert_eq!((&ours_again[name], &theirs_again[name]), (&ours[name], &theirs[name]), "{name} in round {round}");
            }
        }
        server.database.execute(&format!(
            "UPDATE users SET enabled = (1 = 0) WHERE id = {}; UPDATE environments SET users_version = users_version + 1",
            theirs["sub"].to_string().replace('"', "'"),
        ));
        server.eventually("the other one is off", || post(other_app, &[]).status == 400);
        assert_eq!(here(&[])["sub"], ours["sub"]);
    }
}

// On SQLite writers come one after the other from the start. Here the login has read the user when the other change commits,
// and waits for it before it writes: what it read then is old.
#[test]
fn a_login_that_brings_a_new_name_does_not_undo_a_change_at_the_same_moment() {
    let server = server(Engine::Postgres);
    let log_in = |name: &str| delegate(&server, SIGN_IN, "ada", &[("name", name)]);
    let first = claims(&server, &log_in("Ada"));
    let ada = first["sub"].as_str().expect("sub");
    let kids = claims(&server, &delegate(&server, SIGN_IN, "ada", &[("unique_profile_identifier", "kids")]));
    let meanwhile = |name: &str, change: &str| -> Answer {
        let other = server.database.begin(&format!(
            "UPDATE environments SET users_version = users_version + 1; UPDATE users SET {change} WHERE id = '{ada}'"
        ));
        std::thread::scope(|scope| {
            let login = scope.spawn(|| log_in(name));
            server.eventually("the login waits", || server.database.somebody_waits());
            other.commit();
            login.join().expect("an answer")
        })
    };
    let kept = || server.database.texts("SELECT name || ' ' || COALESCE(email, 'none') AS text FROM users");

    let answer = meanwhile(
        "Countess",
        &format!("email = 'ada@example.com', active_profile_id = {}", quoted(&kids["profileId"])),
    );
    let claims = claims(&server, &answer);
    assert_eq!((&claims["email"], &claims["profileId"]), (&"ada@example.com".into(), &kids["profileId"]));
    assert_eq!(kept(), ["Countess ada@example.com"]);

    server.assert_subject_refused(&meanwhile("Lady", "name = 'Ada', enabled = false"), "the user is disabled");
    assert_eq!(kept(), ["Ada ada@example.com"], "a disabled user stays as it is");
    assert_eq!(server.database.texts("SELECT CAST(enabled AS TEXT) AS text FROM users"), ["false"]);
}

fn quoted(text: &Value) -> String {
    text.to_string().replace('"', "'")
}

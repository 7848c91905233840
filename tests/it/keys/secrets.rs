//! Two secrets of a service account, and what is known of their use.

use tessera::domain::{clock::Clock as _, timestamp::iso_8601_seconds};

use crate::{
    both_engines,
    support::{BFF, CALENDAR, CLIENT_CREDENTIALS, DEMO, Installation, TestServer},
};

/// The columns of each secret that `service-account secrets` shows.
fn secrets(server: &TestServer, id: &str) -> Vec<Vec<String>> {
    let printed = server.cli(&["service-account", "secrets", id]).success();
    printed.lines().map(|line| line.split("  ").map(str::to_owned).collect()).collect()
}

fn secret_in(printed: &str) -> String {
    printed.lines().find_map(|line| line.strip_prefix("client_secret=")).expect("a secret").to_owned()
}

/// That of the file first: two may have been made in the same second.
fn last_used(server: &TestServer, id: &str) -> Vec<String> {
    server.database.texts(&format!(
        "SELECT COALESCE(CAST(last_used_at AS TEXT), 'never') AS text FROM client_secrets WHERE client_id = '{id}' \
         ORDER BY origin, created_at, id"
    ))
}

fn works(server: &TestServer, secret: &str) -> bool {
    server.token((BFF.0, secret), &CLIENT_CREDENTIALS).status == 200
}

both_engines! {
    /// The whole replacement: a second one, in use, then the first ends.
    fn a_second_secret_takes_the_place_of_the_first_without_an_outage(engine) {
        let server = TestServer::start(engine);
        let new = secret_in(&server.cli(&["service-account", "add-secret", BFF.0]).success());
        server.eventually("the second to work", || works(&server, &new));
        assert!(works(&server, BFF.1));

        let shown = secrets(&server, BFF.0);
        assert_eq!(shown.len(), 2);
        for columns in &shown {
            assert_eq!((columns[1].as_str(), columns[3].as_str()), ("active", "last used never"), "{columns:?}");
            assert!(columns[2].starts_with("created 20"), "{columns:?}");
        }
        let said = server.cli(&["service-account", "add-secret", BFF.0]).failure(5);
        assert!(said.contains("no third") && said.contains("expire-secret"), "{said}");
        assert_eq!(secrets(&server, BFF.0), shown, "nothing was made");

        let old = server.database.value("SELECT id AS value FROM client_secrets WHERE client_id = 'bff' AND origin = 'file'");
        assert!(shown.iter().any(|columns| columns[0] == old));
        server.cli(&["service-account", "expire-secret", BFF.0, &old]).success();
        server.eventually("the first to end", || !works(&server, BFF.1));
        assert!(works(&server, &new));
        server.token(BFF, &CLIENT_CREDENTIALS).assert_refused(401, "invalid_client", "client_authentication_failed");
        for columns in secrets(&server, BFF.0) {
            assert_eq!(columns[1], if columns[0] == old { "expired" } else { "active" });
        }
        assert!(server.apply(DEMO).is_empty(), "the file's secret does not come back");
        assert!(!works(&server, BFF.1));
        let third = server.cli(&["service-account", "add-secret", BFF.0, "--expires-in", "3600"]).success();
        assert_eq!(secrets(&server, BFF.0).len(), 3, "{third}");
    }

    fn a_secret_can_be_kept_for_a_while_and_never_for_longer_than_it_has(engine) {
        let server = TestServer::start(engine);
        let id = secrets(&server, BFF.0)[0][0].clone();
        let expire = |keep: &str| server.cli(&["service-account", "expire-secret", BFF.0, &id, "--keep", keep]).success();
        let until = || server.database.value("SELECT CAST(expires_at AS TEXT) AS value FROM client_secrets WHERE client_id = 'bff'");
        let shown = expire("3600");
        let first: i64 = until().parse().expect("a time");
        assert!(shown.contains(&format!("{id}  active until {}", iso_8601_seconds(first))), "{shown}");
        expire("7200");
        assert_eq!(until(), first.to_string(), "it is not made good for longer");
        server.clock.advance(3700);
        server.eventually("it to expire", || !works(&server, BFF.1));
    }

    fn what_is_not_there_is_refused_by_name_and_changes_nothing(engine) {
        let installation = Installation::demo(engine);
        let run = |arguments: &[&str]| installation.cli(&[&["service-account"], arguments].concat()).failure(5);
        for command in [&["secrets", "nobody"][..], &["add-secret", "nobody"]] {
            let said = run(command);
            assert!(said.contains("no service account \"nobody\"") && said.contains("service-account list"), "{said}");
        }
        let said = run(&["expire-secret", "bff", "-no-such-secret"]);
        assert!(said.contains("has no secret \"-no-such-secret\""), "{said}");
        // That of another account is none of this one's.
        let of_other = installation.database.value("SELECT id AS value FROM client_secrets WHERE client_id = 'calendar-service'");
        let said = run(&["expire-secret", "bff", &of_other]);
        assert!(said.contains("has no secret"), "{said}");
        let expiring = installation.database.value("SELECT CAST(COUNT(*) AS TEXT) AS value FROM client_secrets WHERE expires_at IS NOT NULL");
        assert_eq!(expiring, "0");
    }

    fn uses_are_written_once_a_minute_for_the_secret_that_was_used(engine) {
        let server = TestServer::start(engine);
        let new = secret_in(&server.cli(&["service-account", "add-secret", CALENDAR.0]).success());
        server.eventually("the second to work", || {
            server.token((CALENDAR.0, &new), &CLIENT_CREDENTIALS).status == 200
        });
        server.token(BFF, &CLIENT_CREDENTIALS).access_token();
        let used_at = server.clock.now().to_string();
        server.token(("bff", "not-its-secret-but-long-enough"), &CLIENT_CREDENTIALS)
            .assert_refused(401, "invalid_client", "client_authentication_failed");
        assert_eq!(last_used(&server, "bff"), ["never"], "no request writes");
        server.clock.advance(60);
        server.eventually("the uses to be written", || last_used(&server, "bff") == [used_at.clone()]);
        assert_eq!(last_used(&server, CALENDAR.0), ["never".to_owned(), used_at.clone()], "the other one was not used");
        let columns = secrets(&server, "bff").remove(0);
        assert_eq!(columns[3], format!("last used {}", iso_8601_seconds(used_at.parse().expect("a time"))));

        // A change of the environment exchanges the memory of clients; what was noted before it is not lost.
        server.clock.advance(30);
        server.token(BFF, &CLIENT_CREDENTIALS).access_token();
        let used_at = server.clock.now().to_string();
        server.apply(&DEMO.replace("id = \"calendar-service\"", "id = \"calendar-service\"\nenabled = false"));
        server.eventually("the change to be known", || server.token(CALENDAR, &CLIENT_CREDENTIALS).status == 401);
        server.clock.advance(60);
        server.eventually("the use to be written", || last_used(&server, "bff") == [used_at.clone()]);
    }

    fn what_was_used_last_is_written_when_the_server_stops(engine) {
        let mut installation = Installation::demo(engine);
        let mut server = installation.serve();
        server.token(BFF, &CLIENT_CREDENTIALS).access_token();
        server.signal("TERM");
        assert!(server.wait().success());
        let used = installation.database.texts("SELECT client_id AS text FROM client_secrets WHERE last_used_at IS NOT NULL");
        assert_eq!(used, ["bff"]);
    }

    fn a_secret_in_use_that_expires_soon_is_warned_of_once_a_day_by_one_node(engine) {
        let installation = Installation::demo(engine);
        installation.cli(&["service-account", "add-secret", "bff", "--expires-in", "864000"]).success();
        let now = tessera::domain::clock::SystemClock.now();
        // Used yesterday; the other one too, which never expires.
        installation.database.execute(&format!("UPDATE client_secrets SET last_used_at = {}", now - 86_400));
        let id = installation.database.value("SELECT id AS value FROM client_secrets WHERE expires_at IS NOT NULL");
        let lease = || installation.database.texts("SELECT holder AS text FROM leases WHERE name = 'secret-expiry-warnings'");
        assert!(lease().is_empty());
        let one = crate::support::Process::start(installation.command(&["serve"]));
        let warning = format!("environment demo: secret {id} of service account bff expires at ");
        crate::support::eventually("the warning", std::time::Duration::from_secs(30), || {
            one.stderr.text().contains(&warning)
        });
        let holder = lease();
        assert_eq!(one.stderr.text().matches("expires at").count(), 1, "{}", one.stderr.text());

        // A node that starts on the same day asks, and stays silent; when it has stopped, it has asked.
        let mut two = crate::support::Process::start(installation.command(&["serve"]));
        let key = "SELECT CAST(COUNT(*) AS TEXT) AS value FROM client_secrets WHERE last_used_at >= ";
        two.token(BFF, &CLIENT_CREDENTIALS).access_token();
        two.signal("TERM");
        assert!(two.wait().success());
        assert_eq!(installation.database.value(&format!("{key}{now}")), "1", "its upkeep ran");
        assert!(!two.stderr.text().contains(&warning), "{}", two.stderr.text());
        assert_eq!(lease(), holder);
    }
}

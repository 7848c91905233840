//! `tessera apply --replay`.

use serde_json::json;

use crate::{
    both_engines,
    support::{
        DEMO, TestServer,
        forge::{Forge, claims, with},
        tokens::{exchange, exchange_as},
    },
};

const WEB: &str = "6f4b1a5e-0d3c-4b7e-9a21-5c8d7e6f4a3b";
const REPORTS: &str = r#"
[[exchange_rule]]
name = "the bff reads reports"
client = "bff"
subject = { audience = "bff-api" }
audience = ["reports-api"]
grant_scopes = ["reports.read"]
"#;

/// The demo without its tests, which hold the rules to what they are.
fn demo() -> &'static str {
    DEMO.split("# --- Tests").next().expect("a part")
}

both_engines! {
    fn a_replay_says_what_a_changed_file_would_refuse_and_allow_and_what_it_cannot_say(engine) {
        let server = TestServer::start(engine);
        let good = claims(&server, "bff-api", WEB, "calendar.read profile");
        let token = Forge::of(&server).token(&with(&good, &json!({ "user-id": "7" })));
        let target = |audience, scope| [("audience", audience), ("scope", scope)];
        for _ in 0..3 {
            exchange(&server, &token, &target("resource-api", "calendar.edit")).access_token();
        }
        let kept = exchange(&server, &token, &target("resource-api", "calendar.read"));
        kept.access_token();
        for _ in 0..2 {
            exchange(&server, &token, &target("reports-api", "reports.read"));
        }
        exchange(&server, "rubbish", &target("resource-api", "calendar.edit"));
        let recorded = server.record_of(&kept);
        assert_eq!(recorded["request"]["subject"]["scope"], "calendar.read profile", "{recorded}");
        assert!(!recorded.to_string().contains("eyJ"), "{recorded}");

        let folder = server.database.folder();
        let replay = |toml: &str, more: &[&str]| {
            std::fs::write(folder.join("changed.toml"), toml).expect("a file");
            server.cli(&[&["apply", "changed.toml", "--replay", "1"], more].concat()).success()
        };
        let said = replay(DEMO, &["--dry-run"]);
        assert_eq!(said, "replay of the exchanges of the last 1 days:\n  6 would be answered alike\n  \
                          1 were refused before any rule was asked\nnothing to change; nothing was changed (dry run)\n"
            .replace("; nothing was changed (dry run)", ""));

        let changed = demo().replace("grant_scopes = [\"calendar.edit\"] ", "grant_scopes = [] ") + REPORTS;
        let said = replay(&changed, &["--dry-run"]);
        for part in [
            "- 3 would be refused: client \"bff\", subject of \"self\" for bff-api with scope \"calendar.read profile\"; \
             asks for \"resource-api\", scope \"calendar.edit\"\n    now: allowed by \"bff edits calendars for its users\"",
            "    then: refused by \"bff edits calendars for its users\": scope: calendar.edit: not passed",
            "+ 2 would be allowed: client \"bff\"",
            "    now: refused: audience: ",
            "    then: allowed by \"the bff reads reports\" for reports-api, scope \"reports.read\"",
            "  1 would be answered alike\n",
            "  1 were refused before any rule was asked\n",
        ] {
            assert!(said.contains(part), "{part}\n--- is not in\n{said}");
        }
        assert!(!said.contains("user-1"), "who it was is nobody's business here: {said}");
        assert_eq!(replay(&changed, &["--dry-run"]), said, "a dry run changes nothing");

        // A condition on a claim that records do not hold, and a record of an older version.
        let conditional = demo().replace("max_lifetime = 300 ", "when = \"subject['user-id'] == '7'\" # ");
        let said = replay(&conditional, &["--dry-run"]);
        assert!(said.contains("! 6 not replayed: rule \"bff edits calendars for its users\" looks at the claim \"user-id\""), "{said}");
        let shorter = demo().replace("max_lifetime = 300 ", "max_lifetime = 200 # ");
        let said = replay(&shorter, &["--dry-run"]);
        assert!(said.contains("~ 3 would get another token: ") && said.contains("~ 1 would get another token: "), "{said}");
        server.database.execute("UPDATE audit_records SET record = REPLACE(record, '\"request\":', '\"of_old\":') WHERE jti IS NOT NULL");
        let said = replay(&changed, &["--dry-run"]);
        assert!(said.contains("! 4 not replayed: the record holds no request") && said.contains("+ 2 would be allowed"), "{said}");

        // Without --dry-run it is said first, and then done.
        let said = replay(&changed, &[]);
        assert!(said.contains("+ 2 would be allowed") && said.contains("+ exchange rule the bff reads reports\n"), "{said}");
        let said = replay(&changed, &[]);
        assert!(said.contains("  2 would be answered alike\n") && said.ends_with("nothing to change\n"), "{said}");
    }

    fn a_replay_is_of_one_environment_and_of_exchanges_only(engine) {
        let server = TestServer::start(engine);
        server.token(crate::support::BFF, &crate::support::CLIENT_CREDENTIALS).access_token();
        exchange_as(&server, ("bff", "wrong"), "x", &[]);
        let other = demo().replace("name = \"demo\"", "name = \"other\"").replace("id = \"6f4b1a5e", "# id = \"6f4b1a5e");
        std::fs::write(server.database.folder().join("other.toml"), other).expect("a file");
        let said = server.cli(&["apply", "other.toml", "--dry-run", "--replay", "30"]).success();
        assert!(said.contains("  0 would be answered alike\n  0 were refused before"), "{said}");
        std::fs::write(server.database.folder().join("demo.toml"), DEMO).expect("a file");
        let said = server.cli(&["apply", "demo.toml", "--dry-run", "--replay", "30"]).success();
        assert!(said.contains("  0 would be answered alike\n  1 were refused before"), "{said}");
        assert!(server.cli(&["apply", "demo.toml", "--replay", "0"]).failure(2).contains("0 is not in"), "no days at all");
    }
}

//! `tessera keys`: what it prints and what it refuses, on a server that runs.

use tessera::domain::timestamp::iso_8601_seconds;

use crate::{
    both_engines,
    support::{
        BFF, CLIENT_CREDENTIALS, Engine, Installation, TestServer,
        tokens::{exchange, user_token},
    },
};

/// The ids that are published of keys for ES256, the default here, in order. There is one for RS256 besides.
fn published(server: &TestServer) -> Vec<String> {
    let keys = server.get("/.well-known/jwks.json").json();
    let keys = keys["keys"].as_array().expect("keys");
    let signing = keys.iter().filter(|key| key["alg"] == "ES256");
    signing.map(|key| key["kid"].as_str().expect("kid").to_owned()).collect()
}

/// The id of the key that signs.
fn signing(server: &TestServer) -> String {
    let token = server.token(BFF, &CLIENT_CREDENTIALS).access_token();
    jsonwebtoken::decode_header(&token).expect("a header").kid.expect("kid")
}

both_engines! {
    fn the_list_says_what_each_key_does(engine) {
        let installation = Installation::demo(engine);
        let list = installation.cli(&["keys", "list"]).success();
        let lines: Vec<&str> = list.lines().collect();
        assert!(lines[0].starts_with("environment demo ("), "{list}");
        let mut keys: Vec<(&str, &str)> =
            lines[1..].iter().map(|line| line.split_once("  ").expect("two columns")).collect();
        keys.sort_by_key(|(_, state)| *state);
        for ((_, state), alg) in keys.iter().zip(["ES256", "RS256"]) {
            assert!(state.starts_with(&format!("{alg}  active  -  tokens until 20")), "{list}");
        }
        let kid = keys[0].0;
        assert_eq!(kid.len(), 43, "an RFC 7638 thumbprint");

        let rotated = installation.cli(&["keys", "rotate"]).success();
        assert!(rotated.contains("  ES256  published, signs in 305 s  20"), "{rotated}");
        assert!(rotated.ends_with("Z  no tokens\n"), "{rotated}");
        let list = installation.cli(&["keys", "list"]).success();
        assert!(list.contains(&format!("{kid}  ES256  active, retires in 30")), "{list}");
        assert!(list.contains("  ES256  published, signs in 30"), "{list}");
        // The last token is made in the second before it retires, and lives as long as the demo's do.
        let retires_at = installation.database.value(
            "SELECT CAST(retires_at AS TEXT) AS value FROM signing_keys WHERE retires_at IS NOT NULL"
        );
        let retires_at: i64 = retires_at.parse().expect("a time");
        let (retires, expires) = (iso_8601_seconds(retires_at), iso_8601_seconds(retires_at + 3600));
        assert!(list.contains(&format!(" s  {retires}  tokens until {expires}\n")), "{list}");
        assert!(list.contains(&format!(" s  {retires}  no tokens\n")), "the next one signs from then on: {list}");
        assert!(!list.contains("PRIVATE"));
    }

    fn the_list_says_when_a_key_is_rotated_by_itself(engine) {
        let installation = Installation::demo(engine).with("keys.rotation_interval", "7776000");
        let made_at = installation.database.value(
            "SELECT CAST(created_at AS TEXT) AS value FROM signing_keys WHERE alg = 'ES256'"
        );
        let due = iso_8601_seconds(made_at.parse::<i64>().expect("a time") + 7_776_000);
        let list = installation.cli(&["keys", "list"]).success();
        let line = list.lines().find(|line| line.contains("  ES256  ")).expect("a key");
        assert!(line.contains("  ES256  active, rotates in 77"), "{line}");
        assert!(line.contains(&format!(" s  {due}  tokens until ")), "{line}");
        installation.cli(&["keys", "rotate"]).success();
        let list = installation.cli(&["keys", "list"]).success();
        assert!(list.contains("  ES256  active, retires in 30") && !list.contains("ES256  active, rotates"), "{list}");
    }

    /// TE-096.
    fn a_rotated_key_is_published_on_a_running_server_and_does_not_sign_yet(engine) {
        let server = TestServer::start(engine);
        let old = signing(&server);
        let printed = server.cli(&["keys", "rotate"]).success();
        let new = printed.split("  ").next().expect("a kid").to_owned();
        server.eventually("the new key to be published", || published(&server) == [old.clone(), new.clone()]);
        assert_eq!(signing(&server), old);

        let said = server.cli(&["keys", "rotate"]).failure(5);
        assert!(said.contains("a rotation is under way") && said.contains(&new), "{said}");
        let said = server.cli(&["keys", "retire", &old]).failure(5);
        assert!(said.contains("retires by itself in 30"), "{said}");
        assert_eq!(published(&server), [old, new]);
    }

    fn a_key_of_another_algorithm_signs_at_once(engine) {
        let installation = Installation::demo(engine);
        let printed = installation.cli(&["keys", "rotate", "--alg", "EdDSA"]).success();
        assert!(printed.contains("  EdDSA  active  -  "), "nobody waits for it: {printed}");
        let list = installation.cli(&["keys", "list"]).success();
        assert!(list.contains("  ES256  active  -  "), "the other one goes on: {list}");
    }

    fn the_only_key_is_not_retired(engine) {
        let server = TestServer::start(engine);
        let kid = signing(&server);
        let said = server.cli(&["keys", "retire", &kid]).failure(5);
        assert!(said.contains("`tessera keys rotate`") && said.contains(&format!("`tessera keys revoke {kid}`")), "{said}");
        assert_eq!(signing(&server), kid);
    }

    fn unknown_names_are_refused_with_the_command_that_lists_them(engine) {
        let installation = Installation::demo(engine);
        for command in ["retire", "revoke"] {
            let said = installation.cli(&["keys", command, "no-such-key"]).failure(5);
            assert!(said.contains("no key \"no-such-key\"") && said.contains("`tessera keys list`"), "{said}");
        }
        let said = installation.cli(&["keys", "list", "--environment", "nowhere"]).failure(5);
        assert!(said.contains("no environment \"nowhere\""), "{said}");
        let said = installation.cli(&["keys", "rotate", "--alg", "none"]).failure(2);
        assert!(said.contains("RS256, ES256, PS256 or EdDSA"), "{said}");
    }

    /// TE-097.
    fn a_revoked_key_is_gone_at_once_and_another_signs(engine) {
        let server = TestServer::start(engine);
        let (old, stolen) = (signing(&server), user_token(&server));
        exchange(&server, &stolen, &[("audience", "resource-api")]).access_token();

        let printed = server.cli(&["keys", "revoke", &old]).success();

        assert!(printed.contains(&format!("{old} is removed, and every token signed by it is refused\n")), "{printed}");
        let successor = printed.lines().find_map(|line| line.strip_suffix(" signs now")).expect("a successor").to_owned();
        server.eventually("the key to be gone", || published(&server) == [successor.clone()]);
        assert_eq!(signing(&server), successor);
        exchange(&server, &stolen, &[("audience", "resource-api")])
            .assert_refused(400, "invalid_request", "subject_token_refused");
        let record = server.database.audit_records().pop().expect("a record");
        assert!(record.get("jti").is_none(), "nothing was issued");
        assert!(!server.cli(&["keys", "list"]).success().contains(&old));
    }

    fn revoking_during_a_rotation_lets_the_next_key_sign_at_once(engine) {
        let server = TestServer::start(engine);
        let old = signing(&server);
        let printed = server.cli(&["keys", "rotate"]).success();
        let new = printed.split("  ").next().expect("a kid").to_owned();
        server.clock.catch_up();
        let printed = server.cli(&["keys", "revoke", &old]).success();
        assert!(printed.contains(&format!("{new} signs now")), "{printed}");
        server.clock.catch_up();
        server.clock.advance(60);
        server.eventually("the next key to sign", || published(&server) == [new.clone()]);
        assert_eq!(signing(&server), new);
    }

    fn a_rotation_can_be_called_off(engine) {
        for command in ["retire", "revoke"] {
            let server = TestServer::start(engine);
            let old = signing(&server);
            let printed = server.cli(&["keys", "rotate"]).success();
            let new = printed.split("  ").next().expect("a kid").to_owned();
            let printed = server.cli(&["keys", command, &new]).success();
            assert!(printed.contains(&old), "it says which key signs: {printed}");
            let list = server.cli(&["keys", "list"]).success();
            assert!(list.contains(&format!("{old}  ES256  active  -  ")), "it does not retire any more: {list}");
            server.clock.advance(100_000);
            server.eventually("the old key to be the only one", || published(&server) == [old.clone()]);
            assert_eq!(signing(&server), old);
        }
    }
}

// A kid is base64url, and may begin like an option.
#[test]
fn a_key_whose_id_begins_with_a_hyphen_is_taken_for_a_key() {
    let server = TestServer::start(Engine::Sqlite);
    for command in ["retire", "revoke"] {
        let said = server.cli(&["keys", command, "-QhyphenatedKeyId"]).failure(5);
        assert!(said.contains("there is no key \"-QhyphenatedKeyId\""), "{said}");
    }
}

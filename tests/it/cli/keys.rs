//! `tessera keys`: what it prints and what it refuses, on a server that runs.

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
        assert_eq!(keys.iter().map(|(_, state)| *state).collect::<Vec<_>>(), ["ES256  active", "RS256  active"]);
        let kid = keys[0].0;
        assert_eq!(kid.len(), 43, "an RFC 7638 thumbprint");

        let rotated = installation.cli(&["keys", "rotate"]).success();
        assert!(rotated.contains("  ES256  published, signs in 305 s\n"), "{rotated}");
        let list = installation.cli(&["keys", "list"]).success();
        assert!(list.contains(&format!("{kid}  ES256  active, retires in 30")), "{list}");
        assert!(list.contains("  ES256  published, signs in 30"), "{list}");
        assert!(!list.contains("PRIVATE"));
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
        assert!(printed.contains("  EdDSA  active\n"), "nobody waits for it: {printed}");
        let list = installation.cli(&["keys", "list"]).success();
        assert!(list.contains("  ES256  active\n"), "the other one goes on: {list}");
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
        // The command's clock is the machine's, and the server's stands still where the test began.
        server.clock.advance(5);
        let printed = server.cli(&["keys", "revoke", &old]).success();
        assert!(printed.contains(&format!("{new} signs now")), "{printed}");
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
            assert!(list.contains(&format!("{old}  ES256  active\n")), "it does not retire any more: {list}");
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

//! Revoking by session, subject, client and signing key: exactly the right tokens die, on every node.

use serde_json::{Value, json};

use super::{FRONT, MANAGER, ORDERS, SEARCH, STORE, WATCHER, jti, long_lived, own_token, pass_on, start, user_token};
use crate::{
    both_engines,
    support::{
        TestServer,
        forge::{Forge, claims, with},
        tokens::{exchange_as, peek},
    },
};

/// Checks on every node, as soon as it has heard, which tokens are in force.
#[track_caller]
fn assert_lives(nodes: [&TestServer; 2], expected: &[(&str, &str, bool)]) {
    for node in nodes {
        let dead = expected.iter().find(|(.., lives)| !lives).expect("one that dies");
        node.eventually("the node to hear of it", || !node.is_active(WATCHER, dead.1));
        // A key that is new reaches a node by another feed than the revocation. What the revocation has killed never lives again.
        for (name, token, lives) in expected {
            node.eventually(name, || node.is_active(WATCHER, token) == *lives);
        }
    }
}

both_engines! {
    fn by_session_its_tokens_die_however_often_they_were_exchanged(engine) {
        let one = start(engine);
        let two = one.another_node();
        let forge = Forge::of(&one);
        let of_session = |name: &str, session: &str| {
            forge.token(&with(&claims(&one, "front-api", "front", "all"), &json!({ name: session })))
        };
        let (first, other, own) = (of_session("sessionId", "s-1"), of_session("sessionId", "s-2"), of_session("sid", "s-1"));
        let swapped = pass_on(&one, FRONT, &first, "orders-api");
        let next = pass_on(&two, ORDERS, &swapped, "mail-api");
        let of_other = pass_on(&two, FRONT, &other, "search-api");
        assert_eq!(peek(&next)["sessionId"], "s-1");
        let said = one.cli(&["revoke", "session", "s-1"]).success();
        assert_eq!(said, "the tokens of session s-1 of environment tree are revoked\n");
        assert_lives([&one, &two], &[
            ("its first", &first, false), ("its second", &swapped, false), ("its third", &next, false), ("by the other name", &own, false),
            ("another session's", &other, true), ("and what came of that", &of_other, true),
        ]);
        let refused = exchange_as(&two, FRONT, &first, &[("audience", "orders-api"), ("scope", "all")]);
        two.assert_subject_refused(&refused, "the session of the token is revoked");
    }

    // Thirty days are a long time for a token whose session has ended.
    fn by_session_a_long_lived_token_dies_too(engine) {
        let one = start(engine);
        let two = one.another_node();
        let of_session = |session: &str| {
            let more = json!({ "sid": session, "auth_time": 1_700_000_000, "amr": ["pwd"] });
            Forge::of(&one).token(&with(&claims(&one, "front-api", "front", "all"), &more))
        };
        let (long, other) = (long_lived(&one, &of_session("s-1")), long_lived(&one, &of_session("s-2")));
        let said = peek(&long);
        assert_eq!(json!([said["sid"], said["auth_time"], said["amr"]]), json!(["s-1", 1_700_000_000, ["pwd"]]));
        let longer = long_lived(&two, &long);
        one.cli(&["revoke", "session", "s-1"]).success();
        assert_lives([&one, &two], &[("its own", &long, false), ("what came of it", &longer, false), ("another session's", &other, true)]);
    }

    fn by_subject_what_was_issued_until_then_dies_and_a_new_start_is_possible(engine) {
        let one = start(engine);
        let two = one.another_node();
        let (ada, grace) = (user_token(&one, "ada"), user_token(&two, "grace"));
        let middle = pass_on(&one, FRONT, &ada, "search-api");
        let leaf = pass_on(&two, SEARCH, &middle, "mail-api");
        let of_grace = pass_on(&one, FRONT, &grace, "orders-api");
        let user = peek(&ada)["sub"].as_str().expect("sub").to_owned();
        let said = one.cli(&["revoke", "subject", &user]).success();
        assert!(said.starts_with(&format!("the tokens of subject {user} of environment tree that were issued until now")), "{said}");
        assert_lives([&one, &two], &[
            ("hers", &ada, false), ("by impersonation", &middle, false), ("by delegation", &leaf, false),
            ("another user's", &grace, true), ("and what came of that", &of_grace, true), ("a client's", &own_token(&one, FRONT), true),
        ]);
        let refused = exchange_as(&two, FRONT, &ada, &[("audience", "orders-api"), ("scope", "all")]);
        two.assert_subject_refused(&refused, "the tokens of its subject, or of one that acts, are revoked");
        one.clock.advance(100);
        let again = user_token(&two, "ada");
        assert_eq!(peek(&again)["sub"], user.as_str());
        assert!(one.is_active(WATCHER, &again) && two.is_active(WATCHER, &pass_on(&two, FRONT, &again, "orders-api")));
        assert!(!two.is_active(WATCHER, &ada), "what was dead stays so");
    }

    // `front` impersonated: no token that came of it names it in `act`, nor as its own `client_id`.
    fn by_client_also_what_went_through_it_without_a_word(engine) {
        let one = start(engine);
        let two = one.another_node();
        let middle = pass_on(&one, FRONT, &user_token(&one, "ada"), "search-api");
        let leaf = pass_on(&two, SEARCH, &middle, "store-api");
        let last = pass_on(&one, STORE, &leaf, "end-api");
        let of_others = own_token(&one, ORDERS);
        for token in [&leaf, &last] {
            let claims = peek(token);
            assert!(claims["client_id"] != "front" && !claims["act"].to_string().contains("front"), "{claims}");
        }
        one.cli(&["revoke", "client", "front"]).success();
        assert_lives([&one, &two], &[
            ("what it got", &middle, false), ("what came of it", &leaf, false), ("and of that", &last, false), ("another's", &of_others, true),
        ]);
        let refused = exchange_as(&two, STORE, &leaf, &[("audience", "end-api"), ("scope", "all")]);
        two.assert_subject_refused(&refused, "the tokens of a client that it went through are revoked");
        // Older than the revocation, and exchanged after it: as old as its root.
        one.clock.advance(100);
        let claims = with(&claims(&one, "store-api", "search", "all"), &json!({ "anc": ["x"], "anc_of": { "iat": one_second_ago(&leaf), "client_id": ["front"] } }));
        assert!(!two.is_active(WATCHER, &Forge::of(&two).token(&claims)));
        assert!(two.is_active(WATCHER, &own_token(&two, FRONT)), "the client itself goes on");
    }

    fn by_signing_key_what_it_signed_and_what_came_of_that(engine) {
        let one = start(engine);
        let two = one.another_node();
        let root = user_token(&one, "ada");
        let kid = |token: &str| jsonwebtoken::decode_header(token).expect("a header").kid.expect("kid");
        // Of the ES256 root comes a token that the RS256 key signs.
        let mosaic = pass_on(&one, FRONT, &root, "billing-api");
        assert_ne!(kid(&root), kid(&mosaic));
        one.cli(&["keys", "revoke", &kid(&root)]).success();
        one.eventually("a new key", || kid(&own_token(&one, FRONT)) != kid(&root));
        let new = own_token(&one, FRONT);
        assert_lives([&one, &two], &[("what it signed", &root, false), ("what came of it", &mosaic, false), ("what came later", &new, true)]);
    }

    fn by_id_of_a_token_and_by_the_token_itself(engine) {
        let server = start(engine);
        let tokens = [own_token(&server, FRONT), own_token(&server, ORDERS), own_token(&server, MANAGER)];
        let kept = own_token(&server, FRONT);
        let said = server.cli(&["revoke", "token", &jti(&tokens[0])]).success();
        assert_eq!(said, format!("token {} of environment tree is revoked, with all that came of it\n", jti(&tokens[0])));
        std::fs::write(server.database.folder().join("token"), format!("{}\n", tokens[1])).expect("a file");
        server.cli(&["revoke", "token", "--token-file", "token", "--environment", "tree"]).success();
        server.eventually("both to die", || tokens[..2].iter().all(|token| !server.is_active(WATCHER, token)));
        assert!(server.is_active(WATCHER, &tokens[2]) && server.is_active(WATCHER, &kept));
        let until = "SELECT CAST(expires_at AS TEXT) AS value FROM revocations WHERE value = ";
        let until = server.database.value(&format!("{until}'{}'", jti(&tokens[1])));
        assert_eq!(until, peek(&tokens[1])["exp"].to_string(), "kept for as long as it would live");

        std::fs::write(server.database.folder().join("token"), "not a token").expect("a file");
        let said = server.cli(&["revoke", "token", "--token-file", "token"]).failure(5);
        assert!(said.contains("not a token in force") && !said.contains("not a token\n"), "{said}");
        for (arguments, code) in [
            (&["revoke", "token"] as &[&str], 2),
            (&["revoke", "token", "x", "--token-file", "token"], 2),
            (&["revoke", "token", ""], 5),
            (&["revoke", "client", "front", "--environment", "nowhere"], 5),
        ] {
            server.cli(arguments).failure(code);
        }
        assert_eq!(server.revocations().len(), 2);
    }
}

fn one_second_ago(token: &str) -> Value {
    (peek(token)["iat"].as_i64().expect("iat") - 1).into()
}

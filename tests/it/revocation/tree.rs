//! One revocation in the middle of a tree of tokens, on several nodes.

use std::time::{Duration, Instant};

use super::{BILLING, FRONT, MAIL, ORDERS, SEARCH, STORE, WATCHER, jti, long_lived, pass_on, start, user_token};
use crate::{
    both_engines,
    support::{
        Answer, TestServer,
        tokens::{exchange_as, peek},
    },
};

/// A token, and the client that may exchange it.
struct Branch {
    token: String,
    holder: (&'static str, &'static str),
    leaves: Vec<Leaf>,
}

struct Leaf {
    token: String,
    /// Nobody exchanges a long-lived one.
    holder: Option<(&'static str, &'static str)>,
}

/// 40 tokens in 3 levels, made on both nodes in turn: by delegation and by impersonation, ES256 and RS256 (in the `mosaic`
/// profile), one of them long-lived.
fn grow(nodes: [&TestServer; 2]) -> (String, Vec<Branch>) {
    let [one, two] = nodes;
    let root = user_token(one, "ada");
    let branches = [(ORDERS, "orders-api"), (BILLING, "billing-api"), (SEARCH, "search-api")];
    let branches = branches.into_iter().map(|(holder, audience)| {
        let token = pass_on(two, FRONT, &root, audience);
        let mut leaves: Vec<Leaf> = (0..12)
            .map(|number| {
                let (next, audience) = if number % 3 == 0 { (MAIL, "mail-api") } else { (STORE, "store-api") };
                let token = pass_on(nodes[number % 2], holder, &token, audience);
                Leaf { token, holder: Some(next) }
            })
            .collect();
        if holder == SEARCH {
            leaves[11] = Leaf { token: long_lived(one, &token), holder: None };
        }
        Branch { token, holder, leaves }
    });
    let branches: Vec<Branch> = branches.collect();
    assert_eq!(1 + branches.iter().map(|branch| 1 + branch.leaves.len()).sum::<usize>(), 40);
    (root, branches)
}

/// Whether a token is refused as the subject of an exchange; else there is a new token.
#[track_caller]
fn is_refused(server: &TestServer, holder: (&str, &str), token: &str, audience: &str) -> bool {
    let answer: Answer = exchange_as(server, holder, token, &[("audience", audience), ("scope", "all")]);
    if answer.status == 400 {
        let detail = "the token, or one that it came of, is revoked";
        server.assert_subject_refused(&answer, detail);
        return true;
    }
    answer.access_token();
    false
}

/// Checks on a node that exactly what is below `dead` is dead, for those who ask and for those who exchange.
#[track_caller]
fn assert_dead_below(node: &TestServer, root: &str, branches: &[Branch], dead: usize) {
    assert!(node.is_active(WATCHER, root) && !is_refused(node, FRONT, root, "orders-api"));
    for (position, branch) in branches.iter().enumerate() {
        let lives = position != dead;
        let name = branch.holder.0;
        assert_eq!(node.is_active(WATCHER, &branch.token), lives, "{name}");
        assert_eq!(is_refused(node, branch.holder, &branch.token, "store-api"), !lives, "{name}");
        for leaf in &branch.leaves {
            assert_eq!(node.is_active(WATCHER, &leaf.token), lives, "a leaf of {name}");
            if let Some(holder) = leaf.holder {
                assert_eq!(is_refused(node, holder, &leaf.token, "end-api"), !lives, "a leaf of {name}");
            }
        }
    }
}

both_engines! {
    fn one_revocation_in_the_middle_kills_exactly_its_subtree_on_every_node_for_good(engine) {
        let one = start(engine);
        let two = one.another_node();
        let (root, branches) = grow([&one, &two]);
        // Nothing is dead yet.
        for node in [&one, &two] {
            assert_dead_below(node, &root, &branches, usize::MAX);
        }
        let impersonated = &branches[2];
        assert!(peek(&impersonated.token).get("act").is_none());
        let algs: Vec<_> = branches.iter().flat_map(|branch| &branch.leaves)
            .map(|leaf| jsonwebtoken::decode_header(&leaf.token).expect("a header").alg).collect();
        assert!(algs.contains(&jsonwebtoken::Algorithm::RS256) && algs.contains(&jsonwebtoken::Algorithm::ES256));

        let asked = Instant::now();
        one.revoked(FRONT, &impersonated.token);
        assert!(!one.is_active(WATCHER, &impersonated.leaves[0].token), "at once where it was asked for");
        two.eventually("the other node to hear of it", || !two.is_active(WATCHER, &impersonated.leaves[0].token));
        let heard = asked.elapsed();
        println!("{engine:?}: dead on both nodes {heard:?} after the request");
        assert!(heard < Duration::from_secs(5), "promised is a second; a busy machine gets more");
        for node in [&one, &two] {
            assert_dead_below(node, &root, &branches, 2);
        }
        assert_eq!(one.revocations(), [format!("token {}", jti(&impersonated.token))], "one row, however many die");

        // Both restart; what was revoked is read before the first request.
        let (three, four) = (one.another_node(), one.another_node());
        drop((one, two));
        for node in [&three, &four] {
            assert_dead_below(node, &root, &branches, 2);
        }

        // Beyond the life of all others, one may be alive that lives for a week: the revocation is kept as long.
        let long = impersonated.leaves[11].token.as_str();
        let kept = three.database.value("SELECT CAST(expires_at AS TEXT) AS value FROM revocations");
        assert!(kept.parse::<i64>().expect("seconds") >= peek(long)["exp"].as_i64().expect("exp"), "{kept}");
        three.clock.advance(2 * 86_400);
        let again = three.another_node();
        for node in [&three, &four, &again] {
            assert!(!node.is_active(WATCHER, long));
        }
    }

    // A node that has not heard of it yet exchanges once more: what it gives is dead as soon as it has.
    fn what_comes_of_a_token_after_its_revocation_is_born_dead(engine) {
        let one = start(engine);
        let root = user_token(&one, "ada");
        let middle = pass_on(&one, FRONT, &root, "orders-api");
        let child = pass_on(&one, ORDERS, &middle, "store-api");
        one.revoked(FRONT, &middle);
        assert!(is_refused(&one, ORDERS, &middle, "store-api") && is_refused(&one, STORE, &child, "end-api"));
        // As the other node would have made it.
        let claims = crate::support::forge::with(&peek(&child), &serde_json::json!({ "jti": "made-elsewhere" }));
        let late = crate::support::forge::Forge::of(&one).token(&claims);
        assert!(!one.is_active(WATCHER, &late));
        assert!(is_refused(&one, STORE, &late, "end-api"));
    }
}

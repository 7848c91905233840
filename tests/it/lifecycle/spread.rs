//! Guesses that are spread over several nodes.

use reqwest::Method;

use crate::{
    both_engines,
    support::{Answer, BFF, CALENDAR, CLIENT_CREDENTIALS, Engine, TestServer},
};

const HERE: &str = "198.51.100.1";

fn server(engine: Engine) -> TestServer {
    let builder = TestServer::builder(engine).setting("server.behind_proxy.trusted", "127.0.0.1");
    builder.setting("server.public_url", "https://auth.example.com").start()
}

fn from(node: &TestServer, address: &str, (id, secret): (&str, &str)) -> Answer {
    let request = node.request(Method::POST, "/token").header("x-forwarded-for", address);
    Answer::to(request.basic_auth(id, Some(secret)).form(&CLIENT_CREDENTIALS))
}

/// A wrong secret: whether it was looked at.
fn guess(node: &TestServer, id: &str) -> bool {
    let status = from(node, HERE, (id, "a-guess-that-is-not-the-secret-of-anybody")).status;
    assert!(status == 401 || status == 429, "{status}");
    status == 401
}

both_engines! {
    fn guesses_spread_over_two_nodes_are_stopped_at_about_the_limit_on_both(engine) {
        let one = server(engine);
        let two = one.another_node();
        let nodes = [&one, &two];
        // As fast as they can be made: nodes hear of each other once a second, and until then each has its own limit.
        let made: usize = (0..100).map(|_| nodes.iter().filter(|node| guess(node, BFF.0)).count()).sum();
        assert!((30..=60).contains(&made), "{made}");
        for node in nodes {
            assert!(!guess(node, BFF.0));
        }
        // What passed beyond the limit is paid back. A node by itself would let fifteen more pass after half a window.
        let until = || {
            let found = one.database.texts(
                "SELECT CAST(until_us / 1000 AS TEXT) AS text FROM failures WHERE kind = 'failures_per_client' AND client_id = 'bff'",
            );
            found.first().map_or(0, |until| until.parse().expect("a number"))
        };
        let now = tessera::domain::clock::Clock::now_millis(&*one.clock);
        // All but what is less than a tenth of a limit on each node.
        let told = now + (i64::try_from(made).expect("few") - 4) * 2000;
        one.eventually("the nodes to tell what failed", || until() >= told);
        println!("{made} guesses were looked at; forgotten in {} s", (until() - now) / 1000);
        one.clock.advance((until() - now) / 1000 - 60);
        for node in nodes {
            node.eventually("the node to hear of the other one", || from(node, HERE, BFF).status == 429);
            // Nobody else is affected.
            from(node, "198.51.100.2", BFF).access_token();
            from(node, HERE, CALENDAR).access_token();
        }
        one.clock.advance(60);
        for node in nodes {
            from(node, HERE, BFF).access_token();
        }
    }

    fn what_was_used_up_on_one_node_is_used_up_on_the_other(engine) {
        let one = server(engine);
        let two = one.another_node();
        for number in 0..31 {
            assert_eq!(guess(&one, BFF.0), number < 30);
        }
        two.eventually("the other node to hear of it", || from(&two, HERE, BFF).status == 429);
        assert!(!guess(&two, BFF.0));
        from(&two, "198.51.100.2", BFF).access_token();
        let three = one.another_node();
        three.eventually("a node that starts to hear of it", || from(&three, HERE, BFF).status == 429);
    }

    fn refused_tokens_are_summed_up_too_and_by_themselves(engine) {
        use crate::support::tokens::exchange;
        let one = TestServer::builder(engine).setting("limits.refused_tokens_per_client", "10").start();
        let two = one.another_node();
        for number in 0..11 {
            assert_eq!(exchange(&one, "no.token.at-all", &[]).status == 400, number < 10);
        }
        two.eventually("the other node to hear of it", || exchange(&two, "no.token.at-all", &[]).status == 429);
        two.token(BFF, &CLIENT_CREDENTIALS).access_token();
        assert_eq!(exchange(&two, "no.token.at-all", &[]).status, 429);
    }
}

/// Each node goes on by itself, and nothing is slower for it.
#[test]
fn without_the_database_each_node_counts_for_itself() {
    let settings = [("server.behind_proxy.trusted", "127.0.0.1"), ("server.public_url", "https://auth.example.com")];
    let builder = TestServer::builder(Engine::Postgres).setting("audit.commit", "after_response");
    let one = settings.into_iter().fold(builder, |builder, (key, value)| builder.setting(key, value)).start();
    from(&one, HERE, BFF).access_token();
    one.database.cut_off();
    one.eventually("an outage", || one.get("/ready").status == 503);
    let made = (0..40).filter(|_| guess(&one, BFF.0)).count();
    assert_eq!(made, 30);
    from(&one, "198.51.100.2", BFF).access_token();
    one.database.restore();
    let two = one.another_node();
    two.eventually("another node to be told after the outage", || from(&two, HERE, BFF).status == 429);
}

//! Where a webhook can be: never inside the operator's own network, unless the operator says so (SSRF).

use tessera::domain::application::OnFailure;

use super::{ENVIRONMENT, LOOPBACK, WEB, World, assert_failed, login};
use crate::support::{
    Engine, TestServer,
    hook::{self, Behaviour, Hook},
    peer::Peer,
};

#[test]
fn a_redirect_is_a_failure_and_nobody_follows_it() {
    let world = World::new(Engine::Sqlite);
    let elsewhere = Peer::serving(r#"{"message_version":"1.0","payload":{}}"#);
    for to in ["http://169.254.169.254/latest/meta-data/".to_owned(), elsewhere.url("/hook"), world.hook.url()] {
        for status in ["302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
            world.hook.set(Behaviour::Answer(status, format!("Location: {to}\r\n"), String::new()));
            world.assert_failed(&world.login("ada", &[]), "the answer is a redirect, and redirects are not followed");
            assert_eq!(world.hook.messages().len(), 1);
            world.hook.set(hook::payload(&serde_json::json!({})));
            world.good("ada");
            world.hook.forget();
        }
    }
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn without_the_setting_nothing_on_this_machine_or_beside_it_is_called() {
    let server = TestServer::builder(Engine::Sqlite).environment(ENVIRONMENT).start();
    let hook = Hook::start(server.clock.clone());
    let tls = hook.url().replace("http://", "https://");
    let port = hook.url().rsplit_once(':').expect("a port").1.to_owned();
    let clear = "the URL must begin with https://";
    let inside = "the host has an address that is neither public nor in outbound.allowed_networks";
    for (url, why) in [
        (hook.url(), clear),
        (tls.clone(), inside),
        (tls.replace("127.0.0.1", "localhost"), inside),
        (tls.replace("127.0.0.1", "[::ffff:7f00:1]"), inside),
        (format!("https://2130706433:{port}"), inside),
        ("https://169.254.169.254/hook".to_owned(), inside),
        ("https://user:password@8.8.8.8/hook".to_owned(), "the URL must not hold a user name or password"),
        ("file:///etc/passwd".to_owned(), clear),
        ("not a url".to_owned(), "the URL cannot be read"),
    ] {
        hook::install(server.variables(), WEB, &url, OnFailure::Refuse);
        server.eventually("the server hears of the webhook", || {
            // Neither the webhook before, nor a breaker that its failures opened.
            server.clock.advance(10);
            let answer = login(&server, WEB, "ada", &[]);
            let records = server.records_of(&answer);
            answer.status == 503 && records[0]["detail"].as_str().is_some_and(|detail| detail.starts_with(why))
        });
        server.clock.advance(10);
        assert_failed(&server, &login(&server, WEB, "ada", &[]), why);
    }
    assert!(hook.messages().is_empty());
}

// The setting opens loopback, and nothing else.
#[test]
fn with_the_setting_the_network_beside_this_machine_stays_closed() {
    let server = TestServer::builder(Engine::Sqlite).environment(ENVIRONMENT).setting(LOOPBACK.0, LOOPBACK.1).start();
    for url in
        ["http://169.254.169.254/hook", "http://10.0.0.1/hook", "https://192.168.0.1/hook", "http://[fd00::1]/hook"]
    {
        hook::install(server.variables(), WEB, url, OnFailure::Refuse);
        server.eventually("the server hears of the webhook", || login(&server, WEB, "ada", &[]).status == 503);
        server.clock.advance(10);
        assert_failed(&server, &login(&server, WEB, "ada", &[]), "the host has an address that is neither public");
    }
}

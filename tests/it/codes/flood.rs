//! Whoever has messages sent to somebody again and again.

use std::thread;

use serde_json::json;

use super::{ADA, WEB, World, world_with};
use crate::{
    both_engines,
    support::{Answer, TestServer},
};

fn send(world: &World, node: &TestServer, channel: &str, to: &str) -> Answer {
    let body = json!({ "channel": channel, "identifier_type": "email", "identifier": ADA, "custom_email": to });
    world.post_to(node, WEB, "/v1/auth/otp/send", body)
}

/// What so many at once to two nodes are answered.
fn statuses(world: &World, second: &TestServer, count: usize, to: impl Fn(usize) -> String + Sync) -> Vec<u16> {
    let send_one = |place: usize| {
        let node = if place.is_multiple_of(2) { &world.server } else { second };
        send(world, node, "email", &to(place)).status.as_u16()
    };
    let send_one = &send_one;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|place| scope.spawn(move || send_one(place))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

both_engines! {
    fn an_address_gets_no_more_than_its_limit_from_all_nodes_together(engine) {
        let world = world_with(engine, &[("limits.messages_per_address", "4"), ("limits.messages_per_user", "100")]);
        let second = world.server.another_node();
        let got = statuses(&world, &second, 12, |_| "one@mail.example".to_owned());
        assert_eq!(got.iter().filter(|status| **status == 200).count(), 4, "{got:?}");
        assert_eq!(got.iter().filter(|status| **status == 429).count(), 8, "{got:?}");
        let refused = send(&world, &second, "email", "ONE@mail.example");
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, Some("3600")));
        assert_eq!(refused.json()["error_code"], "too_many_requests");
        let record = world.server.record_of(&refused);
        assert_eq!((&record["event"], &record["reason"]), (&json!("code.refused"), &json!("too_many_requests")));
        assert_eq!(send(&world, &second, "email", "two@mail.example").status, 200);
        world.server.clock.advance(3599);
        assert_eq!(send(&world, &second, "email", "one@mail.example").header("retry-after"), Some("1"));
        world.server.clock.advance(1);
        assert_eq!(send(&world, &world.server, "email", "one@mail.example").status, 200);
    }

    fn a_user_gets_no_more_than_the_limit_whatever_the_addresses(engine) {
        let world = world_with(engine, &[("limits.messages_per_user", "5")]);
        let second = world.server.another_node();
        let got = statuses(&world, &second, 12, |place| format!("x{place}@mail.example"));
        assert_eq!(got.iter().filter(|status| **status == 200).count(), 5, "{got:?}");
        // Codes that the client gets count too: each would bring further guesses.
        assert_eq!(send(&world, &second, "direct", "y@mail.example").status, 429);
        world.server.eventually("the mails", || world.mails.mails().len() == 5);
    }

    fn a_user_gets_no_more_links_in_a_minute_than_the_preferences_allow(engine) {
        let world = world_with(engine, &[]);
        for _ in 0..5 {
            world.direct_link(json!({}));
        }
        let refused = world.send_link(json!({}));
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, Some("60")));
        assert_eq!(refused.json()["error_code"], "429");
        world.server.clock.advance(60);
        world.direct_link(json!({}));
        assert!(world.mails.mails().is_empty());
    }
}

use super::{super::testing::on_both_engines, an_environment, samples::*, tables::fill};
use crate::{
    domain::{authorization::CODE_MEMORY, secret::Secret},
    store::{Conn, StoreError, authorization_codes as codes, authorization_requests as requests, environments},
};

fn filled(test: impl Fn(&mut Conn<'_>) -> Result<(), StoreError>) {
    on_both_engines(|database| {
        database
            .store
            .transact(|conn| {
                fill(conn);
                environments::insert(conn, &an_environment("two"), 2)?;
                test(conn)
            })
            .expect("rows");
    });
}

#[test]
fn a_sign_in_is_taken_once_and_only_with_its_browser_in_its_environment() {
    filled(|conn| {
        let (state, browser) = (Secret::new("state").hash(), Secret::new("browser").hash());
        let other = Secret::new("other").hash();
        assert!(requests::take(conn, "one", &state, &other)?.is_none(), "another browser");
        assert!(requests::take(conn, "one", &other, &browser)?.is_none(), "another state");
        assert!(requests::take(conn, "two", &state, &browser)?.is_none(), "another environment");
        let taken = requests::take(conn, "one", &state, &browser)?.expect("still there");
        assert_eq!((taken.request, taken.expires_at), (an_authorization_request(), 600));
        assert!(requests::take(conn, "one", &state, &browser)?.is_none(), "a second time");
        Ok(())
    });
}

#[test]
fn no_network_fills_the_table_and_what_has_expired_makes_room() {
    filled(|conn| {
        assert!(requests::insert(conn, "one", &a_pending_sign_in("b", 900), 1, 2)?);
        assert!(!requests::insert(conn, "one", &a_pending_sign_in("c", 900), 1, 2)?, "two wait already");
        let mut elsewhere = a_pending_sign_in("d", 900);
        elsewhere.network = "198.51.100.1".to_owned();
        assert!(requests::insert(conn, "one", &elsewhere, 1, 2)?, "others are not in the way");
        assert!(requests::insert(conn, "one", &a_pending_sign_in("e", 900), 600, 2)?, "the first has expired");
        let gone = requests::take(conn, "one", &Secret::new("state").hash(), &Secret::new("browser").hash())?;
        assert!(gone.is_none());
        Ok(())
    });
}

#[test]
fn a_code_is_used_once_and_a_second_presentation_lets_it_open_nothing() {
    filled(|conn| {
        let hash = a_code("code").hash;
        assert!(codes::take(conn, "two", &hash, 7)?.is_none(), "another environment");
        assert!(codes::take(conn, "one", &Secret::new("other").hash(), 7)?.is_none());
        let first = codes::take(conn, "one", &hash, 7)?.expect("a code");
        assert_eq!((first.used_at, first.session_id, first.granted), (None, None, a_code("code").granted));
        assert!(codes::opened(conn, "one", &hash, "session")?);
        let second = codes::take(conn, "one", &hash, 8)?.expect("a code");
        assert_eq!((second.used_at, second.session_id.as_deref()), (Some(7), Some("session")));
        // Presented again before the first use had opened its session: it opens none.
        assert!(!codes::opened(conn, "one", &hash, "late")?);
        Ok(())
    });
}

#[test]
fn codes_are_forgotten_when_nothing_can_come_of_them_any_more() {
    filled(|conn| {
        let hash = a_code("code").hash;
        codes::insert(conn, "one", &a_code("later"), 60 + CODE_MEMORY - 1)?;
        assert!(codes::take(conn, "one", &hash, 61)?.is_some(), "an expired one is still known");
        codes::insert(conn, "one", &a_code("last"), 60 + CODE_MEMORY)?;
        assert!(codes::take(conn, "one", &hash, 61)?.is_none());
        Ok(())
    });
}

use super::*;

const HERE: &str = "192.0.2.1";
const THERE: &str = "192.0.2.2";
const FEW: u32 = 30;
const MANY: u32 = 300;

pub(super) fn options() -> ThrottleOptions {
    ThrottleOptions {
        failures_per_client: FEW,
        failures_per_address: MANY,
        refused_tokens_per_client: FEW,
        refused_tokens_per_address: MANY,
        window: Duration::from_secs(60),
    }
}

fn throttle() -> Throttle {
    Throttle::new(&options())
}

fn who<'a>(address: &str, client_id: &'a str) -> Who<'a> {
    Who { environment_id: "e", client_id, address: Some(address.parse().expect("an address")) }
}

/// A wrong secret: whether it was looked at, and otherwise when to come back.
pub(super) fn guess(throttle: &Throttle, address: &str, client_id: &str, now: i64) -> Result<(), (Limit, i64)> {
    let attempt = throttle.secret(who(address, client_id), now).map(|attempt| attempt.expect("an address"));
    let outcome = attempt.and_then(|attempt| attempt.failed(now));
    outcome.map_err(|throttled| (throttled.limit, throttled.retry_after))
}

/// Whether the right secret would be looked at.
pub(super) fn passes(throttle: &Throttle, address: &str, client_id: &str, now: i64) -> bool {
    throttle.secret(who(address, client_id), now).is_ok()
}

fn guess_often(throttle: &Throttle, client_id: &str) {
    for _ in 0..FEW {
        assert_eq!(guess(throttle, HERE, client_id, 0), Ok(()));
    }
}

#[test]
fn guessing_is_stopped_where_it_comes_from_and_nowhere_else() {
    let throttle = throttle();
    guess_often(&throttle, "bff");
    assert_eq!(guess(&throttle, HERE, "bff", 0), Err((Limit::FailuresPerClient, 2)));
    assert_eq!(guess(&throttle, HERE, "bff", 1999), Err((Limit::FailuresPerClient, 1)));
    assert!(passes(&throttle, THERE, "bff", 0), "an outsider cannot lock the client out");
    assert!(passes(&throttle, HERE, "another", 0));
    let elsewhere = Who { environment_id: "another", ..who(HERE, "bff") };
    assert!(throttle.secret(elsewhere, 0).is_ok(), "a client of that id in another environment is another one");
    assert!(passes(&throttle, HERE, "bff", 2000));
}

#[test]
fn after_the_first_ones_as_many_follow_in_each_window() {
    let throttle = throttle();
    guess_often(&throttle, "bff");
    let made = (0..60_000).filter(|now| guess(&throttle, HERE, "bff", *now).is_ok()).count();
    assert_eq!(made, 29, "one every two seconds, from the second on");
    let throttle = self::throttle();
    guess_often(&throttle, "bff");
    guess_often_at(&throttle, "bff", 60_000);
}

fn guess_often_at(throttle: &Throttle, client_id: &str, now: i64) {
    for _ in 0..FEW {
        assert_eq!(guess(throttle, HERE, client_id, now), Ok(()), "the limit is whole again after a window");
    }
    assert!(guess(throttle, HERE, client_id, now).is_err());
}

#[test]
fn a_64_of_ipv6_is_one_and_an_address_is_one_however_it_is_written() {
    let throttle = throttle();
    for number in 0..FEW {
        assert_eq!(guess(&throttle, &format!("2001:db8::{number:x}"), "bff", 0), Ok(()));
    }
    assert!(!passes(&throttle, "2001:db8::ffff:1", "bff", 0));
    assert!(passes(&throttle, "2001:db8:0:1::1", "bff", 0));
    guess_often(&throttle, "bff");
    assert!(!passes(&throttle, &format!("::ffff:{HERE}"), "bff", 0));
}

/// Makes an address crowded by a search through client ids.
fn search(throttle: &Throttle) {
    for number in 0..MANY {
        assert_eq!(guess(throttle, HERE, &format!("client-{number}"), 0), Ok(()));
    }
}

#[test]
fn a_search_through_client_ids_is_stopped_too() {
    let throttle = throttle();
    search(&throttle);
    for id in ["client-0", "never seen", "never seen", "not an id"] {
        assert_eq!(guess(&throttle, HERE, id, 0), Err((Limit::FailuresPerAddress, 1)), "{id}");
    }
    assert_eq!(guess(&throttle, THERE, "never seen", 0), Ok(()));
}

#[test]
fn whoever_has_not_failed_at_a_crowded_address_is_looked_at_and_who_has_is_not_for_a_window() {
    let throttle = throttle();
    search(&throttle);
    assert!(passes(&throttle, HERE, "bff", 0) && passes(&throttle, HERE, "bff", 0));
    assert!(!passes(&throttle, HERE, "client-1", 0));
    assert!(guess(&throttle, HERE, "bff", 0).is_err(), "a wrong secret gets the answer of the others");
    // The address stays crowded: another failure for each that is forgotten.
    let crowd = |now| assert_eq!(guess(&throttle, HERE, &format!("more-{now}"), now), Ok(()));
    (1..300).for_each(|step| crowd(step * 200));
    assert!(!passes(&throttle, HERE, "bff", 59_900));
    crowd(60_000);
    assert!(passes(&throttle, HERE, "bff", 60_100));
}

#[test]
fn a_crowded_address_cannot_push_out_what_is_known_of_others() {
    let throttle = throttle();
    guess_often(&throttle, "bff");
    search_from(&throttle, THERE);
    let known = throttle.buckets.len();
    (0..200_000).for_each(|number| {
        let _ = guess(&throttle, THERE, &format!("made-up-{number}"), 0);
    });
    assert_eq!(throttle.buckets.len(), known);
    assert!(throttle.attempts.len() <= REMEMBERED_ATTEMPTS);
    assert!(!passes(&throttle, HERE, "bff", 0));
}

fn search_from(throttle: &Throttle, address: &str) {
    (0..MANY).for_each(|number| {
        let _ = guess(throttle, address, &format!("client-{number}"), 0);
    });
}

#[test]
fn memory_is_bounded_whatever_addresses_are_used() {
    let throttle = throttle();
    for number in 0..3 * REMEMBERED {
        let address = format!("2001:db8:{:x}:{:x}::1", number >> 16, number & 0xffff);
        let _ = guess(&throttle, &address, "bff", 0);
    }
    assert!(throttle.buckets.len() <= REMEMBERED + REMEMBERED / 10, "{}", throttle.buckets.len());
    let waiting = throttle.waiting.lock().expect("not poisoned").len();
    assert_eq!(waiting, 0, "single failures are not worth telling");
}

#[test]
fn what_waits_to_be_shared_is_bounded_too() {
    let throttle = throttle();
    for number in 0..MOST_WAITING + 100 {
        let address = format!("2001:db8:{number:x}::1");
        (0..FEW / 10).for_each(|_| {
            let _ = guess(&throttle, &address, "bff", 0);
        });
    }
    assert_eq!(throttle.waiting.lock().expect("not poisoned").len(), MOST_WAITING);
}

#[test]
fn only_a_few_are_looked_up_at_once_for_crowded_addresses() {
    let throttle = throttle();
    search(&throttle);
    let attempt = |address, id| throttle.secret(who(address, id), 0).expect("an attempt").expect("an address");
    let attempts: Vec<_> = (0..=CROWDED_LOOKUPS).map(|_| attempt(HERE, "unknown")).collect();
    let held: Vec<_> = attempts.iter().map(Attempt::before_lookup).collect();
    assert_eq!(held.iter().filter(|permit| permit.is_ok()).count(), CROWDED_LOOKUPS);
    assert!(attempt(THERE, "unknown").before_lookup().expect("no limit").is_none());
    drop(held);
    assert!(attempt(HERE, "unknown").before_lookup().is_ok());
}

#[test]
fn what_cannot_be_an_id_is_not_remembered_however_long_it_is() {
    let throttle = throttle();
    for number in 0..FEW {
        assert_eq!(guess(&throttle, HERE, &format!("{number:0300}"), 0), Ok(()));
    }
    assert!(guess(&throttle, HERE, &"1".repeat(300), 0).is_err(), "all of them are one");
    assert_eq!(throttle.buckets.len(), 2, "one for the address, one for all that it made up");
}

#[test]
fn without_an_address_nobody_is_slowed_down() {
    let throttle = throttle();
    assert!(matches!(throttle.secret(Who { address: None, ..who(HERE, "bff") }, 0), Ok(None)));
}

/// A token that is refused.
fn present(throttle: &Throttle, address: &str, client_id: &str, is_known: bool) -> Result<(), Limit> {
    let attempt = throttle.tokens(who(address, client_id), 0, || is_known);
    let failed = |attempt: Option<Attempt<'_>>| attempt.map_or(Ok(()), |attempt| attempt.failed(0));
    attempt.and_then(failed).map_err(|throttled| throttled.limit)
}

#[test]
fn refused_tokens_count_for_the_client_wherever_it_is_and_for_no_other_one() {
    let throttle = throttle();
    for number in 0..FEW {
        assert_eq!(present(&throttle, if number % 2 == 0 { HERE } else { THERE }, "bff", false), Ok(()));
    }
    for address in [HERE, THERE, "192.0.2.3"] {
        assert_eq!(present(&throttle, address, "bff", false), Err(Limit::RefusedTokensPerClient));
    }
    assert_eq!(present(&throttle, HERE, "bff", true), Ok(()), "what costs nothing is looked at");
    assert_eq!(present(&throttle, HERE, "another", false), Ok(()));
    assert!(passes(&throttle, HERE, "bff", 0), "it may still authenticate");
}

#[test]
fn an_address_of_refused_tokens_slows_down_those_whose_tokens_are_refused() {
    let throttle = throttle();
    for number in 0..MANY {
        assert_eq!(present(&throttle, HERE, &format!("client-{}", number % 20), false), Ok(()));
    }
    assert_eq!(present(&throttle, HERE, "client-1", false), Err(Limit::RefusedTokensPerAddress));
    assert!(throttle.tokens(who(HERE, "good"), 0, || false).is_ok());
    assert_eq!(present(&throttle, THERE, "new", false), Ok(()));
}

#[test]
fn a_client_with_one_refused_token_at_a_crowded_address_waits_but_a_moment() {
    let throttle = throttle();
    for number in 0..MANY {
        assert_eq!(present(&throttle, HERE, &format!("client-{number}"), false), Ok(()));
    }
    let may = |now| throttle.tokens(who(HERE, "bff"), now, || false).map(drop).is_ok();
    assert!(may(0));
    assert_eq!(present(&throttle, HERE, "bff", false), Err(Limit::RefusedTokensPerAddress));
    // The address stays crowded.
    for step in 1..=110 {
        let client_id = format!("more-{step}");
        let attempt = throttle.tokens(who(HERE, &client_id), step * 200, || false).expect("one more");
        assert_eq!(attempt.map(|attempt| attempt.failed(step * 200)), Some(Ok(())));
    }
    assert!(!may(19_900) && may(20_100), "ten of its thirty in a minute");
}

#[test]
fn guesses_made_at_the_same_moment_gain_but_one_for_each_thread() {
    let throttle = throttle();
    let made: usize = std::thread::scope(|scope| {
        let guesses = || (0..1000).filter(|_| guess(&throttle, HERE, "bff", 0).is_ok()).count();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(guesses)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert!((30..=37).contains(&made), "{made}");
}

#[test]
fn refusals_are_counted_by_limit() {
    let throttle = throttle();
    guess_often(&throttle, "bff");
    assert!(guess(&throttle, HERE, "bff", 0).is_err() && !passes(&throttle, HERE, "bff", 0));
    (0..=FEW).for_each(|_| {
        let _ = present(&throttle, HERE, "bff", false);
    });
    assert_eq!(present(&throttle, HERE, "bff", true), Ok(()));
    let mut page = Page::default();
    throttle.expose(&mut page);
    let page = page.text().expect("a page");
    for (limit, count) in Limit::ALL.into_iter().zip([2, 0, 1, 0]) {
        let line = format!("tessera_limited_requests_total{{limit=\"{}\"}} {count}\n", limit.as_str());
        assert!(page.contains(&line), "{line}{page}");
    }
}

#[test]
fn the_smallest_and_the_largest_limits_work() {
    for (most, window) in [(1, 1), (1, 3600), (1_000_000, 1), (7, 60)] {
        let window = Duration::from_secs(window);
        let throttle = Throttle::new(&ThrottleOptions {
            failures_per_client: most,
            failures_per_address: 1_000_000,
            window,
            ..options()
        });
        let made = (0..most.min(1000)).filter(|_| guess(&throttle, HERE, "bff", 0).is_ok()).count();
        assert_eq!(made, most.min(1000) as usize);
        assert_eq!(guess(&throttle, HERE, "bff", 0).is_err(), most < 1000);
    }
}

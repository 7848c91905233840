use proptest::prelude::*;

use super::*;

fn simple(max_failures: u32, lock_seconds: i64, failures_expire_seconds: Option<i64>) -> LockoutRule {
    LockoutRule { max_failures, lock_seconds, failures_expire_seconds, tiers: Vec::new() }
}

fn tiers(tiers: &[(u32, i64)], failures_expire_seconds: Option<i64>) -> LockoutRule {
    let tiers = tiers.iter().map(|&(attempts, lock_seconds)| Tier { attempts, lock_seconds }).collect();
    LockoutRule { tiers, ..simple(1, 1, failures_expire_seconds) }
}

/// How many answers are looked at when somebody does not stop at `now`.
fn looks(attempts: &mut Attempts, rule: &LockoutRule, now: i64) -> usize {
    (0..100).filter(|_| attempts.claim(rule, now) == Claim::Go).count()
}

#[test]
fn so_many_failures_lock_and_then_the_count_begins_anew() {
    let (rule, mut one) = (simple(3, 60, None), Attempts::default());
    assert_eq!(looks(&mut one, &rule, 100), 3);
    assert_eq!(one.claim(&rule, 159), Claim::Locked { until: Some(160) }, "trying while locked prolongs nothing");
    assert_eq!(looks(&mut one, &rule, 160), 3);
    assert_eq!(one.lock_at(219), Some(Lock { until: Some(220) }));
    assert_eq!(one.lock_at(220), None);
}

#[test]
fn tiers_count_on_and_after_the_last_one_only_somebody_unlocks() {
    let (rule, mut one) = (tiers(&[(3, 60), (5, 600)], Some(30)), Attempts::default());
    assert_eq!(looks(&mut one, &rule, 100), 3);
    assert_eq!(one.lock_at(100), Some(Lock { until: Some(160) }));
    assert_eq!(looks(&mut one, &rule, 160), 2, "the time in the lock does not make the failures old");
    assert_eq!(one.lock_at(160), Some(Lock { until: Some(760) }));
    assert_eq!(looks(&mut one, &rule, 790), 1);
    assert_eq!(one.claim(&rule, i64::MAX), Claim::Locked { until: None });
    assert!(!one.unlock(UnlockKind::Automatic, 791));
    assert!(one.unlock(UnlockKind::Manual, 791));
    assert_eq!(looks(&mut one, &rule, 791), 3, "after that everything begins anew");
    assert!(!one.unlock(UnlockKind::Manual, 792));
    assert!(one.unlock(UnlockKind::Any, 792));
    assert_eq!(looks(&mut one, &rule, 792), 3);
}

#[test]
fn failures_far_from_each_other_do_not_count_together() {
    for rule in [simple(3, 60, Some(10)), tiers(&[(3, 60)], Some(10))] {
        let mut one = Attempts::default();
        for now in [100, 110, 121, 131, 142] {
            assert_eq!(one.claim(&rule, now), Claim::Go, "{now}");
        }
        assert_eq!(one.lock_at(142), None);
        assert_eq!(looks(&mut one, &rule, 152), 2);
        assert_eq!(one.lock_at(152), Some(Lock { until: Some(212) }));
        assert_eq!(looks(&mut one, &rule, 223), 3, "after the lock too");
    }
}

#[test]
fn a_right_answer_takes_back_everything_that_was_counted_up_front() {
    let rule = simple(1, 60, None);
    let mut one = Attempts { last_failed_at: Some(50), ..Attempts::default() };
    assert_eq!(one.claim(&rule, 100), Claim::Go);
    assert!(one.lock_at(100).is_some(), "nobody else gets a look meanwhile");
    one.succeeded("app", 101);
    assert_eq!((one.last_succeeded_at, one.last_failed_at), (Some(101), Some(50)));
    assert_eq!(one.last_application_id.as_deref(), Some("app"));
    assert_eq!(one.claim(&rule, 101), Claim::Go);
}

#[test]
fn an_answer_that_was_not_looked_at_counts_for_nothing_and_gives_one_look_back() {
    let rule = simple(3, 60, None);
    let mut attempts = Attempts::default();
    assert_eq!(looks(&mut attempts, &rule, 10), 3);
    attempts.withdraw();
    assert_eq!((attempts.failures, attempts.lock_at(10)), (2, None));
    assert_eq!(looks(&mut attempts, &rule, 10), 1, "so three were looked at in all");
    let mut fresh = Attempts::default();
    fresh.withdraw();
    assert_eq!(fresh, Attempts::default());
}

#[test]
fn a_clock_that_is_behind_makes_no_failure_older() {
    let (rule, mut one) = (simple(2, 60, Some(10)), Attempts::default());
    assert_eq!(one.claim(&rule, 100), Claim::Go);
    assert_eq!(one.claim(&rule, 80), Claim::Go);
    assert_eq!((one.failures, one.counted_at), (2, Some(100)));
}

#[test]
fn every_kind_has_its_name() {
    for kind in Authenticator::ALL {
        assert_eq!(Authenticator::from_name(kind.as_str()), Some(kind));
        assert_eq!(serde_json::to_value(kind).expect("JSON"), kind.as_str());
    }
    assert_eq!(Authenticator::from_name("face"), None);
}

/// The rule told another way: all moments of failures that count together, one by one.
#[derive(Default)]
struct Model {
    failures: Vec<i64>,
    locked: Option<Option<i64>>,
}

impl Model {
    fn may_look(&mut self, rule: &LockoutRule, now: i64) -> bool {
        match self.locked {
            Some(None) => return false,
            Some(Some(until)) if now < until => return false,
            Some(Some(until)) => {
                self.locked = None;
                if rule.tiers.is_empty() {
                    self.failures.clear();
                } else {
                    // As if the last failure had been at the end of the lock.
                    self.failures.push(until);
                    self.failures.swap_remove(self.failures.len() - 2);
                }
            }
            None => {}
        }
        if let (Some(seconds), Some(last)) = (rule.failures_expire_seconds, self.failures.last())
            && last + seconds < now
        {
            self.failures.clear();
        }
        self.failures.push(now);
        let count = u32::try_from(self.failures.len()).expect("few");
        self.locked = match rule.tiers.last() {
            None => (count == rule.max_failures).then_some(Some(now + rule.lock_seconds)),
            Some(last) if count > last.attempts => Some(None),
            Some(_) => rule.tiers.iter().find(|tier| tier.attempts == count).map(|tier| Some(now + tier.lock_seconds)),
        };
        true
    }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Wait(i64),
    Wrong,
    Right,
    Unlock,
}

fn an_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0..40i64).prop_map(Event::Wait),
        10 => Just(Event::Wrong),
        1 => Just(Event::Right),
        1 => Just(Event::Unlock),
    ]
}

fn a_rule() -> impl Strategy<Value = LockoutRule> {
    let tier_steps = prop::collection::vec((1..4u32, 1..40i64), 0..4);
    (1..5u32, 1..40i64, prop::option::of(1..30i64), tier_steps).prop_map(|(max, lock, expire, steps)| {
        let mut attempts = 0;
        let all: Vec<_> = steps
            .into_iter()
            .map(|(step, seconds)| {
                attempts += step;
                (attempts, seconds)
            })
            .collect();
        LockoutRule { tiers: tiers(&all, None).tiers, ..simple(max, lock, expire) }
    })
}

proptest! {
    #[test]
    fn the_counting_agrees_with_the_model(rule in a_rule(), events in prop::collection::vec(an_event(), 0..80)) {
        let (mut one, mut model, mut now) = (Attempts::default(), Model::default(), 1000);
        for event in events {
            match event {
                Event::Wait(seconds) => now += seconds,
                Event::Wrong => {
                    let go = one.claim(&rule, now) == Claim::Go;
                    prop_assert_eq!(go, model.may_look(&rule, now), "at {}: {:?}", now, one);
                }
                Event::Right => {
                    let go = one.claim(&rule, now) == Claim::Go;
                    prop_assert_eq!(go, model.may_look(&rule, now));
                    if go {
                        one.succeeded("app", now);
                        model = Model::default();
                    }
                }
                Event::Unlock => {
                    one.unlock(UnlockKind::Any, now);
                    model = Model::default();
                }
            }
        }
    }

    #[test]
    fn nobody_gets_more_looks_than_the_rule_allows_in_any_stretch_as_long_as_the_lock(
        max in 1..5u32, lock in 1..40i64, waits in prop::collection::vec(0..10i64, 1..100),
    ) {
        let (rule, mut one, mut now) = (simple(max, lock, None), Attempts::default(), 0);
        let mut looked = Vec::new();
        for wait in waits {
            now += wait;
            if one.claim(&rule, now) == Claim::Go {
                looked.push(now);
            }
        }
        let max = max as usize;
        // Two rounds may lie next to each other, with a lock between them.
        for round in looked.chunks(max).collect::<Vec<_>>().windows(2) {
            prop_assert!(round[1][0] - round[0][max - 1] >= lock, "{:?}", looked);
        }
    }
}

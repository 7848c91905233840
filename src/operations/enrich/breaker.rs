//! A circuit breaker: a webhook that is dead is left alone for a while, so that callers fail at once instead of waiting for
//! the same time-out one after the other.

/// Failures in a row after which a webhook is left alone.
const FAILURES: u32 = 5;
/// How long it is left alone, in milliseconds. Then one call tries whether it is back.
const REST: i64 = 10_000;
/// Calls under way at once: a slow webhook must not hold every request of the node.
const MOST_AT_ONCE: u32 = 64;

/// What is known of one webhook.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    /// Until when it is left alone, in milliseconds since 1970.
    resting_until: Option<i64>,
    trying: bool,
    under_way: u32,
}

impl Breaker {
    /// Whether a call may be made at `now` (milliseconds since 1970). Each that may must be told how it [`ended`](Self::ended).
    pub(super) fn admit(&mut self, now: i64) -> Result<(), &'static str> {
        if self.under_way >= MOST_AT_ONCE {
            return Err("too many calls of it are under way");
        }
        if let Some(until) = self.resting_until {
            if now < until || self.trying {
                return Err("it failed several times in a row and is left alone for a while");
            }
            self.trying = true;
        }
        self.under_way += 1;
        Ok(())
    }

    /// A call ended at `now`.
    pub(super) fn ended(&mut self, well: bool, now: i64) {
        self.under_way = self.under_way.saturating_sub(1);
        self.trying = false;
        if well {
            (self.failures, self.resting_until) = (0, None);
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES {
            self.resting_until = Some(now.saturating_add(REST));
        }
    }

    /// Whether it is left alone at `now`.
    pub(super) fn is_resting(&self, now: i64) -> bool {
        self.resting_until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &mut Breaker, times: u32, now: i64) {
        for _ in 0..times {
            breaker.admit(now).expect("admitted");
            breaker.ended(false, now);
        }
    }

    #[test]
    fn after_failures_in_a_row_nobody_is_admitted_until_the_rest_is_over() {
        let mut breaker = Breaker::default();
        fail(&mut breaker, FAILURES - 1, 0);
        breaker.admit(0).expect("not yet");
        breaker.ended(true, 0);
        fail(&mut breaker, FAILURES, 0);
        assert!(breaker.admit(REST - 1).is_err());
        assert!(breaker.is_resting(REST - 1));
        breaker.admit(REST).expect("one try");
        assert!(breaker.admit(REST).is_err(), "one at a time");
        breaker.ended(false, REST);
        assert!(breaker.admit(2 * REST - 1).is_err(), "left alone again after one failure");
        breaker.admit(2 * REST).expect("another try");
        breaker.ended(true, 2 * REST);
        assert!(breaker.admit(2 * REST).is_ok() && breaker.admit(2 * REST).is_ok(), "it is back");
    }

    #[test]
    fn a_slow_webhook_holds_a_bounded_number_of_requests() {
        let mut breaker = Breaker::default();
        for _ in 0..MOST_AT_ONCE {
            breaker.admit(0).expect("admitted");
        }
        assert!(breaker.admit(0).is_err());
        breaker.ended(true, 0);
        assert!(breaker.admit(0).is_ok());
    }
}

//! What is counted of passwords.

use std::time::Duration;

use crate::metrics::{Count, CountBy, CountByTwo, Histogram, Kind, Page, kinds};

kinds! {
    /// What is done with a password.
    pub enum JobKind {
        /// It is compared with a hash.
        Verify = "verify",
        /// It is hashed in order to be kept.
        Hash = "hash",
        /// It is looked at how good it is.
        Judge = "judge",
    }
    /// How that ended.
    pub enum JobEnding {
        /// Well, whatever came out.
        Done = "done",
        /// Too many waited.
        Refused = "refused",
        /// A library panicked.
        CutOff = "cut_off",
    }
    /// What a list of leaked passwords said.
    pub enum LeakAnswer {
        /// The password is not in it.
        Absent = "absent",
        /// It is.
        Present = "present",
        /// The list gave no answer; the password was taken.
        Failed = "failed",
    }
}

/// What the pool counts, on this node since it started.
#[derive(Debug)]
pub struct PoolCounts {
    jobs: CountByTwo<JobKind, JobEnding>,
    abandoned: Count,
    waited: Histogram,
    took: Vec<Histogram>,
}

impl Default for PoolCounts {
    fn default() -> Self {
        Self {
            jobs: CountByTwo::default(),
            abandoned: Count::default(),
            waited: Histogram::of_times(),
            took: JobKind::ALL.iter().map(|_| Histogram::of_times()).collect(),
        }
    }
}

impl PoolCounts {
    pub(super) fn ended(&self, kind: JobKind, ending: JobEnding) {
        self.jobs.one(kind, ending);
    }

    pub(super) fn abandoned(&self, many: usize) {
        (0..many).for_each(|_| self.abandoned.one());
    }

    pub(super) fn waited(&self, time: Duration) {
        self.waited.took(time);
    }

    pub(super) fn took(&self, kind: JobKind, time: Duration) {
        if let Some(times) = self.took.get(kind.place()) {
            times.took(time);
        }
    }

    pub(super) fn expose(&self, page: &mut Page) {
        let help = "Passwords that were compared, hashed or judged, by how that ended; refused: too many waited.";
        self.jobs.expose(page, "tessera_password_jobs_total", help, ["kind", "outcome"]);
        let help = "Passwords that were not looked at because the caller had gone.";
        page.counter("tessera_password_jobs_abandoned_total", help, &[], self.abandoned.get());
        let help = "How long a password waited for a thread.";
        page.histogram("tessera_password_wait_seconds", help, &[], &self.waited);
        let help = "How long it took to compare, to hash or to judge a password.";
        for (kind, times) in JobKind::ALL.iter().zip(&self.took) {
            page.histogram("tessera_password_job_duration_seconds", help, &[("kind", kind.label())], times);
        }
    }
}

/// What lists of leaked passwords said, on this node since it started.
#[derive(Debug, Default)]
pub struct LeakCounts(CountBy<LeakAnswer>);

impl LeakCounts {
    pub(super) fn one(&self, answer: LeakAnswer) {
        self.0.one(answer);
    }

    pub(super) fn expose(&self, page: &mut Page) {
        let help = "Questions to the list of leaked passwords, by answer; failed: it gave none.";
        self.0.expose(page, "tessera_leaked_password_checks_total", help, "answer");
    }
}

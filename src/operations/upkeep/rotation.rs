//! Signing keys get their successors by schedule, from one node for all.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::UpkeepOptions;
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{environment::SigningAlg, signing_key::due_algs},
    operations::{
        context::Context,
        keys::{KeyError, KeyMaker, rotate_if_due},
        operator::{Operator, SERVER},
    },
    store::{Store, leases},
};

/// The lease of the node that rotates.
const LEASE: &str = "key-rotation";
/// How long the lease is taken for, in seconds: longer than one key takes, and short enough that nobody misses a node that died.
const LEASE_TIME: i64 = 30;
/// How long another node is left alone with the work.
const REST_BEHIND_ANOTHER: Duration = Duration::from_secs(1);
/// How long to rest when the database has a successor that this node has not heard of.
const REST_BEHIND_DATABASE: Duration = Duration::from_secs(5);
/// How long to rest after a failure.
const REST_AFTER_FAILURE: Duration = Duration::from_secs(30);

/// Looks for keys that are due, in memory: while there are none, it costs no statement.
pub(super) struct Rotation {
    context: Context,
    store: Store,
    node: String,
    options: UpkeepOptions,
    rest_until: Option<Instant>,
}

impl Rotation {
    pub(super) fn new(context: Context, store: Store, node: String, options: UpkeepOptions) -> Self {
        Self { context, store, node, options, rest_until: None }
    }

    pub(super) fn tick(&mut self) {
        let Some(interval) = self.options.rotation_interval else { return };
        if self.rest_until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        self.rest_until = None;
        let due = self.due(interval);
        if due.is_empty() {
            return;
        }
        let rest = match self.rotate(&due, interval) {
            Ok(rest) => rest,
            Err(error) => {
                log::error!("signing keys are due, but cannot be rotated: {error}");
                self.give_up_lease();
                Some(REST_AFTER_FAILURE)
            }
        };
        self.rest_until = rest.map(|rest| Instant::now() + rest);
    }

    /// What is due, as far as this node knows.
    fn due(&self, interval: i64) -> Vec<(Arc<EnvironmentSnapshot>, SigningAlg)> {
        let now = self.context.clock.now();
        let of_one = |environment: Arc<EnvironmentSnapshot>| {
            let algs = due_algs(environment.keyring.schedules(), interval, now);
            algs.into_iter().map(move |alg| (Arc::clone(&environment), alg))
        };
        self.context.catalog.environments().into_iter().flat_map(of_one).collect()
    }

    /// Makes the keys that are due, if it is this node's turn, and says how long to rest.
    fn rotate(
        &self,
        due: &[(Arc<EnvironmentSnapshot>, SigningAlg)],
        interval: i64,
    ) -> Result<Option<Duration>, KeyError> {
        let mut rest = None;
        for (environment, alg) in due {
            let (id, name) = (&environment.environment.id, &environment.environment.name);
            let now = self.context.clock.now();
            let until = now.saturating_add(LEASE_TIME);
            if !self.store.read(|conn| leases::take(conn, LEASE, &self.node, now, until))? {
                return Ok(Some(REST_BEHIND_ANOTHER));
            }
            let maker = KeyMaker {
                master_key: &self.context.master_key,
                random: &*self.context.random,
                default_alg: self.context.signing_alg,
                jwks_max_age: self.options.jwks_max_age,
                now,
                operator: Operator {
                    name: SERVER,
                    random: &*self.context.random,
                    now_ms: self.context.clock.now_millis(),
                },
            };
            match rotate_if_due(&self.store, &maker, &*self.context.clock, id, *alg, interval)? {
                Some(key) => {
                    let (kid, alg) = (&key.kid, alg.as_str());
                    let wait = key.schedule.activates_at.saturating_sub(now);
                    log::info!("environment {name}: published signing key {kid} ({alg}), which takes over in {wait} s");
                }
                None => rest = Some(REST_BEHIND_DATABASE),
            }
        }
        // The others hear of it. What cannot be read here is the watch's to mend and to report.
        if self.context.catalog.refresh().is_err() {
            rest = Some(REST_BEHIND_DATABASE);
        }
        Ok(rest)
    }

    /// Lets another node try what failed here.
    fn give_up_lease(&self) {
        // If that fails too, the lease ends by itself.
        let _ = self.store.read(|conn| leases::release(conn, LEASE, &self.node));
    }
}

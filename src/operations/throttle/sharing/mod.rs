//! Tells the other nodes what failed here, and hears what failed there, on a thread of its own: once a second, in one batch. While
//! the database is away, each node goes on by itself.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc, PoisonError,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{Limit, Throttle, bucket::Bucket, key::Key};
use crate::{
    domain::clock::Clock,
    store::{
        Lane, Store, StoreError,
        failures::{self, FailureRow},
    },
};

/// How often nodes tell each other.
const INTERVAL: Duration = Duration::from_secs(1);
/// The most rows that a node writes in one turn. What is left waits for the next.
const BATCH: usize = 500;
/// The most rows that are read in one turn.
const READ: i64 = 5000;
/// How far back a turn reads what was written, in microseconds: what was written during the turn before, by a node whose clock is
/// a little behind. What is read twice changes nothing.
const OVERLAP: i64 = 3_000_000;
/// How often rows are deleted that say nothing any more.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// The running exchange with the other nodes. Stops when dropped.
pub struct Sharing {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sharing {
    /// Starts it.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn start(throttle: Arc<Throttle>, store: Store, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new().name("failures".to_owned()).spawn(move || {
            let own = store.clone();
            // One that takes the place of another reads all there is again, which changes nothing.
            let mut lane = Lane::new(&store, "failures-database", move || {
                let (throttle, store, clock) = (Arc::clone(&throttle), own.clone(), Arc::clone(&clock));
                Ok(Turns { throttle, store, clock, read_until: 0, swept: Instant::now() })
            });
            let mut is_well = true;
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                let outcome = lane.run(Turns::turn).unwrap_or_else(|cut| Err(cut.into()));
                match &outcome {
                    Err(error) if is_well => log::warn!("failures are counted by this node alone for now: {error}"),
                    Ok(()) if !is_well => log::info!("failures are counted together with the other nodes again"),
                    _ => {}
                }
                is_well = outcome.is_ok();
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Sharing {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The thread holds nothing that needs saving; a panic in it was logged by the runtime.
            let _ = thread.join();
        }
    }
}

struct Turns {
    throttle: Arc<Throttle>,
    store: Store,
    clock: Arc<dyn Clock>,
    /// When the last turn that worked began, by the clock; 0 before the first, which reads all there is: a restart forgets
    /// nothing.
    read_until: i64,
    swept: Instant,
}

impl Turns {
    fn turn(&mut self) -> Result<(), StoreError> {
        let now = self.clock.now_millis().saturating_mul(1000);
        self.write(now)?;
        let since = self.read_until.min(now).saturating_sub(OVERLAP);
        for row in self.store.read(|conn| failures::changed_since(conn, since, now, READ))? {
            self.throttle.merge(&row, now);
        }
        self.read_until = now;
        if self.swept.elapsed() >= SWEEP_INTERVAL {
            self.swept = Instant::now();
            // Those that other nodes, whose clocks may be behind, still count are left for now.
            self.store.read(|conn| failures::delete_before(conn, now.saturating_sub(OVERLAP)))?;
        }
        Ok(())
    }

    fn write(&self, now: i64) -> Result<(), StoreError> {
        let taken = self.throttle.take_waiting(now);
        if taken.is_empty() {
            return Ok(());
        }
        let rows: Vec<FailureRow> = taken.iter().map(|(key, (_, cost))| row_of(key, *cost, now)).collect();
        let written = self.store.read(|conn| failures::add(conn, &rows, self.throttle.most()));
        if written.is_err() {
            self.throttle.put_back(taken);
        }
        written
    }
}

/// In the order of the keys, so that two nodes that write the same rows do not wait for each other crosswise.
type Taken = BTreeMap<Key, (Arc<Bucket>, i64)>;

impl Throttle {
    fn take_waiting(&self, now: i64) -> Taken {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let most = waiting.len().min(BATCH);
        let mut taken = Taken::new();
        for (key, bucket) in waiting.drain(..most) {
            let cost = bucket.take_unshared(now, self.most());
            if cost > 0 {
                // The same key twice: its bucket was forgotten and made anew in between.
                let sum = taken.get(&key).map_or(cost, |(_, other)| cost.saturating_add(*other));
                taken.insert(key, (bucket, sum));
            }
        }
        taken
    }

    fn put_back(&self, taken: Taken) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, (bucket, cost)) in taken {
            bucket.put_back(cost);
            if bucket.enters_queue() {
                waiting.push((key, bucket));
            }
        }
    }

    fn merge(&self, row: &FailureRow, now: i64) {
        // A node of another version may count what this one does not know.
        let Some(key) = key_of(row) else { return };
        // More than there can be: a clock was wrong, and nobody is to be blocked by that.
        if row.until_us.saturating_sub(now) <= self.most() {
            self.bucket(key).raise(row.until_us);
        }
    }
}

fn row_of(key: &Key, cost: i64, now: i64) -> FailureRow {
    FailureRow {
        kind: key.limit.as_str().to_owned(),
        network: key.network.map(|network| network.to_string()).unwrap_or_default(),
        environment_id: key.environment_id.clone(),
        client_id: key.client_id.clone(),
        until_us: now.saturating_add(cost),
        changed_us: now,
    }
}

fn key_of(row: &FailureRow) -> Option<Key> {
    let network: Option<IpAddr> = match row.network.as_str() {
        "" => None,
        network => Some(network.parse().ok()?),
    };
    let (environment_id, client_id) = (row.environment_id.clone(), row.client_id.clone());
    Some(Key { limit: Limit::of_name(&row.kind)?, network, environment_id, client_id })
}

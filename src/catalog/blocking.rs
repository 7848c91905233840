//! Work with the database on blocking threads, for as long as somebody waits and no longer.
//!
//! A database that stands still (a stopped process, a disk that hangs) gives no error and ends no connection: whoever asks it hangs,
//! and libpq knows no time-out for that. The thread cannot be freed, but nobody has to wait for it, and others take its place: it may be
//! one connection alone that hangs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use crate::store::StoreError;

/// Waits for a thread.
const WAITING: u8 = 0;
const RUNNING: u8 = 1;
/// Nobody waits for it any more.
const GIVEN_UP: u8 = 2;
const ENDED: u8 = 3;

/// The most pieces of work that may hang. With as many the database as a whole does not answer, nobody needs to wait to hear so, and it
/// costs no more threads.
const MOST_STUCK: usize = 32;

/// Bounds on how many work with the database at once, and on how long they wait for it.
#[derive(Debug)]
pub(super) struct Blocking {
    places: Arc<Semaphore>,
    most: usize,
    /// Those who may be on a thread, except what hangs there.
    threads: Arc<Semaphore>,
    longest: Duration,
    /// Work that is under way although it was given up.
    stuck: Arc<AtomicUsize>,
}

/// What becomes of work that is not done in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A question or a short change. If it takes too long, the database does not answer.
    Short,
    /// Many statements, perhaps. If it takes too long, that says nothing of the database.
    Long,
}

impl Blocking {
    /// At most `most` at once, for `longest` each, and `threads` of them at work.
    pub fn new(most: usize, threads: usize, longest: Duration) -> Self {
        let (places, threads) = (Arc::new(Semaphore::new(most)), Arc::new(Semaphore::new(threads.max(1))));
        Self { places, most, threads, longest, stuck: Arc::default() }
    }

    /// How many wait for the database or work with it.
    pub fn busy(&self) -> usize {
        self.most.saturating_sub(self.places.available_permits())
    }

    /// How many of them nobody waits for any more.
    pub fn stuck(&self) -> usize {
        self.stuck.load(Ordering::Relaxed)
    }

    /// Runs `work` on a blocking thread. Work that has not begun when it is given up never begins: what a caller was told is not
    /// done must not happen afterwards.
    ///
    /// # Errors
    /// Too many wait already, or it is not done in time. Then it may be under way, and nobody knows how it ends.
    pub async fn run<T: Send + 'static>(
        &self,
        kind: Kind,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| StoreError::unavailable("too many wait for the database"))?;
        if self.stuck() >= MOST_STUCK {
            return Err(StoreError::unavailable("the database does not answer"));
        }
        let job = Job { state: Arc::default(), stuck: Arc::clone(&self.stuck) };
        let (running, threads) = (job.clone(), Arc::clone(&self.threads));
        let done = async {
            // Given back when nobody waits any more, although the thread may still be at it.
            let _thread = threads.acquire_owned().await;
            spawn_blocking(move || {
                let _place = place;
                running.begin().then(|| {
                    let _ending = Ending(&running);
                    work()
                })
            })
            .await
        };
        match timeout(self.longest, done).await {
            Ok(Ok(Some(result))) => Ok(result),
            Ok(Ok(None)) => Err(StoreError::unavailable("the work was given up")),
            Ok(Err(error)) => Err(StoreError::unavailable(format!("the work was cut off: {error}"))),
            Err(_) => {
                job.give_up(kind);
                Err(StoreError::unavailable("the database did not answer in time"))
            }
        }
    }
}

/// One piece of work, as its thread and its caller see it.
#[derive(Clone)]
struct Job {
    state: Arc<AtomicU8>,
    stuck: Arc<AtomicUsize>,
}

impl Job {
    fn turn(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Whether it is still wanted.
    fn begin(&self) -> bool {
        self.turn(WAITING, RUNNING)
    }

    fn give_up(&self, kind: Kind) {
        if self.turn(WAITING, GIVEN_UP) || kind == Kind::Long {
            return;
        }
        // First counted, then said: it may end at any moment, and is then counted off.
        self.stuck.fetch_add(1, Ordering::Relaxed);
        if !self.turn(RUNNING, GIVEN_UP) {
            self.stuck.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The end of a piece of work, by a panic too.
struct Ending<'a>(&'a Job);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if self.0.state.swap(ENDED, Ordering::AcqRel) == GIVEN_UP {
            self.0.stuck.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        sync::mpsc::{self, Sender},
    };

    use super::*;

    const LONGEST: Duration = Duration::from_millis(100);

    /// One blocking thread, so that what comes second waits for it.
    fn on_one_thread<F: Future>(test: F) -> F::Output {
        on_threads(1, test)
    }

    fn on_threads<F: Future>(count: usize, test: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(count).enable_all().build();
        runtime.expect("a runtime").block_on(test)
    }

    /// Work that ends when it is told to.
    fn hanging() -> (Sender<()>, impl FnOnce() + Send + 'static) {
        let (end, ended) = mpsc::channel::<()>();
        (end, move || {
            let _ = ended.recv();
        })
    }

    async fn until(check: impl Fn() -> bool) {
        while !check() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[test]
    fn nobody_waits_for_work_that_hangs_and_others_take_its_place() {
        on_threads(MOST_STUCK + 1, async {
            let blocking = Blocking::new(MOST_STUCK + 8, 1, LONGEST);
            let mut ends = Vec::new();
            for stuck in 1..=MOST_STUCK {
                let (end, work) = hanging();
                ends.push(end);
                let late = blocking.run(Kind::Short, work).await.expect_err("too late");
                assert!(late.is_unavailable() && late.to_string().contains("in time"), "{late}");
                assert_eq!((blocking.stuck(), blocking.busy()), (stuck, stuck));
                if stuck < MOST_STUCK {
                    assert_eq!(blocking.run(Kind::Short, || 7).await, Ok(7), "one connection that hangs is not all");
                }
            }
            let asked = std::time::Instant::now();
            let refused = blocking.run(Kind::Short, || unreachable!("never begun")).await.map(|_: ()| ());
            assert!(refused.expect_err("refused").to_string().contains("does not answer"));
            assert!(asked.elapsed() < LONGEST);

            ends.iter().for_each(|end| end.send(()).expect("somebody who waits"));
            until(|| blocking.stuck() == 0).await;
            assert_eq!(blocking.run(Kind::Short, || 7).await, Ok(7));
        });
    }

    #[test]
    fn what_was_given_up_before_it_began_never_happens() {
        on_one_thread(async {
            let blocking = Blocking::new(8, 8, LONGEST);
            let (end, work) = hanging();
            let happened = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&happened);
            let second = blocking.run(Kind::Short, move || counted.fetch_add(1, Ordering::SeqCst));
            let (first, second) = tokio::join!(blocking.run(Kind::Long, work), second);
            assert!(first.is_err() && second.is_err());
            assert_eq!(blocking.stuck(), 0, "long work is no sign, and what waits is none either");
            end.send(()).expect("somebody who waits");
            assert_eq!(blocking.run(Kind::Short, || 7).await, Ok(7), "the thread is free again");
            assert_eq!(happened.load(Ordering::SeqCst), 0);
        });
    }

    #[test]
    fn work_that_panics_is_no_sign_that_the_database_hangs() {
        on_one_thread(async {
            let blocking = Blocking::new(1, 1, Duration::from_secs(60));
            let outcome = blocking.run(Kind::Short, || panic!("a test's")).await.map(|_: ()| ());
            assert!(outcome.expect_err("cut off").is_unavailable());
            assert_eq!((blocking.stuck(), blocking.busy()), (0, 0));
        });
    }
}

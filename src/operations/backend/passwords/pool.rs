//! Threads that hash passwords, and nothing else does.
//!
//! A hash takes tens of milliseconds of a core, on purpose. On the threads that answer requests, or on those that wait for the
//! database, a few dozen sign-ins at once would hold up every token. So hashing has threads of its own, fewer than there are cores and
//! behind everything else in the system's queue; a bounded number waits for them, and who comes then is told to come back.

use std::{
    collections::VecDeque,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::counts::{JobEnding, JobKind, PoolCounts};
use crate::{domain::password::Scratch, metrics::Page};

/// How far behind the threads that answer requests (nice(2); 19 is the furthest). With 10 a busy server gives a hash a tenth of a core.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;
/// What a hash takes before the first one was made.
const FIRST_GUESS: Duration = Duration::from_millis(50);

/// Work was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// As many wait as may.
    #[error("too many passwords wait to be looked at")]
    Full {
        /// In how many seconds those who wait now will be done, more or less; 1 at least.
        retry_after: i64,
    },
    /// The work panicked, or the pool is being shut down.
    #[error("the work was cut off")]
    CutOff,
}

/// The threads and what waits for them. They end when it is dropped.
pub struct HashPool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    most: usize,
    threads: u64,
    queue: Mutex<Queue>,
    wake: Condvar,
    counts: PoolCounts,
    /// How long the last work took, in microseconds.
    last_took: AtomicU64,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    closed: bool,
}

struct Waiting {
    kind: JobKind,
    since: Instant,
    job: Box<dyn Job>,
}

/// Work, and whoever waits for its result.
trait Job: Send {
    /// Whether somebody still does.
    fn is_wanted(&self) -> bool;
    /// Does it, and gives what hands the result over.
    fn run(self: Box<Self>, scratch: &mut Scratch) -> Box<dyn FnOnce()>;
}

struct Asked<T, F> {
    work: F,
    result: oneshot::Sender<T>,
}

impl<T: Send + 'static, F: FnOnce(&mut Scratch) -> T + Send> Job for Asked<T, F> {
    fn is_wanted(&self) -> bool {
        !self.result.is_closed()
    }

    fn run(self: Box<Self>, scratch: &mut Scratch) -> Box<dyn FnOnce()> {
        let Self { work, result } = *self;
        let done = work(scratch);
        // Nobody waits any more: then it was for nothing.
        Box::new(move || _ = result.send(done))
    }
}

impl HashPool {
    /// Starts the threads. At most `queue` wait for them.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(threads: usize, queue: usize) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            most: queue,
            threads: u64::try_from(threads).unwrap_or(1).max(1),
            queue: Mutex::default(),
            wake: Condvar::new(),
            counts: PoolCounts::default(),
            last_took: AtomicU64::new(micros(FIRST_GUESS)),
        });
        let mut pool = Self { shared, threads: Vec::new() };
        for number in 0..threads {
            let shared = Arc::clone(&pool.shared);
            let thread = thread::Builder::new().name(format!("passwords-{number}"));
            pool.threads.push(thread.spawn(move || shared.work())?);
        }
        Ok(pool)
    }

    /// Whether there is a place.
    ///
    /// # Errors
    /// [`PoolError::Full`].
    pub fn ready(&self) -> Result<(), PoolError> {
        self.shared.place(&mut self.shared.queue())
    }

    /// Does `work` when a thread is free. If the caller is gone by then, it is not begun.
    ///
    /// # Errors
    /// Too many wait, or the work panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        kind: JobKind,
        work: impl FnOnce(&mut Scratch) -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        let (result, waiting) = oneshot::channel();
        self.shared.push(kind, Box::new(Asked { work, result }))?;
        waiting.await.map_err(|_| PoolError::CutOff)
    }

    /// Writes how it goes onto `page`.
    pub fn expose(&self, page: &mut Page) {
        self.shared.counts.expose(page);
        let help = "Passwords that wait to be hashed, compared or judged.";
        page.number("tessera_password_jobs_waiting", help, &[], self.shared.queue().waiting.len());
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        {
            let mut queue = self.shared.queue();
            queue.closed = true;
            queue.waiting.clear();
        }
        self.shared.wake.notify_all();
        for thread in self.threads.drain(..) {
            // A panic was caught where it happened.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Whoever panicked with the lock left a queue behind that is whole.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, kind: JobKind, job: Box<dyn Job>) -> Result<(), PoolError> {
        let mut queue = self.queue();
        self.place(&mut queue).inspect_err(|_| self.counts.ended(kind, JobEnding::Refused))?;
        queue.waiting.push_back(Waiting { kind, since: Instant::now(), job });
        drop(queue);
        self.wake.notify_one();
        Ok(())
    }

    fn place(&self, queue: &mut Queue) -> Result<(), PoolError> {
        if queue.waiting.len() >= self.most {
            // Whoever hung up keeps no place from those who wait.
            let before = queue.waiting.len();
            queue.waiting.retain(|one| one.job.is_wanted());
            self.counts.abandoned(before - queue.waiting.len());
        }
        if queue.closed || queue.waiting.len() >= self.most {
            return Err(PoolError::Full { retry_after: self.until_empty(queue.waiting.len()) });
        }
        Ok(())
    }

    fn until_empty(&self, waiting: usize) -> i64 {
        let waiting = u64::try_from(waiting).unwrap_or(u64::MAX);
        let micros = waiting.saturating_mul(self.last_took.load(Ordering::Relaxed)) / self.threads;
        i64::try_from(micros.div_ceil(1_000_000)).unwrap_or(i64::MAX).clamp(1, 60)
    }

    /// What a thread does until the pool is dropped.
    fn work(&self) {
        step_back();
        let mut scratch = Scratch::default();
        while let Some(Waiting { kind, since, job }) = self.next() {
            if !job.is_wanted() {
                self.counts.abandoned(1);
                continue;
            }
            let started = Instant::now();
            self.counts.waited(started - since);
            // One password that trips up a library must not take the thread from all others.
            let Ok(hand_over) = catch_unwind(AssertUnwindSafe(|| job.run(&mut scratch))) else {
                scratch = Scratch::default();
                self.counts.ended(kind, JobEnding::CutOff);
                continue;
            };
            let took = started.elapsed();
            self.last_took.store(micros(took), Ordering::Relaxed);
            self.counts.took(kind, took);
            self.counts.ended(kind, JobEnding::Done);
            // Last: whoever has the answer finds it counted.
            hand_over();
        }
    }

    fn next(&self) -> Option<Waiting> {
        let mut queue = self.queue();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(next) = queue.waiting.pop_front() {
                return Some(next);
            }
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Puts this thread behind those that answer requests. On Linux each thread has its own place; elsewhere it stays as it is.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE) {
        log::warn!("a thread for passwords cannot be put behind the others: {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        sync::mpsc::{self, Receiver, Sender},
    };

    use super::*;

    fn block_on<F: Future>(test: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(test)
    }

    /// Work that says when it begins and ends when it is told to.
    fn hanging() -> (Receiver<()>, Sender<()>, impl FnOnce(&mut Scratch) + Send + 'static) {
        let ((begin, begun), (end, ended)) = (mpsc::channel(), mpsc::channel::<()>());
        (begun, end, move |_: &mut Scratch| {
            let _ = begin.send(());
            let _ = ended.recv();
        })
    }

    fn counted(pool: &HashPool, line: &str) -> bool {
        let mut page = Page::default();
        pool.expose(&mut page);
        page.text().expect("a page").lines().any(|said| said == line)
    }

    #[test]
    fn who_comes_when_the_queue_is_full_is_told_when_to_come_back_and_the_others_are_served() {
        block_on(async {
            let pool = HashPool::start(1, 2).expect("threads");
            let (begun, end, work) = hanging();
            let first = pool.run(JobKind::Verify, work);
            tokio::pin!(first);
            assert!(std::future::poll_fn(|cx| std::task::Poll::Ready(first.as_mut().poll(cx))).await.is_pending());
            begun.recv().expect("it begins");
            let (second, third) = (pool.run(JobKind::Hash, |_| 2), pool.run(JobKind::Hash, |_| 3));
            let rest = async {
                // Both are in the queue by now: join polls them first.
                let refused = pool.run(JobKind::Verify, |_| unreachable!("never begun")).await.map(|_: ()| ());
                assert_eq!(refused, Err(PoolError::Full { retry_after: 1 }));
                assert!(counted(&pool, "tessera_password_jobs_waiting 2.0"));
                end.send(()).expect("it waits");
            };
            let (second, third, ()) = tokio::join!(second, third, rest);
            assert_eq!((first.await, second, third), (Ok(()), Ok(2), Ok(3)));
            let line = "tessera_password_jobs_total{kind=\"verify\",outcome=\"refused\"} 1";
            assert!(counted(&pool, line));
        });
    }

    #[test]
    fn work_whose_caller_is_gone_never_begins_and_frees_its_place() {
        block_on(async {
            let pool = HashPool::start(1, 1).expect("threads");
            let (begun, end, work) = hanging();
            let first = pool.run(JobKind::Verify, work);
            tokio::pin!(first);
            assert!(std::future::poll_fn(|cx| std::task::Poll::Ready(first.as_mut().poll(cx))).await.is_pending());
            begun.recv().expect("it begins");
            for _ in 0..3 {
                let mut gone = Box::pin(pool.run(JobKind::Verify, |_| unreachable!("nobody waits")));
                let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(gone.as_mut().poll(cx))).await;
                assert!(polled.is_pending(), "there is a place");
                drop::<std::pin::Pin<Box<dyn Future<Output = Result<(), PoolError>>>>>(gone);
            }
            end.send(()).expect("it waits");
            assert_eq!(first.await, Ok(()));
            assert_eq!(pool.run(JobKind::Hash, |_| 7).await, Ok(7));
            assert!(counted(&pool, "tessera_password_jobs_abandoned_total 3"));
        });
    }

    #[test]
    fn work_that_panics_takes_nobody_elses_thread() {
        block_on(async {
            let pool = HashPool::start(1, 4).expect("threads");
            let cut = pool.run(JobKind::Judge, |_| panic!("a test's")).await.map(|_: ()| ());
            assert_eq!(cut, Err(PoolError::CutOff));
            let name = pool.run(JobKind::Judge, |_| thread::current().name().map(str::to_owned)).await;
            assert_eq!(name, Ok(Some("passwords-0".to_owned())));
            assert!(counted(&pool, "tessera_password_jobs_total{kind=\"judge\",outcome=\"cut_off\"} 1"));
        });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_threads_stand_behind_those_that_answer_requests() {
        block_on(async {
            let pool = HashPool::start(1, 1).expect("threads");
            let nice = || rustix::process::getpriority_process(Some(rustix::thread::gettid())).expect("a priority");
            let own = nice();
            assert_eq!(pool.run(JobKind::Hash, move |_| nice()).await, Ok(own.max(NICE)));
            assert_eq!(nice(), own, "this thread stays where it was");
        });
    }
}

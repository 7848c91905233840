use std::sync::atomic::{AtomicI64, Ordering};

use super::{
    super::tests::{guess, options, passes},
    *,
};
use crate::store::testing::{TestDatabase, on_both_engines};

const HERE: &str = "192.0.2.1";

#[derive(Debug, Default)]
struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now_millis(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Nodes on one database, and the time of all of them.
fn nodes<const N: usize>(store: &Store) -> ([Turns; N], Arc<SetClock>) {
    let clock = Arc::new(SetClock(AtomicI64::new(1_000_000)));
    let node = |_| Turns {
        throttle: Arc::new(Throttle::new(&options())),
        store: store.clone(),
        clock: Arc::clone(&clock) as _,
        read_until: 0,
        swept: Instant::now(),
    };
    (std::array::from_fn(node), clock)
}

fn turn(nodes: &mut [Turns]) {
    // Twice, so that the first has heard of the last.
    for _ in 0..2 {
        nodes.iter_mut().for_each(|node| node.turn().expect("a turn"));
    }
}

fn rows(database: &TestDatabase) -> Vec<FailureRow> {
    database.store.read(|conn| failures::changed_since(conn, 0, 0, 10_000)).expect("rows")
}

#[test]
fn guesses_that_are_spread_over_nodes_are_stopped_at_about_the_limit() {
    on_both_engines(|database| {
        let (mut nodes, _) = nodes::<3>(&database.store);
        let mut made = 0;
        // Ten guesses between turns, on each in its turn.
        for number in 0..30 {
            for _ in 0..10 {
                made += u32::from(guess(&nodes[number % 3].throttle, HERE, "bff", 1_000_000).is_ok());
            }
            turn(&mut nodes);
        }
        assert!((30..=36).contains(&made), "{made}: at most a tenth of the limit more for each node");
        for node in &nodes {
            assert!(!passes(&node.throttle, HERE, "bff", 1_000_000));
            assert!(passes(&node.throttle, "192.0.2.2", "bff", 1_000_000));
        }
    });
}

#[test]
fn what_passes_before_nodes_hear_of_each_other_is_paid_back() {
    on_both_engines(|database| {
        let (mut nodes, clock) = nodes::<3>(&database.store);
        for node in &nodes {
            let made = (0..100).filter(|_| guess(&node.throttle, HERE, "bff", 1_000_000).is_ok()).count();
            assert_eq!(made, 30);
        }
        turn(&mut nodes);
        for node in &nodes {
            // Ninety are three windows, of which the last may be used up again.
            assert!(!passes(&node.throttle, HERE, "bff", 1_000_000 + 121_000));
            assert!(passes(&node.throttle, HERE, "bff", 1_000_000 + 122_000));
        }
        clock.0.fetch_add(10_000_000, Ordering::Relaxed);
        nodes[0].swept -= SWEEP_INTERVAL;
        turn(&mut nodes);
        assert_eq!(rows(database), []);
    });
}

#[test]
fn a_node_that_starts_anew_hears_of_what_was_there_before() {
    on_both_engines(|database| {
        let (mut before, clock) = nodes::<1>(&database.store);
        (0..30).for_each(|_| assert_eq!(guess(&before[0].throttle, HERE, "bff", 1_000_000), Ok(())));
        turn(&mut before);
        clock.0.fetch_add(10_000, Ordering::Relaxed);
        let (mut after, clock) = nodes::<1>(&database.store);
        clock.0.fetch_add(10_000, Ordering::Relaxed);
        turn(&mut after);
        let made = (0..30).filter(|_| guess(&after[0].throttle, HERE, "bff", 1_010_000).is_ok()).count();
        assert_eq!(made, 5, "what ten seconds bring");
    });
}

#[test]
fn a_flood_of_single_failures_writes_nothing() {
    on_both_engines(|database| {
        let (mut nodes, _) = nodes::<2>(&database.store);
        for number in 0..20_000 {
            let _ = guess(&nodes[0].throttle, &format!("2001:db8:{number:x}::1"), "bff", 1_000_000);
        }
        turn(&mut nodes);
        assert_eq!(rows(database), []);
    });
}

#[test]
fn a_turn_writes_no_more_than_a_batch_and_the_next_one_the_rest() {
    on_both_engines(|database| {
        let (mut nodes, _) = nodes::<1>(&database.store);
        for number in 0..BATCH + 10 {
            let address = format!("2001:db8:{number:x}::1");
            (0..3).for_each(|_| assert_eq!(guess(&nodes[0].throttle, &address, "bff", 1_000_000), Ok(())));
        }
        for count in [BATCH, BATCH + 10, BATCH + 10] {
            nodes[0].turn().expect("a turn");
            assert_eq!(rows(database).len(), count);
        }
    });
}

#[test]
fn without_the_database_a_node_goes_on_by_itself_and_tells_the_others_later() {
    let database = TestDatabase::postgres();
    database.store.migrate().expect("migrations");
    let (mut nodes, _) = nodes::<2>(&database.store);
    turn(&mut nodes);
    database.shut();
    (0..30).for_each(|_| assert_eq!(guess(&nodes[0].throttle, HERE, "bff", 1_000_000), Ok(())));
    assert!(nodes[0].turn().is_err());
    assert!(!passes(&nodes[0].throttle, HERE, "bff", 1_000_000));
    assert!(passes(&nodes[1].throttle, HERE, "bff", 1_000_000));
    database.reopen();
    turn(&mut nodes);
    assert!(!passes(&nodes[1].throttle, HERE, "bff", 1_000_000));
    let mut until: Vec<i64> = rows(&database).into_iter().map(|row| row.until_us).collect();
    until.sort_unstable();
    assert_eq!(until, [1_006_000_000, 1_060_000_000], "once, although it was tried twice");
}

#[test]
fn rows_that_cannot_be_true_or_are_not_understood_block_nobody() {
    on_both_engines(|database| {
        let (mut nodes, _) = nodes::<1>(&database.store);
        database.execute(
            "INSERT INTO failures VALUES \
             ('failures_per_client', '192.0.2.1', 'e', 'bff', 9000000000000000, 9000000000000000), \
             ('failures_per_client', 'nowhere', 'e', 'bff', 1060000000, 1000000000), \
             ('of another version', '192.0.2.1', 'e', 'bff', 1060000000, 1000000000)",
        );
        turn(&mut nodes);
        assert!(passes(&nodes[0].throttle, HERE, "bff", 1_000_000));
    });
}

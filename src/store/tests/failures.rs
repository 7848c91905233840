use super::super::testing::on_both_engines;
use crate::store::{
    Store,
    failures::{self, FailureRow},
};

const MOST: i64 = 1000;

fn row(client_id: &str, cost: i64, now: i64) -> FailureRow {
    FailureRow {
        kind: "kind".to_owned(),
        network: "192.0.2.1".to_owned(),
        environment_id: "one".to_owned(),
        client_id: client_id.to_owned(),
        until_us: now + cost,
        changed_us: now,
    }
}

fn add(store: &Store, rows: &[FailureRow]) {
    store.read(|conn| failures::add(conn, rows, MOST)).expect("added");
}

fn changed(store: &Store, since: i64, now: i64) -> Vec<(String, i64)> {
    let rows = store.read(|conn| failures::changed_since(conn, since, now, 100)).expect("rows");
    rows.into_iter().map(|row| (row.client_id, row.until_us)).collect()
}

#[test]
fn sums_of_several_nodes_add_up_leak_away_and_are_bounded() {
    on_both_engines(|database| {
        let store = &database.store;
        add(store, &[row("a", 10, 100), row("b", 20, 100)]);
        add(store, &[row("a", 10, 105), row("c", 30, 105)]);
        let mut all = changed(store, 0, 0);
        all.sort();
        assert_eq!(all, [("a".into(), 120), ("b".into(), 120), ("c".into(), 135)]);
        add(store, &[row("a", 10, 500)]);
        assert_eq!(changed(store, 500, 500), [("a".into(), 510)], "what was forgotten counts no more");
        add(store, &[row("a", MOST - 5, 505)]);
        assert_eq!(changed(store, 505, 505), [("a".into(), 505 + MOST)]);
        add(store, &[row("a", 1, 400)]);
        assert_eq!(changed(store, 400, 400), [("a".into(), 400 + MOST)], "a clock that was ahead is not believed");
    });
}

#[test]
fn only_what_changed_and_still_counts_is_read_and_the_rest_is_deleted() {
    on_both_engines(|database| {
        let store = &database.store;
        add(store, &[row("old", 10, 100), row("recent", 10, 200)]);
        assert_eq!(changed(store, 150, 150), [("recent".into(), 210)]);
        assert_eq!(changed(store, 0, 110), [("recent".into(), 210)]);
        assert_eq!(store.read(|conn| failures::changed_since(conn, 0, 0, 1)).expect("rows").len(), 1);
        store.read(|conn| failures::delete_before(conn, 111)).expect("deleted");
        assert_eq!(super::schema::count(store, "failures"), 1);
        assert_eq!(changed(store, 0, 0), [("recent".into(), 210)]);
    });
}

#[test]
fn nodes_that_write_the_same_rows_at_once_lose_nothing() {
    on_both_engines(|database| {
        let rows: Vec<FailureRow> = (0..50).map(|number| row(&format!("client-{number:03}"), 1, 100)).collect();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..5).for_each(|_| add(&database.store, &rows)));
            }
        });
        let sums = changed(&database.store, 0, 0);
        assert_eq!(sums.len(), 50);
        assert!(sums.iter().all(|(_, until)| *until == 120), "{sums:?}");
    });
}

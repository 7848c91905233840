use crate::store::{Store, leases, testing::on_both_engines};

fn take(store: &Store, holder: &str, now: i64, until: i64) -> bool {
    store.read(|conn| leases::take(conn, "work", holder, now, until)).expect("database")
}

#[test]
fn a_lease_is_held_by_one_until_it_ends_and_renewed_by_nobody_else() {
    on_both_engines(|database| {
        let store = &database.store;
        assert!(take(store, "one", 100, 130));
        assert!(!take(store, "two", 129, 200));
        assert!(take(store, "one", 129, 160), "renewed");
        assert!(!take(store, "two", 159, 200));
        assert!(take(store, "two", 160, 200));
        assert!(!take(store, "one", 199, 300));
        assert!(store.read(|conn| leases::take(conn, "other work", "one", 199, 300)).expect("database"));
    });
}

#[test]
fn only_the_holder_gives_a_lease_back() {
    on_both_engines(|database| {
        let store = &database.store;
        let release = |holder: &str| store.read(|conn| leases::release(conn, "work", holder)).expect("database");
        release("nobody");
        assert!(take(store, "one", 100, 130));
        release("two");
        assert!(!take(store, "two", 100, 130));
        release("one");
        assert!(take(store, "two", 100, 130));
    });
}

#[test]
fn of_many_who_ask_at_once_one_gets_it() {
    on_both_engines(|database| {
        for round in 0..20 {
            // The first time there is no row, later one that has ended.
            let now = round * 100;
            let holders: i32 = std::thread::scope(|scope| {
                let store = &database.store;
                let nodes: Vec<_> = (0..4)
                    .map(|node| {
                        scope.spawn(move || i32::from(take(store, &format!("{node} in {round}"), now, now + 50)))
                    })
                    .collect();
                nodes.into_iter().map(|node| node.join().expect("no panic")).sum()
            });
            assert_eq!(holders, 1, "round {round}");
        }
    });
}

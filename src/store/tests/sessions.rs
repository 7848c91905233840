use super::{super::testing::on_both_engines, samples::*, with_environment};
use crate::{
    domain::{
        revocation::RevocationKind,
        session::{EndReason, RefreshToken, Rotation, Session, SessionEnd},
    },
    store::{Conn, Store, StoreError, refresh_tokens, sessions},
};

fn transact<T>(store: &Store, work: impl FnOnce(&mut Conn<'_>) -> Result<T, StoreError>) -> T {
    store.transact(work).expect("the database")
}

fn with_session(conn: &mut Conn<'_>) -> Result<RefreshToken, StoreError> {
    with_environment(conn);
    sessions::insert(conn, &a_session("s"), &an_origin())?;
    let token = a_refresh_token("t1", "s");
    refresh_tokens::insert(conn, &token)?;
    Ok(token)
}

#[test]
fn a_generation_is_counted_up_once_by_whoever_is_first() {
    on_both_engines(|database| {
        let token = transact(&database.store, with_session);
        let won: usize = std::thread::scope(|scope| {
            let uses: Vec<_> = (0..8)
                .map(|_| {
                    scope
                        .spawn(|| usize::from(transact(&database.store, |conn| sessions::rotate(conn, &token, 20, 60))))
                })
                .collect();
            uses.into_iter().map(|one| one.join().expect("no panic")).sum()
        });
        assert_eq!(won, 1);
        let expected = Session {
            generation: 2,
            rotation: Some(Rotation { by: "t1".to_owned(), at: 20 }),
            last_used_at: 20,
            idle_expires_at: 60,
            ..a_session("s")
        };
        assert_eq!(transact(&database.store, |conn| sessions::of_token(conn, &token)), Some(expected));
    });
}

#[test]
fn a_token_may_come_again_only_while_it_is_the_last_one_used_and_within_the_time() {
    on_both_engines(|database| {
        let first = transact(&database.store, with_session);
        transact(&database.store, |conn| {
            assert_eq!(sessions::repeat(conn, &first, 0, 19)?, None, "not used yet");
            assert!(sessions::rotate(conn, &first, 20, 60)?);
            assert_eq!(sessions::repeat(conn, &first, 19, 25)?, Some(2));
            assert_eq!(sessions::repeat(conn, &first, 20, 25)?, None, "too late");
            let second = RefreshToken { hash: "t2".to_owned(), generation: 2, ..first.clone() };
            assert_eq!(sessions::repeat(conn, &second, 0, 25)?, None, "a token that was not used");
            assert!(sessions::rotate(conn, &second, 26, 60)?);
            assert_eq!(sessions::repeat(conn, &first, 0, 26)?, None, "overtaken");
            assert!(!sessions::rotate(conn, &first, 26, 60)?);
            Ok(())
        });
    });
}

#[test]
fn nothing_is_used_of_a_session_that_is_over() {
    on_both_engines(|database| {
        let token = transact(&database.store, with_session);
        transact(&database.store, |conn| {
            assert!(!sessions::rotate(conn, &token, 50, 60)?, "idle until 50");
            let ended = sessions::end_all_of(conn, "two", RevocationKind::Token, "an id", EndReason::Revoked, 30)?;
            assert_eq!(ended, Vec::<String>::new(), "another environment");
            let ended = sessions::end_all_of(conn, "one", RevocationKind::Client, "an id", EndReason::Revoked, 30)?;
            assert_eq!(ended, Vec::<String>::new(), "another kind");
            let end = |conn: &mut Conn<'_>, reason, now| {
                sessions::end_all_of(conn, "one", RevocationKind::Token, "an id", reason, now)
            };
            assert_eq!(end(conn, EndReason::Replayed, 30)?, ["s"]);
            assert_eq!(end(conn, EndReason::Revoked, 31)?, Vec::<String>::new(), "it has ended already");
            assert!(!sessions::rotate(conn, &token, 31, 60)?);
            let found = sessions::find(conn, "one", "s")?.expect("there");
            assert_eq!(found.end, Some(SessionEnd { at: 30, reason: EndReason::Replayed }));
            assert_eq!(sessions::find(conn, "two", "s")?, None);
            assert_eq!(refresh_tokens::find(conn, "two", "t1")?, None);
            Ok(())
        });
    });
}

#[test]
fn sessions_that_were_over_long_ago_are_deleted_with_their_tokens() {
    on_both_engines(|database| {
        transact(&database.store, |conn| {
            with_session(conn)?;
            sessions::insert(conn, &Session { idle_expires_at: 51, ..a_session("later") }, &an_origin())?;
            assert!(!sessions::sweep(conn, 49)?);
            assert!(sessions::find(conn, "one", "s")?.is_some());
            assert!(!sessions::sweep(conn, 50)?);
            assert!(sessions::find(conn, "one", "s")?.is_none());
            assert!(refresh_tokens::find(conn, "one", "t1")?.is_none());
            assert!(sessions::find(conn, "one", "later")?.is_some());
            Ok(())
        });
    });
}

#[test]
fn a_session_stays_as_long_as_what_came_of_it() {
    on_both_engines(|database| {
        transact(&database.store, |conn| {
            let of_session = |id: &str| (RevocationKind::Session, id.to_owned());
            with_session(conn)?;
            let derived = Session { idle_expires_at: 90, expires_at: 90, ..a_session("derived") };
            sessions::insert(conn, &derived, &[of_session("s"), of_session("derived")])?;
            sessions::insert(conn, &a_session("other"), &[of_session("other")])?;
            sessions::insert(conn, &a_session("long"), &[of_session("long")])?;
            sessions::keep(conn, "one", &["long".to_owned(), "nobody".to_owned()], 200)?;
            sessions::keep(conn, "one", &["long".to_owned()], 100)?;
            sessions::keep(conn, "two", &["other".to_owned()], 200)?;
            let mut left = |before| -> Result<Vec<&str>, StoreError> {
                while sessions::sweep(conn, before)? {}
                let mut left = Vec::new();
                for id in ["s", "derived", "other", "long"] {
                    left.extend(sessions::find(conn, "one", id)?.map(|_| id));
                }
                Ok(left)
            };
            assert_eq!(left(89)?, ["s", "derived", "long"]);
            assert_eq!(left(90)?, ["s", "long"], "what came of it is gone now");
            assert_eq!(left(90)?, ["long"]);
            assert_eq!(left(199)?, ["long"]);
            assert_eq!(left(200)?, [""; 0]);
            Ok(())
        });
    });
}

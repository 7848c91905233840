//! Each way to tamper with a chain.

use super::{
    super::chain::{from_hex, hash, hex},
    *,
};
use crate::{
    audit::{
        AuditRecord,
        chain::Chain as Written,
        record::{Event, Outcome},
    },
    domain::random::SystemRandom,
};

fn rows(count: usize) -> Vec<AuditRow> {
    let mut chain = Written::new(&SystemRandom).expect("random");
    (0..count)
        .map(|number| {
            let mut record = AuditRecord::new(Event::TokenIssued, Outcome::Success, format!("r{number}"), 5);
            record.client_id = Some("bff\0".to_owned());
            record.reason = Some("no_rule");
            chain.link(&record).expect("JSON")
        })
        .collect()
}

#[test]
fn an_untouched_chain_verifies_whole_in_pieces_and_without_its_dropped_beginning() {
    let rows = rows(5);
    assert_eq!((rows[0].seq, rows[4].seq), (1, 5));
    assert_eq!(verify_rows(&rows), Ok(()));
    assert_eq!(verify_rows(&rows[2..]), Ok(()));
    let shuffled: Vec<_> = [3, 0, 4, 2, 1].map(|place: usize| rows[place].clone()).into();
    assert_eq!(verify_rows(&shuffled), Ok(()), "the order of reading does not matter");
    let mut verification = Verification::default();
    rows[2..].iter().chain(&self::rows(3)).for_each(|row| verification.add_row(row));
    let expected = Report { records: 6, chains: 2, without_beginning: 1, broken: Vec::new() };
    assert_eq!(verification.finish(5, None), expected);
}

#[test]
fn of_requests_around_a_cut_some_may_be_missing_and_nowhere_else() {
    const CUT: i64 = 20_000 * DAY_MS;
    let mut rows = rows(9);
    let times = [-9, -7, 3, -1, 5, 7, 90_000, 100_000, 110_000];
    rows.iter_mut().zip(times).for_each(|(row, time)| row.time_ms = CUT + time);
    let report = |without: &[i64], ends: Option<i64>| {
        let mut verification = Verification::default();
        for row in rows.iter().filter(|row| !without.contains(&row.seq)) {
            let AuditRow { node, seq, time_ms, previous_hash, hash, record, .. } = row;
            let link = Link { node, seq: *seq, time_ms: *time_ms, previous_hash, hash, record };
            verification.add(&link);
        }
        verification.finish(CUT, ends).broken.into_iter().map(|broken| broken.seq).collect::<Vec<_>>()
    };
    // Those of the day before are dropped: 3 is kept, 4 is not.
    assert_eq!(report(&[1, 2, 4], None), [0; 0]);
    // A minute later nothing may be missing, and neither where the beginning is there.
    assert_eq!(report(&[1, 2, 4, 8], None), [9]);
    assert_eq!(report(&[4], None), [5]);
    // The same at the end of what was asked for, if it was.
    assert_eq!(report(&[8], None), [9]);
    assert_eq!(report(&[8], Some(CUT + 110_001)), [0; 0]);
    assert_eq!(report(&[8], Some(CUT + 170_000)), [9]);
}

#[test]
fn every_kind_of_tampering_is_found() {
    let good = rows(5);
    type Tamper = fn(&mut Vec<AuditRow>);
    let tampers: [(&str, i64, Tamper); 13] = [
        ("changed text", 3, |rows| rows[2].record = rows[2].record.replace("r2", "r9")),
        ("changed client column", 3, |rows| rows[2].client_id = Some("other".to_owned())),
        ("emptied reason column", 3, |rows| rows[2].reason = None),
        ("moved day", 3, |rows| rows[2].day += 1),
        ("moved time", 3, |rows| rows[2].time_ms += 1),
        ("removed record", 4, |rows| drop(rows.remove(2))),
        ("swapped records", 3, |rows| (rows[2].seq, rows[3].seq) = (4, 3)),
        ("repeated record", 2, |rows| rows.insert(2, rows[1].clone())),
        ("added record", 6, |rows| rows.push(AuditRow { seq: 6, ..rows[4].clone() })),
        ("moved to another chain", 3, |rows| rows[2].node = "!".to_owned()),
        ("changed hash", 3, |rows| rows[2].hash = rows[1].hash.clone()),
        ("renumbered", 4, |rows| rows[2].seq = 7),
        ("cut beginning, renumbered", 1, |rows| {
            rows.remove(0);
            rows[0].seq = 1;
        }),
    ];
    for (name, seq, tamper) in tampers {
        let mut rows = good.clone();
        tamper(&mut rows);
        let broken = verify_rows(&rows).expect_err(name);
        assert_eq!(broken.seq, seq, "{name}: {broken}");
    }
}

#[test]
fn a_record_rewritten_with_a_fitting_hash_breaks_the_link_of_the_next() {
    let mut rows = rows(3);
    rows[1].record = rows[1].record.replace("r1", "r9");
    rows[1].request_id = "r9".to_owned();
    let previous = from_hex(&rows[1].previous_hash).expect("hash");
    rows[1].hash = hex(&hash(&previous, &rows[1].node, 2, &rows[1].record));
    assert_eq!(verify_rows(&rows).expect_err("found").seq, 3);
}

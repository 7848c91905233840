use super::{
    samples::{a_client, a_secret},
    with_environment,
};
use crate::{
    domain::client::{Client, ClientSecret},
    store::{
        Conn, Origin, StoreError, Write, audit_reading,
        audit_records::{AuditRow, append, appending},
        client_secrets::{self, SecretOrigin},
        clients,
        testing::{TestDatabase, on_both_engines},
    },
};

/// More than one statement takes, with what JSON and SQL write in other ways.
fn many() -> Vec<Client> {
    let names = ["plain", "\"quoted\" 'twice'", "back\\slash $[0]", "é 𝄞 \u{2028}", "null", "1e3"];
    let client = |(number, name): (usize, &&str)| Client {
        name: (*name).to_owned(),
        enabled: number % 2 == 0,
        ..a_client(&format!("client-{number:04}"))
    };
    names.iter().cycle().take(1203).enumerate().map(client).collect()
}

fn carry_out(database: &TestDatabase, write: Write) -> Result<(), StoreError> {
    database.store.transact(|conn: &mut Conn<'_>| write(conn))
}

/// Checks that the database has these and no others.
fn assert_stored(database: &TestDatabase, id: &str, wanted: &[Client]) {
    let listed = database.store.read(|conn| clients::list(conn, id)).expect("clients");
    assert_eq!(listed.len(), wanted.len());
    for (stored, wanted) in listed.iter().map(|stored| &stored.client).zip(wanted) {
        let [is, should] = [stored, wanted].map(|client| serde_json::to_value(client).expect("JSON"));
        assert_eq!(is, should);
        let secrets = stored.secrets.iter().zip(&wanted.secrets);
        assert_eq!(stored.secrets.len(), wanted.secrets.len());
        assert!(secrets.into_iter().all(|(is, should)| is.id == should.id && is.hash.equals(&should.hash)));
    }
}

#[test]
fn many_clients_and_their_first_secrets_are_kept_as_they_are() {
    on_both_engines(|database| {
        let id = "one".to_owned();
        let made: Write = Box::new(|conn| {
            with_environment(conn);
            Ok(())
        });
        carry_out(database, made).expect("an environment");
        let mut all = many();
        carry_out(database, clients::upserting(id.clone(), all.clone(), Origin::File, 7).expect("rows"))
            .expect("written");
        let secrets: Vec<(String, ClientSecret)> =
            all.iter().map(|client| (client.id.clone(), a_secret(&format!("secret-of-{}", client.id)))).collect();
        let insert = client_secrets::inserting(id.clone(), secrets.clone(), SecretOrigin::File, 7).expect("rows");
        carry_out(database, insert).expect("written");
        for (client, (_, secret)) in all.iter_mut().zip(secrets) {
            client.secrets = vec![secret];
        }
        assert_stored(database, &id, &all);

        // Those that are there are changed, and keep their secrets and the time when they were made.
        all.iter_mut().for_each(|client| client.name = "another".to_owned());
        carry_out(database, clients::upserting(id.clone(), all.clone(), Origin::File, 8).expect("rows"))
            .expect("written");
        assert_stored(database, &id, &all);
        assert_eq!(database.count("clients", "created_at = 7 AND updated_at = 8"), 1203);

        // All or nothing, as with a statement for each.
        let twice = vec![("client-0001".to_owned(), a_secret("new")), ("nobody".to_owned(), a_secret("newer"))];
        let insert = client_secrets::inserting(id, twice, SecretOrigin::File, 9).expect("rows");
        assert!(carry_out(database, insert).is_err(), "there is no such client");
        assert_eq!(database.count("client_secrets", "created_at = 9"), 0);
    });
}

#[test]
fn many_records_are_kept_as_one_by_one() {
    on_both_engines(|database| {
        let row = |seq: i64, client_id: Option<&str>| AuditRow {
            day: 1,
            node: "n".to_owned(),
            seq,
            time_ms: i64::MAX,
            environment_id: None,
            event: "token.issued".to_owned(),
            outcome: "success".to_owned(),
            request_id: "\"r\" \\ é".to_owned(),
            client_id: client_id.map(str::to_owned),
            subject: Some(String::new()),
            jti: None,
            reason: None,
            record: r#"{"detail":"a \u0000 \"b\""}"#.to_owned(),
            previous_hash: "p".to_owned(),
            hash: "h".to_owned(),
        };
        let rows: Vec<AuditRow> = (1..=600).map(|seq| row(seq, (seq % 2 == 0).then_some("bff"))).collect();
        database.store.read(|conn| crate::store::audit_records::prepare_day(conn, 1)).expect("a partition");
        carry_out(database, appending(rows.clone()).expect("rows")).expect("written");
        let kept = database.store.read(|conn| audit_reading::page(conn, 1, "n", 0)).expect("rows");
        assert!(!kept.is_empty() && kept == rows[..kept.len()], "as they were given");
        assert_eq!(database.count("audit_records", "node = 'n'"), 600);
        // The same place of a chain again.
        let again = carry_out(database, appending(vec![row(1, None)]).expect("rows"));
        assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
        let other = AuditRow { node: "m".to_owned(), ..row(1, None) };
        database.store.read(|conn| append(conn, std::slice::from_ref(&other))).expect("written");
    });
}

use super::{
    super::testing::on_both_engines, an_environment, passwords::fill_passwords, samples::*, sign_in_samples::*,
    with_environment,
};
use crate::{
    domain::{
        application::Application, client::Client, environment::TokenTyp, login::lockout::Authenticator,
        signing_key::KeySchedule,
    },
    oauth::scope::Scope,
    store::{
        Conn, Origin, Store, StoreError, applications,
        attempts::{self, Holder},
        authorization_codes, authorization_requests,
        client_secrets::{self, SecretOrigin},
        clients, environments, exchange_rules, identity_connections, login_sessions, logout_deliveries,
        managed_services, one_time_codes, pending_joins, permissions, profiles, refresh_tokens, resource_servers,
        revocations, sendings, sessions, signing_keys, totp, totp_transactions, user_applications, user_identifiers,
        user_identities, users, webauthn_ceremonies, webauthn_credentials,
    },
};

/// Hashes are not compared by `==`, and what is sealed is not shown.
fn assert_same_application(conn: &mut Conn<'_>) {
    let (stored, wanted) = (applications::list(conn, "one").expect("applications"), an_application());
    assert_eq!(stored.len(), 1);
    let found = &stored[0].application;
    let json = |application: &Application| serde_json::to_value(application).expect("JSON");
    assert_eq!(json(found), json(&wanted));
    assert!(found.key.expect("a key").equals(&wanted.key.expect("a key")));
    let sealed = |application: &Application| application.webhook.clone().expect("a webhook").sealed_secret;
    assert_eq!(sealed(found), sealed(&wanted));
}

/// One row in every table of environment `one`.
pub(super) fn fill(conn: &mut Conn<'_>) {
    with_environment(conn);
    clients::upsert(conn, "one", &a_client("bff"), Origin::File, 10).expect("client");
    client_secrets::replace(conn, "one", "bff", &a_secret("s1"), SecretOrigin::File, 10, 10).expect("secret");
    resource_servers::upsert(conn, "one", &a_resource_server()).expect("resource server");
    applications::upsert(conn, "one", &an_application(), Origin::File).expect("application");
    identity_connections::upsert(conn, "one", &an_identity_connection(), Origin::File).expect("identity connection");
    exchange_rules::upsert(conn, "one", &a_rule("rule", 1)).expect("rule");
    signing_keys::insert(conn, &a_key()).expect("key");
    permissions::upsert(conn, "one", &a_permission(), Origin::Command).expect("permission");
    managed_services::upsert(conn, "one", &a_managed_service()).expect("managed service");
    users::insert(conn, "one", &a_user()).expect("user");
    user_identities::insert(conn, "one", &an_identity(), "user", 1).expect("identity");
    profiles::insert(conn, &a_profile()).expect("profile");
    user_identifiers::insert(conn, "one", "user", &a_known_identifier(), 5).expect("identifier");
    assert!(pending_joins::add(conn, "user", "app", 6).expect("a join"));
    assert!(user_applications::add(conn, "user", "app", 6).expect("application of a user"));
    assert!(!pending_joins::has(conn, "user", "app").expect("readable"), "whoever is in need not join");
    assert!(pending_joins::add(conn, "user", "app", 6).expect("a join"));
    login_sessions::insert(conn, &a_login_session()).expect("login session");
    login_sessions::join(conn, "login", "bff", "app", 11).expect("client of a session");
    logout_deliveries::note(conn, "one", &[("login".to_owned(), "user".to_owned())], 12).expect("logout delivery");
    assert!(authorization_requests::insert(conn, "one", &a_pending_sign_in("state", 600), 0, 1).expect("request"));
    authorization_codes::insert(conn, "one", &a_code("code"), 0).expect("code");
    assert!(revocations::add(conn, "one", &a_revocation()).expect("revocation"));
    attempts::hold(conn, &Holder::from("user"), Authenticator::Totp).expect("attempts");
    totp::insert(conn, "one", &a_totp()).expect("authenticator");
    totp_transactions::insert(conn, "one", &a_transaction()).expect("transaction");
    sessions::insert(conn, &a_session("session"), &an_origin()).expect("session");
    refresh_tokens::insert(conn, &a_refresh_token("hash", "session")).expect("refresh token");
    one_time_codes::replace(conn, "one", &a_one_time_code()).expect("one-time code");
    assert_eq!(sendings::count(conn, "one", &a_send_limit(), 10).expect("sending"), None);
    assert!(webauthn_credentials::claim_username(conn, "one", ("app", "ada"), "user", 1).expect("username"));
    webauthn_credentials::insert(conn, "one", &a_passkey("key")).expect("passkey");
    assert!(webauthn_ceremonies::insert(conn, "one", &a_ceremony("begun", 600), 0, 1).expect("ceremony"));
    fill_passwords(conn);
}

fn filled(store: &Store) {
    store
        .transact(|conn| -> Result<(), StoreError> {
            fill(conn);
            Ok(())
        })
        .expect("rows");
}

#[test]
fn what_is_written_is_read_back() {
    on_both_engines(|database| {
        filled(&database.store);
        database
            .store
            .snapshot(|conn| -> Result<(), StoreError> {
                assert_eq!(environments::find(conn, "one")?.expect("there").environment, an_environment("one"));
                assert_eq!(environments::all(conn)?.len(), 1);
                assert_eq!(resource_servers::list(conn, "one")?, [a_resource_server()]);
                assert_same_application(conn);
                let connections = identity_connections::list(conn, "one")?;
                assert_eq!(connections.len(), 1);
                assert_eq!(
                    (&connections[0].connection, connections[0].origin),
                    (&an_identity_connection(), Origin::File)
                );
                let permissions = permissions::list(conn, "one")?;
                assert_eq!(permissions.len(), 1);
                assert_eq!((&permissions[0].definition, permissions[0].origin), (&a_permission(), Origin::Command));
                assert_eq!(managed_services::list(conn, "one")?, [a_managed_service()]);
                assert_eq!(users::find(conn, "one", "user")?, Some(a_user()));
                assert_eq!(users::known_as(conn, "one", &an_identity())?, Some(a_user()));
                assert_eq!(user_identities::of_user(conn, "one", "user")?, [an_identity()]);
                assert_eq!(profiles::of_user(conn, "user")?, [a_profile()]);
                assert_eq!(user_identifiers::of_user(conn, "one", "user")?, [a_known_identifier()]);
                assert_eq!(login_sessions::find(conn, "one", "login")?, Some(a_login_session()));
                assert_eq!(login_sessions::clients_of(conn, "login")?, ["bff"]);
                assert_eq!(profiles::named(conn, "user", "kids")?, Some(a_profile()));
                assert_eq!(exchange_rules::list(conn, "one")?, [a_rule("rule", 1)]);
                assert_eq!(signing_keys::list(conn, "one")?, [a_key()]);
                assert_eq!(revocations::after(conn, "one", 0, 10)?, [(a_revocation(), 1)]);
                assert_eq!(revocations::after(conn, "one", 1, 10)?, []);
                assert_eq!(sessions::find(conn, "one", "session")?, Some(a_session("session")));
                let token = (a_refresh_token("hash", "session"), a_session("session"));
                assert_eq!(refresh_tokens::find(conn, "one", "hash")?, Some(token));
                let code = a_one_time_code();
                assert_eq!(one_time_codes::find_link(conn, "one", &code.secret_hash)?, Some(code));
                let client = clients::find(conn, "one", "bff")?.expect("there");
                let mut expected = a_client("bff");
                expected.secrets = vec![a_secret("s1")];
                assert_eq!(format!("{client:?}"), format!("{expected:?}"));
                assert!(client.secrets[0].hash.equals(&a_secret("s1").hash));
                let all = clients::list(conn, "one")?;
                assert_eq!(all.iter().map(|stored| stored.origin).collect::<Vec<_>>(), [Origin::File]);
                let all: Vec<Client> = all.into_iter().map(|stored| stored.client).collect();
                assert_eq!(format!("{all:?}"), format!("{:?}", [expected]));
                Ok(())
            })
            .expect("rows");
    });
}

#[test]
fn what_is_not_there_is_none_and_nothing_is_seen_from_another_environment() {
    on_both_engines(|database| {
        filled(&database.store);
        database
            .store
            .read(|conn| -> Result<(), StoreError> {
                environments::insert(conn, &an_environment("two"), 2)?;
                assert!(clients::find(conn, "one", "nobody")?.is_none());
                assert!(clients::find(conn, "one", "bff\0")?.is_none());
                assert!(clients::find(conn, "one", "BFF")?.is_none());
                assert!(clients::find(conn, "two", "bff")?.is_none());
                assert!(clients::list(conn, "two")?.is_empty());
                assert!(environments::find(conn, "three")?.is_none());
                assert!(!applications::delete(conn, "two", "app")?);
                // An application id given in one environment's file cannot take over another's.
                assert!(
                    applications::upsert(conn, "two", &an_application(), Origin::File)
                        .expect_err("taken")
                        .is_conflict()
                );
                assert_same_application(conn);
                Ok(())
            })
            .expect("rows");
    });
}

#[test]
fn everything_can_be_overwritten_disabled_and_deleted() {
    on_both_engines(|database| {
        filled(&database.store);
        database
            .store
            .transact(|conn| -> Result<(), StoreError> {
                let mut server = a_resource_server();
                (server.max_lifetime, server.signing_alg, server.scopes) = (None, None, Scope::empty());
                server.token_typ = TokenTyp::AccessToken;
                resource_servers::upsert(conn, "one", &server)?;
                assert_eq!(resource_servers::list(conn, "one")?, [server]);
                let mut client = a_client("bff");
                (client.name, client.grants) = ("Other".to_owned(), Vec::new());
                clients::upsert(conn, "one", &client, Origin::File, 99)?;
                client.secrets = vec![a_secret("s1")];
                assert_eq!(format!("{:?}", clients::find(conn, "one", "bff")?), format!("{:?}", Some(&client)));
                exchange_rules::upsert(conn, "one", &a_rule("rule", 7))?;
                exchange_rules::upsert(conn, "one", &a_rule("earlier", 3))?;
                let order: Vec<_> = exchange_rules::list(conn, "one")?.into_iter().map(|r| r.rule.name).collect();
                assert_eq!(order, ["earlier", "rule"]);
                let schedule = KeySchedule {
                    created_at: 1,
                    activates_at: 3,
                    retires_at: Some(4),
                    removes_at: Some(5),
                    tokens_until: 0,
                };
                assert!(signing_keys::update_schedule(conn, "one", "kid", &schedule)?);
                assert_eq!(signing_keys::list(conn, "one")?[0].schedule, schedule);

                let mut environment = an_environment("one");
                (environment.enabled, environment.is_default) = (false, true);
                assert!(environments::update(conn, &environment)?);
                assert_eq!(environments::find(conn, "one")?.expect("there").environment, environment);

                for again in [true, false] {
                    assert_eq!(resource_servers::delete(conn, "one", "api")?, again);
                    assert_eq!(clients::delete(conn, "one", "bff")?, again);
                    assert_eq!(applications::delete(conn, "one", "app")?, again);
                    assert_eq!(identity_connections::delete(conn, "one", "idp")?, again);
                    assert_eq!(exchange_rules::delete(conn, "one", "rule")?, again);
                    assert_eq!(signing_keys::delete(conn, "one", "kid")?, again);
                }
                Ok(())
            })
            .expect("rows");
    });
}

#[test]
fn there_is_one_default_environment_and_names_are_unique_in_a_tenant() {
    on_both_engines(|database| {
        filled(&database.store);
        let default = |id: &str| {
            let mut environment = an_environment(id);
            environment.is_default = true;
            environment
        };
        let insert = |environment| database.store.transact(|conn| environments::insert(conn, &environment, 1));
        insert(default("two")).expect("the first default");
        assert!(insert(default("three")).expect_err("a second default").is_conflict());
        insert(an_environment("three")).expect("not default");
        let mut same_name = an_environment("four");
        same_name.name = an_environment("one").name;
        assert!(insert(same_name).expect_err("name taken").is_conflict());
    });
}

#[test]
fn a_client_never_has_more_than_two_secrets_and_the_old_one_runs_out() {
    on_both_engines(|database| {
        filled(&database.store);
        database
            .store
            .transact(|conn| -> Result<(), StoreError> {
                let secrets = |conn: &mut Conn<'_>| -> Result<Vec<(String, Option<i64>)>, StoreError> {
                    let all = client_secrets::list(conn, "one", "bff")?;
                    Ok(all.into_iter().map(|s| (s.secret.id, s.secret.expires_at)).collect())
                };
                let replace = |conn: &mut Conn<'_>, id: &str, now, until| {
                    client_secrets::replace(conn, "one", "bff", &a_secret(id), SecretOrigin::Generated, now, until)
                };
                replace(conn, "s2", 20, 50)?;
                assert_eq!(secrets(conn)?, [("s2".to_owned(), None), ("s1".to_owned(), Some(50))]);
                // The grace of an older one is not prolonged: it goes. But what a file gave stays known, as expired.
                replace(conn, "s3", 30, 90)?;
                let (new, old, of_file) =
                    (("s3".to_owned(), None), ("s2".to_owned(), Some(90)), ("s1".to_owned(), Some(0)));
                assert_eq!(secrets(conn)?, [new, old, of_file.clone()]);
                // At once: nothing stays good.
                replace(conn, "s4", 40, 40)?;
                assert_eq!(secrets(conn)?, [("s4".to_owned(), None), of_file]);
                assert_eq!(client_secrets::list(conn, "one", "bff")?[0].origin, SecretOrigin::Generated);
                assert!(client_secrets::delete(conn, "s4")?);
                Ok(())
            })
            .expect("rows");
    });
}

#[test]
fn a_row_that_cannot_be_read_is_an_error_that_names_it_and_not_its_content() {
    on_both_engines(|database| {
        filled(&database.store);
        database.execute("UPDATE clients SET grants = '[\"root\"]'");
        database.execute("UPDATE exchange_rules SET definition = '{\"name\":\"rule\",\"hunter2\":1}'");
        database.execute("UPDATE resource_servers SET signing_alg = 'none'");
        database.execute("UPDATE client_secrets SET hash = 'hunter2' WHERE id = 's1'");
        let errors = [
            database.store.read(|conn| clients::find(conn, "one", "bff").map(drop)),
            database.store.read(|conn| exchange_rules::list(conn, "one").map(drop)),
            database.store.read(|conn| resource_servers::list(conn, "one").map(drop)),
            database.store.read(|conn| client_secrets::list(conn, "one", "bff").map(drop)),
        ];
        for (error, (table, key)) in errors.into_iter().zip([
            ("client_secrets", "s1"),
            ("exchange_rules", "rule"),
            ("resource_servers", "api"),
            ("client_secrets", "s1"),
        ]) {
            let error: StoreError = error.expect_err(table);
            let text = error.to_string();
            assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
            assert!(text.contains(table) && text.contains(key) && !text.contains("hunter2"), "{text}");
        }
        database.execute("DELETE FROM client_secrets");
        let error = database.store.read(|conn| clients::find(conn, "one", "bff").map(drop)).expect_err("grants");
        assert!(error.to_string().contains("row bff: grants"), "{error}");
    });
}

//! Two environments of two tenants with equal names, on one server: nothing of one is seen, changed or told from nothing by
//! whoever manages the other.

use serde_json::{Value, json};

use super::{Api, ENVIRONMENT, MANAGER, UNKNOWN, WEB, a_user, an_application, mutation, start};
use crate::{
    both_engines,
    support::{Answer, CLIENT_CREDENTIALS, TestServer},
};

/// The same file once more, for another tenant; the id of an application is one in all environments.
fn second() -> String {
    ENVIRONMENT
        .replace("name = \"first\"", "name = \"second\"\ntenant = \"other\"")
        .replace(&format!("id = \"{WEB}\"\n"), "")
}

/// The management API of the second environment.
fn second_api(server: &TestServer) -> Api<'_> {
    server.apply(&second());
    let path = "SELECT '/' || tenant_id || '/' || id AS value FROM environments WHERE name = 'second'";
    let issuer = server.database.value(path);
    server.eventually("the second environment is there", || {
        server.get(&format!("{issuer}/.well-known/jwks.json")).status == 200
    });
    let request = server.request(reqwest::Method::POST, &format!("{issuer}/token"));
    let request = request.basic_auth(MANAGER.0, Some(MANAGER.1)).form(&CLIENT_CREDENTIALS);
    Api { server, token: Answer::to(request).access_token(), issuer }
}

/// A thing of each kind: ids of an application, a user and a profile, and the name of a connection that the other lacks.
struct Things {
    application: String,
    user: String,
    profile: String,
    connection: String,
}

fn things(api: &Api<'_>, connection: &str) -> Things {
    let user = a_user(api, "ada");
    let profile = json!({ "userId": user, "profile": { "displayName": "Kids" } });
    let profile = api.mutate("createProfile", profile, "profile { id }")["profile"]["id"].clone();
    let delegated = json!({ "identityConnection": { "name": connection, "provider": "DELEGATED" } });
    api.mutate("createIdentityConnection", delegated, "__typename");
    Things {
        application: an_application(api, "tv"),
        user,
        profile: profile.as_str().expect("an id").to_owned(),
        connection: connection.to_owned(),
    }
}

/// Every operation on a thing that is there.
fn operations(things: &Things, own_user: &str) -> Vec<(&'static str, Value)> {
    let Things { application, user, profile, connection } = things;
    vec![
        ("updateApplication", json!({ "id": application, "patch": { "enabled": true } })),
        ("deleteApplication", json!({ "id": application })),
        ("regenerateApplicationKey", json!({ "id": application })),
        ("clearApplicationKey", json!({ "id": application })),
        ("setEnrichmentWebhook", json!({ "id": application, "url": "https://hook.example/" })),
        ("regenerateEnrichmentWebhookSecret", json!({ "id": application })),
        ("clearEnrichmentWebhook", json!({ "id": application })),
        ("updateIdentityConnection", json!({ "name": connection, "patch": { "enabled": true } })),
        ("deleteIdentityConnection", json!({ "name": connection })),
        ("updateUser", json!({ "id": user, "patch": { "enabled": false } })),
        ("deleteUser", json!({ "id": user })),
        ("setActiveProfile", json!({ "userId": user, "profileId": profile })),
        ("setActiveProfile", json!({ "userId": own_user, "profileId": profile })),
        ("createProfile", json!({ "userId": user, "profile": {} })),
        ("updateProfile", json!({ "id": profile, "patch": { "displayName": "x" } })),
        ("deleteProfile", json!({ "id": profile })),
    ]
}

const EVERYTHING: &str = "{
    applications { nodes { id name applicationPlatform enabled hasApplicationKey enrichmentWebhook { url } } totalCount }
    identityConnections { nodes { name enabled } totalCount }
    permissions { nodes { serviceId key title } totalCount }
    users(first: 10) { nodes { id enabled activeProfileId identities { subjectId } profiles { id displayName } } } }";

both_engines! {
    fn an_id_of_the_other_environment_is_answered_like_one_that_nobody_has(engine) {
        let server = start(engine);
        let first = Api::of(&server, MANAGER);
        let second = second_api(&server);
        let of_second = things(&second, "only in the second");
        let own_user = a_user(&first, "grace");
        let before = second.ask(EVERYTHING, json!({}));
        let unknown = Things {
            application: UNKNOWN.to_owned(),
            user: UNKNOWN.to_owned(),
            profile: UNKNOWN.to_owned(),
            connection: "nowhere".to_owned(),
        };
        let answer = |(operation, input): &(&str, Value)| {
            let answer = first.send(&mutation(operation, "__typename"), json!({ "input": input }));
            (answer.status, answer.text)
        };
        for (theirs, nobodys) in operations(&of_second, &own_user).iter().zip(&operations(&unknown, &own_user)) {
            let (got, expected) = (answer(theirs), answer(nobodys));
            assert!(got.1.contains("\"NOT_FOUND\""), "{theirs:?}: {}", got.1);
            assert_eq!(got, expected, "{theirs:?}");
        }
        for (query, id) in [
            ("query One($id: ID!) { found: application(id: $id) { id } }", &of_second.application),
            ("query One($id: ID!) { found: user(id: $id) { id } }", &of_second.user),
        ] {
            assert_eq!(first.ask(query, json!({ "id": id })), json!({ "found": null }));
            assert_ne!(second.ask(query, json!({ "id": id })), json!({ "found": null }));
        }
        assert_eq!(second.ask(EVERYTHING, json!({})), before, "nothing of the other has changed");
    }

    fn equal_names_in_both_are_two_things(engine) {
        let server = start(engine);
        let first = Api::of(&server, MANAGER);
        let second = second_api(&server);
        let (ours, theirs) = (things(&first, "own"), things(&second, "own"));
        assert!(ours.application != theirs.application && ours.user != theirs.user);
        let permission = json!({ "serviceId": "media", "permissions": [{ "key": "VIEW", "title": "View" }] });
        for api in [&first, &second] {
            assert_eq!(api.mutate("synchronizePermissions", permission.clone(), "added")["added"], json!(["VIEW"]));
        }
        let before = second.ask(EVERYTHING, json!({}));
        first.mutate("deleteIdentityConnection", json!({ "name": "own" }), "__typename");
        first.mutate("purgePermissions", json!({ "serviceId": "media" }), "purged");
        for (operation, input) in operations(&ours, &ours.user).into_iter().filter(|(name, _)| name.starts_with("delete")) {
            first.send(&mutation(operation, "__typename"), json!({ "input": input }));
        }
        first.mutate("deleteUser", json!({ "id": a_user(&first, "mary") }), "__typename");
        assert_eq!(second.ask(EVERYTHING, json!({})), before);
        let left = first.ask(EVERYTHING, json!({}));
        assert_eq!((&left["users"]["nodes"], &left["permissions"]["totalCount"]), (&json!([]), &json!(0)));
        assert_eq!(left["applications"]["totalCount"], 1, "the file's own");
    }

    fn a_token_of_one_is_worth_nothing_at_the_other(engine) {
        let server = start(engine);
        let first = Api::of(&server, MANAGER);
        let second = second_api(&server);
        let crossed = [
            Api { server: &server, issuer: String::new(), token: second.token.clone() },
            Api { server: &server, issuer: second.issuer.clone(), token: first.token.clone() },
        ];
        for api in crossed {
            let answer = api.send("{ applications { totalCount } }", json!({}));
            assert_eq!(answer.status, 401, "{}", answer.text);
            let user = json!({ "input": { "user": {} } });
            assert_eq!(api.send(&mutation("createUser", "__typename"), user).status, 401);
        }
        for api in [first, second] {
            assert_eq!(api.ask("{ users { nodes { id } } }", json!({}))["users"]["nodes"], json!([]));
        }
    }
}

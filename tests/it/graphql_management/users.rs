//! Users.

use serde_json::{Value, json};

use super::{Api, MANAGER, UNKNOWN, VIEWER, WEB, a_user, start};
use crate::{both_engines, support::Engine};

/// A delegated login, as a service sends it: gives the token and its claims.
fn login(api: &Api<'_>, subject_id: &str) -> (String, Value) {
    let input = json!({ "applicationId": WEB, "subjectId": subject_id });
    let mut made = api.mutate("generateDelegatedAccessToken", input, "accessToken payload");
    let token = made["accessToken"].as_str().expect("a token").to_owned();
    (token, made["payload"].take())
}

/// The code with which a user's token is refused, if it is.
fn refusal(api: &Api<'_>, token: &str) -> Option<String> {
    let as_user = Api { server: api.server, issuer: api.issuer.clone(), token: token.to_owned() };
    let body = as_user.send("{ currentCaller { subject } }", json!({})).json();
    body["errors"][0]["code"].as_str().map(str::to_owned)
}

const ONE: &str = "query One($id: ID!) { user(id: $id) { id email name enabled activeProfileId createdAt updatedAt
    identities { connection subjectId } profiles { id userId uniqueProfileIdentifier displayName profilePictureUrl } } }";

both_engines! {
    fn a_user_who_is_made_here_is_the_one_who_signs_in_later(engine) {
        let server = start(engine);
        let api = Api::of(&server, MANAGER);
        let user = json!({
            "email": "ada@example.com", "name": "Ada", "identity": { "connection": "sign-in", "subjectId": "ada" },
        });
        let made = api.mutate("createUser", json!({ "user": user }), "user { id activeProfileId }");
        let (id, profile) = (made["user"]["id"].clone(), made["user"]["activeProfileId"].clone());

        let (_, claims) = login(&api, "ada");
        assert_eq!((&claims["sub"], &claims["profileId"]), (&id, &profile));
        assert_eq!((&claims["email"], &claims["name"]), (&json!("ada@example.com"), &json!("Ada")));
        let mut shown = api.ask(ONE, json!({ "id": id }))["user"].take();
        for time in ["createdAt", "updatedAt"] {
            let time = shown.as_object_mut().expect("a user").remove(time).expect("a time");
            assert!(time.as_str().is_some_and(|time| time.ends_with(".000Z")), "{time}");
        }
        let expected = json!({
            "id": id, "email": "ada@example.com", "name": "Ada", "enabled": true, "activeProfileId": profile,
            "identities": [{ "connection": "sign-in", "subjectId": "ada" }],
            "profiles": [{
                "id": profile, "userId": id, "uniqueProfileIdentifier": null, "displayName": null, "profilePictureUrl": null,
            }],
        });
        assert_eq!(shown, expected);
    }

    fn what_is_left_out_of_a_patch_stays_and_null_takes_away(engine) {
        let server = start(engine);
        let api = Api::of(&server, MANAGER);
        let id = a_user(&api, "ada");
        let update = |patch: Value| {
            let made = api.mutate("updateUser", json!({ "id": id, "patch": patch }), "user { email name enabled }");
            made["user"].clone()
        };
        let both = json!({ "email": "ada@example.com", "name": "Ada" });
        assert_eq!(update(both), json!({ "email": "ada@example.com", "name": "Ada", "enabled": true }));
        let gone = json!({ "email": null });
        assert_eq!(update(gone), json!({ "email": null, "name": "Ada", "enabled": true }));
        assert_eq!(update(json!({})), json!({ "email": null, "name": "Ada", "enabled": true }));
        let (_, claims) = login(&api, "ada");
        assert_eq!((claims.get("email"), &claims["name"]), (None, &json!("Ada")), "tokens say the same");
    }

    fn tokens_of_a_user_who_is_disabled_die_and_live_again(engine) {
        let server = start(engine);
        let api = Api::of(&server, MANAGER);
        let (token, claims) = login(&api, "ada");
        assert_eq!(refusal(&api, &token), None);
        let enable = |enabled: bool| {
            let input = json!({ "id": claims["sub"], "patch": { "enabled": enabled } });
            api.mutate("updateUser", input, "user { enabled }")
        };
        assert_eq!(enable(false)["user"]["enabled"], false);
        assert_eq!(refusal(&api, &token).as_deref(), Some("USER_NOT_ACTIVE"));
        let again = json!({ "applicationId": WEB, "subjectId": "ada" });
        api.mutation_refused("generateDelegatedAccessToken", again, "USER_NOT_ACTIVE");
        enable(true);
        assert_eq!(refusal(&api, &token), None);
        assert_eq!(login(&api, "ada").1["sub"], claims["sub"]);
    }

    fn whoever_comes_back_after_being_deleted_is_somebody_else(engine) {
        let server = start(engine);
        let api = Api::of(&server, MANAGER);
        let (token, claims) = login(&api, "ada");
        let deleted =
            api.mutate("deleteUser", json!({ "id": claims["sub"] }), "user { id identities { subjectId } profiles { id } }");
        let expected = json!({
            "id": claims["sub"], "identities": [{ "subjectId": "ada" }], "profiles": [{ "id": claims["profileId"] }],
        });
        assert_eq!(deleted["user"], expected, "as it was");
        assert_eq!(refusal(&api, &token).as_deref(), Some("USER_NOT_ACTIVE"));
        assert_eq!(api.ask(ONE, json!({ "id": claims["sub"] }))["user"], json!(null));
        let (_, new) = login(&api, "ada");
        assert_ne!(new["sub"], claims["sub"]);
        assert_ne!(new["profileId"], claims["profileId"]);
        api.mutation_refused("deleteUser", json!({ "id": claims["sub"] }), "NOT_FOUND");
    }

    fn users_are_found_by_what_is_known_of_them_and_listed_page_by_page(engine) {
        let server = start(engine);
        let api = Api::of(&server, MANAGER);
        let mut ids: Vec<String> = ["ada", "grace", "mary"].map(|name| a_user(&api, name)).to_vec();
        let patch = json!({ "id": ids[1], "patch": { "email": "grace@example.com" } });
        api.mutate("updateUser", patch, "user { id }");
        let find = |filter: Value| {
            let query = "query F($filter: UserFilter) { users(filter: $filter) { nodes { id } pageInfo { hasNextPage } } }";
            let found = api.ask(query, json!({ "filter": filter }))["users"].take();
            assert_eq!(found["pageInfo"]["hasNextPage"], false);
            let nodes = found["nodes"].as_array().expect("nodes").clone();
            nodes.iter().map(|node| node["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(find(json!({ "email": { "equalTo": "grace@example.com" } })), [ids[1].as_str()]);
        assert_eq!(find(json!({ "subjectId": { "equalTo": "mary" } })), [ids[2].as_str()]);
        assert_eq!(find(json!({ "connection": { "equalTo": "sign-in" }, "subjectId": { "equalTo": "ada" } })), [
            ids[0].as_str()
        ]);
        for nobody in ["nobody", "a\u{0}b", "' OR 1=1 --"] {
            for filter in ["email", "connection", "subjectId"] {
                assert!(find(json!({ filter: { "equalTo": nobody } })).is_empty(), "{filter} {nobody:?}");
            }
        }
        let page = |first: i32, offset: i32| {
            let query = "query P($first: Int, $offset: Int) { users(first: $first, offset: $offset) {
                nodes { id identities { subjectId } profiles { id } } pageInfo { hasNextPage } } }";
            api.ask(query, json!({ "first": first, "offset": offset }))["users"].take()
        };
        // Made in the same second: the order among them is that of their ids.
        ids.sort();
        let first = page(2, 0);
        let shown: Vec<&Value> = first["nodes"].as_array().expect("nodes").iter().map(|node| &node["id"]).collect();
        assert_eq!((shown, &first["pageInfo"]["hasNextPage"]), (vec![&json!(ids[0]), &json!(ids[1])], &json!(true)));
        let second = page(2, 2);
        assert_eq!((&second["nodes"][0]["id"], &second["pageInfo"]["hasNextPage"]), (&json!(ids[2]), &json!(false)));
        for node in first["nodes"].as_array().expect("nodes") {
            assert_eq!(node["profiles"].as_array().map(Vec::len), Some(1), "{node}");
            assert_eq!(node["identities"].as_array().map(Vec::len), Some(1), "{node}");
        }
    }

    fn an_identity_belongs_to_one_user(engine) {
        let server = start(engine);
        let api = Api::of(&server, MANAGER);
        a_user(&api, "ada");
        let user = json!({ "name": "Another", "identity": { "connection": "sign-in", "subjectId": "ada" } });
        api.mutation_refused("createUser", json!({ "user": user }), "UNIQUE_CONSTRAINT_ERROR");
        let found = api.ask("{ users { nodes { name } } }", json!({}));
        assert_eq!(found["users"]["nodes"], json!([{ "name": null }]), "nothing is left of the other one");
    }
}

#[test]
fn an_argument_that_cannot_be_kept_is_named() {
    let server = start(Engine::Sqlite);
    let api = Api::of(&server, MANAGER);
    let id = a_user(&api, "ada");
    for (argument, value) in
        [("email", json!("")), ("email", json!("x".repeat(255))), ("name", json!("a\u{7}b")), ("name", json!("a\u{0}"))]
    {
        for (operation, input) in [
            ("updateUser", json!({ "id": id, "patch": { argument: value } })),
            ("createUser", json!({ "user": { argument: value } })),
        ] {
            let error = api.mutation_refused(operation, input, "ARGUMENT_INVALID");
            assert_eq!(error["details"], json!({ "argument": argument }), "{error}");
        }
    }
    let long = "x".repeat(256);
    for (argument, connection, subject_id) in
        [("connection", "no such", "ada"), ("subjectId", "sign-in", ""), ("subjectId", "sign-in", &long)]
    {
        let identity = json!({ "connection": connection, "subjectId": subject_id });
        let error = api.mutation_refused("createUser", json!({ "user": { "identity": identity } }), "ARGUMENT_INVALID");
        assert_eq!(error["details"], json!({ "argument": argument }), "{error}");
    }
    let found = api.ask("{ users { nodes { id } } }", json!({}));
    assert_eq!(found["users"]["nodes"], json!([{ "id": id }]));
}

#[test]
fn whoever_may_only_see_users_changes_none() {
    let server = start(Engine::Sqlite);
    let id = a_user(&Api::of(&server, MANAGER), "ada");
    let viewer = Api::of(&server, VIEWER);
    for user_id in [id.as_str(), UNKNOWN] {
        for (operation, input) in [
            ("createUser", json!({ "user": {} })),
            ("updateUser", json!({ "id": user_id, "patch": { "enabled": false } })),
            ("deleteUser", json!({ "id": user_id })),
            ("setActiveProfile", json!({ "userId": user_id, "profileId": UNKNOWN })),
        ] {
            viewer.mutation_refused(operation, input, "USER_NOT_AUTHORIZED");
        }
    }
    let found = viewer.ask("{ users { nodes { id enabled } } }", json!({}));
    assert_eq!(found["users"]["nodes"], json!([{ "id": id, "enabled": true }]));
}

#[test]
fn a_list_of_everything_of_a_hundred_users_is_the_most_that_one_document_gets() {
    let server = start(Engine::Sqlite);
    let api = Api::of(&server, MANAGER);
    let all = "users { nodes { id email profiles { id displayName profilePictureUrl } } }";
    api.ask(&format!("{{ {all} }}"), json!({}));
    api.refused(&format!("{{ {all} more: {all} }}"), json!({}), "QUERY_TOO_COMPLEX");
}

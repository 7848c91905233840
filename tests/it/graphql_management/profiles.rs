//! Profiles.

use serde_json::{Value, json};

use super::{Api, MANAGER, UNKNOWN, VIEWER, WEB, a_user, start};
use crate::{both_engines, support::Engine};

/// `profileId` of the user's next token.
fn next_profile(api: &Api<'_>, named: Option<&str>) -> Value {
    let mut input = json!({ "applicationId": WEB, "subjectId": "ada" });
    if let Some(named) = named {
        input["uniqueProfileIdentifier"] = named.into();
    }
    api.mutate("generateDelegatedAccessToken", input, "payload")["payload"]["profileId"].take()
}

fn a_profile(api: &Api<'_>, user_id: &str, profile: Value) -> Value {
    let fields = "profile { id userId uniqueProfileIdentifier displayName profilePictureUrl }";
    api.mutate("createProfile", json!({ "userId": user_id, "profile": profile }), fields)["profile"].take()
}

both_engines! {
    fn the_next_token_carries_the_profile_that_was_made_active(engine) {
        let server = start(engine);
        let api = Api::of(&server, MANAGER);
        let user = a_user(&api, "ada");
        let first = next_profile(&api, None);
        let kids = a_profile(&api, &user, json!({ "displayName": "Kids", "profilePictureUrl": "https://cdn.example/k.png" }));
        let expected = json!({
            "id": kids["id"], "userId": user, "uniqueProfileIdentifier": null, "displayName": "Kids",
            "profilePictureUrl": "https://cdn.example/k.png",
        });
        assert_eq!(kids, expected);
        assert_eq!(next_profile(&api, None), first);

        let input = json!({ "userId": user, "profileId": kids["id"] });
        let changed = api.mutate("setActiveProfile", input, "user { activeProfileId profiles { displayName } }");
        assert_eq!(changed["user"]["activeProfileId"], kids["id"]);
        assert_eq!(changed["user"]["profiles"].as_array().map(Vec::len), Some(2));
        assert_eq!(next_profile(&api, None), kids["id"]);
    }

    fn a_profile_is_known_by_its_unique_identifier(engine) {
        let server = start(engine);
        let api = Api::of(&server, MANAGER);
        let user = a_user(&api, "ada");
        let kids = a_profile(&api, &user, json!({ "uniqueProfileIdentifier": "kids" }));
        assert_eq!(next_profile(&api, Some("kids")), kids["id"]);
        let again = json!({ "userId": user, "profile": { "uniqueProfileIdentifier": "kids" } });
        api.mutation_refused("createProfile", again, "UNIQUE_CONSTRAINT_ERROR");

        let input = json!({ "id": kids["id"], "patch": { "uniqueProfileIdentifier": "children", "displayName": "Kids" } });
        api.mutate("updateProfile", input, "profile { id }");
        assert_eq!(next_profile(&api, Some("children")), kids["id"]);
        assert_ne!(next_profile(&api, Some("kids")), kids["id"], "that name is another profile's now");
        let taken = json!({ "id": kids["id"], "patch": { "uniqueProfileIdentifier": "kids" } });
        api.mutation_refused("updateProfile", taken, "UNIQUE_CONSTRAINT_ERROR");
        let input = json!({ "id": kids["id"], "patch": { "uniqueProfileIdentifier": null } });
        let changed = api.mutate("updateProfile", input, "profile { uniqueProfileIdentifier displayName }");
        assert_eq!(changed["profile"], json!({ "uniqueProfileIdentifier": null, "displayName": "Kids" }));
    }

    fn a_profile_is_deleted_unless_it_is_the_active_one(engine) {
        let server = start(engine);
        let api = Api::of(&server, MANAGER);
        let user = a_user(&api, "ada");
        let active = next_profile(&api, None);
        let kids = a_profile(&api, &user, json!({ "uniqueProfileIdentifier": "kids" }));
        assert_eq!(next_profile(&api, Some("kids")), kids["id"]);
        let error = api.mutation_refused("deleteProfile", json!({ "id": active }), "ARGUMENT_INVALID");
        assert_eq!(error["message"], "id is that of the active profile: make another one active first");
        let deleted = api.mutate("deleteProfile", json!({ "id": kids["id"] }), "profile { uniqueProfileIdentifier }");
        assert_eq!(deleted["profile"]["uniqueProfileIdentifier"], "kids");
        api.mutation_refused("deleteProfile", json!({ "id": kids["id"] }), "NOT_FOUND");
        assert_ne!(next_profile(&api, Some("kids")), kids["id"], "nobody remembers the deleted one");
    }
}

#[test]
fn a_user_has_at_most_a_hundred_profiles() {
    let server = start(Engine::Sqlite);
    let api = Api::of(&server, MANAGER);
    let user = a_user(&api, "ada");
    let rows: Vec<String> = (1..100).map(|n| format!("('p{n}', '{user}', 0)")).collect();
    server.database.execute(&format!("INSERT INTO profiles (id, user_id, created_at) VALUES {}", rows.join(", ")));
    let error = api.mutation_refused("createProfile", json!({ "userId": user, "profile": {} }), "ARGUMENT_INVALID");
    assert_eq!(error["message"], "profile is one too many: a user has at most 100");
    api.mutate("deleteProfile", json!({ "id": "p1" }), "profile { id }");
    a_profile(&api, &user, json!({}));
}

#[test]
fn a_profile_of_somebody_else_cannot_be_made_active() {
    let server = start(Engine::Sqlite);
    let api = Api::of(&server, MANAGER);
    let (ada, grace) = (a_user(&api, "ada"), a_user(&api, "grace"));
    let of_grace = a_profile(&api, &grace, json!({}));
    for profile in [&of_grace["id"], &json!(UNKNOWN), &json!(""), &json!("a\u{0}b")] {
        let input = json!({ "userId": ada, "profileId": profile });
        api.mutation_refused("setActiveProfile", input, "NOT_FOUND");
    }
}

#[test]
fn an_argument_that_cannot_be_kept_is_named() {
    let server = start(Engine::Sqlite);
    let api = Api::of(&server, MANAGER);
    let user = a_user(&api, "ada");
    let kids = a_profile(&api, &user, json!({}));
    for (argument, value) in [
        ("uniqueProfileIdentifier", json!("")),
        ("displayName", json!("a\nb")),
        ("displayName", json!("x".repeat(255))),
        ("profilePictureUrl", json!("javascript:alert(1)")),
        ("profilePictureUrl", json!("/relative.png")),
        ("profilePictureUrl", json!(format!("https://cdn.example/{}", "x".repeat(2048)))),
    ] {
        for (operation, input) in [
            ("createProfile", json!({ "userId": user, "profile": { argument: value } })),
            ("updateProfile", json!({ "id": kids["id"], "patch": { argument: value } })),
        ] {
            let error = api.mutation_refused(operation, input, "ARGUMENT_INVALID");
            assert_eq!(error["details"], json!({ "argument": argument }), "{error}");
        }
    }
}

#[test]
fn whoever_may_only_see_users_changes_no_profile() {
    let server = start(Engine::Sqlite);
    let api = Api::of(&server, MANAGER);
    let user = a_user(&api, "ada");
    let kids = a_profile(&api, &user, json!({}));
    let viewer = Api::of(&server, VIEWER);
    for (operation, input) in [
        ("createProfile", json!({ "userId": user, "profile": {} })),
        ("updateProfile", json!({ "id": kids["id"], "patch": { "displayName": "x" } })),
        ("deleteProfile", json!({ "id": kids["id"] })),
    ] {
        viewer.mutation_refused(operation, input, "USER_NOT_AUTHORIZED");
    }
}

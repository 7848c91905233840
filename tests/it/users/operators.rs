//! The same users by GraphQL and from the command line.

use serde_json::json;

use super::{Api, ENVIRONMENT, KEEPER, MANAGER, MOBILE, UNKNOWN, WEB, WEB_BACKEND, assert_refused, start, text};
use crate::{both_engines, graphql_management, support::TestServer};

/// What the CLI prints of a new user.
fn id_in(printed: &str) -> String {
    printed.trim().strip_prefix("user_id=").unwrap_or_else(|| panic!("{printed}")).to_owned()
}

both_engines! {
    fn graphql_gives_a_user_a_way_to_sign_in(engine) {
        let server = start(engine);
        let (api, manager) = (Api::of(&server, WEB_BACKEND), graphql_management::Api::of(&server, MANAGER));
        let made = manager.mutate("createUser", json!({ "user": { "name": "Ada" } }), "user { id }");
        let id = made["user"]["id"].clone();
        let fields = "user { identifiers { kind value primary verifiedAt applicationId } applicationIds }";
        let add = |identifier: serde_json::Value, verified: bool| {
            let input = json!({ "userId": id, "identifier": identifier, "verified": verified });
            manager.mutate("addUserIdentifier", input, fields)["user"].clone()
        };
        let shown = add(json!({ "kind": "EMAIL", "value": "Ada@mail.example" }), true);
        assert_eq!(shown["identifiers"][0]["value"], "Ada@mail.example");
        assert!(shown["identifiers"][0]["verifiedAt"].is_string() && shown["identifiers"][0]["primary"] == true, "{shown}");
        let joined = manager.mutate("addUserToApplication", json!({ "userId": id, "applicationId": WEB }), fields);
        assert_eq!(joined["user"]["applicationIds"], json!([WEB]));
        add(json!({ "kind": "USERNAME", "value": "ada", "applicationId": WEB }), false);
        add(json!({ "kind": "EMAIL", "value": "ada@work.example" }), false);
        let found = api.get("/v1/users/username/ada").json();
        assert_eq!((&found["result"]["user_id"], &found["result"]["email"]["email_verified"]), (&id, &json!(true)));
        assert_eq!(found["result"]["secondary_emails"][0]["value"], "ada@work.example");

        let remove = |kind: &str, value: &str| json!({ "userId": id, "identifier": { "kind": kind, "value": value } });
        manager.mutation_refused("removeUserIdentifier", remove("EMAIL", "ada@mail.example"), "ARGUMENT_INVALID");
        manager.mutate("removeUserIdentifier", remove("EMAIL", "ada@work.example"), fields);
        manager.mutation_refused("removeUserIdentifier", remove("EMAIL", "ada@work.example"), "NOT_FOUND");
        for (input, code) in [
            (json!({ "userId": id, "identifier": { "kind": "EMAIL", "value": "no address" } }), "ARGUMENT_INVALID"),
            (json!({ "userId": id, "identifier": { "kind": "USERNAME", "value": "ada" } }), "ARGUMENT_INVALID"),
            (json!({ "userId": UNKNOWN, "identifier": { "kind": "EMAIL", "value": "b@mail.example" } }), "NOT_FOUND"),
            (json!({ "userId": "a\u{0}", "identifier": { "kind": "EMAIL", "value": "b@mail.example" } }), "NOT_FOUND"),
        ] {
            manager.mutation_refused("addUserIdentifier", input, code);
        }
        let other = api.create(&json!({ "email": "eve@mail.example" }))["user_id"].clone();
        let taken = json!({ "userId": other, "identifier": { "kind": "EMAIL", "value": "ADA@mail.example" } });
        manager.mutation_refused("addUserIdentifier", taken, "UNIQUE_CONSTRAINT_ERROR");
        manager.mutation_refused("addUserToApplication", json!({ "userId": id, "applicationId": WEB }), "UNIQUE_CONSTRAINT_ERROR");
        manager.mutation_refused("addUserToApplication", json!({ "userId": id, "applicationId": UNKNOWN }), "NOT_FOUND");
        manager.mutation_refused("removeUserFromApplication", json!({ "userId": id, "applicationId": MOBILE }), "NOT_FOUND");
        let left = manager.mutate("removeUserFromApplication", json!({ "userId": id, "applicationId": WEB }), fields);
        assert_eq!(left["user"]["applicationIds"], json!([]));
        assert_refused(&api.get(&format!("/v1/users/{}", text(&id))), 404, "user_not_found");
        let records = server.database.audit_records();
        let record = records.iter().find(|record| record["operation"] == "addUserIdentifier").expect("a record");
        assert_eq!(json!([record["event"], record["subject"], record["after"]["email"]]), json!(["management.changed", id, "…"]));
        let told: Vec<_> = records.iter().filter(|one| one.to_string().to_lowercase().contains("mail.example")).collect();
        assert!(told.is_empty(), "no address in any record: {told:#?}");
    }

    fn the_command_line_keeps_users_of_a_running_server(engine) {
        let server = TestServer::builder(engine).environment(ENVIRONMENT).start();
        let (api, keeper) = (Api::of(&server, WEB_BACKEND), Api::of(&server, KEEPER));
        let id = id_in(&server.cli(&["user", "create", "--email", "Ada@mail.example", "--first-name", "Ada", "--last-name",
            "Lovelace", "--application", "web", "--username", "ada", "--verified"]).success());
        let user = api.user(&json!(id));
        assert_eq!((&user["email"]["email_verified"], &user["username"]), (&json!(true), &json!("ada")));
        let list = server.cli(&["user", "list"]).success();
        assert_eq!(list, format!("{id}  enabled  Ada@mail.example  Ada Lovelace\n"));
        assert_eq!(server.cli(&["user", "list", "--application", "mobile"]).success(), "");
        assert_eq!(server.cli(&["user", "list", "--prefix", "ada"]).success(), list);

        server.cli(&["user", "disable", "ada@mail.example"]).success();
        assert_eq!(api.user(&json!(id))["status"], "Disabled");
        server.cli(&["user", "enable", &id]).success();
        assert_eq!(api.user(&json!(id))["status"], "Active");
        server.cli(&["user", "identifiers", "add", &id, "phone_number", "+14155550100"]).success();
        server.cli(&["user", "identifiers", "verify", &id, "phone_number", "+14155550100"]).success();
        server.cli(&["user", "identifiers", "add", &id, "email", "ada@work.example"]).success();
        server.cli(&["user", "identifiers", "remove", &id, "email", "ada@work.example"]).success();
        let shown = server.cli(&["user", "identifiers", "list", &id]).success();
        assert!(shown.contains("email  Ada@mail.example  primary  verified "), "{shown}");
        assert!(shown.contains("phone_number  +14155550100  primary  verified ") && !shown.contains("work"), "{shown}");
        assert!(shown.contains(&format!("username  ada  application {WEB}")), "{shown}");
        server.cli(&["user", "join", &id, "--application", "mobile"]).success();
        server.cli(&["user", "leave", &id, "--application", "web"]).success();
        let shown = server.cli(&["user", "show", &id]).success();
        assert!(shown.contains(&format!("id  {id}\nstate  enabled\nname  Ada Lovelace\n")), "{shown}");
        assert!(shown.contains(MOBILE) && !shown.contains(WEB), "{shown}");

        for (arguments, said) in [
            (&["user", "create", "--email", "ADA@mail.example"][..], "email is taken"),
            (&["user", "create"], "nothing else finds the user"),
            (&["user", "create", "--email", "no address"], "email must be an e-mail address"),
            (&["user", "show", UNKNOWN], "no such user"),
            (&["user", "disable", "nobody@mail.example"], "no such user"),
            (&["user", "list", "--application", "tv"], "no application \"tv\""),
            (&["user", "list", "--environment", "nowhere"], "no environment \"nowhere\""),
            (&["user", "identifiers", "remove", &id, "email", "eve@mail.example"], "no such email"),
            (&["user", "join", &id, "--application", "mobile"], "already"),
        ] {
            let failed = server.cli(arguments).failure(5);
            assert!(failed.contains(said), "{arguments:?}: {failed}");
        }
        server.cli(&["user", "create", "--email", "b@mail.example", "--username", "b"]).failure(2);
        server.cli(&["user", "delete", &id]).success();
        assert_refused(&keeper.get(&format!("/v1/users/{id}")), 404, "user_not_found");
        let records = server.database.records_of_operators();
        let done: Vec<_> = records.iter().filter(|record| record["subject"] == id.as_str())
            .map(|record| text(&record["operation"]).to_owned()).collect();
        assert_eq!(done, [
            "user create", "user disable", "user enable", "user identifiers add", "user identifiers verify",
            "user identifiers add", "user identifiers remove", "user join", "user leave", "user delete",
        ]);
        let told: Vec<_> = records.iter().filter(|one| one.to_string().to_lowercase().contains("mail.example")).collect();
        assert!(told.is_empty(), "no address in any record: {told:#?}");
    }
}

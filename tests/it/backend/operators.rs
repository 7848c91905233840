//! Sessions, as those see them who keep an environment.

use serde_json::json;

use super::sessions::is_active;
use crate::{
    both_engines,
    graphql_management::{Api, MANAGER, VIEWER},
    support::{
        TestServer,
        backend::{Backend, PORTAL, environment, start},
        tokens::peek,
    },
};

both_engines! {
    fn the_command_line_lists_and_ends_sessions(engine) {
        let server = start(engine);
        let portal = Backend::portal(&server);
        let (ada, bob) = (portal.signed_in("ada@example.com"), portal.signed_in("bob@example.com"));
        let sid = |access: &str| peek(access)["sid"].as_str().expect("sid").to_owned();
        let shown = server.cli(&["session", "list", "--user", &ada.user_id]).success();
        assert!(shown.starts_with(&sid(&ada.access)) && shown.contains("by pwd") && shown.contains(PORTAL.0), "{shown}");
        assert_eq!(shown.lines().count(), 1);
        server.cli(&["session", "list", "--user", "nobody"]).failure(5);

        let said = server.cli(&["session", "revoke", &sid(&ada.access)]).success();
        assert_eq!(said, "sessions ended in environment demo: 1\n");
        let records = server.database.records_of_operators();
        let record = records.last().expect("a record");
        assert_eq!((&record["operation"], &record["subject"]), (&json!("endSessions"), &json!(sid(&ada.access))));
        server.eventually("the end", || !is_active(&server, &ada.access));
        server.cli(&["session", "revoke", &sid(&ada.access)]).failure(5);
        for wrong in [&["session", "revoke", "unknown"] as &[&str], &["session", "revoke", "--user", "nobody"]] {
            server.cli(wrong).failure(5);
        }
        assert!(is_active(&server, &bob.access));
        server.cli(&["session", "revoke", "--user", &bob.user_id]).success();
        server.eventually("the end", || !is_active(&server, &bob.access));
        assert_eq!(server.cli(&["session", "list", "--user", &bob.user_id]).success(), "");
    }

    fn graphql_shows_and_ends_them_for_whoever_may(engine) {
        let manager = r#"
[[client]]
id = "manager"
grants = ["client_credentials"]
secret = "a-secret-of-the-manager-with-32-characters"
[client.permissions]
ax-user-service = ["USERS_VIEW", "USERS_EDIT"]

[[client]]
id = "viewer"
grants = ["client_credentials"]
secret = "a-secret-of-the-viewer-with-32-characters"
[client.permissions]
ax-user-service = ["USERS_VIEW"]
"#;
        let server = TestServer::builder(engine).environment(&format!("{}{manager}", environment())).start();
        let ada = Backend::portal(&server).signed_in("ada@example.com");
        let (viewer, manager) = (Api::of(&server, VIEWER), Api::of(&server, MANAGER));
        let query = "query ($id: ID!) { userSessions(userId: $id) { id methods clientIds createdAt expiresAt } }";
        let sessions = viewer.ask(query, json!({ "id": ada.user_id }));
        let session = &sessions["userSessions"][0];
        assert_eq!((&session["id"], &session["methods"], &session["clientIds"]),
            (&peek(&ada.access)["sid"], &json!(["pwd"]), &json!([PORTAL.0])));
        viewer.refused(query, json!({ "id": "nobody" }), "NOT_FOUND");
        viewer.mutation_refused("endUserSessions", json!({ "userId": ada.user_id }), "USER_NOT_AUTHORIZED");
        assert!(is_active(&server, &ada.access));
        manager.mutation_refused("endUserSessions", json!({ "userId": "nobody" }), "NOT_FOUND");
        let ended = manager.mutate("endUserSessions", json!({ "userId": ada.user_id }), "userId count");
        assert_eq!(ended, json!({ "userId": ada.user_id, "count": 1 }));
        assert!(!is_active(&server, &ada.access));
    }
}

//! `tessera apply`: tenants, which take all their environments with them.

use crate::{
    both_engines,
    support::{BFF, CLIENT_CREDENTIALS, DEMO, Installation, TestServer},
};

const SECOND: &str = "[environment]\nname = \"second\"\n\n[[resource_server]]\naudience = \"api\"\n\n[[client]]\nid = \"svc\"\n\
    grants = [\"client_credentials\"]\naccess = [{ audience = \"api\" }]\nsecret = \"a-secret-of-the-second-environment\"\n";

fn with_tenant(text: &str, tenant: &str) -> String {
    format!("{text}\n[tenant]\n{tenant}\n")
}

both_engines! {
    fn a_disabled_tenant_takes_all_its_environments_out_of_force_and_back(engine) {
        let server = TestServer::start(engine);
        server.apply(SECOND);
        let query = "SELECT '/' || tenant_id || '/' || id AS value FROM environments WHERE name = 'second'";
        let below = format!("{}/token", server.database.value(query));
        let second = || {
            let request = server.request(reqwest::Method::POST, &below);
            let request = request.basic_auth("svc", Some("a-secret-of-the-second-environment"));
            crate::support::Answer::to(request.form(&CLIENT_CREDENTIALS)).status == 200
        };
        let first = || server.token(BFF, &CLIENT_CREDENTIALS).status == 200;
        server.eventually("both environments to be served", || first() && second());

        let plan: Vec<String> = server.apply(&with_tenant(DEMO, "enabled = false")).iter().map(ToString::to_string).collect();
        assert_eq!(plan, ["~ tenant demo\n    enabled: true -> false"]);
        server.eventually("neither environment to issue anything", || !first() && !second());

        assert!(server.apply(DEMO).is_empty(), "a file that says nothing of the tenant leaves it as it is");
        assert!(server.apply(SECOND).is_empty());
        // Any file of the tenant can say so.
        let plan = server.apply(&with_tenant(SECOND, "name = \"demo\""));
        assert_eq!(plan.len(), 1, "{plan:?}");
        server.eventually("both environments to be back", || first() && second());
    }

    fn a_tenant_of_another_environment_keeps_its_own_state(engine) {
        let installation = Installation::demo(engine);
        let other = with_tenant(SECOND, "name = \"other\"\nenabled = false");
        let plan = installation.apply(&other);
        assert!(plan.contains("+ tenant other\n+ environment second\n"), "{plan}");
        // The engines do not agree on what a boolean is; both count.
        let enabled = |name: &str| {
            let query = format!("SELECT CAST(COUNT(*) AS TEXT) AS value FROM tenants WHERE name = '{name}' AND CAST(enabled AS INTEGER) = 1");
            installation.database.value(&query)
        };
        assert_eq!((enabled("demo"), enabled("other")), ("1".to_owned(), "0".to_owned()));
        assert_eq!(installation.apply(&other), "nothing to change\n");
        assert_eq!(installation.apply(DEMO), "nothing to change\n");
        // A second environment under it is made disabled too, and may put the tenant back.
        let third = other.replace("\"second\"", "\"third\"").replace("enabled = false", "enabled = true");
        let plan = installation.apply(&third);
        assert!(plan.contains("~ tenant other\n    enabled: false -> true\n+ environment third\n"), "{plan}");
        assert_eq!(installation.apply(&third), "nothing to change\n");
    }

    fn a_tenant_is_not_renamed_by_accident(engine) {
        let installation = Installation::demo(engine);
        let id = installation.database.value("SELECT id AS value FROM tenants");
        let renamed = installation.file("renamed.toml", &with_tenant(DEMO, &format!("id = \"{id}\"\nname = \"new\"")));
        let said = installation.cli(&["apply", renamed]).failure(5);
        assert!(said.contains("has the name \"demo\"") && said.contains("cannot be renamed"), "{said}");
        assert_eq!(installation.apply(&with_tenant(DEMO, &format!("id = \"{id}\"\nname = \"demo\""))), "nothing to change\n");
    }
}

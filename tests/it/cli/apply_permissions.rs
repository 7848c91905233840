//! `tessera apply`: permissions that services define, who has them, and services of other environments.

use crate::{
    both_engines,
    support::{Installation, TestServer, tokens::peek},
};

/// A service with two permissions, and a client that has both.
const FILE: &str = "[environment]\nname = \"demo\"\n\n\
    [[permission]]\nservice_id = \"mailer\"\nkey = \"SEND\"\ntitle = \"Send mail\"\ngql_operations = [\"sendMail\"]\n\n\
    [[permission]]\nservice_id = \"mailer\"\nkey = \"READ\"\n\n\
    [[resource_server]]\naudience = \"api\"\n\n\
    [[client]]\nid = \"svc\"\ngrants = [\"client_credentials\"]\naccess = [{ audience = \"api\" }]\n\
    permissions = { mailer = [\"READ\", \"SEND\"] }\nsecret = \"a-secret-of-the-service-account-for-tests\"\n";
const SVC: (&str, &str) = ("svc", "a-secret-of-the-service-account-for-tests");

/// Without the second permission and without anybody who has it.
fn without_read() -> String {
    FILE.replace("[[permission]]\nservice_id = \"mailer\"\nkey = \"READ\"\n\n", "").replace("\"READ\", ", "")
}

/// Without any permission; the client has both all the same.
fn without_definitions() -> String {
    let (start, end) = (FILE.find("[[permission]]"), FILE.find("[[resource_server]]"));
    format!("{}{}", &FILE[..start.expect("the first")], &FILE[end.expect("what follows")..])
}

fn held(installation: &Installation, client: &str) -> String {
    installation.database.value(&format!("SELECT permissions AS value FROM clients WHERE client_id = '{client}'"))
}

fn defined(installation: &Installation) -> Vec<String> {
    installation
        .database
        .texts("SELECT service_id || ':' || key || ' ' || origin AS text FROM permissions ORDER BY service_id, key")
}

both_engines! {
    fn permissions_are_kept_and_changed_as_the_file_says(engine) {
        let installation = Installation::new(engine);
        let plan = installation.apply(FILE);
        assert!(plan.contains("+ permission mailer:SEND\n+ permission mailer:READ\n"), "{plan}");
        assert_eq!(defined(&installation), ["mailer:READ file", "mailer:SEND file"]);
        assert_eq!(installation.apply(FILE), "nothing to change\n");
        let plan = installation.apply(&FILE.replace("Send mail", "Send a mail"));
        assert_eq!(plan, "~ permission mailer:SEND\n    title: \"Send mail\" -> \"Send a mail\"\n1 changed\n");
    }

    fn a_permission_that_leaves_the_file_is_taken_from_everybody(engine) {
        let installation = Installation::new(engine);
        installation.apply(FILE);
        installation.cli(&["service-account", "create", "nightly", "--permission", "mailer:READ"]).success();
        let plan = installation.apply(&without_read());
        let expected = "- permission mailer:READ\n    taken from client nightly\n    taken from client svc\n1 changed\n";
        assert_eq!(plan, expected);
        assert_eq!(defined(&installation), ["mailer:SEND file"]);
        assert_eq!(held(&installation, "svc"), r#"{"mailer":["SEND"]}"#);
        assert_eq!(held(&installation, "nightly"), "{}");
        assert_eq!(installation.apply(&without_read()), "nothing to change\n");
    }

    fn a_client_of_the_file_keeps_what_the_file_gives_it(engine) {
        let installation = Installation::new(engine);
        installation.apply(FILE);
        installation.cli(&["service-account", "create", "nightly", "--permission", "mailer:READ"]).success();
        let plan = installation.apply(&without_definitions());
        assert!(plan.contains("- permission mailer:READ\n    taken from client nightly\n"), "{plan}");
        assert!(!plan.contains("taken from client svc"), "{plan}");
        assert_eq!(held(&installation, "svc"), r#"{"mailer":["READ","SEND"]}"#);
        assert_eq!(held(&installation, "nightly"), "{}");
        assert_eq!(installation.apply(&without_definitions()), "nothing to change\n");
    }

    fn permissions_that_a_service_defined_itself_are_none_of_the_files_business(engine) {
        let installation = Installation::new(engine);
        installation.apply(FILE);
        installation.database.execute("UPDATE permissions SET origin = 'command' WHERE key = 'READ'");
        assert_eq!(installation.apply(&without_read()), "~ client svc\n    permissions: {\"mailer\":[\"READ\",\"SEND\"]} -> {\"mailer\":[\"SEND\"]}\n1 changed\n");
        for arguments in [&["apply", "environment.toml"][..], &["apply", "--prune", "environment.toml"]] {
            assert_eq!(installation.cli(arguments).success(), "nothing to change\n");
        }
        assert_eq!(defined(&installation), ["mailer:READ command", "mailer:SEND file"]);
        let plan = installation.apply(FILE);
        assert!(plan.contains("~ permission mailer:READ\n    looked after by: command -> file\n"), "{plan}");
        assert_eq!(installation.apply(FILE), "nothing to change\n");
        assert!(installation.apply(&without_read()).contains("- permission mailer:READ\n"));
    }

    fn a_running_server_takes_the_permission_out_of_new_tokens(engine) {
        let server = TestServer::builder(engine).environment(FILE).start();
        let token = || peek(&server.token(SVC, &crate::support::CLIENT_CREDENTIALS).access_token());
        assert_eq!(token()["permissions"], serde_json::json!({ "mailer": ["READ", "SEND"] }));
        server.apply(&without_read());
        server.eventually("the key to be gone", || token()["permissions"] == serde_json::json!({ "mailer": ["SEND"] }));
    }

    fn a_managed_service_is_at_home_in_an_environment_that_is_there(engine) {
        let installation = Installation::new(engine);
        let own = format!("{FILE}\n[[managed_service]]\nservice_id = \"media\"\nclient = \"svc\"\npermissions = {{ mailer = [\"READ\"] }}\n");
        assert!(installation.apply(&own).contains("+ managed service media\n"), "in its own new environment");
        assert_eq!(installation.apply(&own), "nothing to change\n");
        let row = || installation.database.value(
            "SELECT s.service_id || ' ' || s.name || ' ' || s.client_id || ' ' || s.permissions AS value FROM managed_services s \
             JOIN environments e ON e.id = s.home_environment_id AND e.name = 'demo'",
        );
        assert_eq!(row(), r#"media media svc {"mailer":["READ"]}"#);

        let second = |home: &str| format!("[environment]\nname = \"second\"\n\n[[managed_service]]\nservice_id = \"media\"\n\
            client = \"svc\"\nenvironment = \"{home}\"\n");
        let nowhere = installation.file("nowhere.toml", &second("9b2f4a1e-6c3d-4e5f-8a7b-0c1d2e3f4a5b"));
        let said = installation.cli(&["apply", nowhere]).failure(5);
        assert!(said.contains("\"media\" is at home in environment 9b2f4a1e") && said.contains("not there"), "{said}");
        let home = installation.database.value("SELECT id AS value FROM environments");
        assert!(installation.apply(&second(&home)).contains("+ managed service media\n"));
        assert_eq!(installation.apply(&second(&home)), "nothing to change\n");
    }

    fn a_managed_service_loses_permissions_and_leaves_with_the_file(engine) {
        let installation = Installation::new(engine);
        let service = "\n[[managed_service]]\nservice_id = \"media\"\nclient = \"svc\"\n";
        installation.apply(&format!("{FILE}{service}permissions = {{ mailer = [\"READ\"] }}\n"));
        let plan = installation.apply(&format!("{}{service}", without_read()));
        assert_eq!(plan, "- permission mailer:READ\n    taken from client svc\n    taken from managed service media\n1 changed\n");
        let plan = installation.apply(&without_read());
        assert!(plan.contains("~ managed service media\n    enabled: true -> false (no longer in the file)\n"), "{plan}");
        let plan = installation.cli(&["apply", "--prune", "environment.toml"]).success();
        assert_eq!(plan, "- managed service media\n1 changed\n");
    }
}

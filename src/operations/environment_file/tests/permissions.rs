//! `[[permission]]`, `[[managed_service]]`, and who has permissions.

use super::*;

const MAILER: &str = "[[permission]]\nservice_id = \"mailer\"\nkey = \"SEND\"\n";

/// The block on lines 3 to 5; `lines` begin on line 6.
fn permission(lines: &str) -> String {
    format!("{HEAD}{MAILER}{lines}\n")
}

fn held(permissions: &str) -> String {
    permission(&format!("[[client]]\nid = \"a\"\npermissions = {permissions}"))
}

#[test]
fn a_permission_has_a_title_and_says_what_it_opens() {
    let plain = parse(&permission("")).permissions.remove(0);
    assert_eq!((plain.service_id.as_str(), plain.key.as_str(), plain.title.as_str()), ("mailer", "SEND", "SEND"));
    assert!(plain.gql_operations.is_empty());
    let given = parse(&permission("title = \"Send mail\"\ngql_operations = [\"sendMail\"]")).permissions.remove(0);
    assert_eq!((given.title.as_str(), given.gql_operations), ("Send mail", vec!["sendMail".to_owned()]));
    refused(&permission("gql_operations = [\"\"]"), "6:19", "1 to 255 bytes");
}

#[test]
fn names_of_permissions_can_be_parts_of_a_scope() {
    for bad in ["", "a b", "a:b", "é", "\\"] {
        let quoted = format!("'{bad}'");
        refused(&permission("").replace("\"SEND\"", &quoted), "5:7", "visible ASCII");
        refused(&permission("").replace("\"mailer\"", &quoted), "4:14", "visible ASCII");
        refused(&held(&format!("{{ {quoted} = [\"X\"] }}")), "8:17", "visible ASCII");
        refused(&held(&format!("{{ other = [{quoted}] }}")), "8:26", "visible ASCII");
    }
    refused(&permission("").replace("key = \"SEND\"\n", ""), "3:1", "permission.key: is missing");
}

#[test]
fn a_permission_is_defined_once_and_not_for_this_server() {
    refused(&permission(MAILER), "8:7", "permission.key: \"mailer:SEND\" is taken on line 5");
    parse(&permission(&MAILER.replace("mailer", "other")));
    for own in ["ax-id-service", "ax-user-service"] {
        refused(&permission("").replace("mailer", own), "4:14", "built in");
    }
    // Halves that are missing are not told twice.
    assert_eq!(mistakes(&format!("{HEAD}[[permission]]\n[[permission]]\n")).len(), 4);
}

#[test]
fn whoever_has_a_permission_has_one_that_exists() {
    refused(&held("{ mailer = [\"SEND\", \"SND\"] }"), "8:35", "no permission \"SND\" (the nearest one is \"SEND\")");
    let file = parse(&held("{ ax-user-service = [\"USERS_VEIW\"] }"));
    let warnings: Vec<String> = file.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("env.toml:8:36: ") && warnings[0].contains("\"USERS_VIEW\""), "{warnings:?}");
    let file =
        parse(&held("{ mailer = [\"SEND\"], later = [\"ANY\"], ax-user-service = [\"USERS_VIEW\"], none = [] }"));
    assert_eq!(file.warnings, []);
    let permissions = &file.clients[0].client.permissions;
    assert_eq!(permissions["later"], ["ANY"], "its service may define it later");
    assert!(!permissions.contains_key("none"), "no key says nothing");
}

#[test]
fn a_managed_service_is_some_service_account_of_some_environment() {
    let service = |lines: &str| permission(&format!("[[managed_service]]\n{lines}"));
    let file = parse(&service("service_id = \"media\"\nclient = \"media-account\""));
    let plain = ManagedServiceBlock {
        service_id: "media".into(),
        name: "media".into(),
        client_id: "media-account".into(),
        home_environment_id: None,
        permissions: Permissions::new(),
        enabled: true,
    };
    assert_eq!(file.managed_services, [plain]);
    let id = "6f4b1a5e-0d3c-4b7e-9a21-5c8d7e6f4a3b";
    let full = "service_id = \"media\"\nclient = \"m\"\nname = \"Media\"\nenabled = false\n";
    let file = parse(&service(&format!("{full}environment = \"{id}\"\npermissions = {{ mailer = [\"SEND\"] }}")));
    let given = &file.managed_services[0];
    assert_eq!((given.name.as_str(), given.enabled), ("Media", false));
    assert_eq!(given.home_environment_id.as_deref(), Some(id));
    assert_eq!(given.permissions["mailer"], ["SEND"]);

    refused(&service("client = \"m\""), "6:1", "service_id: is missing");
    refused(&service("service_id = \"media\""), "6:1", "client: is missing");
    refused(&service("service_id = \"media\"\nclient = \"m\"\nenvironment = \"demo\""), "9:15", "must be a UUID");
    refused(&service(&format!("{full}permissions = {{ mailer = [\"SND\"] }}")), "11:27", "no permission \"SND\"");
    refused(&service(&format!("{full}[[managed_service]]\n{full}")), "12:14", "taken on line 7");
}

//! Applications.

use serde_json::json;

use super::{Api, ENVIRONMENT, MANAGER, UNKNOWN, VIEWER, WEB, an_application, start};
use crate::both_engines;

/// What set-up scripts of Mosaic services recognise a name by that is taken.
const DUPLICATE: &str =
    "Attempt to create or update an element failed, as it would have resulted in a duplicate element.";

both_engines! {
    /// The documents of the scripts that set up a Mosaic service, as they are sent.
    fn a_set_up_script_makes_enables_and_finds_its_application(engine) {
        let server = start(engine);
        let api = Api::of(&server, MANAGER);
        let create = "mutation DevCreateApplication($input: CreateApplicationInput!) {
            createApplication(input: $input) { application { id } } }";
        let urls = json!(["http://localhost"]);
        let application = json!({
            "name": "Development App", "applicationPlatform": "WEB", "allowedOrigins": urls, "allowedProxyUrls": urls,
        });
        let input = json!({ "input": { "application": application } });
        let id = api.ask(create, input.clone())["createApplication"]["application"]["id"].clone();

        let again = api.refused(create, input, "UNIQUE_CONSTRAINT_ERROR");
        assert_eq!((&again["message"], &again["path"]), (&json!(DUPLICATE), &json!(["createApplication"])));
        let find = "query GetDevApplicationId($appName: String!) {
            applications(filter: { name: { equalTo: $appName } }) { nodes { id enabled } } }";
        let found = api.ask(find, json!({ "appName": "Development App" }));
        assert_eq!(found["applications"]["nodes"], json!([{ "id": id, "enabled": false }]), "disabled at first");

        let enable = "mutation DevEnableApplication($input: UpdateApplicationInput!) {
            updateApplication(input: $input) { application { id } } }";
        let patch = json!({ "enabled": true, "allowedOrigins": urls, "allowedProxyUrls": urls });
        let enabled = api.ask(enable, json!({ "input": { "patch": patch, "id": id } }));
        assert_eq!(enabled, json!({ "updateApplication": { "application": { "id": id } } }));
        let found = api.ask(find, json!({ "appName": "Development App" }));
        assert_eq!(found["applications"]["nodes"], json!([{ "id": id, "enabled": true }]));
    }

    fn an_application_is_listed_changed_and_deleted(engine) {
        let server = start(engine);
        let api = Api::of(&server, MANAGER);
        let id = an_application(&api, "tv");
        let everything = "id name applicationPlatform enabled allowedOrigins allowedProxyUrls hasApplicationKey
            enrichmentWebhook { url onFailure } managedByFile";
        let patch = json!({ "name": "tv app", "applicationPlatform": "TIZEN", "allowedOrigins": ["https://tv.example"] });
        let input = json!({ "id": id, "patch": patch });
        let changed = api.mutate("updateApplication", input, &format!("application {{ {everything} }}"));
        let expected = json!({
            "id": id, "name": "tv app", "applicationPlatform": "TIZEN", "enabled": false,
            "allowedOrigins": ["https://tv.example"], "allowedProxyUrls": [], "hasApplicationKey": false,
            "enrichmentWebhook": null, "managedByFile": false,
        });
        assert_eq!(changed["application"], expected);
        let one = format!("query One($id: ID!) {{ application(id: $id) {{ {everything} }} }}");
        assert_eq!(api.ask(&one, json!({ "id": id }))["application"], expected);

        let list = "query List($first: Int, $offset: Int) {
            applications(first: $first, offset: $offset) { nodes { name managedByFile } totalCount } }";
        let both = json!([{ "name": "tv app", "managedByFile": false }, { "name": "web", "managedByFile": true }]);
        assert_eq!(api.ask(list, json!({}))["applications"], json!({ "nodes": both, "totalCount": 2 }));
        let second = api.ask(list, json!({ "first": 1, "offset": 1 }));
        assert_eq!(second["applications"], json!({ "nodes": [both[1]], "totalCount": 2 }));

        let deleted = api.mutate("deleteApplication", json!({ "id": id }), "application { name }");
        assert_eq!(deleted["application"]["name"], "tv app");
        assert_eq!(api.ask(&one, json!({ "id": id }))["application"], json!(null));
        api.mutation_refused("deleteApplication", json!({ "id": id }), "NOT_FOUND");
    }

    fn a_file_has_the_last_word_on_its_applications_and_leaves_others_alone(engine) {
        let server = start(engine);
        let api = Api::of(&server, MANAGER);
        let other = an_application(&api, "other");
        api.mutate("updateApplication", json!({ "id": WEB, "patch": { "enabled": false } }), "application { id }");
        let enabled = "{ applications { nodes { id enabled managedByFile } } }";
        let ours = json!({ "id": other, "enabled": false, "managedByFile": false });
        let expected = |enabled| json!([ours, { "id": WEB, "enabled": enabled, "managedByFile": true }]);
        assert_eq!(api.ask(enabled, json!({}))["applications"]["nodes"], expected(false), "changed, and still the file's");
        server.apply(ENVIRONMENT);
        assert_eq!(api.ask(enabled, json!({}))["applications"]["nodes"], expected(true));
    }
}

#[test]
fn a_platform_may_be_written_as_an_enum_value_too() {
    let server = start(crate::support::Engine::Sqlite);
    let api = Api::of(&server, MANAGER);
    let made = api.ask(
        r#"mutation { createApplication(input: { application: { name: "a", applicationPlatform: ANDROID_TV } }) {
            application { applicationPlatform } } }"#,
        json!({}),
    );
    assert_eq!(made["createApplication"]["application"]["applicationPlatform"], "ANDROID_TV");
}

#[test]
fn an_argument_that_cannot_be_kept_is_named() {
    let server = start(crate::support::Engine::Sqlite);
    let api = Api::of(&server, MANAGER);
    let id = an_application(&api, "a");
    let long = "x".repeat(255);
    let many = vec!["https://a.example"; 101];
    for (argument, value) in [
        ("name", json!("")),
        ("name", json!(long)),
        ("name", json!("a\u{0}b")),
        ("name", json!("a\nb")),
        ("applicationPlatform", json!("x".repeat(65))),
        ("allowedOrigins", json!(["https://a.example/path"])),
        ("allowedOrigins", json!(["not a URL"])),
        ("allowedOrigins", json!(many)),
        ("allowedProxyUrls", json!(["javascript:alert(1)"])),
        ("allowedProxyUrls", json!(["https://user:password@a.example"])),
    ] {
        let input = json!({ "id": id, "patch": { argument: value } });
        let error = api.mutation_refused("updateApplication", input, "ARGUMENT_INVALID");
        assert_eq!(error["details"], json!({ "argument": argument }), "{error}");
    }
    for (first, offset) in [(101, 0), (-1, 0), (1, -1)] {
        let query =
            "query L($first: Int, $offset: Int) { applications(first: $first, offset: $offset) { totalCount } }";
        api.refused(query, json!({ "first": first, "offset": offset }), "ARGUMENT_INVALID");
    }
    let nodes = api.ask("{ applications { nodes { name } } }", json!({}))["applications"]["nodes"].clone();
    assert_eq!(nodes, json!([{ "name": "a" }, { "name": "web" }]), "nothing was changed");
}

#[test]
fn a_name_that_is_taken_cannot_be_given_to_another_application() {
    let server = start(crate::support::Engine::Sqlite);
    let api = Api::of(&server, MANAGER);
    let id = an_application(&api, "a");
    let input = json!({ "id": id, "patch": { "name": "web" } });
    let error = api.mutation_refused("updateApplication", input, "UNIQUE_CONSTRAINT_ERROR");
    assert_eq!(error["message"], DUPLICATE);
    api.mutate("updateApplication", json!({ "id": id, "patch": { "name": "a" } }), "application { id }");
}

#[test]
fn whoever_may_only_see_applications_changes_none() {
    let server = start(crate::support::Engine::Sqlite);
    let viewer = Api::of(&server, VIEWER);
    assert_eq!(viewer.ask("{ applications { totalCount } }", json!({}))["applications"]["totalCount"], 1);
    viewer.mutation_refused("deleteApplication", json!({ "id": WEB }), "USER_NOT_AUTHORIZED");
    viewer.mutation_refused("deleteApplication", json!({ "id": UNKNOWN }), "USER_NOT_AUTHORIZED");
    assert_eq!(viewer.ask("{ applications { totalCount } }", json!({}))["applications"]["totalCount"], 1);
}

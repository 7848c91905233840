//! Identity connections.

use serde_json::{Value, json};

use super::{Api, ENVIRONMENT, MANAGER, VIEWER, WEB, mutation, start};
use crate::{both_engines, support::Engine};

/// A key whose private half nobody has.
fn keys() -> Value {
    json!({ "keys": [{
        "kty": "EC", "crv": "P-256", "kid": "partner-1", "use": "sig", "alg": "ES256",
        "x": "x5j5EMIUCtCnyNkjNW46Tipx24zvxWHZS5nNogiDGxI", "y": "taz0Gvoxe0grHs61T1a7M2m14ZLST3kVNbvcy7IcMvw",
    }] })
}

fn partner() -> Value {
    json!({
        "name": "partner", "provider": "OIDC", "issuer": "https://idp.example", "jwks": keys(), "audiences": ["web"],
    })
}

const EVERYTHING: &str =
    "name title provider providerTitle enabled sortOrder issuer jwksUri jwks audiences algorithms claims
    subjectClaim emailClaim nameClaim managedByFile";

both_engines! {
    fn a_foreign_issuer_is_described_changed_and_deleted(engine) {
        let server = start(engine);
        let api = Api::of(&server, MANAGER);
        let fields = format!("identityConnection {{ {EVERYTHING} }}");
        let made = api.mutate("createIdentityConnection", json!({ "identityConnection": partner() }), &fields);
        let mut expected = json!({
            "name": "partner", "title": "partner", "provider": "OIDC", "providerTitle": "OpenID Connect", "enabled": false,
            "sortOrder": 0, "issuer": "https://idp.example", "jwksUri": null, "jwks": keys(), "audiences": ["web"],
            "algorithms": [], "claims": {}, "subjectClaim": "sub", "emailClaim": "email", "nameClaim": "name",
            "managedByFile": false,
        });
        assert_eq!(made["identityConnection"], expected);

        let changes = json!({
            "title": "Partner", "enabled": true, "sortOrder": -1, "jwksUri": "https://idp.example/jwks",
            "algorithms": ["ES256", "RS256"], "claims": { "email_verified": true, "group": "staff" },
            "subjectClaim": "oid",
        });
        for (name, value) in changes.as_object().expect("changes") {
            expected[name] = value.clone();
        }
        expected["jwks"] = json!(null);
        let input = json!({ "name": "partner", "patch": changes });
        let changed = api.mutate("updateIdentityConnection", input, &fields);
        assert_eq!(changed["identityConnection"], expected, "a URL takes the place of inline keys");
        let list = format!("{{ identityConnections {{ nodes {{ {EVERYTHING} }} totalCount }} }}");
        let listed = api.ask(&list, json!({}))["identityConnections"].take();
        assert_eq!((&listed["nodes"][0], &listed["totalCount"]), (&expected, &json!(2)), "by sort order");
        let of_file = json!({
            "name": "sign-in", "title": "sign-in", "provider": "DELEGATED",
            "providerTitle": "Delegated Authentication (Managed)", "enabled": true, "sortOrder": 0, "issuer": null,
            "jwksUri": null, "jwks": null, "audiences": null, "algorithms": null, "claims": null, "subjectClaim": null,
            "emailClaim": null, "nameClaim": null, "managedByFile": true,
        });
        assert_eq!(listed["nodes"][1], of_file);

        let input = json!({ "identityConnection": partner() });
        api.mutation_refused("createIdentityConnection", input, "UNIQUE_CONSTRAINT_ERROR");
        let deleted = api.mutate("deleteIdentityConnection", json!({ "name": "partner" }), &fields);
        assert_eq!(deleted["identityConnection"], expected);
        api.mutation_refused("deleteIdentityConnection", json!({ "name": "partner" }), "NOT_FOUND");
    }

    fn a_disabled_delegated_connection_vouches_for_nobody(engine) {
        let server = start(engine);
        let api = Api::of(&server, MANAGER);
        let login = json!({ "applicationId": WEB, "subjectId": "ada" });
        let enable = |enabled: bool| {
            let input = json!({ "name": "sign-in", "patch": { "enabled": enabled } });
            api.mutate("updateIdentityConnection", input, "identityConnection { managedByFile }")
        };
        let before = api.mutate("generateDelegatedAccessToken", login.clone(), "payload");
        assert_eq!(enable(false)["identityConnection"]["managedByFile"], true, "it stays the file's");
        api.mutation_refused("generateDelegatedAccessToken", login.clone(), "IDP_DISABLED");
        enable(true);
        let after = api.mutate("generateDelegatedAccessToken", login.clone(), "payload");
        assert_eq!(after["payload"]["sub"], before["payload"]["sub"]);
        api.mutate("deleteIdentityConnection", json!({ "name": "sign-in" }), "__typename");
        api.mutation_refused("generateDelegatedAccessToken", login.clone(), "IDP_NOT_CONFIGURED");
        server.apply(ENVIRONMENT);
        server.eventually("the file's connection is back", || {
            let again = api.send(&mutation("generateDelegatedAccessToken", "payload"), json!({ "input": login }));
            again.json()["data"]["generateDelegatedAccessToken"]["payload"]["sub"] == before["payload"]["sub"]
        });
    }
}

#[test]
fn a_foreign_issuer_that_would_let_in_too_many_or_nobody_is_refused() {
    let server = start(Engine::Sqlite);
    let api = Api::of(&server, MANAGER);
    let mut private = keys();
    private["keys"][0]["d"] = json!("AQAB");
    let beside_a_good_one = json!({ "keys": [keys()["keys"][0], private["keys"][0]] });
    for (argument, changes) in [
        ("name", json!({ "name": "self" })),
        ("name", json!({ "name": "" })),
        ("name", json!({ "name": "dev:users" })),
        ("title", json!({ "title": "a\nb" })),
        ("issuer", json!({ "issuer": null })),
        ("identityConnection", json!({ "audiences": [] })),
        ("audiences", json!({ "audiences": [""] })),
        ("issuer", json!({ "jwks": null, "issuer": "partner" })),
        ("issuer", json!({ "jwks": null, "issuer": "https://10.0.0.1" })),
        ("jwks", json!({ "jwksUri": "https://idp.example/jwks" })),
        ("jwks", json!({ "jwks": { "keys": [] } })),
        ("jwks", json!({ "jwks": private })),
        ("jwks", json!({ "jwks": beside_a_good_one })),
        ("jwks", json!({ "jwks": "text" })),
        ("jwksUri", json!({ "jwks": null, "jwksUri": "http://idp.example/jwks" })),
        ("jwksUri", json!({ "jwks": null, "jwksUri": "https://10.0.0.1/jwks" })),
        ("jwksUri", json!({ "jwks": null, "jwksUri": "https://127.0.0.1/jwks" })),
        ("jwksUri", json!({ "jwks": null, "jwksUri": "file:///etc/passwd" })),
        ("algorithms", json!({ "algorithms": ["HS256"] })),
        ("algorithms", json!({ "algorithms": ["none"] })),
        ("identityConnection", json!({ "claims": { "groups": ["a"] } })),
        ("subjectClaim", json!({ "subjectClaim": "" })),
        ("identityConnection", json!({ "provider": "DELEGATED" })),
    ] {
        let mut connection = partner();
        for (name, value) in changes.as_object().expect("changes") {
            connection[name] = value.clone();
        }
        let input = json!({ "identityConnection": connection });
        let error = api.mutation_refused("createIdentityConnection", input, "ARGUMENT_INVALID");
        assert_eq!(error["details"], json!({ "argument": argument }), "{changes} {error}");
    }
    let count = api.ask("{ identityConnections { totalCount } }", json!({}));
    assert_eq!(count["identityConnections"]["totalCount"], 1);
}

#[test]
fn a_change_leaves_no_connection_that_could_not_be_made_so() {
    let server = start(Engine::Sqlite);
    let api = Api::of(&server, MANAGER);
    api.mutate("createIdentityConnection", json!({ "identityConnection": partner() }), "__typename");
    for patch in [json!({ "audiences": [] }), json!({ "issuer": "" }), json!({ "jwks": { "keys": [] } })] {
        let input = json!({ "name": "partner", "patch": patch });
        api.mutation_refused("updateIdentityConnection", input, "ARGUMENT_INVALID");
    }
    let input = json!({ "name": "sign-in", "patch": { "issuer": "https://idp.example" } });
    api.mutation_refused("updateIdentityConnection", input, "ARGUMENT_INVALID");
    for name in ["nobody", "", "a\u{0}b"] {
        let input = json!({ "name": name, "patch": { "enabled": true } });
        api.mutation_refused("updateIdentityConnection", input, "NOT_FOUND");
    }
}

#[test]
fn whoever_may_only_see_connections_changes_none() {
    let server = start(Engine::Sqlite);
    let viewer = Api::of(&server, VIEWER);
    let seen = viewer.ask("{ identityConnections { nodes { name } } }", json!({}));
    assert_eq!(seen["identityConnections"]["nodes"], json!([{ "name": "sign-in" }]));
    for (operation, input) in [
        ("createIdentityConnection", json!({ "identityConnection": partner() })),
        ("updateIdentityConnection", json!({ "name": "sign-in", "patch": { "enabled": false } })),
        ("deleteIdentityConnection", json!({ "name": "sign-in" })),
    ] {
        viewer.mutation_refused(operation, input, "USER_NOT_AUTHORIZED");
    }
}

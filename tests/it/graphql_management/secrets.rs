//! Keys of applications and secrets of webhooks: shown once, kept as a hash or sealed.

use openssl::{hash::MessageDigest, pkey::PKey, sha::sha256, sign::Signer};
use serde_json::{Value, json};

use super::{Api, ENVIRONMENT, MANAGER, UNKNOWN, VIEWER, WEB, mutation, start};
use crate::{
    both_engines,
    support::{Engine, TestServer, peer::Peer},
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether the application of the file can authenticate with this key.
fn authenticates(api: &Api<'_>, key: &str) -> bool {
    let ids = api.server.database.value("SELECT tenant_id || '/' || id AS value FROM environments");
    let (tenant_id, environment_id) = ids.split_once('/').expect("two ids");
    let input = json!({
        "tenantId": tenant_id, "environmentId": environment_id, "applicationId": WEB, "applicationKey": key,
    });
    let document = mutation("authenticateEndUserApplication", "accessToken");
    let answer = api.send(&document, json!({ "input": input })).json();
    answer["data"]["authenticateEndUserApplication"]["accessToken"].is_string()
}

fn new_key(api: &Api<'_>) -> String {
    let fields = "application { hasApplicationKey } applicationKey";
    let made = api.mutate("regenerateApplicationKey", json!({ "id": WEB }), fields);
    assert_eq!(made["application"]["hasApplicationKey"], true);
    made["applicationKey"].as_str().expect("a key").to_owned()
}

/// Checks that a secret stands nowhere in the database, not even in a record of its making.
fn assert_not_kept(server: &TestServer, secret: &str) {
    for query in [
        "SELECT record AS text FROM audit_records",
        "SELECT coalesce(key_hash, '') || coalesce(webhook, '') AS text FROM applications",
    ] {
        for text in server.database.texts(query) {
            assert!(!text.contains(secret), "{text}");
        }
    }
    let sealed = match server.database.url.starts_with("sqlite") {
        true => "SELECT coalesce(hex(webhook_secret), '') AS text FROM applications",
        false => "SELECT coalesce(encode(webhook_secret, 'hex'), '') AS text FROM applications",
    };
    for text in server.database.texts(sealed) {
        assert!(!text.to_lowercase().contains(&hex(secret.as_bytes())), "the secret is kept in clear");
    }
}

both_engines! {
    fn a_key_is_shown_once_and_works_until_it_is_replaced_or_taken_away(engine) {
        let server = start(engine);
        let api = Api::of(&server, MANAGER);
        let first = new_key(&api);
        assert!(authenticates(&api, &first));
        let kept = server.database.value("SELECT key_hash AS value FROM applications");
        assert_eq!(kept, hex(&sha256(first.as_bytes())));
        assert_not_kept(&server, &first);

        let second = new_key(&api);
        assert_ne!(first, second);
        assert!(authenticates(&api, &second) && !authenticates(&api, &first));
        let everything = api.send("{ applications { nodes { id name hasApplicationKey } } }", json!({}));
        assert!(!everything.text.contains(&second) && everything.text.contains("\"hasApplicationKey\":true"));

        let cleared = api.mutate("clearApplicationKey", json!({ "id": WEB }), "application { hasApplicationKey }");
        assert_eq!(cleared["application"]["hasApplicationKey"], false);
        assert!(!authenticates(&api, &second));
    }

    fn the_secret_that_is_shown_is_the_one_that_requests_to_the_webhook_are_signed_with(engine) {
        let server = TestServer::builder(engine)
            .environment(ENVIRONMENT)
            .setting("outbound.plain_http_to_loopback", "true")
            .start();
        let api = Api::of(&server, MANAGER);
        let peer = Peer::serving(json!({ "message_version": "1.0", "payload": { "plan": "gold" } }).to_string());
        let set = |on_failure: &str| {
            let input = json!({ "id": WEB, "url": peer.url("/hook"), "onFailure": on_failure });
            let fields = "application { enrichmentWebhook { url onFailure } } secret";
            api.mutate("setEnrichmentWebhook", input, fields)
        };
        let made = set("ISSUE_WITHOUT_EXTENSIONS");
        let first = made["secret"].as_str().expect("a secret").to_owned();
        let hook = json!({ "url": peer.url("/hook"), "onFailure": "ISSUE_WITHOUT_EXTENSIONS" });
        assert_eq!(made["application"]["enrichmentWebhook"], hook);
        assert_eq!(login(&api)["extensions"], json!({ "plan": "gold" }));
        assert_signed(&peer, &first);
        assert_not_kept(&server, &first);

        assert_eq!(set("REFUSE")["secret"], json!(null), "the receiver need not change");
        login(&api);
        assert_signed(&peer, &first);

        let made = api.mutate("regenerateEnrichmentWebhookSecret", json!({ "id": WEB }), "secret");
        let second = made["secret"].as_str().expect("a secret");
        assert_ne!(first, second);
        login(&api);
        assert_signed(&peer, second);

        let calls = peer.requests().len();
        let cleared = api.mutate("clearEnrichmentWebhook", json!({ "id": WEB }), "application { enrichmentWebhook { url } }");
        assert_eq!(cleared["application"]["enrichmentWebhook"], json!(null));
        assert_eq!(login(&api).get("extensions"), None);
        assert_eq!(peer.requests().len(), calls, "nobody is asked any more");
        api.mutation_refused("regenerateEnrichmentWebhookSecret", json!({ "id": WEB }), "NOT_FOUND");
    }
}

/// The claims of a user's token for the application of the file.
#[track_caller]
fn login(api: &Api<'_>) -> Value {
    let input = json!({ "applicationId": WEB, "subjectId": "ada" });
    api.mutate("generateDelegatedAccessToken", input, "payload")["payload"].take()
}

/// Checks the signature of the last request, with a library that is not ours.
#[track_caller]
fn assert_signed(peer: &Peer, secret: &str) {
    let requests = peer.requests();
    let (head, body) = requests.last().expect("a request").split_once("\r\n\r\n").expect("a head and a body");
    let key = PKey::hmac(secret.as_bytes()).expect("a key");
    let mut signer = Signer::new(MessageDigest::sha256(), &key).expect("a signer");
    let expected = hex(&signer.sign_oneshot_to_vec(body.as_bytes()).expect("a signature"));
    let header = head.lines().find_map(|line| line.strip_prefix("x-mosaic-signature: "));
    assert_eq!(header, Some(expected.as_str()), "{head}");
}

#[test]
fn a_webhook_is_only_set_where_this_server_may_call() {
    let server = start(Engine::Sqlite);
    let api = Api::of(&server, MANAGER);
    for url in [
        "",
        "hook.example",
        "http://hook.example/",
        "http://127.0.0.1:9/",
        "https://169.254.169.254/latest/meta-data",
        "https://10.1.2.3/hook",
        "https://[::1]/hook",
        "https://user:password@hook.example/",
        "ftp://hook.example/",
    ] {
        let error = api.mutation_refused("setEnrichmentWebhook", json!({ "id": WEB, "url": url }), "ARGUMENT_INVALID");
        assert_eq!(error["details"], json!({ "argument": "url" }), "{url} {error}");
    }
    let made = api.mutate(
        "setEnrichmentWebhook",
        json!({ "id": WEB, "url": "https://hook.example/enrich" }),
        "application { enrichmentWebhook { url onFailure } }",
    );
    let expected = json!({ "url": "https://hook.example/enrich", "onFailure": "REFUSE" });
    assert_eq!(made["application"]["enrichmentWebhook"], expected, "by default there is no token without the webhook");
}

#[test]
fn nobody_makes_secrets_without_the_permission_or_for_what_is_not_there() {
    let server = start(Engine::Sqlite);
    let (viewer, manager) = (Api::of(&server, VIEWER), Api::of(&server, MANAGER));
    for operation in [
        "regenerateApplicationKey",
        "clearApplicationKey",
        "setEnrichmentWebhook",
        "regenerateEnrichmentWebhookSecret",
        "clearEnrichmentWebhook",
    ] {
        let input = |id: &str| match operation {
            "setEnrichmentWebhook" => json!({ "id": id, "url": "https://hook.example/" }),
            _ => json!({ "id": id }),
        };
        viewer.mutation_refused(operation, input(WEB), "USER_NOT_AUTHORIZED");
        manager.mutation_refused(operation, input(UNKNOWN), "NOT_FOUND");
    }
}

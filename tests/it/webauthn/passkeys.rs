//! The passkeys of users, as they and their backends see them.

use reqwest::Method;
use serde_json::{Value, json};

use super::shop::{OTHER_BACKEND, Shop, WEB, client_token};
use crate::{
    both_engines,
    support::authenticator::{Authenticator, USER_AGENT},
};

both_engines! {
    fn users_and_backends_list_name_and_remove_passkeys(engine) {
        let shop = Shop::start(engine);
        let mut authenticator = Authenticator::default();
        let ada = shop.user(&mut authenticator, "ada");
        let token = shop.authenticate(&shop.got(&mut authenticator, json!({}))).access_token();
        let id = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, &authenticator.held[0].id);
        let of_user = format!("/v1/users/{ada}/webauthn-credentials");
        let both = [("/v1/users/me/webauthn-credentials", token.as_str()), (of_user.as_str(), shop.token.as_str())];
        for (name, (path, token)) in ["Phone", "Old phone"].into_iter().zip(both) {
            let ask = |method: Method, path: &str, body: &Value| shop.send(method, path, Some(token), body);
            let one = format!("{path}/{id}");
            let renamed = ask(Method::PATCH, &one, &json!({ "display_name": name }));
            assert_eq!((renamed.status.as_u16(), renamed.text.as_str()), (204, ""));
            let record = shop.server.record_of(&renamed);
            assert_eq!((&record["outcome"], &record["subject"]), (&json!("success"), &json!(ada)));
            let listed = ask(Method::GET, path, &json!({}));
            assert_eq!(listed.status, 200, "{}", listed.text);
            let passkey = listed.json()[0].clone();
            let (first, last) = (passkey["first_seen"].clone(), passkey["last_seen"].clone());
            assert!(first.as_str().is_some_and(|time| time.ends_with('Z')), "{first}");
            assert_eq!(listed.json(), json!([{
                "id": id, "username": "ada", "display_name": name, "status": "active", "app_id": WEB,
                "tenant_id": passkey["tenant_id"], "first_seen": first, "last_seen": last,
                "devices": [{
                    "os_type": "Linux", "browser": "Chrome", "user_agent": USER_AGENT, "first_seen": first, "last_seen": last,
                }],
                "aaguid_info": {
                    "aaguid": "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4", "passkey_provider_name": "Google Password Manager",
                },
            }]));
            assert_eq!(ask(Method::GET, &one, &json!({})).json(), passkey);
            // In the alphabet of `btoa` too.
            let standard = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &authenticator.held[0].id);
            let standard = standard.replace('/', "%2F").replace('+', "%2B");
            assert_eq!(ask(Method::GET, &format!("{path}/{standard}"), &json!({})).json(), passkey);
            for bad in ["", "x\u{1}", &"x".repeat(65)] {
                assert_eq!(ask(Method::PATCH, &one, &json!({ "display_name": bad })).status, 400);
            }
            for unknown in ["AAAA", "%00", "~"] {
                let refused = ask(Method::GET, &format!("{path}/{unknown}"), &json!({}));
                assert!([400, 404].contains(&refused.status.as_u16()), "{unknown} {}", refused.text);
            }
        }
        let one = format!("/v1/users/me/webauthn-credentials/{id}");
        assert_eq!(shop.send(Method::DELETE, &one, Some(&token), &json!({})).status, 204);
        assert_eq!(shop.send(Method::GET, &one, Some(&token), &json!({})).json()["status"], "removed");
        for method in [Method::DELETE, Method::PATCH] {
            let refused = shop.send(method, &one, Some(&token), &json!({ "display_name": "x" }));
            assert_eq!((refused.status.as_u16(), refused.json()["error_code"].clone()),
                (404, json!("webauthn_credential_not_found")));
        }
        // It signs nobody in any more, with a name or without.
        let refused = shop.authenticate(&shop.got(&mut authenticator, json!({})));
        shop.assert_refused(&refused, "the credential is not one of the ceremony's");
        assert_eq!(shop.start_login(json!({ "username": "ada" })).status, 401);
    }

    fn nobody_sees_or_changes_those_of_others(engine) {
        let shop = Shop::start(engine);
        let (mut ada, mut eve) = (Authenticator::default(), Authenticator::default());
        let ada_id = shop.user(&mut ada, "ada");
        shop.user(&mut eve, "eve");
        let eves = shop.authenticate(&shop.got(&mut eve, json!({}))).access_token();
        let id = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, &ada.held[0].id);
        let own = format!("/v1/users/me/webauthn-credentials/{id}");
        let named = format!("/v1/users/{ada_id}/webauthn-credentials/{id}");
        let other = client_token(&shop.server, OTHER_BACKEND);
        for (method, path, token, status) in [
            (Method::GET, own.as_str(), eves.as_str(), 404),
            (Method::PATCH, &own, &eves, 404),
            (Method::DELETE, &own, &eves, 404),
            // A user's token is none of a client, and a client's none of a user.
            (Method::DELETE, &named, &eves, 403),
            (Method::DELETE, &own, &shop.token, 403),
            // Another application's backend does not see the user.
            (Method::GET, &named, &other, 404),
            (Method::DELETE, &named, &other, 404),
            // And has no permission for this.
            (Method::PATCH, &named, &other, 403),
        ] {
            let refused = shop.send(method.clone(), path, Some(token), &json!({ "display_name": "Mine" }));
            assert_eq!(refused.status, status, "{method} {path} {}", refused.text);
        }
        assert_eq!(shop.send(Method::GET, &own, None, &json!({})).status, 401);
        shop.authenticate(&shop.got(&mut ada, json!({}))).access_token();
    }

    fn a_deleted_user_leaves_no_passkey_behind(engine) {
        let shop = Shop::start(engine);
        let ada = shop.user(&mut Authenticator::default(), "ada");
        let done = shop.send(Method::DELETE, &format!("/v1/manage/users/{ada}"), Some(&shop.token), &json!({}));
        assert_eq!(done.status, 204, "{}", done.text);
        assert_eq!((shop.count("webauthn_credentials"), shop.count("webauthn_usernames")), (0, 0));
        shop.user(&mut Authenticator::default(), "ada");
    }
}

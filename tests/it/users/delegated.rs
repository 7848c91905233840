//! One store of users: those whom connections vouch for are the same users, and an address that a connection says is nobody's way in.

use serde_json::json;

use super::{Api, KEEPER, MANAGER, UNKNOWN, WEB, WEB_BACKEND, assert_refused, delegated_login, start, text, users_in};
use crate::{
    both_engines, graphql_management,
    support::{
        forge::{Forge, with},
        tokens::peek,
    },
};

both_engines! {
    fn what_a_connection_says_of_an_address_finds_nobody(engine) {
        let server = start(engine);
        let api = Api::of(&server, WEB_BACKEND);
        // Eve makes a provider say that her address is Ada's: before Ada comes, and after.
        let (_, eve) = delegated_login(&server, WEB, "eve", Some("ada@mail.example"));
        assert_refused(&api.get("/v1/users/email/ada@mail.example"), 404, "user_not_found");
        let ada = api.create(&json!({ "email": "ada@mail.example" }));
        assert_ne!(ada["user_id"], eve);
        assert_eq!(ada["email"]["email_verified"], false);
        let (_, again) = delegated_login(&server, WEB, "eve2", Some("ada@mail.example"));
        assert_ne!(ada["user_id"], again);
        assert_eq!(api.get("/v1/users/email/ada@mail.example").json()["result"], ada, "as she was");
        assert_eq!(users_in(&server), "3");
        for id in [eve, again] {
            let user = Api::of(&server, KEEPER).user(&id.into());
            assert_eq!((user.get("email"), &user["secondary_emails"]), (None, &json!([])));
        }
    }

    fn a_user_may_have_both(engine) {
        let server = start(engine);
        let (api, keeper) = (Api::of(&server, WEB_BACKEND), Api::of(&server, KEEPER));
        let (token, id) = delegated_login(&server, WEB, "ada", Some("from@provider.example"));
        let me = api.with_token(&token);
        assert_refused(&me.get("/v1/users/me"), 404, "user_not_found");
        keeper.update(&id.clone().into(), &json!({ "email": "ada@mail.example", "name": { "first_name": "Ada" } }));
        let joined = api.create(&json!({ "email": "ada@mail.example" }));
        assert_eq!(joined["user_id"], id);
        assert_eq!(me.get("/v1/users/me").json()["result"], joined);
        // What the connection says of the user stays what tokens of that kind say.
        assert_eq!(delegated_login(&server, WEB, "ada", None).1, id);
        let kept = server.database.value(&format!("SELECT email AS value FROM users WHERE id = '{id}'"));
        assert_eq!(kept, "from@provider.example");
        let found = graphql_management::Api::of(&server, MANAGER).ask(
            "query F($id: ID!) { user(id: $id) { email identities { subjectId } applicationIds
                identifiers { kind value primary verifiedAt applicationId } } }",
            json!({ "id": id }),
        );
        assert_eq!(found["user"], json!({
            "email": "from@provider.example", "identities": [{ "subjectId": "ada" }], "applicationIds": [WEB],
            "identifiers": [{
                "kind": "EMAIL", "value": "ada@mail.example", "primary": true, "verifiedAt": null, "applicationId": null,
            }],
        }));
    }

    fn a_user_reads_oneself_with_a_token_of_ones_own_only(engine) {
        let server = start(engine);
        let api = Api::of(&server, WEB_BACKEND);
        let (token, id) = delegated_login(&server, WEB, "ada", None);
        let manager = graphql_management::Api::of(&server, MANAGER);
        manager.mutate("addUserToApplication", json!({ "userId": id, "applicationId": WEB }), "user { id }");
        let me = |token: &str| api.with_token(token).get("/v1/users/me");
        assert_eq!(me(&token).json()["result"]["user_id"], id);
        // A backend's own token is nobody's.
        assert_refused(&api.get("/v1/users/me"), 403, "forbidden");
        let ours = Forge::of(&server);
        let good = peek(&token);
        for (changes, status) in [
            (json!({}), 200),
            (json!({ "act": { "sub": "bff", "iss": server.url } }), 403),
            (json!({ "aud": "reports-api" }), 403),
            (json!({ "aud": "ax-user-service" }), 403),
            (json!({ "subjectType": "ServiceAccount" }), 401),
            (json!({ "sub": UNKNOWN }), 401),
            (json!({ "exp": 1 }), 401),
        ] {
            let answer = me(&ours.token(&with(&good, &changes)));
            assert_eq!(answer.status, status, "{changes} {}", answer.text);
        }
        // Nor does a user's token do what backends do.
        let as_user = api.with_token(&token);
        assert_refused(&as_user.get("/v1/users"), 403, "forbidden");
        assert_refused(&as_user.get(&format!("/v1/users/{id}")), 403, "forbidden");
        let update = as_user.put(&format!("/v1/users/{id}"), &json!({ "email": "eve@mail.example" }));
        assert_refused(&update, 403, "forbidden");
        assert_eq!(api.user(&json!(id)).get("email"), None);
        assert_eq!(text(&api.user(&json!(id))["status"]), "Active");
    }
}

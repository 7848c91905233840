//! `authenticateManagedServiceAccountWithEnvironmentScope`: the environment is that of a management token, which must be good.

use serde_json::{Value, json};

use super::{
    SERVICE, UNKNOWN, Wire, another,
    managed::{OTHER_SERVICE, home_and_target},
    start,
};
use crate::{
    both_engines,
    support::{
        forge::{Forge, claims, with},
        guard::Guard,
        tokens::peek,
    },
};

const AUTHENTICATE: &str = "authenticateManagedServiceAccountWithEnvironmentScope";

fn scoped(jwt: &str) -> Value {
    json!({ "clientId": SERVICE.0, "clientSecret": SERVICE.1, "managementJWT": jwt })
}

both_engines! {
    fn the_token_is_of_the_environment_of_the_jwt_and_ends_with_it(engine) {
        let server = start(engine);
        let (home, target) = home_and_target(&server);
        let jwt = target.login(OTHER_SERVICE);
        server.clock.advance(3000);
        let payload = home.payload(AUTHENTICATE, &scoped(&jwt), None);
        assert_eq!(payload["expiresInSeconds"], 600);
        let token = payload["accessToken"].as_str().expect("a token");
        let claims = Guard(&server).management(token).expect("a token for the guard");
        assert_eq!(
            json!([claims["subjectType"], claims["environmentId"], claims["permissions"], claims["exp"], claims["anc"]]),
            json!([
                "ManagedServiceAccount", target.environment_id, { "media": ["EDIT"] }, peek(&jwt)["exp"], [peek(&jwt)["jti"]],
            ])
        );
        target.assert_good(token);
        server.clock.advance(600);
        target.assert_dies(token, "ACCESS_TOKEN_EXPIRED");
        home.refused(AUTHENTICATE, &scoped(&jwt), None, "ACCESS_TOKEN_EXPIRED");
    }

    fn a_jwt_that_is_no_good_management_token_opens_nothing(engine) {
        let server = start(engine);
        let (home, target) = home_and_target(&server);
        server.apply(&another("third", ""));
        let third = Wire::at(&server, "third");
        let jwt = target.login(OTHER_SERVICE);
        let (head, signature) = jwt.rsplit_once('.').expect("a signature");
        let first = if signature.starts_with('A') { "B" } else { "A" };
        let tampered = format!("{head}.{first}{}", &signature[1..]);
        let web = server.database.value(&format!(
            "SELECT id AS value FROM applications WHERE name = 'web' AND environment_id = '{}'",
            target.environment_id
        ));
        let login = json!({ "applicationId": web, "subjectId": "ada" });
        let end_user = target.token("generateDelegatedAccessToken", &login, Some(&jwt));
        let managed = home.token(AUTHENTICATE, &scoped(&jwt), None);
        let forged = |changes: Value| {
            let ours = json!({
                "sub": "service", "subjectType": "ServiceAccount", "tenantId": target.tenant_id,
                "environmentId": target.environment_id,
            });
            Forge::of(&server).token(&with(&with(&claims(&server, "*", "service", ""), &ours), &changes))
        };
        for (jwt, code) in [
            ("", "MALFORMED_TOKEN"),
            ("a.b.c", "MALFORMED_TOKEN"),
            (&tampered, "ACCESS_TOKEN_VERIFICATION_FAILED"),
            (&end_user, "ACCESS_TOKEN_INVALID"),
            (&managed, "ACCESS_TOKEN_INVALID"),
            (&forged(json!({})), "SIGNING_KEY_NOT_FOUND"),
            (&forged(json!({ "environmentId": UNKNOWN })), "JWT_IS_NOT_MOSAIC_TOKEN"),
            (&forged(json!({ "tenantId": null })), "JWT_IS_NOT_MOSAIC_TOKEN"),
            (&third.login(OTHER_SERVICE), "ENVIRONMENT_NOT_FOUND"),
        ] {
            home.refused(AUTHENTICATE, &scoped(jwt), None, code);
        }
        let wrong = json!({ "clientId": SERVICE.0, "clientSecret": "wrong", "managementJWT": jwt });
        home.refused(AUTHENTICATE, &wrong, None, "INVALID_CLIENT_ID_SECRET");
        let node = Wire { server: &server, ..home };
        server.apply(&another("second", "").replace("id = \"service\"", "id = \"service\"\nenabled = false"));
        target.assert_dies(&jwt, "ACCESS_TOKEN_INVALID");
        node.refused(AUTHENTICATE, &scoped(&jwt), None, "ACCESS_TOKEN_INVALID");
    }
}

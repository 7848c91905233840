//! The paths of Mosaic.

use reqwest::Method;
use serde_json::json;

use crate::{
    both_engines,
    support::{
        Answer, TestServer,
        backend::{Backend, PORTAL, call_with, client_token, environment, start},
    },
};

both_engines! {
    fn everything_is_below_cis_too_where_that_is_wanted(engine) {
        let server = TestServer::builder(engine).environment(&environment()).setting("compat.cis_paths", "true").start();
        let signed_in = Backend::portal(&server).signed_in("ada@example.com");
        let post = |path: &str, form: &[(&str, &str)]| {
            Answer::to(server.request(Method::POST, path).basic_auth(PORTAL.0, Some(PORTAL.1)).form(form))
        };
        let form = [("grant_type", "client_credentials"), ("audience", "userid-api")];
        let token = post("/cis/oidc/token", &form).access_token();
        let body = json!({ "session_id": signed_in.session_id });
        let answer = call_with(&server, Method::POST, "/cis/v1/auth/session/authenticate", &token, &body);
        let access = answer.access_token();
        let me = |expected: u16| {
            let answer = Answer::to(server.request(Method::GET, "/cis/oidc/me").bearer_auth(&access));
            assert_eq!(answer.status, expected, "{}", answer.text);
            answer.json()
        };
        assert_eq!(me(200)["sub"], signed_in.user_id);
        assert_eq!(server.get("/cis/oidc/jwks").json(), server.get("/.well-known/jwks.json").json());
        let document = "/.well-known/openid-configuration";
        let (here, there) = (server.get(&format!("/cis/oidc{document}")).json(), server.get(document).json());
        assert_eq!(here, there, "one issuer, whatever the address");
        let answer = post("/cis/oidc/token/revocation", &[("token", access.as_str())]);
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
        me(401);
        let metrics = server.get("/metrics").text;
        for endpoint in ["token", "revoke", "userinfo", "backend", "well_known"] {
            assert!(metrics.contains(&format!("tessera_http_responses_total{{endpoint=\"{endpoint}\",status=\"2xx\"}}")), "{endpoint}");
        }
    }

    fn nothing_is_there_by_default(engine) {
        let server = start(engine);
        let token = client_token(&server, PORTAL);
        for path in ["/cis/oidc/token", "/cis/oidc/jwks", "/cis/oidc/me", "/cis/v1/auth/session/authenticate", "/cis/oidc/token/revocation"] {
            let answer = call_with(&server, Method::POST, path, &token, &json!({}));
            assert_eq!(answer.status, 404, "{path}");
        }
    }
}

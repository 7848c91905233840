//! Refresh tokens at introspection (RFC 7662) and revocation (RFC 7009).

use serde_json::json;

use super::{Pair, assert_dead, begin, refresh, start, used_on};
use crate::{
    both_engines,
    support::{BFF, CALENDAR, Engine},
};

both_engines! {
    fn a_refresh_token_is_known_to_its_client_until_it_is_used_te_109(engine) {
        let server = start(engine);
        let pair = begin(&server);
        for hint in [None, Some("refresh_token"), Some("access_token"), Some("nonsense")] {
            let mut form = vec![("token", pair.refresh.as_str())];
            form.extend(hint.map(|hint| ("token_type_hint", hint)));
            let answer = server.post_as("/introspect", BFF, &form).json();
            assert_eq!(answer["active"], true, "{hint:?}");
            assert_eq!(answer["scope"], "calendar.read calendar.edit");
            assert_eq!(answer["client_id"], "bff");
            assert_eq!(answer["aud"], "resource-api");
            assert_eq!(answer["act"]["sub"], "bff");
            assert!(answer["exp"].as_i64() > answer["iat"].as_i64());
            assert!(answer.get("token_type").is_none() && answer.get("jti").is_none(), "{answer}");
        }
        // The resource server is shown access tokens only.
        assert_eq!(server.introspect(CALENDAR, &pair.refresh), json!({ "active": false }));
        refresh(&server, &pair.refresh, &[]).access_token();
        assert_eq!(server.introspect(BFF, &pair.refresh), json!({ "active": false }));
    }

    fn revoking_a_refresh_token_kills_all_of_its_grant_and_what_came_of_it_te_116(engine) {
        let server = start(engine);
        let other = server.another_node();
        let (pair, sibling) = (begin(&server), begin(&server));
        let derived = used_on(&server, &pair.access).access_token();
        let newer = Pair::of(&refresh(&server, &pair.refresh, &[]));
        // An older one of the family is as good.
        assert_eq!(server.revoke(BFF, &pair.refresh).status, 200);
        assert_dead(&server, &newer.refresh);
        for node in [&server, &other] {
            node.eventually("all of the grant to be dead", || {
                ![&pair.access, &newer.access].into_iter().any(|token| node.is_active(BFF, token))
                    && !node.is_active(CALENDAR, &derived)
            });
            assert!(node.is_active(BFF, &sibling.access) && node.is_active(BFF, &sibling.refresh));
        }
        assert_eq!(server.revoke(BFF, &pair.refresh).status, 200, "once more, and nothing to do");
    }
}

#[test]
fn a_refresh_token_of_another_client_is_not_revoked_te_114() {
    let server = start(Engine::Sqlite);
    let pair = begin(&server);
    let refused = server.revoke(CALENDAR, &pair.refresh);
    refused.assert_refused(400, "unauthorized_client", "token_of_another_client");
    refresh(&server, &pair.refresh, &[]).access_token();
}

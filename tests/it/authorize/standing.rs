//! Who is disabled meanwhile gets nothing, wherever the user is on the way.

use super::*;

impl World {
    /// Changes the environment file until a new request shows it.
    fn change(&self, from: &str, to: &str, shows: impl Fn(&Answer) -> bool) {
        let file = self.file();
        assert!(file.contains(from), "{from}");
        self.server.apply(&file.replacen(from, to, 1));
        self.server.eventually(to, || shows(&self.begin(&[])));
    }
}

const CLIENT: &str = "id = \"ui\"\n";
const APPLICATION: &str = "platform = \"WEB\"\n";
const CONNECTION: &str = "name = \"idp\"\n";

#[test]
fn a_disabled_client_application_or_connection_is_seen_at_every_step() {
    for (block, at_start, at_redemption) in [
        (CLIENT, ("client_not_known", 400), "client_authentication_failed"),
        (APPLICATION, ("application_not_active", 303), "code_refused"),
        (CONNECTION, ("identity_connection_not_active", 303), "code_refused"),
    ] {
        let world = World::new(Engine::Sqlite);
        let code = world.code(&[]);
        let way_back = location(&world.browser.get(&location(&world.begin(&[]))));
        world.change(block, &format!("{block}enabled = false\n"), |answer| {
            world.server.record_of(answer)["reason"] == at_start.0
        });
        assert_eq!(world.begin(&[]).status.as_u16(), at_start.1);
        let answer = world.redeem(UI, &code, &[]);
        assert_eq!(answer.json()["error_code"], at_redemption, "{block}");
        if block != CLIENT {
            let answer = world.browser.get(&way_back);
            assert!(parameter(&location(&answer), "code").is_none(), "{block}");
            assert_eq!(world.server.record_of(&answer)["event"], "authorization.refused");
        }
        world.assert_no_token();
    }
}

#[test]
fn an_address_that_was_taken_from_the_client_gets_no_code_any_more() {
    let world = World::new(Engine::Sqlite);
    world.change(
        "redirect_uris = [\"https://app.example/back?tenant=1\"]",
        "redirect_uris = [\"https://new.example/\"]",
        |answer| answer.status == 400,
    );
    world.assert_told_here(&world.begin(&[]), "client_not_known", "is none of the client's");
}

#[test]
fn a_disabled_user_gets_no_code_and_for_a_code_no_token() {
    let world = World::new(Engine::Sqlite);
    let code = world.code(&[]);
    world.server.database.execute("UPDATE users SET enabled = FALSE");
    world.server.database.execute("UPDATE environments SET users_version = users_version + 1");
    world.server.eventually("the user is disabled", || {
        let (answer, url) = world.sign_in(&[]);
        parameter(url.as_str(), "error").is_some_and(|_| {
            world.assert_sent_back(&answer, "access_denied", "sign_in_refused", "the user is disabled");
            true
        })
    });
    world.assert_code_refused(&world.redeem(UI, &code, &[]), "the user is disabled");
    world.assert_no_token();
}

#[test]
fn what_the_client_may_no_longer_have_is_not_in_the_token_of_an_older_code() {
    let world = World::new(Engine::Sqlite);
    let code = world.code(&[]);
    world.change("scopes = [\"calendar.read\"] },", "scopes = [] },", |answer| {
        parameter(&location(answer), "error").is_some()
    });
    let answer = world.redeem(UI, &code, &[]);
    world.server.assert_refused(&answer, "invalid_scope", "scope_not_allowed");
    world.assert_no_token();
}

#[test]
fn the_secret_at_the_provider_moves_to_a_new_master_key_with_everything_else() {
    const OLD: &str = "dGVzdGVyYS10ZXN0LW1hc3Rlci1rZXktMzItYnl0ZXM=";
    const NEW: &str = "bmV3LXRlc3NlcmEtbWFzdGVyLWtleS0zMi1ieXRlcyE=";
    let world = World::new(Engine::Sqlite);
    assert_eq!(world.server.variables()["TESSERA__KEYS__MASTER_KEY"], OLD);
    let both = world.server.another_node_with(&[("keys.master_key", NEW), ("keys.previous_master_key", OLD)]);
    let printed = both.cli(&["keys", "rewrap"]).success();
    assert!(printed.contains(" 1 sign-in secrets and"), "{printed}");
    let last = both.another_node_with(&[("keys.previous_master_key", "")]);
    let here = |url: &str| url.replacen(&world.server.at(""), &last.at(""), 1);
    let begun = world.browser.get(&here(&world.authorize_url(&[])));
    let back = location(&world.browser.get(&location(&begun)));
    let code = parameter(&location(&world.browser.get(&here(&back))), "code").expect("a code");
    assert!(code.starts_with("tsc_"));
}

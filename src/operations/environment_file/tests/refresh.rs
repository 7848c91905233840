//! `refresh` of `[[exchange_rule]]`.

use super::*;

/// A rule on lines 10 to 13 whose client has `grants` too; `lines` begin on line 14.
fn rule(grants: &str, lines: &str) -> String {
    format!(
        "{HEAD}[[client]]\nid = \"c\"\nname = \"c\"\nkind = \"service_account\"\ngrants = [\"token_exchange\"{grants}]\n\
         [[resource_server]]\naudience = \"a\"\n[[exchange_rule]]\nname = \"r\"\nclient = \"c\"\naudience = [\"a\"]\n{lines}\n"
    )
}

#[test]
fn a_rule_that_gives_refresh_tokens_needs_a_client_that_may_use_them() {
    refused(&rule("", "refresh = true"), "12:10", "add \"refresh_token\" to its grants");
    let given = parse(&rule(", \"refresh_token\"", "refresh = true\nrefresh_lifetime = 60"));
    let rule_of = |file: EnvironmentFile| file.exchange_rules[0].rule.clone();
    let given = rule_of(given);
    assert_eq!((given.refresh, given.refresh_lifetime), (true, Some(60)));
    let plain = rule_of(parse(&rule("", "")));
    assert_eq!((plain.refresh, plain.refresh_lifetime), (false, None));
    // A row that an older version wrote is read as it was meant.
    let json = serde_json::to_string(&plain).expect("JSON");
    assert!(!json.contains("refresh"), "{json}");
    assert_eq!(serde_json::from_str::<ExchangeRule>(&json).expect("a rule"), plain);
}

#[test]
fn the_life_of_a_session_has_bounds_and_makes_no_sense_alone() {
    for bad in ["59", "31536001", "\"60\""] {
        refused(&rule(", \"refresh_token\"", &format!("refresh = true\nrefresh_lifetime = {bad}")), "15:20", "60");
    }
    refused(&rule("", "refresh_lifetime = 60"), "14:20", "needs refresh = true");
    refused(&rule("", "refresh = \"yes\""), "14:11", "must be true or false");
}

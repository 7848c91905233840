//! `[tenant]`.

use super::*;

const ID: &str = "6f4b1a5e-0d3c-4b7e-9a21-5c8d7e6f4a3b";

#[test]
fn the_tenant_may_have_a_block_of_its_own() {
    let block = |text: &str| {
        let environment = parse(text).environment;
        (environment.tenant, environment.tenant_id, environment.tenant_enabled)
    };
    let (name, id) = (Some("acme".to_owned()), Some(ID.to_owned()));
    assert_eq!(block(HEAD), (None, None, None), "nothing is said of it");
    assert_eq!(block(&format!("{HEAD}tenant = \"acme\"\n")), (name.clone(), None, None));
    assert_eq!(block(&format!("{HEAD}[tenant]\n")), (None, None, Some(true)));
    let text = format!("{HEAD}[tenant]\nname = \"acme\"\nid = \"{ID}\"\nenabled = false\n");
    assert_eq!(block(&text), (name.clone(), id.clone(), Some(false)));
    assert_eq!(block(&format!("{HEAD}tenant_id = \"{ID}\"\n[tenant]\nname = \"acme\"\n")), (name, id, Some(true)));
}

#[test]
fn both_forms_of_the_tenant_say_the_same() {
    let both = |tenant: &str| format!("{HEAD}tenant = \"acme\"\ntenant_id = \"{ID}\"\n[tenant]\n{tenant}\n");
    parse(&both(&format!("name = \"acme\"\nid = \"{ID}\"")));
    refused(&both("name = \"other\""), "6:8", "is \"other\" here and \"acme\" at environment.tenant;");
    refused(&both("id = \"9b2f4a1e-6c3d-4e5f-8a7b-0c1d2e3f4a5b\""), "6:6", "at environment.tenant_id;");
    refused(&both("colour = 1"), "6:1", "there is no such key");
    refused(&both("enabled = 1"), "6:11", "must be true or false");
}

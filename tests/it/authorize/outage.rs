//! The database is away: nobody is sent anywhere, and no code comes out of it.

use super::*;

#[test]
fn without_the_database_nothing_begins_and_no_code_is_used_up() {
    let world = World::new(Engine::Postgres);
    let code = world.code(&[]);
    let way_back = location(&world.browser.get(&location(&world.begin(&[]))));
    world.server.database.cut_off();
    let begun = world.begin(&[]);
    assert_eq!((begun.status.as_u16(), begun.header("location")), (503, None), "{}", begun.text);
    assert_eq!(begun.json()["error"], "temporarily_unavailable");
    let back = world.browser.get(&way_back);
    assert_eq!((back.status.as_u16(), back.header("location")), (503, None), "{}", back.text);
    world.redeem(UI, &code, &[]).assert_refused(503, "temporarily_unavailable", "temporarily_unavailable");
    world.server.database.restore();
    world.server.eventually("the server is back", || world.begin(&[]).status == 303);
    world.redeem(UI, &code, &[]).access_token();
}

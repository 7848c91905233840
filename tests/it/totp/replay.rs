use super::*;
use crate::both_engines;

both_engines! {
    fn a_code_is_used_once_and_those_before_it_with_it(engine) {
        let world = World::new(engine);
        let app = world.app(&world.ada, WEB_ID);
        world.begin_step(30);
        let before = app.code_at(world.now() - 30);
        let code = app.code_at(world.now());
        signed_in(&world, &world.sign_in(&code));
        refused(&world, &world.sign_in(&code), 400, "auth_invalid_credentials");
        refused(&world, &world.sign_in(&before), 400, "auth_invalid_credentials");
        world.server.clock.advance(30);
        refused(&world, &world.sign_in(&code), 400, "auth_invalid_credentials");
    }

    fn of_those_who_use_a_code_at_once_on_two_nodes_one_gets_in(engine) {
        let world = World::new(engine);
        let (app, backend) = (world.app(&world.ada, WEB_ID), world.backend(WEB));
        let nodes = [world.server.another_node(), world.server.another_node()];
        for _ in 0..3 {
            world.begin_step(30);
            let code = app.code_at(world.now());
            let answers: Vec<u16> = std::thread::scope(|scope| {
                // As many as the rule lets look at once: three failures lock.
                let all: Vec<_> = (0..3)
                    .map(|number| {
                        let (node, backend, code) = (&nodes[number % 2], &backend, &code);
                        scope.spawn(move || sign_in_at(node, backend, ADA, code).status.as_u16())
                    })
                    .collect();
                all.into_iter().map(|one| one.join().expect("no panic")).collect()
            });
            assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
            world.server.clock.advance(15 * 60);
        }
    }

    fn a_code_is_the_users_own_and_of_the_application_alone(engine) {
        let world = World::new(engine);
        let bob = world.user(WEB, &json!({ "email": BOB }));
        let (adas, bobs) = (world.app(&world.ada, WEB_ID), world.app(&bob, WEB_ID));
        let at_other = world.app(&world.ada, OTHER_ID);
        refused(&world, &world.sign_in(&bobs.code_at(world.now())), 400, "auth_invalid_credentials");
        refused(&world, &world.sign_in(&at_other.code_at(world.now())), 400, "auth_invalid_credentials");
        signed_in(&world, &world.sign_in(&adas.code_at(world.now())));
        // A secret that is copied to another's row opens for nobody.
        let copy = format!(
            "UPDATE totp_authenticators SET secret = (SELECT secret FROM totp_authenticators WHERE user_id = '{bob}') \
             WHERE user_id = '{}' AND application_id = '{WEB_ID}'",
            world.ada
        );
        world.server.database.execute(&copy);
        let answer = world.sign_in(&bobs.code_at(world.now()));
        assert_eq!((answer.status.as_u16(), &answer.json()["error_code"]), (500, &json!("server_error")));
    }
}

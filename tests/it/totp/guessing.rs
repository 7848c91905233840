use super::*;
use crate::both_engines;

/// Sends so many wrong codes at once over two nodes, and says how many were looked at.
fn looks_at_once(world: &World, client: (&str, &str), codes: &[String]) -> usize {
    let (backend, nodes) = (world.backend(client), [world.server.another_node(), world.server.another_node()]);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let all: Vec<_> = codes
            .iter()
            .enumerate()
            .map(|(number, code)| {
                let (node, backend) = (&nodes[number % 2], &backend);
                scope.spawn(move || sign_in_at(node, backend, ADA, code).status.as_u16())
            })
            .collect();
        all.into_iter().map(|one| one.join().expect("no panic")).collect()
    });
    assert!(statuses.iter().all(|status| [400, 403].contains(status)), "{statuses:?}");
    statuses.iter().filter(|status| **status == 400).count()
}

both_engines! {
    fn of_many_guesses_at_once_exactly_as_many_are_looked_at_as_the_application_says(engine) {
        let world = World::new(engine);
        let app = world.app(&world.ada, WEB_ID);
        let wrong = vec![app.wrong_code_at(world.now()); 16];
        assert_eq!(looks_at_once(&world, WEB, &wrong), 3);
        refused(&world, &world.sign_in(&app.code_at(world.now())), 403, "auth_locked");
        world.server.clock.advance(15 * 60 - 1);
        refused(&world, &world.sign_in(&app.code_at(world.now())), 403, "auth_locked");
        world.server.clock.advance(1);
        signed_in(&world, &world.sign_in(&app.code_at(world.now())));
        assert_eq!(looks_at_once(&world, WEB, &wrong), 3, "the count began anew");
    }

    fn a_right_code_takes_the_wrong_ones_back_and_the_count_is_no_ones_elses(engine) {
        let world = World::new(engine);
        let (app, bob) = (world.app(&world.ada, WEB_ID), world.user(WEB, &json!({ "email": BOB })));
        let (bobs, backend) = (world.app(&bob, WEB_ID), world.backend(WEB));
        for _ in 0..3 {
            for _ in 0..2 {
                refused(&world, &world.sign_in(&app.wrong_code_at(world.now())), 400, "auth_invalid_credentials");
            }
            signed_in(&world, &world.sign_in(&app.code_at(world.now())));
            world.server.clock.advance(30);
        }
        for _ in 0..3 {
            refused(&world, &world.sign_in(&app.wrong_code_at(world.now())), 400, "auth_invalid_credentials");
        }
        refused(&world, &world.sign_in(&app.code_at(world.now())), 403, "auth_locked");
        signed_in(&world, &sign_in_at(&world.server, &backend, BOB, &bobs.code_at(world.now())));
    }

    fn tiers_lead_to_a_lock_that_only_an_administrator_ends(engine) {
        let world = World::new(engine);
        let (app, backend) = (world.app(&world.ada, OTHER_ID), world.backend(OTHER));
        let guess = |code: &str| sign_in_at(&world.server, &backend, ADA, code);
        let wrong = app.wrong_code_at(world.now());
        for (guesses, then_locked_for) in [(2, Some(60)), (1, Some(300)), (1, None)] {
            for _ in 0..guesses {
                refused(&world, &guess(&wrong), 400, "auth_invalid_credentials");
            }
            let seconds = then_locked_for.unwrap_or(10 * 365 * 24 * 3600);
            world.server.clock.advance(seconds - 1);
            let backend = world.backend(OTHER);
            let answer = sign_in_at(&world.server, &backend, ADA, &app.code_at(world.now()));
            refused(&world, &answer, 403, "auth_locked");
            world.server.clock.advance(1);
        }
        let unlock = format!("/v1/users/{}/authenticators/types/totp/unlock", world.ada);
        let backend = world.backend(OTHER);
        for (kind, opens) in [("automatic", false), ("manual", true)] {
            let answer = post(&world.server, &backend, &unlock, &json!({ "unlock_type": kind }));
            assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
            let answer = sign_in_at(&world.server, &backend, ADA, &app.code_at(world.now()));
            if opens {
                signed_in(&world, &answer);
            } else {
                refused(&world, &answer, 403, "auth_locked");
            }
        }
    }
}

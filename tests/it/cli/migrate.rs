//! `tessera migrate`, and what the others do before it.

use crate::{
    both_engines,
    support::{DEMO, Installation, database::TestDatabase},
};

both_engines! {
    fn nothing_works_on_an_old_schema_and_all_say_what_to_do(engine) {
        let installation = Installation::on(TestDatabase::empty(engine));
        let file = installation.file("demo.toml", DEMO);
        for command in [&["serve"][..], &["apply", file], &["keys", "list"], &["service-account", "list"], &["demo-token"]] {
            let said = installation.cli(command).failure(4);
            assert!(said.contains("run `tessera migrate`") && said.contains("database.migrate = true"), "{said}");
            let password = installation.database.url.split_once("://").and_then(|(_, rest)| rest.split_once('@'))
                .and_then(|(user, _)| user.split_once(':')).map(|(_, password)| password.to_owned());
            assert!(password.is_none_or(|password| !said.contains(&password)), "{said}");
        }
    }

    fn migrations_run_once(engine) {
        let mut installation = Installation::on(TestDatabase::empty(engine));
        let first = installation.cli(&["migrate"]).success();
        assert!(first.lines().count() > 1, "{first}");
        assert!(!first.ends_with("\n0 run\n") && first.ends_with(" run\n"), "{first}");
        assert_eq!(installation.cli(&["migrate"]).success(), "0 run\n");
        installation.apply(DEMO);
        assert_eq!(installation.serve().get("/ready").status, 200);
    }

    fn an_older_version_refuses_a_newer_schema_and_names_both(engine) {
        let installation = Installation::demo(engine);
        installation.database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231000000')");
        let file = installation.file("demo.toml", DEMO);
        let commands =
            [&["serve"][..], &["migrate"], &["apply", file], &["keys", "list"], &["service-account", "reset-secret", "bff"]];
        for command in commands {
            let said = installation.cli(command).failure(4);
            assert!(said.contains(env!("CARGO_PKG_VERSION")) && said.contains("99991231000000"), "{said}");
        }
    }

    fn several_at_once_do_not_meet(engine) {
        let installation = Installation::on(TestDatabase::empty(engine));
        let outputs = std::thread::scope(|scope| {
            let runs: Vec<_> = (0..3).map(|_| scope.spawn(|| installation.cli(&["migrate"]).success())).collect();
            runs.into_iter().map(|run| run.join().expect("no panic")).collect::<Vec<_>>()
        });
        assert_eq!(outputs.iter().filter(|output| *output == "0 run\n").count(), 2, "{outputs:?}");
    }

    fn serve_migrates_where_the_settings_say_so(engine) {
        let mut installation = Installation::on(TestDatabase::empty(engine)).with("database.migrate", "true");
        let server = installation.serve();
        assert_eq!(server.get("/health").status, 200);
        let ready = server.get("/ready");
        assert_eq!(ready.status, 503, "{}", ready.text);
        assert!(ready.text.contains("run tessera apply"), "{}", ready.text);
        // What is applied now is served without a restart.
        installation.apply(DEMO);
        crate::support::eventually("the server to be ready", crate::support::NO_HANG, || {
            server.get("/ready").status == 200
        });
    }
}

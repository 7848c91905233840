//! `tessera apply` with a file that is wrong, or that contradicts what is there.

use crate::{
    both_engines,
    support::{BFF, DEMO, Installation},
};

fn state(installation: &Installation) -> String {
    installation.database.value(
        "SELECT CAST(SUM(version) AS TEXT) || ' ' || CAST((SELECT COUNT(*) FROM signing_keys) AS TEXT) || ' ' || \
         CAST((SELECT COUNT(*) FROM client_secrets) AS TEXT) AS value FROM environments",
    )
}

fn line_of(text: &str, part: &str) -> usize {
    text[..text.find(part).expect(part)].matches('\n').count() + 1
}

both_engines! {
    fn a_file_with_a_mistake_changes_nothing_and_names_the_line(engine) {
        let installation = Installation::demo(engine);
        let before = state(&installation);
        let mistakes = [
            ("name = \"demo\"", "name = \"demo", "name = \"demo", ""),
            ("scope_claim = \"array\"", "scope_clam = \"array\"", "scope_clam", "scope_claim"),
            ("[[identity_connection]]", "[[identity_conection]]", "[[identity_conection]]", "identity_connection"),
            ("grant_scopes = [\"reports.read\"]", "grant_scopes = [\"reports.write\"]", "\"reports.write\"", "reports.write"),
            ("client = \"bff\"", "client = \"bbf\"", "client = \"bbf\"", "bbf"),
            ("audience = [\"reports-api\"]", "audience = [\"report-api\"]", "\"report-api\"]", "report-api"),
            ("mode = \"delegation\" ", "mode = \"delegate\" ", "mode = \"delegate\"", "impersonation"),
            ("access_token_lifetime = 3600", "access_token_lifetime = 0", "access_token_lifetime", "access_token_lifetime"),
            ("max_lifetime = 600", "max_lifetime = \"600\"", "max_lifetime = \"600\"", "max_lifetime"),
        ];
        for (good, bad, place, word) in mistakes {
            let text = DEMO.replacen(good, bad, 1);
            assert_ne!(text, DEMO, "{good} is in the file");
            let said = installation.cli(&["apply", installation.file("bad.toml", &text)]).failure(3);
            let line = format!("bad.toml:{}:", line_of(&text, place));
            assert!(said.contains(&line) && said.contains(word), "{line} {word} in\n{said}");
            assert!(!said.contains(BFF.1), "{said}");
            assert_eq!(state(&installation), before, "{bad}");
        }
    }

    fn a_secret_is_not_shown_when_it_is_the_mistake(engine) {
        let installation = Installation::demo(engine);
        for bad in ["short-and-guessable", "unterminated\nsecret-of-the-bff"] {
            let text = DEMO.replace(BFF.1, bad);
            let said = installation.cli(&["apply", installation.file("bad.toml", &text)]).failure(3);
            assert!(said.contains(&format!("bad.toml:{}:", line_of(&text, "secret = \""))), "{said}");
            assert!(!said.contains("guessable") && !said.contains("unterminated"), "{said}");
        }
        let text = DEMO.replace(&format!("secret = \"{}\"", BFF.1), "secret_env = \"NOT_SET_ANYWHERE\"");
        let said = installation.cli(&["apply", installation.file("bad.toml", &text)]).failure(3);
        assert!(said.contains("NOT_SET_ANYWHERE is not set"), "{said}");
    }

    fn a_file_that_is_not_there_is_named(engine) {
        let installation = Installation::demo(engine);
        let said = installation.cli(&["apply", "nowhere.toml"]).failure(3);
        assert!(said.contains("nowhere.toml") && said.contains("No such file"), "{said}");
    }

    fn an_environment_does_not_move_to_another_tenant(engine) {
        let installation = Installation::demo(engine);
        let before = state(&installation);
        let id = installation.database.value("SELECT id AS value FROM environments");
        let unknown = "tenant_id = \"9b2f4a1e-6c3d-4e5f-8a7b-0c1d2e3f4a5b\"";
        for tenant in ["tenant = \"another\"", unknown] {
            let text = format!("[environment]\nname = \"demo\"\nid = \"{id}\"\n{tenant}\n");
            let said = installation.cli(&["apply", installation.file("moved.toml", &text)]).failure(5);
            assert!(said.contains("belongs to another tenant"), "{said}");
            assert_eq!(state(&installation), before);
        }
        // Without the id it is another environment, of that tenant, and the first one stays as it is.
        let plan = installation.apply("[environment]\nname = \"demo\"\ntenant = \"another\"\n");
        assert!(plan.contains("+ tenant another\n+ environment demo\n"), "{plan}");
        assert_eq!(installation.apply(DEMO), "nothing to change\n");
    }

    fn an_id_that_another_environment_uses_is_not_taken_from_it(engine) {
        let installation = Installation::demo(engine);
        let before = state(&installation);
        let copy = DEMO.replace("name = \"demo\"\n", "name = \"copy\"\n");
        assert_ne!(copy, DEMO);
        let said = installation.cli(&["apply", installation.file("copy.toml", &copy)]).failure(5);
        assert!(said.contains("application id 6f4b1a5e") && said.contains("another environment"), "{said}");
        assert_eq!(state(&installation), before);
        assert_eq!(installation.apply(DEMO), "nothing to change\n");
    }

    fn keys_are_not_made_with_a_master_key_that_does_not_open_the_others(engine) {
        let mut installation = Installation::demo(engine);
        let before = state(&installation);
        installation.set("keys.master_key", "YW5vdGhlci1tYXN0ZXIta2V5LW9mLTMyLWJ5dGVzISE=");
        let text = DEMO.replacen("scope_claim = \"array\"", "signing_alg = \"EdDSA\"", 1);
        for command in [&["apply", installation.file("eddsa.toml", &text)][..], &["keys", "rotate"]] {
            let said = installation.cli(command).failure(3);
            assert!(said.contains("is keys.master_key the one it was sealed with?"), "{said}");
            assert_eq!(state(&installation), before);
        }
    }
}

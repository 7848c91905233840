//! What the documentation says is compared with the code and with itself.

use std::collections::BTreeSet;

use tessera::{grants::GRANTS, oauth::error::Problem, operations::mosaic_error::MosaicCode};

use crate::support::{
    cli::tessera,
    sources::{files, read, root},
};

/// Every page that people read.
fn pages() -> Vec<String> {
    let top = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"].map(str::to_owned);
    top.into_iter().chain(files("docs", ".md")).collect()
}

/// The cells of each row of the tables of a page whose first cell begins with `start`.
fn rows(page: &str, start: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| line.trim().trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    read(page).lines().filter(|line| line.starts_with(&format!("| {start}"))).map(cells).collect()
}

/// Texts and targets of the links of a page, those of code blocks left out.
fn links(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let text = read(page);
    for prose in text.split("\n```").step_by(2) {
        for (end, _) in prose.match_indices("](") {
            let start = prose[..end].rfind('[').map_or(end, |start| start + 1);
            let target = prose[end + 2..].split(')').next().expect("a target");
            found.push((prose[start..end].trim_matches('`').to_owned(), target.to_owned()));
        }
    }
    found
}

/// Where a relative link of a page leads, from the root of the repository.
fn resolve(page: &str, target: &str) -> std::path::PathBuf {
    let file = target.split('#').next().expect("a part");
    let path = if file.is_empty() { page.into() } else { std::path::Path::new(page).with_file_name("").join(file) };
    root().join(path)
}

/// The anchors of a page, as code forges make them from its headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let anchor = |heading: &str| {
        let kept = heading
            .trim()
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
            .collect::<String>();
        kept.replace(' ', "-")
    };
    text.lines().filter(|line| line.starts_with('#')).map(|line| anchor(line.trim_start_matches('#'))).collect()
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut count = 0;
    for page in pages() {
        for (_, target) in links(&page).into_iter().filter(|(_, target)| !target.contains("://")) {
            count += 1;
            let path = resolve(&page, &target);
            assert!(path.exists(), "{page}: {target}");
            if let Some((_, anchor)) = target.split_once('#').filter(|_| path.extension().is_some_and(|e| e == "md")) {
                let text = std::fs::read_to_string(&path).expect("a page");
                assert!(anchors(&text).contains(anchor), "{page}: no heading for {target}");
            }
        }
    }
    assert!(count > 50, "only {count} links were found");
}

#[test]
fn every_file_that_a_page_names_is_there() {
    let folders = ["src/", "tests/", "docs/", "config/", "migrations/", "scripts/", "benches/"];
    for page in pages() {
        for name in read(&page).split('`').skip(1).step_by(2) {
            let is_path = folders.iter().any(|folder| name.starts_with(folder));
            if is_path && !name.contains([' ', '*', '<', '…', '\n']) {
                assert!(root().join(name).exists(), "{page}: {name}");
            }
        }
    }
}

#[test]
fn the_error_page_lists_every_problem_as_it_is_sent() {
    let listed: Vec<(String, String, String)> = rows("docs/errors.md", "`")
        .into_iter()
        .map(|cells| (cells[0].replace('`', ""), cells[1].replace('`', ""), cells[2].clone()))
        .collect();
    let sent: Vec<(String, String, String)> = Problem::ALL
        .iter()
        .map(|problem| (problem.slug().into(), problem.code().as_str().into(), problem.status().to_string()))
        .collect();
    assert_eq!(listed, sent);
}

#[test]
fn the_graphql_page_lists_every_code_as_it_is_sent() {
    let listed: Vec<(String, String)> =
        rows("docs/graphql.md", "`").into_iter().map(|cells| (cells[0].replace('`', ""), cells[1].clone())).collect();
    let sent: Vec<(String, String)> =
        MosaicCode::ALL.iter().map(|code| (code.as_str().into(), code.status().to_string())).collect();
    assert_eq!(listed, sent);
}

#[test]
fn every_rule_of_the_checklist_has_one_row_with_an_honest_status() {
    let numbers: Vec<String> = (1..=120).map(|number| format!("TE-{number:03}")).collect();
    let rows = rows("docs/conformance.md", "TE-");
    assert_eq!(rows.iter().map(|cells| cells[0].clone()).collect::<Vec<_>>(), numbers);
    for cells in &rows {
        let [number, rule, status, proof] = cells.as_slice() else { panic!("{cells:?}") };
        assert!(!rule.is_empty() && !proof.is_empty(), "{number}");
        match status.as_str() {
            "done" => assert!(proof.contains("]("), "{number} is done: name a test"),
            "untested" | "not applicable" | "not yet" => {}
            other => panic!("{number}: {other:?} is no status"),
        }
    }
}

#[test]
fn every_test_that_a_page_names_is_there() {
    let mut count = 0;
    for page in pages() {
        for (name, target) in links(&page).into_iter().filter(|(_, target)| target.ends_with(".rs")) {
            if name.contains('/') {
                continue;
            }
            count += 1;
            let source = std::fs::read_to_string(resolve(&page, &target)).unwrap_or_else(|e| panic!("{target}: {e}"));
            assert!(source.contains(&format!("fn {name}(")), "{page}: {target} has no test {name}");
        }
    }
    assert!(count > 60, "only {count} tests are named");
}

#[test]
fn the_page_on_environment_files_has_the_keys_that_the_parser_reads() {
    let readers = [
        "text",
        "name",
        "flag",
        "identifier",
        "uuid",
        "integer",
        "choice",
        "choices",
        "texts",
        "scope",
        "table",
        "tables",
        "json",
    ];
    let mut known = BTreeSet::from(["enabled".to_owned()]);
    for file in ["applications", "blocks", "cases", "clients", "connections", "permissions", "rules", "sign_in"] {
        let source = read(&format!("src/operations/environment_file/{file}.rs"));
        for reader in readers {
            for (start, call) in source.match_indices(&format!(".{reader}(")) {
                known.extend(first_text(&source[start + call.len()..]));
            }
        }
        for (start, call) in source.match_indices("each(&mut root, ") {
            known.extend(first_text(&source[start + call.len()..]));
        }
    }
    let described: BTreeSet<String> = rows("docs/environment-file.md", "`")
        .into_iter()
        .map(|cells| cells[0].trim_matches(['`', '[', ']']).to_owned())
        .collect();
    assert!(known.len() > 40, "only {} keys were found", known.len());
    assert_eq!(described, known);
}

/// The text literal that begins here, if one does.
fn first_text(source: &str) -> Option<String> {
    source.trim_start().strip_prefix('"')?.split('"').next().map(str::to_owned)
}

#[test]
fn every_grant_has_a_page_and_every_page_a_grant() {
    let mut expected: Vec<String> = Vec::new();
    for grant in GRANTS {
        let name = serde_json::to_value(grant.grant_type()).expect("a name");
        let page = format!("docs/grants/{}.md", name.as_str().expect("a text").replace('_', "-"));
        assert!(read(&page).contains(&format!("`{}`", grant.grant_type().as_str())), "{page} names its grant_type");
        expected.push(page);
    }
    expected.sort();
    assert_eq!(files("docs/grants", ".md"), expected);
}

#[test]
fn the_page_on_the_audit_log_lists_every_event() {
    let page = read("docs/operations/audit.md");
    let source = read("src/audit/record.rs");
    let events: Vec<&str> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Event::")?.split_once("=> \"")?.1.strip_suffix("\","))
        .collect();
    assert!(events.len() > 20, "the names of events are read: {events:?}");
    let missing: Vec<_> = events.iter().filter(|event| !page.contains(&format!("`{event}`"))).collect();
    assert!(missing.is_empty(), "not on the page: {missing:?}");
}

#[test]
fn every_command_that_a_page_shows_exists() {
    let help = tessera().arg("--help").output().expect("to run tessera");
    let help = String::from_utf8(help.stdout).expect("UTF-8");
    let commands = help.split("Commands:").nth(1).and_then(|rest| rest.split("Options:").next()).expect("commands");
    let commands: BTreeSet<&str> = commands.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let mut shown = BTreeSet::new();
    for page in pages() {
        for command in read(&page).split("tessera ").skip(1) {
            let word = command.split(|c: char| !c.is_ascii_lowercase() && c != '-').next().expect("a word");
            if commands.contains(word) {
                shown.insert(word.to_owned());
            }
        }
        for line in
            read(&page).lines().filter(|line| line.contains("target/debug/tessera ") || line.starts_with("tessera "))
        {
            let word = line.split("tessera ").nth(1).and_then(|rest| rest.split([' ', ')']).next()).expect("a word");
            assert!(commands.contains(word) || word.starts_with('-'), "{page}: {line}");
        }
    }
    let missing: Vec<_> = commands.iter().filter(|command| **command != "help" && !shown.contains(**command)).collect();
    assert!(missing.is_empty(), "no page mentions {missing:?}");
}

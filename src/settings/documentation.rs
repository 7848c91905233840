//! Keeps `docs/configuration.md` true: its table is rendered from the comments of `config/default.toml`.

use std::{fmt::Write as _, fs, path::Path};

use super::layers::{DEFAULTS, known_keys, variable_name};

const BEGIN: &str = "<!-- settings: rendered from config/default.toml; UPDATE_DOCS=1 cargo test --lib settings -->\n";
const END: &str = "<!-- end of settings -->\n";

/// One setting as `config/default.toml` describes it.
struct Setting {
    key: String,
    default: String,
    comment: String,
}

/// Reads the default file line by line: comment lines, then `name = value`; a comment without a setting is dropped.
fn described_settings() -> Vec<Setting> {
    let (mut section, mut comment, mut settings) = ("", Vec::new(), Vec::new());
    for line in DEFAULTS.lines() {
        if let Some(text) = line.strip_prefix('#') {
            comment.push(text.trim());
        } else if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
            comment.clear();
        } else if let Some((name, default)) = line.split_once(" = ") {
            let key = format!("{section}.{name}");
            settings.push(Setting { key, default: default.to_owned(), comment: comment.join(" ") });
            comment.clear();
        } else {
            comment.clear();
        }
    }
    settings
}

fn render() -> String {
    let mut text = "| Setting | Default | Variable | Meaning |\n|---|---|---|---|\n".to_owned();
    for setting in described_settings() {
        let default = if setting.default == "\"\"" { "not set".to_owned() } else { format!("`{}`", setting.default) };
        let variable = variable_name(&setting.key);
        let meaning = setting.comment.replace('|', "\\|");
        writeln!(text, "| `{}` | {default} | `{variable}` | {meaning} |", setting.key)
            .expect("a String takes everything");
    }
    text
}

#[test]
fn the_table_in_the_configuration_page_is_what_the_default_file_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let page = fs::read_to_string(&path).expect("docs/configuration.md");
    let (before, rest) = page.split_once(BEGIN).expect("the marker before the table");
    let (table, after) = rest.split_once(END).expect("the marker behind the table");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", render())).expect("docs/configuration.md");
    } else {
        assert_eq!(table, render(), "run UPDATE_DOCS=1 cargo test --lib settings");
    }
}

#[test]
fn every_setting_has_a_comment_that_says_what_it_is() {
    let described = described_settings();
    let mut keys: Vec<String> = described.iter().map(|setting| setting.key.clone()).collect();
    let mut known = known_keys();
    keys.sort();
    known.sort();
    assert_eq!(keys, known);
    for setting in described {
        assert!(setting.comment.ends_with('.'), "{} lacks a full sentence", setting.key);
    }
}

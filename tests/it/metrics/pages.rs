//! The page, the dashboard and the alerts against a real scrape, both ways.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Scrape, scrape};
use crate::support::{DEMO, EXCHANGE, Engine, TestServer, forge::Forge, peer::Peer, sources::read};

/// A scrape of a server that has done everything that is measured at least once.
fn everything() -> Scrape {
    let issuer = Peer::serving("{\"keys\":[]}");
    let connection = format!(
        "[[identity_connection]]\nname = \"builds\"\nprovider = \"JWT\"\nissuer = \"https://ci.example\"\n\
         audiences = [\"a\"]\njwks_uri = \"{}\"\n",
        issuer.url("/jwks")
    );
    let server = TestServer::builder(Engine::Sqlite)
        .setting("outbound.plain_http_to_loopback", "true")
        .environment(&format!("{DEMO}\n{connection}"))
        .start();
    server.cli(&["service-account", "add-secret", "bff", "--expires-in", "864000"]).success();
    let key = Forge::attacker();
    let token = key.sign(r#"{"alg":"ES256"}"#, r#"{"iss":"https://ci.example","sub":"x","aud":"a","exp":9999999999}"#);
    let answer = server.token(
        crate::support::BFF,
        &[
            ("grant_type", EXCHANGE),
            ("subject_token", &token),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ],
    );
    server.assert_refused(&answer, "invalid_request", "subject_token_refused");
    // Asked for once an hour.
    server.clock.advance(3601);
    server.eventually("the expiry to be known", || {
        scrape(&server).families.contains_key("tessera_client_secret_next_expiry_seconds")
    });
    let page = scrape(&server);
    let fetched = page.series("tessera_jwks_fetches_total{");
    assert!(fetched.iter().any(|series| series.contains(r#"connection="builds",outcome="success""#)), "{fetched:?}");
    page
}

/// The rows of the table: name, type, labels.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let page = read("docs/operations/metrics.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let labels = cells[2].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        (cells[0].replace('`', ""), (cells[1].to_owned(), labels))
    })
    .collect()
}

/// The metrics that an expression or a text names.
fn named(text: &str, page: &Scrape) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let metrics = words.filter(|word| word.starts_with("tessera_") || word.starts_with("process_"));
    metrics
        .map(|word| {
            let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end));
            let histogram = of_histogram.filter(|name| page.families.get(*name).is_some_and(|f| f.kind == "histogram"));
            histogram.unwrap_or(word).to_owned()
        })
        .collect()
}

/// The texts of an attribute, wherever it stands.
fn texts<'v>(value: &'v Value, name: &str, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::String(text) if key == name => found.push(text),
                    _ => texts(value, name, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, name, found)),
        _ => {}
    }
}

#[test]
fn the_pages_name_what_is_measured_and_nothing_else() {
    let page = everything();
    let measured: BTreeMap<String, (String, BTreeSet<String>)> =
        page.families.iter().map(|(name, f)| (name.clone(), (f.kind.clone(), f.labels.clone()))).collect();
    assert!(measured.len() > 20, "{measured:?}");
    assert_eq!(documented(), measured, "docs/operations/metrics.md");

    let dashboard: Value = serde_json::from_str(&read("docs/operations/grafana-dashboard.json")).expect("JSON");
    let mut expressions = Vec::new();
    texts(&dashboard, "expr", &mut expressions);
    let shown = named(&expressions.join(" "), &page);
    assert_eq!(shown, measured.keys().cloned().collect(), "docs/operations/grafana-dashboard.json");

    let alerts = read("docs/operations/alerts.yml");
    let unknown: Vec<_> = named(&alerts, &page).into_iter().filter(|name| !measured.contains_key(name)).collect();
    assert!(unknown.is_empty() && alerts.contains("tessera_audit_outage_seconds"), "{unknown:?}");
}

#[test]
fn every_label_that_the_dashboard_and_the_alerts_use_is_there() {
    let page = everything();
    let mut known: BTreeSet<&str> = page.families.values().flat_map(|f| f.labels.iter().map(String::as_str)).collect();
    known.extend(["le", "job", "instance"]);
    let dashboard: Value = serde_json::from_str(&read("docs/operations/grafana-dashboard.json")).expect("JSON");
    let (mut expressions, mut legends) = (Vec::new(), Vec::new());
    texts(&dashboard, "expr", &mut expressions);
    texts(&dashboard, "legendFormat", &mut legends);
    let alerts = read("docs/operations/alerts.yml");
    let mut used = BTreeSet::new();
    for text in expressions.iter().copied().chain([alerts.as_str()]) {
        for by in text.split("by (").skip(1) {
            used.extend(by.split(')').next().expect("an end").split(',').map(str::trim));
        }
    }
    for legend in &legends {
        used.extend(legend.split("{{").skip(1).map(|rest| rest.split("}}").next().expect("an end").trim()));
    }
    for label in alerts.split("$labels.").skip(1) {
        used.insert(label.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().expect("a name"));
    }
    let unknown: Vec<_> = used.difference(&known).collect();
    assert!(used.len() > 8 && unknown.is_empty(), "{unknown:?}");
}

#[test]
fn the_dashboard_can_be_provisioned() {
    let dashboard: Value = serde_json::from_str(&read("docs/operations/grafana-dashboard.json")).expect("JSON");
    assert!(dashboard["uid"].is_string() && dashboard.get("id").is_none(), "an id of another Grafana");
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    assert!(variables.iter().any(|variable| variable["type"] == "datasource" && variable["name"] == "datasource"));
    let (mut ids, mut count) = (BTreeSet::new(), 0);
    for panel in dashboard["panels"].as_array().expect("panels") {
        assert!(ids.insert(panel["id"].as_i64().expect("an id")), "{}", panel["title"]);
        if panel["type"] == "row" {
            continue;
        }
        count += 1;
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{} has a unit", panel["title"]);
        let targets = panel["targets"].as_array().expect("targets");
        assert!(!targets.is_empty() && targets.iter().all(|target| target["expr"].is_string()));
    }
    assert!(count > 20, "{count} panels");
}

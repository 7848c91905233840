//! `[[application]]`, its key and its enrichment webhook.

use super::{
    ApplicationBlock, Sources, WebhookBlock,
    findings::Findings,
    secrets::Given,
    table::Table,
    urls::{check_origins, check_web_urls, safe_url},
};
use crate::domain::{
    application::{OnFailure, UsersJoin},
    login::preferences::LoginPreferences,
};

pub(super) fn read(table: &mut Table<'_, '_>, sources: &Sources<'_>, findings: &mut Findings<'_>) -> ApplicationBlock {
    let (name, platform) = (table.name("name", findings), table.name("platform", findings));
    let allowed_origins = table.texts("allowed_origins", findings);
    check_origins(&table.path("allowed_origins"), &allowed_origins, findings);
    let allowed_proxy_urls = table.texts("allowed_proxy_urls", findings);
    check_web_urls(&table.path("allowed_proxy_urls"), &allowed_proxy_urls, findings);
    let key = Given {
        key: "key",
        value: table.text("key", findings),
        variable: table.text("key_env", findings),
        file: table.text("key_file", findings),
        sha256: table.text("key_sha256", findings),
    };
    ApplicationBlock {
        id: table.uuid("id", findings),
        name: table.required("name", name, findings),
        platform: table.required("platform", platform, findings),
        enabled: table.enabled(findings),
        allowed_origins,
        allowed_proxy_urls,
        key: key.hash(table, sources, findings),
        webhook: read_webhook(table, sources, findings),
        login: read_login(table, findings),
        users_join: table.choice("users_join", &[UsersJoin::ByProof, UsersJoin::AtOnce], findings).unwrap_or_default(),
    }
}

/// Login preferences are written as the API has them: same names, same bounds.
fn read_login(application: &mut Table<'_, '_>, findings: &mut Findings<'_>) -> Option<LoginPreferences> {
    let path = application.path("login");
    let value = application.json("login", findings)?;
    match LoginPreferences::read(value) {
        Ok(preferences) => Some(preferences),
        Err(mistakes) => {
            for mistake in mistakes {
                findings.error(&format!("{path}.{}", mistake.path), mistake.problem);
            }
            None
        }
    }
}

fn read_webhook(
    application: &mut Table<'_, '_>,
    sources: &Sources<'_>,
    findings: &mut Findings<'_>,
) -> Option<WebhookBlock> {
    let mut table = application.table("webhook", findings)?;
    let url = table.text("url", findings);
    let url = safe_url(&table, "url", url, "what it answers ends up in tokens", findings);
    let url = table.required("url", url, findings);
    let options = [OnFailure::Refuse, OnFailure::IssueWithoutExtensions];
    let on_failure = table.choice("on_failure", &options, findings).unwrap_or_default();
    let given = Given {
        key: "secret",
        value: table.text("secret", findings),
        variable: table.text("secret_env", findings),
        file: table.text("secret_file", findings),
        // A hash would not do: requests are signed with the secret itself.
        sha256: None,
    };
    if !["secret", "secret_env", "secret_file"].iter().any(|key| table.has(key)) {
        findings.error(table.own_path(), "needs secret, secret_env or secret_file: its requests are signed with it");
    }
    let secret = given.secret(&table, sources, findings);
    table.finish(findings);
    Some(WebhookBlock { url, on_failure, secret: secret? })
}

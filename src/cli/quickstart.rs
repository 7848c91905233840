//! `tessera quickstart`: the first thing a newcomer does.

use std::path::Path;

use super::{
    apply::carry_out,
    exit::Failure,
    opened::{self, Opened},
    say,
    serve::serve,
    tell,
};
use crate::{
    app::App,
    operations::{demo_token::DEMO_ENVIRONMENT, environment_file::EnvironmentFile},
    settings::Settings,
    store::environments,
    telemetry,
};

/// The demo environment, so that the command works outside the source tree too.
const DEMO: &str = include_str!("../../config/demo.toml");
const DEMO_NAME: &str = "config/demo.toml";
/// The demo's client, as it stands in the file.
const CLIENT: &str = "bff:demo-secret-of-the-bff-do-not-use-elsewhere";
/// The demo's application, likewise.
const APPLICATION: &str = "6f4b1a5e-0d3c-4b7e-9a21-5c8d7e6f4a3b";

/// Sets up the embedded database with the demo environment, prints what to paste, and serves.
pub(super) fn run(config: Option<&Path>) -> Result<(), Failure> {
    let settings = settings(config)?;
    if settings.database.sqlite_file().is_none() {
        return Err(Failure::refusal(
            "quickstart is for the embedded SQLite database, since its secrets are public; \
             for another one use `tessera migrate`, `tessera apply FILE` and `tessera serve`",
        ));
    }
    if !settings.server.listen.ip().is_loopback() {
        return Err(Failure::refusal(
            "quickstart listens on the loopback address only, since its secrets are public; see server.listen",
        ));
    }
    telemetry::start(&settings.log);
    let opened = Opened::or_new(settings)?;
    let was_there = check_is_ours(&opened)?;
    let file = EnvironmentFile::parse(DEMO, Path::new(DEMO_NAME), &|_| None)?;
    let changes = carry_out(&opened, &file, false)?;
    if was_there && !changes.is_empty() {
        // Somebody may have applied a file of their own under the demo's name, and would look for it in vain.
        tell("the demo environment was changed since; quickstart has put back:");
        changes.iter().for_each(tell);
    }
    let app = App::build(&opened.settings, &opened::sources())?;
    let token = app.demo_token(&opened.store, &opened.operator())?;
    say(introduction(app.public_url(), &token))?;
    serve(app)
}

/// The demo's secrets are public: they must not get into a database that serves anything else. Gives whether the demo environment was there already.
fn check_is_ours(opened: &Opened) -> Result<bool, Failure> {
    let environments = opened.store.read(environments::all)?;
    match environments.iter().find(|stored| stored.environment.name != DEMO_ENVIRONMENT) {
        Some(other) => Err(Failure::refusal(format!(
            "this database holds the environment {:?}, and quickstart would add clients with public secrets to it; \
             start it in another folder, or set database.url",
            other.environment.name
        ))),
        None => Ok(!environments.is_empty()),
    }
}

/// The settings, with migrations run without asking: it is the embedded database, and most often a new one.
fn settings(config: Option<&Path>) -> Result<Settings, Failure> {
    let migrate = ("TESSERA__DATABASE__MIGRATE".to_owned(), "true".to_owned());
    Ok(Settings::load(config, std::env::vars().chain([migrate]))?)
}

fn introduction(url: &str, token: &str) -> String {
    format!(
        "Tessera serves the demo environment at {url} (Ctrl-C stops it). Paste these into another terminal:

# 1. A token for a service account:
curl -s -u {CLIENT} -d grant_type=client_credentials -d scope=calendar.read {url}/token

# 2. Exchange a user's token for a downstream one (RFC 8693). The token is that of a user who signed in at the front end:
curl -s -u {CLIENT} -d grant_type=urn:ietf:params:oauth:grant-type:token-exchange -d subject_token_type=urn:ietf:params:oauth:token-type:access_token -d audience=resource-api -d scope=calendar.edit -d subject_token={token} {url}/token

# 3. The same with the older delegation grant:
curl -s -u {CLIENT} -d grant_type=delegation -d scope=calendar.edit -d token={token} {url}/token

# 4. A token for a user who signed in elsewhere, on the word of a trusted service:
curl -s -u {CLIENT} -d grant_type=urn:ietf:params:oauth:grant-type:token-exchange -d subject_token_type=urn:tessera:params:oauth:token-type:subject-id -d subject_token=ada -d application_id={APPLICATION} -d name=Ada {url}/token

# 5. The keys that verify all of them:
curl -s {url}/.well-known/jwks.json

The management API has a page to try it on: {url}/graphiql
"
    )
}

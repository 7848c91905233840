//! `tessera explain`.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::{Map, Value};

use super::{exit::Failure, keys::Environment, opened::Opened, say};
use crate::{
    app,
    domain::pasted::pasted_token,
    oauth::error::OAuthError,
    operations::explain::{Answer, Failed, Given, Question, RuleAnswer, ask},
};

/// The longest input, in bytes: more than any request may have.
const MAX_INPUT: u64 = 64 * 1024;

/// Tokens come from files only: what stands in the arguments can be seen by everybody on the machine.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("subject").required(true))]
pub(super) struct Arguments {
    #[command(flatten)]
    environment: Environment,
    /// The client that would ask.
    #[arg(long, value_name = "ID")]
    client: String,
    /// The file that holds the subject token; - for standard input.
    #[arg(long, value_name = "FILE|-", group = "subject")]
    subject_token_file: Option<PathBuf>,
    /// The claims of a subject token that nobody has, as a JSON object or a file of one.
    #[arg(long, value_name = "JSON|@FILE", group = "subject")]
    subject_claims: Option<String>,
    /// The type of the subject token, such as jwt; an access token when absent.
    #[arg(long, value_name = "URI|NAME", requires = "subject_token_file")]
    subject_token_type: Option<String>,
    /// Who vouches for plain claims: an identity connection, or self.
    #[arg(long, value_name = "NAME", requires = "subject_claims")]
    subject_issuer: Option<String>,
    /// The file that holds the actor token; - for standard input.
    #[arg(long, value_name = "FILE|-", conflicts_with = "actor_claims")]
    actor_token_file: Option<PathBuf>,
    /// The claims of an actor token, as for the subject; {} for the client's own.
    #[arg(long, value_name = "JSON|@FILE")]
    actor_claims: Option<String>,
    /// A target. May be repeated.
    #[arg(long)]
    audience: Vec<String>,
    /// A target as a URI. May be repeated.
    #[arg(long)]
    resource: Vec<String>,
    /// The scopes, separated by spaces.
    #[arg(long)]
    scope: Option<String>,
    /// As in the request.
    #[arg(long, value_name = "URI|NAME")]
    requested_token_type: Option<String>,
    /// The application that a user signed in to elsewhere.
    #[arg(long, value_name = "ID")]
    application_id: Option<String>,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: Option<&Path>, arguments: Arguments) -> Result<(), Failure> {
    let (as_json, lookup) = (arguments.json, arguments.environment.lookup());
    // First: what cannot be read is told without a look at the database.
    let question = question(arguments)?;
    let opened = Opened::new(config)?;
    let (settings, sources) = (&opened.settings, &opened.sources);
    let public_url = settings.server.public_url_at(settings.server.listen);
    let found = opened.store.read(|conn| lookup.find(conn))?;
    let id = found.ok_or_else(|| Failure::refusal(lookup.not_found()))?.id;
    let answer = actix_web::rt::System::new().block_on(async {
        let context = app::context(settings, sources, &opened.store, opened.passing_master_key()?, public_url)?;
        let environment = context.catalog.environment_by_id(&id);
        let environment = environment.ok_or_else(|| Failure::refusal(lookup.not_found()))?;
        let answer = ask(&context, &environment, &question).await;
        context.audit.shutdown();
        answer.map_err(unanswered)
    })?;
    if as_json {
        say(serde_json::to_string_pretty(&answer).map_err(io::Error::from)?)?;
    } else {
        lines(&answer).iter().try_for_each(say)?;
    }
    Ok(())
}

fn unanswered(error: OAuthError) -> Failure {
    let about = error.parameter.map(|parameter| format!("{parameter}: ")).unwrap_or_default();
    Failure::refusal(format!("{about}{} ({})", error.detail, error.problem.slug()))
}

fn question(arguments: Arguments) -> Result<Question, Failure> {
    let subject = given(arguments.subject_token_file.as_deref(), arguments.subject_claims.as_deref())?;
    Ok(Question {
        client_id: arguments.client,
        subject: subject.ok_or_else(|| Failure::refusal("there is no subject"))?,
        subject_token_type: arguments.subject_token_type.map(token_type),
        subject_issuer: arguments.subject_issuer,
        actor: given(arguments.actor_token_file.as_deref(), arguments.actor_claims.as_deref())?,
        audience: arguments.audience,
        resource: arguments.resource,
        scope: arguments.scope,
        requested_token_type: arguments.requested_token_type.map(token_type),
        application_id: arguments.application_id,
    })
}

/// `jwt` stands for its URI.
fn token_type(name: String) -> String {
    match name.as_str() {
        "subject-id" => "urn:tessera:params:oauth:token-type:subject-id".to_owned(),
        _ if name.contains(':') => name,
        _ => format!("urn:ietf:params:oauth:token-type:{name}"),
    }
}

fn given(token: Option<&Path>, claims: Option<&str>) -> Result<Option<Given>, Failure> {
    match (token, claims) {
        (Some(path), _) => Ok(Some(Given::Token(pasted_token(&read(path)?).to_owned()))),
        (None, Some(text)) => {
            let json = match text.strip_prefix('@') {
                Some(path) => read(Path::new(path))?,
                None => text.to_owned(),
            };
            let claims: Map<String, Value> = serde_json::from_str(&json)
                .map_err(|error| Failure::refusal(format!("the claims are no JSON object: {error}")))?;
            Ok(Some(Given::Claims(claims)))
        }
        (None, None) => Ok(None),
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let outcome = if path == Path::new("-") {
        io::stdin().take(MAX_INPUT).read_to_string(&mut text)
    } else {
        fs::File::open(path).and_then(|file| file.take(MAX_INPUT).read_to_string(&mut text))
    };
    outcome.map_err(|error| Failure::refusal(format!("{} cannot be read: {error}", path.display())))?;
    Ok(text)
}

/// The answer in sentences.
fn lines(answer: &Answer) -> Vec<String> {
    let by = answer.rule.as_ref().map(|rule| format!(" by {rule:?}")).unwrap_or_default();
    let mut lines = Vec::new();
    match &answer.failed {
        None => lines.push(format!("allowed{by}")),
        Some(failed) => {
            lines.push(format!("refused{by}: {}", answer.problem.unwrap_or_default()));
            lines.push(format!("  {}", words(failed)));
        }
    }
    if let Some(claims) = &answer.claims {
        lines.push("the token would hold, besides its jti:".to_owned());
        lines.extend(claims.iter().map(|(name, value)| format!("  {name}: {value}")));
    }
    if answer.of_a_user {
        lines.push("  sub and the claims of the user, who is found or made when the token is issued".to_owned());
    }
    if !answer.rules.is_empty() {
        lines.push("the rules:".to_owned());
    }
    lines.extend(answer.rules.iter().map(line));
    lines
}

fn line(rule: &RuleAnswer) -> String {
    let observes = if rule.mode_of_enforcement.is_enforced() { "" } else { " (only observes)" };
    let says = match &rule.failed {
        Some(failed) => words(failed),
        None => rule.verdict.replace('_', " "),
    };
    format!("  {:?}{observes}: {says}", rule.rule)
}

fn words(failed: &Failed) -> String {
    let law = failed.law.map(|law| format!(" (law {law})")).unwrap_or_default();
    format!("{}{law}: {}", failed.condition, failed.reason)
}

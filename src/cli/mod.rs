//! The command line: one file per command.

mod apply;
mod audit;
mod calibrate_passwords;
mod check_config;
mod demo_token;
mod exit;
mod explain;
mod keys;
mod migrate;
mod moment;
mod opened;
mod quickstart;
mod record_line;
mod revoke;
mod serve;
mod service_account;
mod session;
mod user;
mod who;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use exit::Failure;

/// Tessera: an OAuth 2.0 authorization server for service accounts, delegated tokens and token exchange.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = exit::HELP)]
struct Cli {
    /// A settings file (TOML); that of the variable TESSERA_CONFIG when absent. It goes over the built-in defaults; variables TESSERA__SECTION__KEY go over it.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try it out: an embedded database under data/, the demo environment, a server, and curl lines to paste.
    Quickstart,
    /// Serve.
    Serve,
    /// Make the database match an environment file.
    Apply(apply::Arguments),
    /// Say why an exchange would be allowed or refused, rule by rule. Nothing is issued or recorded.
    Explain(Box<explain::Arguments>),
    /// Run pending migrations.
    Migrate,
    /// Check all settings and print those in effect, without secrets. With FILE, check an environment file too.
    CheckConfig(check_config::Arguments),
    /// Measure what hashing a password costs on this machine, and say what to set.
    CalibratePasswords(calibrate_passwords::Arguments),
    /// Signing keys.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Take tokens out of force, with all that came of them.
    #[command(subcommand)]
    Revoke(revoke::Command),
    /// Service accounts.
    #[command(subcommand)]
    ServiceAccount(service_account::Command),
    /// Users, and by what they are found when they sign in.
    #[command(subcommand)]
    User(user::Command),
    /// The sessions of users who were signed in behind applications' backends.
    #[command(subcommand)]
    Session(session::Command),
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Print a user's token for the demo environment.
    DemoToken,
    /// Print the version.
    Version,
}

/// Runs the command of the process's arguments.
pub fn main() -> ExitCode {
    // Before libpq does it: only so OpenSSL does not clear itself away at the end of the process, while a thread of the
    // connection pool may be using it. A command that had done its work would crash instead of giving its exit code.
    openssl::init();
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let config = cli.config.or_else(config_of_variable);
    let config = config.as_deref();
    match cli.command {
        Command::Quickstart => quickstart::run(config),
        Command::Serve => serve::run(config),
        Command::Apply(arguments) => apply::run(config, &arguments),
        Command::Explain(arguments) => explain::run(config, *arguments),
        Command::Migrate => migrate::run(config),
        Command::CheckConfig(arguments) => check_config::run(config, &arguments),
        Command::CalibratePasswords(arguments) => calibrate_passwords::run(config, &arguments),
        Command::Keys(command) => keys::run(config, command),
        Command::Revoke(command) => revoke::run(config, command),
        Command::ServiceAccount(command) => service_account::run(config, command),
        Command::User(command) => user::run(config, command),
        Command::Session(command) => session::run(config, command),
        Command::Audit(command) => audit::run(config, command),
        Command::DemoToken => demo_token::run(config),
        Command::Version => say(format_args!("tessera {}", env!("CARGO_PKG_VERSION"))),
    }
}

/// The settings file where `--config` names none. An empty variable is none: unit files pass on what nobody has set.
fn config_of_variable() -> Option<PathBuf> {
    std::env::var_os("TESSERA_CONFIG").filter(|file| !file.is_empty()).map(PathBuf::from)
}

/// Prints a line on standard output: what the command was asked for. Everything else goes to the log or standard error. A reader
/// that has gone, as after `| head`, is no mistake; a full disk is one.
fn say(line: impl std::fmt::Display) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes a line on standard error. Nobody is left to tell when that fails, and the work goes on.
fn tell(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

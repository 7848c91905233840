//! `tessera audit verify|tail|export`.

use std::{
    fs::File,
    io::{BufReader, BufWriter, ErrorKind, Write, stdout},
    ops::ControlFlow,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use clap::{Args, Subcommand};

use super::{exit::Failure, moment::Moment, opened, opened::Opened, record_line::compact, say};
use crate::{
    audit::{self, ExportError, Report},
    operations::lookup::EnvironmentLookup,
    store::{Store, StoreError, audit_reading::AuditFilter, audit_records::AuditRow},
};

/// A statement over a day with millions of records may take its time.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(3600);
/// How often `tail --follow` looks.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check that no record was changed, removed, added or moved. Exit code 6 if one was.
    Verify {
        /// From the beginning of the day (UTC) of this time on: RFC 3339, a date, or how long ago, such as 24h or 7d.
        #[arg(long, value_name = "TIME|DURATION")]
        since: Option<Moment>,
        /// Check an exported file instead of the database; - is standard input.
        #[arg(long, value_name = "FILE", conflicts_with = "since")]
        file: Option<PathBuf>,
        /// The --until that the file was exported with.
        #[arg(long, value_name = "TIME|DURATION", requires = "file")]
        until: Option<Moment>,
    },
    /// Show the newest records, one line each.
    Tail(Tail),
    /// Print records as JSON lines in the order of time, with what it takes to verify them elsewhere.
    Export {
        /// The first time: RFC 3339, a date, or how long ago, such as 24h or 7d.
        #[arg(long, value_name = "TIME|DURATION")]
        since: Moment,
        /// Where it ends; now when absent.
        #[arg(long, value_name = "TIME|DURATION")]
        until: Option<Moment>,
    },
}

#[derive(Debug, Args)]
pub(super) struct Tail {
    /// Go on with those that come.
    #[arg(long, short)]
    follow: bool,
    /// How many.
    #[arg(short = 'n', value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    count: u32,
    /// Only those of this environment.
    #[arg(long, value_name = "NAME|ID")]
    environment: Option<String>,
    /// Only those of this client.
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// Only these events, such as token.refused.
    #[arg(long)]
    event: Option<String>,
    /// Only those that ended so: success, refused or failed.
    #[arg(long, value_parser = ["success", "refused", "failed"])]
    outcome: Option<String>,
    /// The whole records, as JSON lines like those of export.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: Option<&Path>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Verify { file: Some(file), until, .. } => {
            let until = until.map(|until| until.millis(opened::sources().clock.now_millis()));
            tell(&verify_file(&file, until)?)
        }
        Command::Verify { since, .. } => {
            let opened = open(config)?;
            let since = since.map(|since| since.millis(now(&opened)));
            tell(&audit::verify(&opened.store, since)?)
        }
        Command::Tail(arguments) => tail(&open(config)?.store, &arguments),
        Command::Export { since, until } => {
            let opened = open(config)?;
            let until = until.map_or(i64::MAX, |until| until.millis(now(&opened)));
            export(&opened.store, since.millis(now(&opened)), until)
        }
    }
}

/// A database that is there already: of a new one nothing can be said.
fn open(config: Option<&Path>) -> Result<Opened, Failure> {
    let mut settings = opened::settings(config)?;
    settings.database.statement_timeout = STATEMENT_TIMEOUT;
    Opened::with(settings)
}

fn now(opened: &Opened) -> i64 {
    opened.sources.clock.now_millis()
}

fn verify_file(path: &Path, until: Option<i64>) -> Result<Report, Failure> {
    let verified = if path == Path::new("-") {
        audit::verify_lines(std::io::stdin().lock(), until)
    } else {
        let file = File::open(path).map_err(|cause| Failure::refusal(format!("{}: {cause}", path.display())))?;
        audit::verify_lines(BufReader::new(file), until)
    };
    verified.map_err(|error| match error {
        ExportError::Read(cause) => cause.into(),
        ExportError::Line { .. } => Failure::refusal(format!("{}: {error}", path.display())),
    })
}

fn tell(report: &Report) -> Result<(), Failure> {
    let Report { records, chains, without_beginning, broken } = report;
    broken.iter().try_for_each(|broken| say(format!("BROKEN: {broken}")))?;
    say(format!("{records} records in {chains} chains"))?;
    if *without_beginning > 0 {
        say(format!("{without_beginning} of the chains began earlier; what was before is not there"))?;
    }
    if broken.is_empty() { Ok(()) } else { Err(Failure::broken_chains(broken.len())) }
}

fn tail(store: &Store, arguments: &Tail) -> Result<(), Failure> {
    let environment_id = arguments.environment.as_ref().map(|name| environment_id(store, name)).transpose()?;
    let filter = AuditFilter {
        environment_id,
        client_id: arguments.client.clone(),
        event: arguments.event.clone(),
        outcome: arguments.outcome.clone(),
    };
    let mut out = stdout().lock();
    let (rows, mut follower) = audit::newest(store, &filter, usize::try_from(arguments.count).unwrap_or(0))?;
    let mut rows = rows;
    loop {
        for row in rows.iter().filter(|row| filter.lets_through(row)) {
            let line = if arguments.json { json(row)? } else { compact(row) };
            if is_gone(writeln!(out, "{line}"))? {
                return Ok(());
            }
        }
        if is_gone(out.flush())? || !arguments.follow {
            return Ok(());
        }
        thread::sleep(LOOK);
        rows = follower.next(store)?;
    }
}

/// The id of an environment. One that is deleted has records still: then it is the id that was given.
fn environment_id(store: &Store, name: &str) -> Result<String, StoreError> {
    let found = store.read(|conn| EnvironmentLookup(Some(name.to_owned())).find(conn))?;
    Ok(found.map_or_else(|| name.to_owned(), |environment| environment.id))
}

fn export(store: &Store, since: i64, until: i64) -> Result<(), Failure> {
    let mut out = BufWriter::new(stdout().lock());
    let mut written = Ok(false);
    audit::export(store, (since, until), &mut |row| {
        written = json(&row).and_then(|line| is_gone(writeln!(out, "{line}")));
        if matches!(written, Ok(false)) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    if !written? {
        is_gone(out.flush())?;
    } else {
        // Dropping it would try to write again.
        drop(out.into_parts());
    }
    Ok(())
}

fn json(row: &AuditRow) -> Result<String, Failure> {
    audit::line(row).map_err(|error| Failure::Other(error.into()))
}

/// Whether nobody reads any more, as after `| head`: that is no mistake.
fn is_gone(written: std::io::Result<()>) -> Result<bool, Failure> {
    match written {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(true),
        Err(error) => Err(error.into()),
    }
}

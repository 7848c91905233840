//! `tessera calibrate-passwords`.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use clap::Args;

use super::{exit::Failure, say};
use crate::{
    domain::password::{HashParameters, Password, PasswordHash, SALT_LENGTH, Scratch},
    settings::Settings,
};

/// How often each is measured; the one in the middle counts.
const RUNS: usize = 5;
/// What is measured besides the settings in effect: memory in KiB, and passes. The first three cost an attacker about the same
/// (OWASP); the last is the second choice of RFC 9106 §4.
const CHOICES: [(u32, u32); 6] = [(7168, 5), (12_288, 3), (19_456, 2), (32_768, 3), (47_104, 3), (65_536, 3)];

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How long one hash may take on this machine.
    #[arg(long, value_name = "MS", default_value_t = 100)]
    milliseconds: u64,
}

/// Measures on one thread, as the server hashes. The machine should have nothing else to do.
pub(super) fn run(config: Option<&Path>, arguments: &Arguments) -> Result<(), Failure> {
    let present = Settings::load(config, std::env::vars())?.passwords.parameters;
    say("memory_kib  iterations  lanes  ms per hash  sign-ins/s per thread")?;
    let took = measured(present)?;
    say(format_args!("{}  (in effect)", row(present, took)))?;
    let mut best = None;
    for (memory_kib, iterations) in CHOICES {
        let parameters = HashParameters { memory_kib, iterations, lanes: 1 };
        let took = measured(parameters)?;
        say(row(parameters, took))?;
        if took <= Duration::from_millis(arguments.milliseconds) {
            best = Some(parameters);
        }
    }
    match best {
        Some(HashParameters { memory_kib, iterations, lanes }) => say(format_args!(
            "\nThe costliest of these within {} ms:\n\n[passwords]\nmemory_kib = {memory_kib}\niterations = {iterations}\nlanes = {lanes}",
            arguments.milliseconds
        )),
        None => say(format_args!(
            "\nNone of these takes {} ms or less on this machine. Less than the first is not safe.",
            arguments.milliseconds
        )),
    }
}

fn row(parameters: HashParameters, took: Duration) -> String {
    let HashParameters { memory_kib, iterations, lanes } = parameters;
    let seconds = took.as_secs_f64();
    format!("{memory_kib:>10}  {iterations:>10}  {lanes:>5}  {:>11.1}  {:>21.1}", seconds * 1000.0, 1.0 / seconds)
}

fn measured(parameters: HashParameters) -> Result<Duration, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Other(error.to_string().into());
    let password = Password::parse("a password of usual length").map_err(|error| failed(&error))?;
    let mut scratch = Scratch::default();
    let mut times = Vec::with_capacity(RUNS);
    // The first run gets the memory, which the server does once for each thread.
    for _ in 0..=RUNS {
        let started = Instant::now();
        PasswordHash::make(&password, &[0; SALT_LENGTH], parameters, &mut scratch).map_err(|error| failed(&error))?;
        times.push(started.elapsed());
    }
    times.sort();
    Ok(times.get(RUNS / 2).copied().unwrap_or_default())
}

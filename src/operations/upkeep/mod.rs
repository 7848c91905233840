//! What the server does by itself, on a thread of its own: rotates signing keys, writes when secrets were used, warns of those
//! that expire.

mod rotation;
mod secrets;

use std::{io, time::Duration};

use super::{
    context::Context,
    repeating::{Repeating, Work},
};
use crate::{
    domain::random::{RandomError, random_id},
    store::Store,
};
use rotation::Rotation;
use secrets::Secrets;

/// How often the thread looks whether there is something to do. Looking costs no statement.
const TICK: Duration = Duration::from_millis(500);

/// What is done, and when.
#[derive(Debug, Clone, Copy)]
pub struct UpkeepOptions {
    /// How many seconds old a signing key gets before the next one is made; `None`: nothing rotates by itself.
    pub rotation_interval: Option<i64>,
    /// How long verifiers may keep the key set, in seconds.
    pub jwks_max_age: i64,
    /// How many seconds before a client secret expires its use is warned of; `None`: never.
    pub secret_expiry_warning: Option<i64>,
}

/// Both kinds of work, in one thread.
struct Upkeep {
    rotation: Rotation,
    secrets: Secrets,
}

impl Work for Upkeep {
    fn run(&mut self) {
        self.rotation.tick();
        self.secrets.tick();
    }

    fn finish(&mut self) {
        self.secrets.write_uses();
    }
}

/// Starts. At the end it writes what it still has.
///
/// # Errors
/// No thread could be started, or no name for this node could be drawn.
pub fn start(context: &Context, store: &Store, options: UpkeepOptions) -> io::Result<Repeating> {
    let node = random_id(&*context.random).map_err(|error: RandomError| io::Error::other(error.to_string()))?;
    let (context, own) = (context.clone(), store.clone());
    Repeating::start(store, "upkeep", TICK, move || {
        let rotation = Rotation::new(context.clone(), own.clone(), node.clone(), options);
        let secrets = Secrets::new(context.clone(), own.clone(), options.secret_expiry_warning);
        Ok(Upkeep { rotation, secrets })
    })
}

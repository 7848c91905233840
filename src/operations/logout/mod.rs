//! Tells the clients of a session that it has ended (OpenID Connect Back-Channel Logout 1.0), on a thread of its own.
//!
//! Whom to tell is written in the transaction that ends the session (`store::logout_deliveries`), so that it outlives this node.
//! Each is told at least once, by one node at a time: whoever takes a row on moves its time, on the condition that nobody else has.

mod delivery;

use std::{io, time::Duration};

use tokio::runtime::Runtime;

use self::delivery::Deliveries;
use super::{
    context::Context,
    repeating::{Repeating, Work},
};
use crate::store::Store;

/// How often the thread looks for sessions that have ended: one statement, that an index answers.
const TICK: Duration = Duration::from_millis(500);

/// The deliveries, and what they run on.
struct Notices {
    deliveries: Deliveries,
    runtime: Runtime,
}

impl Work for Notices {
    fn run(&mut self) {
        self.deliveries.run(&self.runtime);
    }
}

/// Starts. What is left at the end is for another node, or the next start.
///
/// # Errors
/// No thread could be started.
pub fn start(context: &Context, store: &Store) -> io::Result<Repeating> {
    let deliveries = Deliveries::new(context.clone(), store.clone());
    Repeating::start(store, "logout", TICK, move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Notices { deliveries: deliveries.clone(), runtime })
    })
}

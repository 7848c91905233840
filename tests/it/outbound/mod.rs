//! Requests to others, against real peers on loopback.

use std::{future::Future, time::Duration};

use tessera::outbound::{Fetched, Limits, Outbound, OutboundError, OutboundOptions};

mod addresses;
mod answers;
mod certificates;

const LIMITS: Limits = Limits { connect: Duration::from_secs(5), total: Duration::from_secs(20), max_body: 64 * 1024 };

/// May call loopback over plain HTTP.
fn to_loopback() -> Outbound {
    outbound(OutboundOptions { plain_http_to_loopback: true, ..OutboundOptions::default() })
}

fn outbound(options: OutboundOptions) -> Outbound {
    Outbound::new(options).expect("certificates of the system")
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

fn get(outbound: &Outbound, url: &str, limits: Limits) -> Result<Fetched, OutboundError> {
    block_on(outbound.get(url, &[], limits))
}

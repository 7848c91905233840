//! What the process is told by signals.

use std::{future::Future, sync::Arc, time::Duration};
#[cfg(unix)]
use std::{future::poll_fn, task::Poll};

#[cfg(unix)]
use actix_web::rt::signal::unix::{Signal, SignalKind, signal};

use super::{Site, tls::Certificate};

/// What stops the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// SIGTERM, from whatever runs the servers: requests may still be on their way here.
    Terminate,
    /// SIGINT, from somebody who waits.
    Interrupt,
}

/// Ends when the server is to stop. On SIGTERM it first says so for as long as `delay`, while it goes on to serve: a load balancer must
/// have heard that this node is not ready before connections are refused. Left to itself actix-web would drop what is in flight on SIGINT.
pub(super) fn told_to_stop(site: Arc<Site>, delay: Duration) -> impl Future<Output = ()> {
    let mut stops = Stops::new();
    async move {
        let stop = stops.next().await;
        site.begin_stopping();
        if stop == Stop::Terminate && !delay.is_zero() {
            log::info!("told to stop: no longer ready, and serving for {} more seconds", delay.as_secs());
            actix_web::rt::time::sleep(delay).await;
        }
    }
}

/// Ends when the process has been told to stop a second time: then nobody wants to wait for the requests in progress.
pub fn told_again() -> impl Future<Output = ()> {
    let mut stops = Stops::new();
    async move {
        stops.next().await;
        stops.next().await;
        log::warn!("told to stop again: requests in progress are cut off");
    }
}

#[cfg(unix)]
struct Stops(Vec<(Stop, Signal)>);

#[cfg(unix)]
impl Stops {
    /// From now on none is missed.
    fn new() -> Self {
        let kinds = [(Stop::Terminate, SignalKind::terminate()), (Stop::Interrupt, SignalKind::interrupt())];
        Self(kinds.into_iter().filter_map(|(stop, kind)| Some((stop, listen(kind)?))).collect())
    }

    async fn next(&mut self) -> Stop {
        poll_fn(|context| {
            let told = |(stop, signal): &mut (Stop, Signal)| signal.poll_recv(context).is_ready().then_some(*stop);
            self.0.iter_mut().find_map(told).map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

#[cfg(unix)]
fn listen(kind: SignalKind) -> Option<Signal> {
    signal(kind).inspect_err(|error| log::error!("cannot listen for a signal: {error}")).ok()
}

#[cfg(not(unix))]
struct Stops;

#[cfg(not(unix))]
impl Stops {
    fn new() -> Self {
        Self
    }

    async fn next(&mut self) -> Stop {
        if let Err(error) = actix_web::rt::signal::ctrl_c().await {
            log::error!("cannot listen for Ctrl-C: {error}");
            std::future::pending::<()>().await;
        }
        Stop::Interrupt
    }
}

/// Reads the certificate again at each SIGHUP. Without a certificate there is nothing to read, and the signal ends nothing either.
#[cfg(unix)]
pub(super) fn reload_when_told(certificate: Option<Arc<Certificate>>) {
    let Some(mut hang_up) = listen(SignalKind::hangup()) else { return };
    actix_web::rt::spawn(async move {
        while hang_up.recv().await.is_some() {
            match certificate.as_ref().map(|certificate| certificate.reload()) {
                Some(Ok(())) => log::info!("SIGHUP: the certificate was read again; new connections get it"),
                Some(Err(error)) => log::error!("SIGHUP: the certificate stays as it was: {error}"),
                None => log::info!("SIGHUP: there is no certificate to read again"),
            }
        }
    });
}

#[cfg(not(unix))]
pub(super) fn reload_when_told(_: Option<Arc<Certificate>>) {}

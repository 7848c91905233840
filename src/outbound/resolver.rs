//! Looking up names, so that no name leads to an address that must not be called.

use std::{
    net::{SocketAddr, ToSocketAddrs as _},
    sync::Arc,
    thread,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::{Semaphore, oneshot};

use super::{OutboundOptions, error::AddressRefused, target::Reach};

/// Look-ups at once. One that hangs holds its thread for as long as the system's resolver likes.
const MOST_LOOKUPS: usize = 8;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The resolver of the system, followed by the check. reqwest connects to exactly these addresses: between check and
/// connection there is no second look-up that a name server could answer differently (DNS rebinding).
#[derive(Clone)]
pub(super) struct Resolver {
    options: Arc<OutboundOptions>,
    lookups: Arc<Semaphore>,
    reach: Reach,
}

impl Resolver {
    pub fn new(options: OutboundOptions) -> Self {
        Self { options: Arc::new(options), lookups: Arc::new(Semaphore::new(MOST_LOOKUPS)), reach: Reach::Tls }
    }

    /// The same for another reach; the bound on look-ups is common.
    pub fn reaching(&self, reach: Reach) -> Self {
        Self { reach, ..self.clone() }
    }

    async fn look_up(self, name: String) -> Result<Addrs, Failure> {
        // Who waits here longer than the time to connect is sent away by it.
        let permit = Arc::clone(&self.lookups).acquire_owned().await?;
        let (sender, receiver) = oneshot::channel();
        // A thread of its own: the blocking threads of the workers are few and the database's.
        thread::Builder::new().name("lookup".to_owned()).spawn(move || {
            let found = (name.as_str(), 0).to_socket_addrs().map(Iterator::collect::<Vec<SocketAddr>>);
            drop(permit);
            // Nobody waits any more after a time-out.
            let _ = sender.send(found);
        })?;
        let addresses = receiver.await??;
        self.check(&addresses)?;
        Ok(Box::new(addresses.into_iter()))
    }

    /// All or none: a name that leads inside as well as outside is an attack or a mistake.
    fn check(&self, addresses: &[SocketAddr]) -> Result<(), AddressRefused> {
        let refused = |address: &SocketAddr| self.options.check(address.ip(), self.reach).is_err();
        if addresses.iter().any(refused) { Err(AddressRefused) } else { Ok(()) }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(self.clone().look_up(name.as_str().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(options: OutboundOptions, reach: Reach, addresses: &[&str]) -> bool {
        let addresses: Vec<SocketAddr> =
            addresses.iter().map(|address| SocketAddr::new(address.parse().expect("an address"), 0)).collect();
        Resolver::new(options).reaching(reach).check(&addresses).is_ok()
    }

    fn with_loopback(plain_http_to_loopback: bool) -> OutboundOptions {
        OutboundOptions { plain_http_to_loopback, ..OutboundOptions::default() }
    }

    #[test]
    fn one_refused_address_refuses_the_name() {
        let accepts = |addresses: &[&str]| accepts(with_loopback(false), Reach::Tls, addresses);
        assert!(accepts(&["8.8.8.8", "2606:4700:4700::1111"]));
        for inside in ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "fd00::1"] {
            assert!(!accepts(&[inside]), "{inside}");
            assert!(!accepts(&["8.8.8.8", inside]) && !accepts(&[inside, "8.8.8.8"]), "{inside}");
        }
    }

    #[test]
    fn listed_networks_are_called_however_the_address_is_written_and_never_in_the_clear() {
        let listed = OutboundOptions {
            allowed_networks: vec!["10.1.0.0/16".parse().expect("a network")],
            plain_http_to_loopback: true,
        };
        assert!(accepts(listed.clone(), Reach::Tls, &["10.1.2.3", "::ffff:10.1.2.3", "8.8.8.8"]));
        assert!(!accepts(listed.clone(), Reach::Tls, &["10.2.0.1"]));
        assert!(!accepts(listed, Reach::Loopback, &["10.1.2.3"]));
    }

    #[test]
    fn plain_http_reaches_loopback_alone_even_if_the_name_leads_elsewhere() {
        assert!(accepts(with_loopback(true), Reach::Loopback, &["127.0.0.1", "::1"]));
        assert!(accepts(with_loopback(true), Reach::Tls, &["127.0.0.1", "::1"]));
        assert!(!accepts(with_loopback(true), Reach::Loopback, &["127.0.0.1", "8.8.8.8"]));
    }
}

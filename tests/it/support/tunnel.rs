//! A way to the database that a test can cut, for one node alone.

use std::{
    io,
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// Forwards connections from a port of its own; ends with the process.
pub struct Tunnel {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    is_cut: AtomicBool,
    /// Both ends of every connection.
    open: Mutex<Vec<TcpStream>>,
}

impl Tunnel {
    /// To the server of a database URL.
    pub fn to(url: &str) -> Self {
        let url = url::Url::parse(url).expect("a URL");
        let server = (url.host_str().expect("a host").to_owned(), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::<State>::default();
        let forwarding = Arc::clone(&state);
        thread::spawn(move || {
            for incoming in listener.incoming().flatten() {
                // One that is cut is closed as soon as it is taken.
                if !forwarding.is_cut.load(Ordering::SeqCst) {
                    let _ = forwarding.forward(incoming, &server);
                }
            }
        });
        Self { port, state }
    }

    /// The same database through the tunnel.
    pub fn through(&self, url: &str) -> String {
        let mut url = url::Url::parse(url).expect("a URL");
        url.set_port(Some(self.port)).expect("a URL with a port");
        url.into()
    }

    /// Ends all connections and lets no new one through.
    pub fn cut(&self) {
        self.state.is_cut.store(true, Ordering::SeqCst);
        for connection in self.state.open.lock().expect("no panic").drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.state.is_cut.store(false, Ordering::SeqCst);
    }
}

impl State {
    fn forward(&self, incoming: TcpStream, server: &(String, u16)) -> io::Result<()> {
        let outgoing = TcpStream::connect((server.0.as_str(), server.1))?;
        self.open.lock().expect("no panic").extend([incoming.try_clone()?, outgoing.try_clone()?]);
        for (mut from, mut to) in [(incoming.try_clone()?, outgoing.try_clone()?), (outgoing, incoming)] {
            thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
            });
        }
        Ok(())
    }
}

//! The HTTP server itself.

use std::{
    future::{Future, poll_fn},
    io,
    net::TcpListener,
    path::Path,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use actix_web::{App, HttpServer, dev::Server, middleware::from_fn};
use openssl::ssl::{SslAcceptor, SslAcceptorBuilder, SslFiletype, SslMethod};

use super::{
    Site,
    observe::{observe, observe_probes},
    probe_routes, routes,
};
use crate::settings::Tls;

/// The most threads per worker for what blocks: the database. How many work there is bounded elsewhere (`catalog::blocking`); this leaves
/// room beside those that hang in it.
const BLOCKING_THREADS: usize = 128;
/// How long an idle connection is kept. Clients of a token endpoint come back.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long a client may take to send the head of a request (slow-loris).
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How to serve.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Worker threads; one per core when `None`.
    pub workers: Option<usize>,
    /// How long requests in flight may take to finish when the server stops.
    pub shutdown_timeout: Duration,
    /// HTTPS, if set.
    pub tls: Option<Tls>,
}

/// Serves `site` on `listener` until it is stopped. The future does the serving.
///
/// # Errors
/// The certificate or its key cannot be used.
pub fn serve(site: Arc<Site>, listener: TcpListener, options: &ServerOptions) -> io::Result<Server> {
    let app = move || {
        let site = Arc::clone(&site);
        App::new().wrap(from_fn(observe)).configure(move |config| routes(config, &site))
    };
    let mut server = HttpServer::new(app)
        .worker_max_blocking_threads(BLOCKING_THREADS)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(REQUEST_TIMEOUT)
        .shutdown_timeout(options.shutdown_timeout.as_secs())
        .shutdown_signal(told_to_stop());
    if let Some(workers) = options.workers {
        server = server.workers(workers);
    }
    let server = match &options.tls {
        Some(tls) => server.listen_openssl(listener, acceptor(tls)?)?,
        None => server.listen(listener)?,
    };
    Ok(server.run())
}

/// Serves `/health`, `/ready` and `/metrics` alone, on `listener`, until it is stopped: over plain HTTP, since they hold neither
/// tokens nor secrets. On a thread of its own, so that they answer however busy the workers are.
pub fn serve_probes(site: Arc<Site>, listener: TcpListener) -> io::Result<Server> {
    let app = move || {
        let site = Arc::clone(&site);
        App::new().wrap(from_fn(observe_probes)).configure(move |config| probe_routes(config, &site))
    };
    let server = HttpServer::new(app)
        .workers(1)
        .worker_max_blocking_threads(BLOCKING_THREADS)
        .client_request_timeout(REQUEST_TIMEOUT)
        .shutdown_timeout(0)
        // Stopped by whoever started it, when the last request elsewhere has been answered.
        .disable_signals();
    Ok(server.listen(listener)?.run())
}

/// What accepts TLS connections with this certificate.
///
/// # Errors
/// The certificate or its key cannot be used, or they do not belong together; the text names the setting and the file.
pub fn acceptor(tls: &Tls) -> io::Result<SslAcceptorBuilder> {
    let unusable = |setting: &str, file: &Path, problem: &str| {
        io::Error::new(io::ErrorKind::InvalidData, format!("server.tls.{setting} {}: {problem}", file.display()))
    };
    let (certificate, key) = (&tls.certificate_file, &tls.private_key_file);
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    acceptor
        .set_certificate_chain_file(certificate)
        .map_err(|_| unusable("certificate_file", certificate, "holds no PEM certificate that can be used"))?;
    // A key that does not fit is refused here too.
    acceptor.set_private_key_file(key, SslFiletype::PEM).map_err(|_| {
        unusable(
            "private_key_file",
            key,
            "holds no PEM private key without a passphrase, or that of another certificate",
        )
    })?;
    acceptor.check_private_key().map_err(|_| unusable("private_key_file", key, "is the key of another certificate"))?;
    Ok(acceptor)
}

/// Ends when the process is told to stop. Left to itself actix-web would drop what is in flight on SIGINT.
#[cfg(unix)]
fn told_to_stop() -> impl Future<Output = ()> {
    use actix_web::rt::signal::unix::{SignalKind, signal};

    let mut signals: Vec<_> = [SignalKind::terminate(), SignalKind::interrupt()]
        .into_iter()
        .filter_map(|kind| signal(kind).inspect_err(|error| log::error!("cannot listen for a signal: {error}")).ok())
        .collect();
    poll_fn(move |context| {
        let told = signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
        if told { Poll::Ready(()) } else { Poll::Pending }
    })
}

/// Ends when the process is told to stop.
#[cfg(not(unix))]
async fn told_to_stop() {
    if let Err(error) = actix_web::rt::signal::ctrl_c().await {
        log::error!("cannot listen for Ctrl-C: {error}");
        std::future::pending::<()>().await;
    }
}

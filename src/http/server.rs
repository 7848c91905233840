//! The HTTP server itself.

use std::{io, net::TcpListener, sync::Arc, time::Duration};

use actix_web::{App, HttpServer, dev::Server, middleware::from_fn};

use super::{
    Site,
    observe::{observe, observe_probes},
    probe_routes, routes,
    signals::{reload_when_told, told_to_stop},
    tls::Certificate,
};

/// The most threads per worker for what blocks: the database. How many work there is bounded elsewhere (`catalog::blocking`); this leaves
/// room beside those that hang in it.
const BLOCKING_THREADS: usize = 128;
/// How long a client may take to send the head of a request (slow-loris).
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How to serve.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Worker threads; one per core when `None`.
    pub workers: Option<usize>,
    /// How long an idle connection is kept. Zero: each ends with its answer.
    pub keep_alive: Duration,
    /// How long requests are served after SIGTERM, before connections are refused.
    pub stop_delay: Duration,
    /// How long requests in flight may take to finish when the server stops.
    pub shutdown_timeout: Duration,
    /// HTTPS, if set.
    pub certificate: Option<Arc<Certificate>>,
}

/// Serves `site` on `listener` until it is stopped, and reads the certificate again at each SIGHUP. The future does the serving.
///
/// # Errors
/// The certificate or its key cannot be used.
pub fn serve(site: Arc<Site>, listener: TcpListener, options: &ServerOptions) -> io::Result<Server> {
    let stop = told_to_stop(Arc::clone(&site), options.stop_delay);
    reload_when_told(options.certificate.clone());
    let app = move || {
        let site = Arc::clone(&site);
        App::new().wrap(from_fn(observe)).configure(move |config| routes(config, &site))
    };
    let mut server = HttpServer::new(app)
        .worker_max_blocking_threads(BLOCKING_THREADS)
        .keep_alive(options.keep_alive)
        .client_request_timeout(REQUEST_TIMEOUT)
        .shutdown_timeout(options.shutdown_timeout.as_secs())
        .shutdown_signal(stop);
    if let Some(workers) = options.workers {
        server = server.workers(workers);
    }
    let server = match &options.certificate {
        Some(certificate) => server.listen_openssl(listener, certificate.acceptor()?)?,
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

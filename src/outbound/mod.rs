//! Requests to others: foreign key sets, webhooks, gateways of text messages; and mails. The only place that names reqwest.
//!
//! Where they go is written by people who need not be trusted with our network, and what comes back is written by
//! anybody. So only the public Internet is called ([`crate::domain::address`]), only over TLS; a redirect is never
//! followed; and time and size of an answer are bounded whatever its headers say.

mod error;
pub mod mail;
pub mod mail_token;
mod resolver;
pub mod sms;
mod target;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ipnet::IpNet;
use reqwest::{
    Certificate, Client, RequestBuilder,
    header::{ACCEPT, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName},
    redirect, retry, tls,
};

pub use self::error::{OutboundError, SendError};
use self::{
    resolver::Resolver,
    target::{Reach, Target},
};

/// The most clients that are kept.
const MAX_CLIENTS: usize = 64;
/// Idle connections that are kept to one host.
const IDLE_PER_HOST: usize = 4;
const JSON: &str = "application/json";
const AUTHORIZATION: &str = "authorization";
/// How long a connection is kept without use.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// What may be called besides the public Internet.
#[derive(Debug, Clone, Default)]
pub struct OutboundOptions {
    /// Networks that are not public and may be called all the same.
    pub allowed_networks: Vec<IpNet>,
    /// Whether `http://` may be used, to loopback only; loopback is then allowed.
    pub plain_http_to_loopback: bool,
}

/// The bounds of one exchange.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For looking up the name, connecting and the TLS handshake together. A few fixed values only: each has a pool of
    /// connections of its own.
    pub connect: Duration,
    /// From the call to the last byte of the body.
    pub total: Duration,
    /// The largest body that is taken, in bytes.
    pub max_body: usize,
}

/// An answer, whatever its status; only redirects are errors.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The HTTP status.
    pub status: u16,
    /// `Content-Type`, if it is one line of visible ASCII.
    pub content_type: Option<String>,
    /// `Cache-Control`, likewise.
    pub cache_control: Option<String>,
    /// The body, complete.
    pub body: Vec<u8>,
}

/// What is posted with [`Outbound::post_once`].
pub struct Posting<'a> {
    /// Whether the method is `PUT` instead of `POST`.
    pub put: bool,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
    /// More headers.
    pub headers: &'a [(&'a str, &'a str)],
}

/// Makes requests to others. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Outbound {
    shared: Arc<Shared>,
    /// The certificates that are trusted in place of the system's.
    authorities: Option<Arc<str>>,
}

struct Shared {
    options: OutboundOptions,
    resolver: Resolver,
    /// What reqwest fixes per client, each with its client. Made at the first use: reading the certificates of the system takes
    /// some milliseconds.
    clients: Mutex<Vec<(Kind, Client)>>,
}

/// What is fixed for a client.
#[derive(Clone, PartialEq, Eq)]
struct Kind {
    connect: Duration,
    reach: Reach,
    authorities: Option<Arc<str>>,
}

impl Outbound {
    /// Prepares requests. Nothing is sent.
    ///
    /// # Errors
    /// The certificates of the system cannot be read.
    pub fn new(options: OutboundOptions) -> Result<Self, OutboundError> {
        let resolver = Resolver::new(options.clone());
        let outbound =
            Self { shared: Arc::new(Shared { options, resolver, clients: Mutex::default() }), authorities: None };
        // One that most requests use, so that a broken installation shows at the start and not at the first of them.
        outbound.client(Duration::from_secs(1), Reach::Tls)?;
        Ok(outbound)
    }

    /// The same, trusting these certificates (PEM) and none of the system's: for peers under an authority of their own.
    #[must_use]
    pub fn trusting(&self, authorities: &str) -> Self {
        Self { shared: Arc::clone(&self.shared), authorities: Some(authorities.into()) }
    }

    /// Whether a text has certificates that [`trusting`](Self::trusting) can be given, and nothing that must not be shown.
    pub fn are_authorities(pem: &str) -> bool {
        !pem.contains("PRIVATE KEY") && Certificate::from_pem_bundle(pem.as_bytes()).is_ok_and(|all| !all.is_empty())
    }

    /// Gets a JSON document, with more headers.
    ///
    /// # Errors
    /// The URL or an address behind it must not be called; it cannot be reached in time; the answer is a redirect, too
    /// large or too slow; or a header cannot be sent.
    pub async fn get(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        limits: Limits,
    ) -> Result<Fetched, OutboundError> {
        self.get_as(JSON, url, headers, limits).await
    }

    /// Gets a document in one of the media types of `accept`.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub async fn get_as(
        &self,
        accept: &'static str,
        url: &str,
        headers: &[(&'static str, String)],
        limits: Limits,
    ) -> Result<Fetched, OutboundError> {
        let (client, target) = self.prepare(url, limits)?;
        answer(with_headers(client.get(target.url), headers), accept, limits).await
    }

    /// Posts a JSON document with more headers.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub async fn post_json(
        &self,
        url: &str,
        body: Vec<u8>,
        headers: &[(&'static str, String)],
        limits: Limits,
    ) -> Result<Fetched, OutboundError> {
        self.post(url, JSON, body, headers, limits).await
    }

    /// Posts a form to a token endpoint, with the value of `Authorization`, if there is one.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub async fn post_form(
        &self,
        url: &str,
        form: String,
        authorization: Option<String>,
        limits: Limits,
    ) -> Result<Fetched, OutboundError> {
        let headers: Vec<_> = authorization.map(|value| (AUTHORIZATION, value)).into_iter().collect();
        self.post(url, "application/x-www-form-urlencoded", form.into_bytes(), &headers, limits).await
    }

    /// Posts on a connection that ends with the answer: for threads whose runtime stands still in between. A connection that one
    /// of them kept would never be served again, and a worker might get it.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub async fn post_once(&self, url: &str, posting: Posting<'_>, limits: Limits) -> Result<Fetched, OutboundError> {
        let (client, target) = self.prepare(url, limits)?;
        let request = if posting.put { client.put(target.url) } else { client.post(target.url) };
        let request = request.header(CONTENT_TYPE, posting.content_type).header(CONNECTION, "close").body(posting.body);
        answer(with_headers(request, posting.headers), JSON, limits).await
    }

    async fn post(
        &self,
        url: &str,
        content_type: &'static str,
        body: Vec<u8>,
        headers: &[(&'static str, String)],
        limits: Limits,
    ) -> Result<Fetched, OutboundError> {
        let (client, target) = self.prepare(url, limits)?;
        let request = client.post(target.url).header(CONTENT_TYPE, content_type).body(body);
        answer(with_headers(request, headers), JSON, limits).await
    }

    /// Whether a URL may be called as far as the text tells: for the moment it is configured. Addresses behind a name
    /// are checked at each connection.
    ///
    /// # Errors
    /// [`OutboundError::UrlRefused`] or [`OutboundError::AddressRefused`].
    pub fn check_url(&self, url: &str) -> Result<(), OutboundError> {
        Target::parse(url, &self.shared.options).map(|_| ())
    }

    fn prepare(&self, url: &str, limits: Limits) -> Result<(Client, Target), OutboundError> {
        let target = Target::parse(url, &self.shared.options)?;
        Ok((self.client(limits.connect, target.reach)?, target))
    }

    fn client(&self, connect: Duration, reach: Reach) -> Result<Client, OutboundError> {
        let kind = Kind { connect, reach, authorities: self.authorities.clone() };
        let mut clients = self.shared.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = clients.iter().find(|(known, _)| *known == kind) {
            return Ok(client.clone());
        }
        let client = build_client(&kind, &self.shared.resolver)?;
        if clients.len() >= MAX_CLIENTS {
            // Those of certificates that were replaced since.
            clients.retain(|(known, _)| known.authorities.is_none());
        }
        clients.push((kind, client.clone()));
        Ok(client)
    }
}

fn build_client(kind: &Kind, resolver: &Resolver) -> Result<Client, OutboundError> {
    let Kind { connect, reach, authorities } = kind;
    let (connect, reach) = (*connect, *reach);
    let mut builder = Client::builder();
    if let Some(pem) = authorities {
        builder = builder.tls_built_in_root_certs(false);
        for authority in Certificate::from_pem_bundle(pem.as_bytes())? {
            builder = builder.add_root_certificate(authority);
        }
    }
    builder
        .user_agent(concat!("tessera/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(Arc::new(resolver.reaching(reach)))
        .connect_timeout(connect)
        .https_only(reach == Reach::Tls)
        .min_tls_version(tls::Version::TLS_1_2)
        // A redirect would lead past the checks of the URL, and with a body past the one it was meant for.
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        // A proxy of the environment would connect in our place, and look up the names.
        .no_proxy()
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .build()
        .map_err(OutboundError::from)
}

fn with_headers<V: AsRef<str>>(request: RequestBuilder, headers: &[(&str, V)]) -> RequestBuilder {
    headers.iter().fold(request, |request, (name, value)| request.header(*name, value.as_ref()))
}

/// Sends a request and reads the answer within the limits.
async fn answer(request: RequestBuilder, accept: &str, limits: Limits) -> Result<Fetched, OutboundError> {
    let request = request.header(ACCEPT, accept).timeout(limits.total);
    let mut response = request.send().await?;
    let status = response.status();
    if status.is_redirection() {
        return Err(OutboundError::Redirected);
    }
    let content_type = text(response.headers(), &CONTENT_TYPE);
    let cache_control = text(response.headers(), &CACHE_CONTROL);
    let mut body = Vec::new();
    // `Content-Length` is not asked: it can lie, or be absent.
    while let Some(chunk) = response.chunk().await? {
        if chunk.len() > limits.max_body - body.len() {
            return Err(OutboundError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Fetched { status: status.as_u16(), content_type, cache_control, body })
}

/// A header that is there; several lines count as one list (RFC 9110 §5.3).
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Option<Vec<&str>> = headers.get_all(name).iter().map(|line| line.to_str().ok()).collect();
    lines.filter(|lines| !lines.is_empty()).map(|lines| lines.join(", "))
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

//! `GET /graphiql`: a page for trying the GraphQL operations, served from the binary.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use openssl::sha::sha256;

use super::{Site, cacheable, environment::RequestedEnvironment, respond};

/// How long a browser may keep the files; a new version of the server may bring others.
const MAX_AGE: Duration = Duration::from_secs(300);
/// The name of the page among the files.
const PAGE: &str = "index.html";
/// What the page may load and where it may send: this host alone. It is shown in no other page, because whoever could lay
/// something over it could have a token typed elsewhere. The editor writes styles into the page; the fonts are in its own.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; \
                      object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! file {
    ($name:literal, $content_type:expr) => {
        File::new($name, $content_type, include_bytes!(concat!("../../assets/graphiql/", $name)))
    };
}

/// The files of the page, with the entity tags that are reckoned once.
pub struct GraphiqlFiles(Vec<File>);

struct File {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    etag: String,
}

impl File {
    fn new(name: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(sha256(bytes)));
        Self { name, content_type, bytes, etag }
    }
}

impl Default for GraphiqlFiles {
    fn default() -> Self {
        Self(vec![
            file!("index.html", HTML),
            file!("page.css", CSS),
            file!("page.js", SCRIPT),
            file!("graphiql.min.css", CSS),
            file!("graphiql.min.js", SCRIPT),
            file!("react.production.min.js", SCRIPT),
            file!("react-dom.production.min.js", SCRIPT),
        ])
    }
}

/// The page.
pub(super) async fn page(_: RequestedEnvironment, request: HttpRequest, site: web::Data<Site>) -> HttpResponse {
    send(&request, &site, PAGE)
}

/// What the page loads.
pub(super) async fn file(_: RequestedEnvironment, request: HttpRequest, site: web::Data<Site>) -> HttpResponse {
    let name = request.match_info().get("file").unwrap_or_default();
    if name == PAGE {
        // Here its links would lead nowhere.
        return respond::nothing_here();
    }
    send(&request, &site, name)
}

fn send(request: &HttpRequest, site: &Site, name: &str) -> HttpResponse {
    let Some(file) = site.graphiql.0.iter().find(|file| file.name == name) else { return respond::nothing_here() };
    let document = cacheable::Document { body: web::Bytes::from_static(file.bytes), content_type: file.content_type };
    let mut response = cacheable::document(request, document, &file.etag, MAX_AGE);
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, header::HeaderValue::from_static("no-referrer"));
    headers.insert(header::CONTENT_SECURITY_POLICY, header::HeaderValue::from_static(POLICY));
    response
}

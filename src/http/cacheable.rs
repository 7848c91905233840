//! Documents that others may keep for a while.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::header, web::Bytes};

/// What is sent to whoever does not have it yet.
pub(super) struct Document {
    /// The bytes.
    pub body: Bytes,
    /// What they are.
    pub content_type: &'static str,
}

impl Document {
    /// A JSON document.
    pub fn json(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), content_type: "application/json" }
    }
}

/// A document under its entity tag (quoted), or `304 Not Modified` to whoever has it already.
pub(super) fn document(request: &HttpRequest, document: Document, etag: &str, max_age: Duration) -> HttpResponse {
    let has_it = has(request, etag);
    let mut response = if has_it { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((header::CACHE_CONTROL, format!("public, max-age={}", max_age.as_secs())))
        .insert_header((header::ETAG, etag));
    if has_it { response.finish() } else { response.content_type(document.content_type).body(document.body) }
}

/// `If-None-Match` (RFC 9110 §13.1.2), weakly compared.
fn has(request: &HttpRequest, etag: &str) -> bool {
    let values = request.headers().get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

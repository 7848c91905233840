//! `docs/openapi.json` is this document: no change of the API slips in unseen.

use crate::rest::openapi::document;

#[test]
fn the_document_in_the_docs_is_the_one_that_is_served() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    let text = format!("{:#}\n", document("https://id.example.com"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &text).expect("docs/openapi.json");
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == text, "docs/openapi.json is old: UPDATE_DOCS=1 cargo test --lib -- rest::snapshots");
}

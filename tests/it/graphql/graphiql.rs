//! The page at `/graphiql`. `tests/interop` opens it in a browser.

use openssl::sha::sha256;
use reqwest::Method;

use crate::support::{
    Answer, Engine, TestServer,
    sources::{read, root},
};

const FILES: [(&str, &str); 6] = [
    ("page.css", "text/css; charset=utf-8"),
    ("page.js", "text/javascript; charset=utf-8"),
    ("graphiql.min.css", "text/css; charset=utf-8"),
    ("graphiql.min.js", "text/javascript; charset=utf-8"),
    ("react.production.min.js", "text/javascript; charset=utf-8"),
    ("react-dom.production.min.js", "text/javascript; charset=utf-8"),
];

fn assert_guarded(answer: &Answer) {
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let policy = answer.header("content-security-policy").expect("a policy");
    for rule in ["default-src 'self';", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("http") && !policy.contains('*') && !policy.contains("unsafe-eval"), "{policy}");
    assert!(!policy.contains("script-src"), "scripts are under default-src, and none stands in the page");
}

#[test]
fn the_page_and_its_files_come_from_the_binary() {
    let server = TestServer::start(Engine::Sqlite);
    let page = server.get("/graphiql");
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_guarded(&page);
    for (name, content_type) in FILES {
        assert!(page.text.contains(&format!("\"graphiql/{name}\"")), "{name}");
        let file = server.get(&format!("/graphiql/{name}"));
        assert_eq!((file.status.as_u16(), file.header("content-type")), (200, Some(content_type)), "{name}");
        assert_eq!(file.text, read(&format!("assets/graphiql/{name}")));
        assert_guarded(&file);
        let etag = file.header("etag").expect("an entity tag");
        let again = server.request(Method::GET, &format!("/graphiql/{name}")).header("if-none-match", etag);
        let again = Answer::to(again);
        assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""));
    }
    for nothing in
        ["/graphiql/index.html", "/graphiql/README.md", "/graphiql/", "/graphiql/..%2f..%2fCargo.toml", "/graphiql/a/b"]
    {
        assert_eq!(server.get(nothing).status, 404, "{nothing}");
    }
    assert_eq!(Answer::to(server.request(Method::POST, "/graphiql")).status, 405);
}

#[test]
fn the_page_has_no_script_of_its_own_and_names_no_other_host() {
    let page = read("assets/graphiql/index.html");
    assert!(!page.contains("//"), "{page}");
    assert_eq!(page.matches("<script").count(), page.matches("<script defer src=\"graphiql/").count());
    assert!(!page.contains("style=") && !page.contains("<style") && !page.contains("javascript:"), "{page}");
    assert!(!read("assets/graphiql/page.js").contains("://"));
    assert!(!read("assets/graphiql/page.css").contains("url("));
}

#[test]
fn the_files_of_others_are_what_they_were() {
    let sums = read("assets/graphiql/SHA256SUMS");
    let mut count = 0;
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").expect("a sum and a name");
        let bytes = std::fs::read(root().join("assets/graphiql").join(name)).expect(name);
        let hash: String = sha256(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, sum, "{name}");
        count += 1;
    }
    assert_eq!(count, 6);
}

//! What libpq takes as a URL is a database URL: several hosts, sockets, options in place of the host. No command says a password.

use crate::support::{
    BFF, CLIENT_CREDENTIALS, DEMO, Engine, Installation,
    cluster::{Cluster, free_port},
};

#[test]
fn a_socket_and_a_list_of_hosts_are_served_from_and_no_password_is_said() {
    let cluster = Cluster::start();
    let (port, folder) = (cluster.port(), cluster.folder().display());
    let nobody = free_port();
    for url in [
        format!("postgres:///postgres?host={folder}&port={port}&user=postgres&password=hunter2-of-the-query"),
        format!(
            "postgres://postgres:hunter2%40of-the-user@[::1]:{nobody},127.0.0.1:{nobody},127.0.0.1:{port}/postgres"
        ),
        format!(
            "postgresql://postgres@/postgres?host=127.0.0.1,{folder}&port={nobody},{port}&target_session_attrs=primary"
        ),
    ] {
        let mut installation = Installation::new(Engine::Sqlite).with("database.url", &url);
        let migrated = installation.cli(&["migrate"]);
        let said = format!("{}{}", migrated.stdout(), migrated.stderr());
        migrated.success();
        assert!(said.contains("postgres") && !said.contains("hunter2"), "{said}");
        assert!(!url.contains("hunter2") || said.contains("***"), "{said}");
        installation.apply(DEMO);
        let server = installation.serve();
        server.token(BFF, &CLIENT_CREDENTIALS).access_token();
        assert_eq!(server.get("/ready").status, 200, "{url}");
        assert!(!server.stderr.text().contains("hunter2"), "{}", server.stderr.text());
    }
}

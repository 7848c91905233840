//! `[server]`: where and how to listen.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;
use url::{Host, Url};

use super::reader::Reader;

/// Where and how to listen.
#[derive(Debug, Clone)]
pub struct Server {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The address for `/health`, `/ready` and `/metrics`, if they have one of their own.
    pub internal_listen: Option<SocketAddr>,
    /// The origin that clients use, byte for byte as given. [`Server::public_url_at`] has the default.
    pub public_url: Option<String>,
    /// Threads that answer requests; `None`: one for each core.
    pub workers: Option<usize>,
    /// How long an idle connection is kept.
    pub keep_alive: Duration,
    /// How long requests are served after SIGTERM, before connections are refused.
    pub stop_delay: Duration,
    /// How long requests in progress get to finish at shutdown.
    pub shutdown_timeout: Duration,
    /// The largest body that is read, in bytes.
    pub max_body: usize,
    /// The reverse proxies in front, if any.
    pub behind_proxy: Option<BehindProxy>,
    /// The certificate, if this server does TLS itself.
    pub tls: Option<Tls>,
}

/// The reverse proxies in front.
#[derive(Debug, Clone)]
pub struct BehindProxy {
    /// Only peers in these networks are believed about the caller's address; never empty.
    pub trusted: Vec<IpNet>,
}

/// Certificate and private key, as PEM files.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The server's certificate, then the intermediate ones.
    pub certificate_file: PathBuf,
    /// Its private key.
    pub private_key_file: PathBuf,
}

impl Server {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let listen = read_listen(reader);
        let internal_listen = read_internal_listen(reader);
        let behind_proxy = read_behind_proxy(reader);
        let tls = read_tls(reader);
        let public_url = reader.optional("server.public_url");
        let workers = reader.count("server.workers", 0..=1024);
        let server = Self {
            listen,
            internal_listen,
            public_url,
            workers: Some(workers).filter(|workers| *workers > 0),
            keep_alive: reader.seconds("server.keep_alive", 0..=3600),
            stop_delay: reader.seconds("server.stop_delay", 0..=600),
            shutdown_timeout: reader.seconds("server.shutdown_timeout", 0..=3600),
            max_body: reader.count("server.max_body", 1024..=16_777_216),
            behind_proxy,
            tls,
        };
        server.validate(reader);
        server
    }

    /// The origin that clients use: the setting, or else the loopback address that the server is bound to.
    pub fn public_url_at(&self, bound: SocketAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        self.public_url.clone().unwrap_or_else(|| format!("{scheme}://{bound}"))
    }

    /// Whether everybody can call the listener: it is on more than loopback, with no proxy in front.
    pub fn is_public(&self) -> bool {
        !self.is_on_loopback() && self.behind_proxy.is_none()
    }

    fn is_on_loopback(&self) -> bool {
        self.listen.ip().to_canonical().is_loopback()
    }

    fn validate(&self, reader: &mut Reader) {
        let on_loopback = self.is_on_loopback();
        // TE-001: client secrets and tokens would pass the network in the clear.
        if !on_loopback && self.tls.is_none() && self.behind_proxy.is_none() {
            reader.error(
                "server.listen",
                "plain HTTP is only allowed on a loopback address such as 127.0.0.1; set server.tls, or \
                 server.behind_proxy.trusted when a reverse proxy does the TLS",
            );
        }
        if self.internal_listen.is_some_and(|internal| internal == self.listen && internal.port() != 0) {
            reader.error("server.internal_listen", "must be another address or port than server.listen");
        }
        match &self.public_url {
            Some(public_url) => match check_origin(public_url) {
                Ok(()) => reader.check_spelling("server.public_url", public_url),
                Err(problem) => reader.error("server.public_url", problem),
            },
            None if on_loopback => reader.show("server.public_url", self.public_url_at(self.listen)),
            None => reader.error(
                "server.public_url",
                "must be set when the server listens on more than loopback, such as \"https://auth.example.com\": it \
                 becomes the issuer in every token",
            ),
        }
    }
}

fn read_listen(reader: &mut Reader) -> SocketAddr {
    let text = reader.text("server.listen");
    parse_address(reader, "server.listen", &text).unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)))
}

fn read_internal_listen(reader: &mut Reader) -> Option<SocketAddr> {
    let text = reader.optional("server.internal_listen")?;
    parse_address(reader, "server.internal_listen", &text)
}

fn parse_address(reader: &mut Reader, key: &str, text: &str) -> Option<SocketAddr> {
    let address = text.parse().ok();
    if address.is_none() {
        reader.error(key, "must be an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080");
    }
    address
}

fn read_behind_proxy(reader: &mut Reader) -> Option<BehindProxy> {
    let key = "server.behind_proxy.trusted";
    let trusted = reader.networks(key);
    // A mistyped network is reported once, not a second time as a missing proxy.
    (!reader.list(key).is_empty()).then_some(BehindProxy { trusted })
}

fn read_tls(reader: &mut Reader) -> Option<Tls> {
    let (certificate, private_key) = ("server.tls.certificate_file", "server.tls.private_key_file");
    let files = (reader.path(certificate), reader.path(private_key));
    for (key, file) in [(certificate, &files.0), (private_key, &files.1)] {
        if let Some(file) = file
            && let Err(error) = std::fs::File::open(file)
        {
            reader.error(key, format!("the file {} cannot be read: {error}", file.display()));
        }
    }
    match files {
        (Some(certificate_file), Some(private_key_file)) => Some(Tls { certificate_file, private_key_file }),
        (None, None) => None,
        (given, _) => {
            let (missing, other) =
                if given.is_some() { (private_key, certificate) } else { (certificate, private_key) };
            reader.error(missing, format!("must be set too, because {other} is"));
            None
        }
    }
}

/// The issuer is compared byte by byte (RFC 8414 §3.3), so only spellings that no URL library rewrites are accepted.
fn check_origin(text: &str) -> Result<(), &'static str> {
    let url = Url::parse(text).map_err(|_| "must be an absolute URL, such as \"https://auth.example.com\"")?;
    let on_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err("must be an absolute URL with a host, such as \"https://auth.example.com\""),
    };
    match url.scheme() {
        "https" => {}
        "http" if on_loopback => {}
        "http" => return Err("must begin with https://; plain HTTP is only for loopback"),
        _ => return Err("must begin with https://"),
    }
    // `Url` adds a "/" to a bare origin, so the text itself says whether there is one.
    if url.path() != "/" || text.ends_with('/') || url.query().is_some() || url.fragment().is_some() {
        return Err("must be an origin only: no path, query, fragment or trailing slash");
    }
    if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
        return Err("must not hold a user name or password");
    }
    if !text.is_ascii() || text.bytes().any(|byte| byte.is_ascii_uppercase() || byte.is_ascii_whitespace()) {
        return Err("must be lower case ASCII without spaces (write an international name in its xn-- form): issuers \
                    are compared byte by byte");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_origin;

    #[test]
    fn only_bare_origins_are_accepted_as_public_url() {
        for good in
            ["https://a.example", "https://a.example:8443", "http://127.0.0.1:1", "http://localhost", "http://[::1]:1"]
        {
            assert_eq!(check_origin(good), Ok(()), "{good}");
        }
        let bad = [
            "http://a.example",
            "https://a.example/",
            "https://a.example/auth",
            "https://a.example?x",
            "https://a.example#",
            "https://u:p@a.example",
            "https://@a.example",
            "https://A.example",
            "HTTPS://a.example",
            "https://ä.example",
            "https://a.exa\tmple",
            " https://a.example",
            "ftp://a.example",
            "a.example",
            "mailto:a@a.example",
        ];
        for bad in bad {
            assert!(check_origin(bad).is_err(), "{bad}");
        }
    }
}

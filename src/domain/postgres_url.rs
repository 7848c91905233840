//! A database URL as libpq reads it (PostgreSQL's manual, §"Connection URIs"), and what of it may be shown.
//!
//! No URL library reads these: there may be several hosts, none at all, or one that is the folder of a socket.

use url::form_urlencoded;

/// Stands where a secret was.
const MASK: &str = "***";
const ENCODED: &str = "characters other than letters, digits, '-', '.', '_' and '~' in the user name, the password and the options must \
                       be percent-encoded";
const FORM: &str = "is not a valid URL; write postgres://USER:PASSWORD@HOST:PORT/NAME?OPTION=VALUE, with several HOST:PORT separated by \
                    commas if there are several";

/// The parts of a database URL, as they are written. [`Debug`] is left out: a part is a password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PostgresUrl<'a> {
    scheme: &'a str,
    user: Option<&'a str>,
    password: Option<&'a str>,
    hosts: &'a str,
    /// From its slash on.
    database: &'a str,
    query: Option<&'a str>,
}

impl<'a> PostgresUrl<'a> {
    /// Whether the scheme is one of those that libpq takes.
    pub fn is_one(url: &str) -> bool {
        url.starts_with("postgres://") || url.starts_with("postgresql://")
    }

    /// Reads one, and refuses what libpq would misread.
    ///
    /// # Errors
    /// What is wrong, for people. The text quotes nothing: libpq's own message quotes the part that it stumbled over, and that can be a
    /// piece of the password.
    pub fn parse(url: &'a str) -> Result<Self, &'static str> {
        let (scheme, rest) = url.split_once("://").ok_or(FORM)?;
        if !Self::is_one(url) {
            return Err("must begin with postgres:// or postgresql://");
        }
        if !percent_encoding_is_sound(rest) {
            return Err(ENCODED);
        }
        // As libpq looks for them: up to the first `@`, unless a slash comes before.
        let (credentials, rest) = match rest.split_once('@') {
            Some((credentials, rest)) if !credentials.contains('/') => (Some(credentials), rest),
            _ => (None, rest),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (hosts, rest) = rest.split_at(end);
        let (database, query) = rest.split_once('?').map_or((rest, None), |(name, query)| (name, Some(query)));
        let (user, password) = match credentials {
            Some(both) => {
                both.split_once(':').map_or((Some(both), None), |(user, password)| (Some(user), Some(password)))
            }
            None => (None, None),
        };
        // A second `@`, and what a `/` or `?` of the password makes of the rest.
        if hosts.contains('@') || database.contains('@') || user.is_some_and(|user| user.contains(['?', '#', '='])) {
            return Err(ENCODED);
        }
        hosts_are_sound(hosts)?;
        if query.is_some_and(|query| !query.split('&').all(|pair| pair.matches('=').count() == 1)) {
            return Err("has an option that is not OPTION=VALUE, or a '&' or '=' that must be percent-encoded");
        }
        Ok(Self { scheme, user, password, hosts, database, query })
    }

    /// The value of an option, if it is given; libpq takes the last.
    pub fn option(&self, name: &str) -> Option<String> {
        let query = self.query?;
        form_urlencoded::parse(query.as_bytes())
            .filter(|(key, _)| key == name)
            .last()
            .map(|(_, value)| value.into_owned())
    }

    /// Whether options are given.
    pub fn has_query(&self) -> bool {
        self.query.is_some()
    }

    /// The URL without its secrets, wherever they stand.
    pub fn shown(&self) -> String {
        let mut shown = format!("{}://", self.scheme);
        if let Some(user) = self.user {
            shown.push_str(user);
            if self.password.is_some() {
                shown.push(':');
                shown.push_str(MASK);
            }
            shown.push('@');
        }
        shown.push_str(self.hosts);
        shown.push_str(self.database);
        let pairs: Vec<String> = self.query.into_iter().flat_map(|query| query.split('&')).map(shown_pair).collect();
        if !pairs.is_empty() {
            shown.push('?');
            shown.push_str(&pairs.join("&"));
        }
        shown
    }
}

fn shown_pair(pair: &str) -> String {
    let (name, _) = pair.split_once('=').unwrap_or((pair, ""));
    // The name may be encoded too.
    let is_secret = form_urlencoded::parse(name.as_bytes()).any(|(name, _)| {
        let name = name.to_ascii_lowercase();
        ["password", "secret", "client_key", "server_key"].iter().any(|part| name.contains(part))
    });
    if is_secret { format!("{name}={MASK}") } else { pair.to_owned() }
}

/// `HOST:PORT,HOST:PORT`; each may be empty, and an IPv6 address stands in brackets.
fn hosts_are_sound(hosts: &str) -> Result<(), &'static str> {
    for host in hosts.split(',') {
        let port = match host.strip_prefix('[') {
            Some(address) => {
                let (address, rest) = address.split_once(']').ok_or(FORM)?;
                if address.is_empty() {
                    return Err(FORM);
                }
                rest
            }
            None => host.find(':').map_or("", |colon| host.get(colon..).unwrap_or_default()),
        };
        let digits = port.strip_prefix(':').unwrap_or_default();
        if (!port.is_empty() && !port.starts_with(':')) || (!digits.is_empty() && digits.parse::<u16>().is_err()) {
            return Err("has a port that is not a number, or an IPv6 address without brackets");
        }
    }
    Ok(())
}

fn percent_encoding_is_sound(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let digits = after.as_bytes().first_chunk::<2>();
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit) && digits != b"00")
    }) && !text.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::PostgresUrl;

    fn shown(url: &str) -> Result<String, &'static str> {
        PostgresUrl::parse(url).map(|url| url.shown())
    }

    #[test]
    fn what_libpq_takes_is_a_url() {
        for url in [
            "postgres://",
            "postgresql://localhost",
            "postgres:///name?host=/run/postgresql",
            "postgres://%2Frun%2Fpostgresql/name",
            "postgres://me@/name?host=%2Frun%2Fpostgresql",
            "postgres://a,b/name?target_session_attrs=read-write",
            "postgres://a:5432,b:5433,[2001:db8::1]:5434,[::1]/name?target_session_attrs=primary&load_balance_hosts=random",
            "postgres:///name?host=a,b&port=5432,5433&user=me@realm",
        ] {
            assert_eq!(shown(url).as_deref(), Ok(url), "{url}");
        }
    }

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        for (url, masked) in [
            ("postgres://u:hunter2@db:5432/t", "postgres://u:***@db:5432/t"),
            ("postgres://u:hunter2@a,b:1/t", "postgres://u:***@a,b:1/t"),
            ("postgres://u:hun?ter2:x@[::1]/t", "postgres://u:***@[::1]/t"),
            ("postgres://u:hun%40ter2@a/t", "postgres://u:***@a/t"),
            ("postgres://:hunter2@/t?host=/run", "postgres://:***@/t?host=/run"),
            ("postgresql://db/t?user=u&password=hunter2", "postgresql://db/t?user=u&password=***"),
            ("postgres:///t?password=hunt@er2&sslpassword=hunter2", "postgres:///t?password=***&sslpassword=***"),
            ("postgres://db/t?pass%77ord=hunter2", "postgres://db/t?pass%77ord=***"),
            ("postgres://db/t?oauth_client_secret=hunter2", "postgres://db/t?oauth_client_secret=***"),
        ] {
            assert_eq!(shown(url).as_deref(), Ok(masked), "{url}");
        }
    }

    #[test]
    fn what_libpq_would_misread_is_refused_without_a_word_of_it() {
        for url in [
            "postgres://me:hun/ter2@h/db",
            "postgres://me:hun@ter2@h/db",
            "postgres://me:hunter2%zz@h/db",
            "postgres://me:hunter2%00@h/db",
            "postgres://me:hunter2\0@h/db",
            "postgres://h/db?password=hun&ter2",
            "postgres://h/db?password=hun=ter2",
            // libpq looks for the `@` first, and would take `h?password=hun` for the user.
            "postgres://h?password=hun@ter2",
            "postgres://[::1/db?password=hunter2",
            "postgres://[",
            "postgres://::1/db",
            "postgres://h:port/db",
            "postgres://h:99999/db",
            "mysql://h/db",
            "h",
        ] {
            let problem = shown(url).expect_err(url);
            assert!(!problem.contains("ter2") && !problem.contains("hun"), "{problem}");
        }
    }

    #[test]
    fn the_last_of_an_option_counts() {
        let url = "postgres:///t?target_session_attrs=any&target%5Fsession_attrs=primary";
        let url = PostgresUrl::parse(url).unwrap_or_else(|problem| panic!("{problem}"));
        assert_eq!(url.option("target_session_attrs").as_deref(), Some("primary"));
        assert_eq!(url.option("host"), None);
    }
}

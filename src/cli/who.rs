//! Who runs a command, for the audit log. Whoever can run it can reach the database past it: this names the honest.

use std::fs;

use crate::domain::user::is_text;

/// The longest name that is kept.
const MAX_NAME: usize = 64;

/// `cli:` and the name of the user whose process this is; with `sudo`, also who asked for it.
pub(super) fn runs_this() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| is_text(value, MAX_NAME));
    let user = own_uid().map(|uid| name_of(uid, &fs::read_to_string("/etc/passwd").unwrap_or_default()));
    let user = user.or_else(|| variable("USER")).or_else(|| variable("USERNAME"));
    let user = user.unwrap_or_else(|| "unknown".to_owned());
    match variable("SUDO_USER") {
        Some(asked) if asked != user => format!("cli:{user} (sudo by {asked})"),
        _ => format!("cli:{user}"),
    }
}

/// Of the process, not of its variables, which anybody sets.
fn own_uid() -> Option<u32> {
    #[cfg(unix)]
    return fs::metadata("/proc/self").ok().map(|own| std::os::unix::fs::MetadataExt::uid(&own));
    #[cfg(not(unix))]
    None
}

fn name_of(uid: u32, passwd: &str) -> String {
    let named = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid) && is_text(name, MAX_NAME)).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| format!("uid {uid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_that_of_the_uid_in_the_file_of_users() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n\nbroken\nada:x:1815:100::/home/ada:/bin/sh\n";
        assert_eq!((name_of(1815, passwd).as_str(), name_of(0, passwd).as_str()), ("ada", "root"));
        assert_eq!(name_of(7, passwd), "uid 7");
        assert!(runs_this().starts_with("cli:"));
    }
}

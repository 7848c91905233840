//! The command line, run as a process.

use std::process::{Command, Output};

use super::{TestServer, leaks};

/// How a command ended.
pub struct Ended(pub Output);

impl Ended {
    /// Standard output of a command that must have gone well.
    pub fn success(self) -> String {
        assert!(self.0.status.success(), "{}", self.stderr());
        self.stdout();
        self.stderr();
        String::from_utf8(self.0.stdout).expect("UTF-8")
    }

    /// Standard error of a command that must have failed with `code`.
    pub fn failure(self, code: i32) -> String {
        assert_eq!(self.0.status.code(), Some(code), "{}{}", self.stdout(), self.stderr());
        self.stderr()
    }

    /// Standard output.
    pub fn stdout(&self) -> String {
        let text = String::from_utf8_lossy(&self.0.stdout).into_owned();
        leaks::secrets_in(&text);
        text
    }

    /// Standard error.
    pub fn stderr(&self) -> String {
        let text = String::from_utf8_lossy(&self.0.stderr).into_owned();
        leaks::logged_by_process(&text);
        text
    }
}

/// The `tessera` command with nothing of the caller's environment.
pub fn tessera() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tessera"));
    command.env_clear();
    command
}

impl TestServer {
    /// Runs `tessera` with the settings of this server, in its folder.
    pub fn cli(&self, arguments: &[&str]) -> Ended {
        let mut command = tessera();
        command.envs(self.variables()).env(super::server::variable("server.public_url"), &self.url);
        Ended(command.args(arguments).current_dir(self.database.folder()).output().expect("to run tessera"))
    }
}

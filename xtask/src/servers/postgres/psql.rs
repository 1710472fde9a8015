//! Talking to a database through `psql`: SQL goes in by standard input, the password by the
//! environment, so that neither shows in a list of processes.

use crate::failure::{Failure, Outcome, While};
use std::io::Write;
use std::process::{Command, Stdio};

/// One database, reached with the client of whoever runs the server.
pub(crate) struct Psql {
    /// The program and its first arguments (`docker exec …` where psql is in a container).
    pub(crate) program: Vec<String>,
    /// Address as the program sees it; its password is cut out before it becomes an argument.
    pub(crate) url: String,
}

impl Psql {
    /// Runs statements in order, stops at the first error, returns the rows as lines.
    pub(crate) fn run(&self, sql: &str) -> Outcome<Vec<String>> {
        let (url, password) = without_password(&self.url);
        let Some((program, first)) = self.program.split_first() else {
            return Err(Failure::new("no psql"));
        };
        let mut command = Command::new(program);
        command
            .args(first)
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &url]);
        command
            .env("PGPASSWORD", password)
            .env("PGCONNECT_TIMEOUT", "5")
            .env("PGOPTIONS", "-c client_min_messages=warning");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut run = || {
            let mut child = command.spawn()?;
            if let Some(mut stdin) = child.stdin.take() {
                // A psql that could not connect has closed its end; its message is on stderr.
                let _ = stdin.write_all(sql.as_bytes());
            }
            child.wait_with_output()
        };
        let output = run().while_doing(|| format!("starting {program}"))?;
        if !output.status.success() {
            return Err(Failure::new("the database refused a statement")
                .why(String::from_utf8_lossy(&output.stderr).trim_end()));
        }
        Ok(String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(str::to_owned)
            .collect())
    }
}

/// The same address with another user.
pub(crate) fn with_login(url: &str, user: &str, password: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let (_, host) = split_user(rest);
    format!("{scheme}://{user}:{password}@{host}")
}

/// The address without its password, and the password.
pub(crate) fn without_password(url: &str) -> (String, String) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    match split_user(rest) {
        (Some(login), host) => {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            (
                format!("{scheme}://{user}@{host}"),
                percent_decoded(password),
            )
        }
        (None, _) => (url.to_owned(), String::new()),
    }
}

/// `user:password`, `host:port/database?…`. An `@` after the first `/` or `?` is no separator.
fn split_user(rest: &str) -> (Option<&str>, &str) {
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, _) = rest.split_at(end);
    authority.rfind('@').map_or((None, rest), |at| {
        let (login, host) = rest.split_at(at);
        (Some(login), host.trim_start_matches('@'))
    })
}

/// PGPASSWORD is taken literally, an address is not.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail
            .get(..2)
            .and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        if let (b'%', Some(byte)) = (first, hex) {
            bytes.push(byte);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_cut_out_of_an_address_and_decoded() {
        let parted = |url| without_password(url);
        assert_eq!(
            parted("postgres://u:p%40s%zz@h:1/d?x=a@b"),
            ("postgres://u@h:1/d?x=a@b".into(), "p@s%zz".into())
        );
        assert_eq!(
            parted("postgres://u@h/d"),
            ("postgres://u@h/d".into(), String::new())
        );
        assert_eq!(
            parted("postgres://h/d@e"),
            ("postgres://h/d@e".into(), String::new())
        );
    }

    #[test]
    fn another_login_replaces_the_one_that_is_there() {
        assert_eq!(
            with_login("postgres://a:b@h:5/d?s=1", "x", "y"),
            "postgres://x:y@h:5/d?s=1"
        );
        assert_eq!(
            with_login("postgresql://h/d", "x", "y"),
            "postgresql://x:y@h/d"
        );
    }
}

//! Tokens of tenants for the developer stack and the benches, made by `farol-token` of the workspace:
//! this program knows no cryptography.

use crate::environment;
use crate::failure::{Failure, Outcome, While};
use crate::process::{Crew, Task};
use std::io::Read;
use std::process::{ChildStdout, Command};

/// A line `TENANT TOKEN` for each tenant, signed with this `JWT_HS256_SECRET`. What else makes a token
/// good (`JWT_AUDIENCE`, `JWT_ISSUER`) is in the environment of the command.
pub(crate) fn lines(
    crew: &Crew<'_>,
    mut farol_token: Command,
    secret: &str,
    tenants: impl IntoIterator<Item = String>,
) -> Outcome<String> {
    environment::without_cargo_run(&mut farol_token)
        .arg("for")
        .args(tenants)
        .env("JWT_HS256_SECRET", secret);
    let task = Task {
        name: "farol-token",
        interruptible: true,
    };
    let read = |mut stdout: ChildStdout| {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    };
    let (status, text) = crew.run(&task, &mut farol_token, read)?;
    if !status.success() {
        return Err(Failure::new("no tokens could be made").why("the reason is above"));
    }
    text.while_doing(|| "reading tokens".into())
}

/// The token of one tenant.
pub(crate) fn of<'t>(lines: &'t str, tenant: &str) -> Option<&'t str> {
    let mut pairs = lines.lines().filter_map(|line| line.split_once(' '));
    pairs
        .find(|(name, _)| *name == tenant)
        .map(|(_, token)| token)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_token_is_found_by_its_tenant() {
        let lines = "demo-a aa.bb.cc\ndemo-b dd.ee.ff\n";
        assert_eq!(super::of(lines, "demo-b"), Some("dd.ee.ff"));
        assert_eq!(super::of(lines, "demo-"), None);
    }
}

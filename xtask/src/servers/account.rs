//! Whom a server runs as and who owns its data: the person who works here or, where that is root,
//! the server's own system user.

use crate::environment;
use crate::failure::{Failure, Outcome, While};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// `None`: whoever runs this command.
pub(super) struct Account(Option<SystemUser>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SystemUser {
    uid: u32,
    gid: u32,
}

impl Account {
    /// Packages make a user of the server's name; `nobody` is on every system.
    pub(super) fn of(name: &str) -> Outcome<Self> {
        if !environment::is_root() {
            return Ok(Self(None));
        }
        let passwd =
            fs::read_to_string("/etc/passwd").while_doing(|| "reading /etc/passwd".into())?;
        let user =
            SystemUser::named(name, &passwd).or_else(|| SystemUser::named("nobody", &passwd));
        user.map(|user| Self(Some(user))).ok_or_else(|| {
            Failure::new(format!(
                "no user to run the server as, neither `{name}` nor `nobody`"
            ))
            .why("as root it would refuse to run, or run with rights that it should not have")
            .advice(format!(
                "Add one (useradd --system {name}), or work as a normal user."
            ))
        })
    }

    /// In a folder that this user may stand in.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some(user) = self.0 {
            command.uid(user.uid).gid(user.gid);
        }
        command.current_dir("/");
        command
    }

    /// Servers refuse data and secrets that others can read or that are not their user's.
    pub(super) fn hand_over(&self, path: &Path) -> Outcome {
        let mode = if path.is_dir() { 0o700 } else { 0o600 };
        let permit = fs::set_permissions(path, fs::Permissions::from_mode(mode));
        let given = permit.and_then(|()| match self.0 {
            Some(user) => chown(path, Some(user.uid), Some(user.gid)),
            None => Ok(()),
        });
        given.while_doing(|| format!("giving {} to the server's user", path.display()))
    }
}

impl SystemUser {
    fn named(name: &str, passwd: &str) -> Option<Self> {
        let mut fields = passwd
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?
            .split(':')
            .skip(1);
        Some(Self {
            uid: fields.next()?.parse().ok()?,
            gid: fields.next()?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_user_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\npostgres2:x:7:8::/:/bin/sh\npostgres:x:105:113:,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(
            SystemUser::named("postgres", passwd),
            Some(SystemUser { uid: 105, gid: 113 })
        );
        assert_eq!(SystemUser::named("nobody", passwd), None);
    }
}

//! Installing Debian packages as root or with sudo, saying so, and starting no service by it.

use crate::environment;
use crate::failure::{Failure, Outcome, While};
use crate::process::{Crew, Task, last_lines};
use crate::say;
use std::fs::File;
use std::io::IsTerminal;
use std::path::Path;
use std::process::{Command, Stdio};

/// One script for one sudo: it restores what it changed also when it is interrupted.
const SCRIPT: &str = include_str!("install.sh");

/// How this process may install packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Privilege {
    Root,
    Sudo,
}

impl Privilege {
    /// `None` where there is no apt, or no right to use it. May ask for sudo's password, so it is
    /// called before anything else writes to the terminal.
    pub(crate) fn find() -> Option<Self> {
        let has_apt =
            Path::new("/etc/debian_version").exists() && Path::new("/usr/bin/apt-get").exists();
        if !has_apt {
            return None;
        }
        if environment::is_root() {
            return Some(Self::Root);
        }
        let quiet = Command::new("sudo")
            .args(["-n", "true"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match quiet {
            Ok(status) if status.success() => Some(Self::Sudo),
            Ok(_) if std::io::stderr().is_terminal() && std::io::stdin().is_terminal() => {
                say::note(
                    "Packages have to be installed; sudo may ask for your password (Ctrl-C to refuse).",
                );
                let asked = Command::new("sudo").arg("-v").status();
                asked
                    .is_ok_and(|status| status.success())
                    .then_some(Self::Sudo)
            }
            _ => None,
        }
    }

    /// Root's shell. sudo was asked for its password before, so here it must not ask again.
    fn shell(self) -> Command {
        match self {
            Self::Root => Command::new("sh"),
            Self::Sudo => {
                let mut command = Command::new("sudo");
                command.args(["-n", "sh"]);
                command
            }
        }
    }
}

/// `apt-get update` and install. The output goes to a log, which a failure quotes.
pub(crate) fn apt_install(crew: &Crew<'_>, privilege: Privilege, packages: &[&str]) -> Outcome {
    let began = environment::now();
    let path = crew.checkout.log("install");
    let list = packages.join(" ");
    say::step(&format!(
        "Installing {list} with apt-get; it starts no service (log: {})",
        crew.checkout.shown(&path)
    ));
    let log = File::create(&path).while_doing(|| format!("opening {}", path.display()))?;
    let mut shell = privilege.shell();
    shell
        .args(["-c", SCRIPT, "install.sh"])
        .args(packages)
        .stderr(Stdio::from(log));
    let task = Task {
        name: "apt-get",
        interruptible: false,
    };
    let copy = path.clone();
    let (status, ()) = crew.run(&task, &mut shell, move |mut stdout| {
        if let Ok(mut log) = File::options().append(true).open(copy) {
            let _ = std::io::copy(&mut stdout, &mut log);
        }
    })?;
    if !status.success() {
        return Err(Failure::new(format!("apt-get could not install {list}"))
            .why(last_lines(&path))
            .advice(format!("Mend that (often: no network, or another apt is running), or install by hand:\nsudo apt-get install {list}")));
    }
    say::note(&format!("installed {list} in {}", say::elapsed(began)));
    Ok(())
}

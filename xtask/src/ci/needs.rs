//! Programs of the system that some checks need, and their installation on Debian and Ubuntu.

use crate::environment;
use crate::failure::Outcome;
use crate::process::Crew;
use crate::say;
use crate::servers::{Privilege, apt_install, postgres_programs};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A Debian package and how its presence shows, also where it came from somewhere else.
pub(crate) struct Need {
    pub(crate) package: &'static str,
    is_there: fn() -> bool,
}

/// Debian splits `venv` from Python, and a venv without pip is of no use.
pub(crate) const PYTHON: Need = Need {
    package: "python3-venv",
    is_there: || {
        let mut python = Command::new("python3");
        python
            .args(["-c", "import ensurepip, venv"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        python.status().is_ok_and(|status| status.success())
    },
};
pub(crate) const CHROMIUM: Need = Need {
    package: "chromium",
    is_there: || chromium().is_some(),
};
pub(crate) const CURL: Need = Need {
    package: "curl",
    is_there: || program("curl").is_some(),
};
/// Reads the database of advisories.
pub(crate) const GIT: Need = Need {
    package: "git",
    is_there: || program("git").is_some(),
};
/// For programs that use its `fetch`, which older ones lack.
pub(crate) const NODE: Need = Need {
    package: "nodejs",
    is_there: || {
        let mut node = Command::new("node");
        node.args(["-e", "process.exit(typeof fetch === 'function' ? 0 : 1)"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        node.status().is_ok_and(|status| status.success())
    },
};
pub(crate) const NGINX: Need = Need {
    package: "nginx",
    is_there: || program("nginx").is_some(),
};
pub(crate) const CADDY: Need = Need {
    package: "caddy",
    is_there: || program("caddy").is_some(),
};
/// For `systemd-analyze`, which reads units where systemd itself does not run, too.
pub(crate) const SYSTEMD: Need = Need {
    package: "systemd",
    is_there: || program("systemd-analyze").is_some(),
};
pub(crate) const STRACE: Need = Need {
    package: "strace",
    is_there: || program("strace").is_some(),
};
/// With it comes `promtool`, which runs the tests of alerts.
pub(crate) const PROMETHEUS: Need = Need {
    package: "prometheus",
    is_there: || program("prometheus").is_some() && program("promtool").is_some(),
};
/// The programs, to start servers of a check's own; where the others come from containers there are none.
pub(crate) const POSTGRES: Need = Need {
    package: "postgresql",
    is_there: || postgres_programs().is_some(),
};
/// For the C in `ring`, where programs are built static.
pub(crate) const MUSL: Need = Need {
    package: "musl-tools",
    is_there: || program("musl-gcc").is_some(),
};
/// The peer that fan-out is measured beside.
pub(crate) const NCHAN: Need = Need {
    package: "libnginx-mod-nchan",
    is_there: || Path::new("/usr/lib/nginx/modules/ngx_nchan_module.so").exists(),
};
/// Readings may be in one: version 1, which Debian has.
pub(crate) const INFLUXDB: Need = Need {
    package: "influxdb",
    is_there: || program("influxd").is_some(),
};
/// Reads docker-compose.yml without an engine; a `docker` with the compose plugin does as well.
pub(crate) const COMPOSE: Need = Need {
    package: "docker-compose",
    is_there: || compose().is_some(),
};

/// Whatever the distribution calls it.
pub(crate) fn chromium() -> Option<PathBuf> {
    let mac = PathBuf::from("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome");
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find_map(program);
    found.or_else(|| mac.exists().then_some(mac))
}

/// The compose command that is there, as words.
pub(crate) fn compose() -> Option<Vec<String>> {
    let plugin = Command::new("docker")
        .args(["compose", "version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if plugin.is_ok_and(|status| status.success()) {
        return Some(vec!["docker".into(), "compose".into()]);
    }
    program("docker-compose").map(|path| vec![path.display().to_string()])
}

/// Installs what is missing; returns the packages that are still missing afterwards.
pub(crate) fn install(
    crew: &Crew<'_>,
    needs: impl Iterator<Item = &'static Need>,
) -> Outcome<Vec<&'static str>> {
    let mut needs: Vec<&Need> = needs.collect();
    needs.sort_by_key(|need| need.package);
    needs.dedup_by_key(|need| need.package);
    needs.retain(|need| !(need.is_there)());
    if needs.is_empty() {
        return Ok(Vec::new());
    }
    let packages: Vec<&str> = needs.iter().map(|need| need.package).collect();
    match Privilege::find() {
        Some(privilege) => apt_install(crew, privilege, &packages)?,
        None => say::note(&format!(
            "cannot install {}: neither root nor sudo with apt-get",
            packages.join(", ")
        )),
    }
    needs.retain(|need| !(need.is_there)());
    Ok(needs.into_iter().map(|need| need.package).collect())
}

/// Debian keeps servers in /usr/sbin, which a normal user's PATH lacks.
fn program(name: &str) -> Option<PathBuf> {
    let path = environment::variable("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

//! nginx as a peer: found or installed, and told by a configuration of our own to run in a folder of
//! ours with one worker. No system file is read or written.

use super::options::Peers;
use crate::environment;
use crate::failure::{Failure, Outcome, While};
use crate::process::Crew;
use crate::say;
use crate::servers::{Privilege, apt_install};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAMS: &[&str] = &[
    "/usr/sbin/nginx",
    "/opt/homebrew/bin/nginx",
    "/usr/local/bin/nginx",
];
const NCHAN: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";
const PACKAGES: &[&str] = &["nginx-light", "libnginx-mod-nchan"];

/// An nginx that can be started.
pub(super) struct Nginx {
    program: PathBuf,
    nchan: bool,
}

impl Nginx {
    /// `None` where it is not wanted, or not there and not to be installed.
    pub(super) fn find(crew: &Crew<'_>, peers: Peers) -> Outcome<Option<Self>> {
        if peers == Peers::LeaveOut {
            return Ok(None);
        }
        let missing = Self::installed().is_none_or(|nginx| !nginx.nchan);
        if missing && peers == Peers::Install {
            let privilege = Privilege::find().ok_or_else(|| {
                Failure::new("nginx cannot be installed from here")
                    .why("no apt-get with root or sudo rights")
                    .advice(
                        "Install nginx and its Nchan module by hand, or leave out --install-peers.",
                    )
            })?;
            apt_install(crew, privilege, PACKAGES)?;
        }
        let found = Self::installed();
        if found.is_none() {
            say::note(
                "nginx is not installed: nothing to compare with (--install-peers installs it)",
            );
        }
        Ok(found)
    }

    fn installed() -> Option<Self> {
        let program = PROGRAMS
            .iter()
            .map(PathBuf::from)
            .find(|path| path.exists())?;
        let nchan = Path::new(NCHAN).exists();
        Some(Self { program, nchan })
    }

    pub(super) fn has_nchan(&self) -> bool {
        self.nchan
    }

    /// A command that serves the files of `folder` on this port, and with Nchan /sub and /pub.
    pub(super) fn server(&self, folder: &Path, port: u16, connections: usize) -> Outcome<Command> {
        let files = folder.join("files");
        fs::create_dir_all(&files).while_doing(|| format!("making {}", files.display()))?;
        let path = folder.join("nginx.conf");
        fs::write(&path, self.configuration(folder, port, connections))
            .while_doing(|| format!("writing {}", path.display()))?;
        let mut command = Command::new(&self.program);
        command.arg("-p").arg(folder).arg("-c").arg(&path);
        command.arg("-e").arg(folder.join("error.log"));
        Ok(command)
    }

    fn configuration(&self, folder: &Path, port: u16, connections: usize) -> String {
        // As root it would drop to a user who cannot enter a checkout under a 0700 home.
        let user = if environment::is_root() {
            "user root;\n"
        } else {
            ""
        };
        let load = if self.nchan {
            format!("load_module {NCHAN};\n")
        } else {
            String::new()
        };
        let nchan = if self.nchan { NCHAN_LOCATIONS } else { "" };
        let folder = folder.display();
        // With less than a sixteenth free, nginx would close the idle connection of the publisher.
        let room = connections + connections / 4 + 500;
        format!(
            "{user}{load}worker_processes 1;\ndaemon off;\npid {folder}/nginx.pid;\n\
             error_log {folder}/error.log error;\n\
             events {{ worker_connections {room}; }}\n\
             http {{\n  access_log off;\n  tcp_nodelay on;\n  keepalive_requests 1000000000;\n\
             \x20 client_body_temp_path {folder}/body;\n  proxy_temp_path {folder}/proxy;\n\
             \x20 fastcgi_temp_path {folder}/fastcgi;\n  uwsgi_temp_path {folder}/uwsgi;\n\
             \x20 scgi_temp_path {folder}/scgi;\n  open_file_cache max=16;\n\
             \x20 default_type application/json;\n\
             \x20 server {{\n    listen 127.0.0.1:{port} backlog=4096;\n{nchan}\
             \x20   location / {{ root {folder}/files; add_header Cache-Control no-store; }}\n  }}\n}}\n"
        )
    }
}

/// Only what is published from now on, to everybody at once, kept in memory.
const NCHAN_LOCATIONS: &str = "    location = /sub {
      nchan_subscriber eventsource;
      nchan_channel_id bench;
      nchan_subscriber_first_message newest;
    }
    location = /pub {
      nchan_publisher;
      nchan_channel_id bench;
    }
";

/// The one worker of the master with this process id: it does the work that is measured.
pub(super) fn worker_of(master: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

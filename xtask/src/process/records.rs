//! What is running, written down: so that whatever ends us, somebody can still end that.
//! A folder per crew and supervisor, a file per process.

use crate::checkout::Checkout;
use crate::environment;
use crate::process::identity::Identity;
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a leftover may take to end before it is killed.
const GRACE: Duration = Duration::from_secs(15);

#[derive(Serialize, Deserialize)]
struct Record {
    #[serde(flatten)]
    identity: Identity,
    /// The number of the signal that this program ends cleanly at.
    stop: i32,
}

/// `pids/<crew>-<supervisor's pid>`: a watchdog sweeps only what its own supervisor started.
pub(crate) fn folder(checkout: &Checkout, crew: &str) -> PathBuf {
    checkout
        .state
        .join("pids")
        .join(format!("{crew}-{}", std::process::id()))
}

/// A record that cannot be written costs only the clean-up after a crash, so it stops nothing.
pub(crate) fn write(folder: &Path, name: &str, pid: u32, stop: Signal) {
    let Some(identity) = Identity::of(pid) else {
        return;
    };
    let record = Record {
        identity,
        stop: stop.as_raw(),
    };
    if let Ok(text) = serde_json::to_string(&record) {
        let _ = fs::write(folder.join(name), text);
    }
}

/// Called after the program has been reaped: a record may only ever name what could still run.
pub(crate) fn remove(folder: &Path, name: &str) {
    let _ = fs::remove_file(folder.join(name));
}

/// Ends what dead supervisors of this crew left. The caller holds the crew's lock.
pub(crate) fn sweep_crew(checkout: &Checkout, crew: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(checkout.state.join("pids")) else {
        return Vec::new();
    };
    let folders = entries.flatten().map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.rsplit_once('-').is_some_and(|(of, _)| of == crew)
    });
    folders.flat_map(|folder| sweep(&folder)).collect()
}

/// Ends every process of a folder that is still the one that was recorded; says which they were.
pub(crate) fn sweep(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut alive: Vec<(String, Record)> = entries
        .flatten()
        .filter_map(|entry| {
            let record: Record =
                serde_json::from_str(&fs::read_to_string(entry.path()).ok()?).ok()?;
            Some((entry.file_name().to_string_lossy().into_owned(), record))
        })
        .filter(|(_, record)| record.identity.is_alive())
        .collect();
    let names = alive.iter().map(|(name, _)| name.clone()).collect();
    for (_, record) in &alive {
        let signal = Signal::from_named_raw(record.stop).unwrap_or(Signal::TERM);
        record.identity.signal_group(signal);
    }
    let deadline = environment::now() + GRACE;
    while !alive.is_empty() && environment::now() < deadline {
        environment::pause(Duration::from_millis(50));
        alive.retain(|(_, record)| record.identity.is_alive());
    }
    for (_, record) in &alive {
        record.identity.signal_group(Signal::KILL);
    }
    let _ = fs::remove_dir_all(folder);
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    #[test]
    fn a_sweep_ends_what_was_recorded_and_nothing_that_only_has_its_number() {
        let folder = std::env::temp_dir().join(format!("farol-sweep-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let sleeper = || {
            Command::new("sleep")
                .arg("600")
                .process_group(0)
                .spawn()
                .unwrap()
        };
        let (mut ours, mut stranger) = (sleeper(), sleeper());
        write(&folder, "ours", ours.id(), Signal::TERM);
        let forged = serde_json::json!({ "pid": stranger.id(), "started": "1", "stop": 15 });
        fs::write(folder.join("stranger"), forged.to_string()).unwrap();
        let reaper = std::thread::spawn(move || ours.wait().unwrap());
        assert_eq!(sweep(&folder), ["ours"]);
        assert!(!reaper.join().unwrap().success());
        assert!(
            stranger.try_wait().unwrap().is_none(),
            "the stranger lives on"
        );
        assert!(!folder.exists());
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }
}

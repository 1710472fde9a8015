//! Which process a process id means: numbers are used again, so each is kept with its start time.

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde::{Deserialize, Serialize};

/// A process as it was when it was started; another one with the same number is not equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    started: String,
}

impl Identity {
    /// `None` when no such process exists (any more).
    pub(crate) fn of(pid: u32) -> Option<Self> {
        start_time(pid).map(|started| Self { pid, started })
    }

    /// False also for a process that took over the number.
    pub(crate) fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Does nothing when the process is gone, so that no stranger is hit.
    pub(crate) fn signal_group(&self, signal: Signal) {
        if self.is_alive() {
            signal_group(self.pid, signal);
        }
    }
}

/// Sends to a group that we made (its leader's pid is its name). That it has gone is no error.
pub(crate) fn signal_group(pid: u32, signal: Signal) {
    if let Some(pid) = as_pid(pid) {
        let _ = kill_process_group(pid, signal);
    }
}

/// Sends to one process. That it has gone is no error.
pub(crate) fn signal_process(pid: u32, signal: Signal) {
    if let Some(pid) = as_pid(pid) {
        let _ = kill_process(pid, signal);
    }
}

/// 0 and 1 never: to `kill` they mean our own group and the system's first process.
fn as_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid)
        .ok()
        .filter(|pid| *pid > 1)
        .and_then(Pid::from_raw)
}

#[cfg(target_os = "linux")]
fn start_time(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    start_field(&stat)
}

/// Field 22 of proc(5) stat: clock ticks between boot and start. The name in parentheses may hold
/// spaces and parentheses, so counting starts after the last one. A zombie is no longer running.
#[cfg(target_os = "linux")]
fn start_field(stat: &str) -> Option<String> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    (state != "Z" && state != "X").then(|| fields.nth(18).map(str::to_owned))?
}

#[cfg(not(target_os = "linux"))]
fn start_time(pid: u32) -> Option<String> {
    let listed = std::process::Command::new("ps")
        .args(["-o", "lstart=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    let started = String::from_utf8_lossy(&listed.stdout).trim().to_owned();
    (!started.is_empty()).then_some(started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_itself_and_no_other_with_its_number() {
        let mine = Identity::of(std::process::id()).unwrap();
        assert!(mine.is_alive());
        let other = Identity {
            started: "1".into(),
            ..mine
        };
        assert!(!other.is_alive());
    }

    #[test]
    fn an_ended_process_is_not_alive() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let identity = Identity::of(child.id());
        child.wait().unwrap();
        assert!(!identity.is_some_and(|it| it.is_alive()));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_start_time_is_found_behind_any_name() {
        let tail = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        assert_eq!(
            start_field(&format!("99 (a) b (c) {tail}")).as_deref(),
            Some("4711")
        );
        assert_eq!(
            start_field("99 (gone) Z 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20"),
            None
        );
        assert_eq!(start_field("nonsense"), None);
    }
}

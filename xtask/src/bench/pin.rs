//! Which core does what: the server has one for itself and the load another, so that the figures of
//! the one are not the other's.

/// A core for the server and one for the load; the same where there is only one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cores {
    pub(super) server: usize,
    pub(super) load: usize,
}

impl Cores {
    pub(super) fn find() -> Self {
        let allowed = allowed();
        let first = allowed.first().copied().unwrap_or(0);
        Self {
            server: first,
            load: allowed.get(1).copied().unwrap_or(first),
        }
    }

    /// Programs that `start` starts run on the server's core only.
    pub(super) fn on_server<T>(self, start: impl FnOnce() -> T) -> T {
        on(self.server, start)
    }

    /// Programs that `start` starts run on the load's core only.
    pub(super) fn on_load<T>(self, start: impl FnOnce() -> T) -> T {
        on(self.load, start)
    }
}

/// A child inherits the cores of the thread that starts it, so this thread goes there for a while.
#[cfg(target_os = "linux")]
fn on<T>(core: usize, start: impl FnOnce() -> T) -> T {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let before = sched_getaffinity(None);
    let mut only = CpuSet::new();
    only.set(core);
    // A refusal leaves the program unpinned: noisier, not wrong.
    let _ = sched_setaffinity(None, &only);
    let result = start();
    if let Ok(before) = before {
        let _ = sched_setaffinity(None, &before);
    }
    result
}

#[cfg(target_os = "linux")]
fn allowed() -> Vec<usize> {
    use rustix::thread::{CpuSet, sched_getaffinity};
    let set = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    (0..CpuSet::MAX_CPU)
        .filter(|core| set.is_set(*core))
        .collect()
}

#[cfg(not(target_os = "linux"))]
fn on<T>(_core: usize, start: impl FnOnce() -> T) -> T {
    start()
}

#[cfg(not(target_os = "linux"))]
fn allowed() -> Vec<usize> {
    Vec::new()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_program_is_allowed_one_core_and_we_are_allowed_all_again() {
        let before = allowed();
        let cores = Cores::find();
        let status = cores.on_load(|| std::fs::read_to_string("/proc/thread-self/status").unwrap());
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        assert_eq!(line.unwrap().trim(), cores.load.to_string());
        assert_eq!(allowed(), before);
    }
}

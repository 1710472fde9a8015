//! CPU time and memory of the measured process, from /proc (proc(5)); elsewhere than on Linux there
//! is none, and the report says null. Memory that the kernel holds for sockets is in neither.

use std::fs;

/// A process to look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Observed(pub(crate) u32);

impl Observed {
    /// Nanoseconds on a CPU, user and system, of all threads that live now. The exact sum of
    /// the scheduler, not the 10 ms ticks of `stat`, which are too coarse for one change.
    pub(crate) fn cpu(self) -> Option<u64> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.0)).ok()?;
        let of_task = |task: fs::DirEntry| {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        };
        let spans: Vec<u64> = tasks.flatten().filter_map(of_task).collect();
        (!spans.is_empty()).then(|| spans.iter().sum())
    }

    /// Resident bytes. `statm` would do, but lags by some pages per CPU.
    pub(crate) fn resident(self) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.0)).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Rss:"))?;
        let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kibibytes * 1024)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::Observed;

    #[test]
    fn this_process_has_used_some_cpu_and_some_memory() {
        let me = Observed(std::process::id());
        let before = me.cpu().unwrap();
        let grown: Vec<u8> = vec![1; 32 << 20];
        assert!(me.resident().unwrap() > 32 << 20);
        assert!(me.cpu().unwrap() >= before);
        drop(grown);
    }

    #[test]
    fn a_process_that_is_not_there_has_none() {
        assert_eq!(Observed(u32::MAX).cpu(), None);
        assert_eq!(Observed(u32::MAX).resident(), None);
    }
}

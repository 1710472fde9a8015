//! What a process has used, as Linux tells it; nothing elsewhere.

use std::fs;

/// Clock ticks a second: the kernel's interface has had this value on every platform for decades.
const TICKS: f64 = 100.0;
/// Places of utime, stime, cutime and cstime behind the name of the program.
const TIMES: std::ops::Range<usize> = 11..15;

/// CPU seconds of a process so far, all threads.
pub(super) fn cpu_seconds(pid: u32) -> Option<f64> {
    let times = times(pid)?;
    Some(times.first()? + times.get(1)?)
}

/// CPU seconds of a process and of all its children, dead and alive.
pub(super) fn family_cpu_seconds(pid: u32) -> Option<f64> {
    let own: f64 = times(pid)?.iter().sum();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    let children = children
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok());
    // One that ends meanwhile is missed once, and is in its parent's sum the next time.
    Some(own + children.filter_map(cpu_seconds).sum::<f64>())
}

/// The most memory that a process ever had resident, in MiB.
pub(super) fn peak_mib(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}

fn times(pid: u32) -> Option<Vec<f64>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, a parenthesis included.
    let (_, behind) = stat.rsplit_once(')')?;
    let fields: Vec<f64> = behind
        .split_whitespace()
        .map(|field| field.parse().unwrap_or_default())
        .collect();
    let times = fields.get(TIMES)?;
    Some(times.iter().map(|ticks| ticks / TICKS).collect())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn our_own_use_is_told() {
        let pid = std::process::id();
        assert!(cpu_seconds(pid).is_some() && family_cpu_seconds(pid) >= cpu_seconds(pid));
        assert!(peak_mib(pid).unwrap() > 0.1);
        assert_eq!(cpu_seconds(0), None);
    }
}

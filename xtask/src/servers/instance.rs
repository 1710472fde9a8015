//! Which of this checkout's servers a command means, and how it means them.

use crate::failure::Outcome;
use crate::ports::ServerPorts;

/// The servers of one command: they share a name, by which their data, logs and records are told
/// from those of other commands that may run at the same time.
pub(crate) struct Instance {
    pub(crate) name: &'static str,
    pub(crate) ports: ServerPorts,
    /// Made anew each time and not kept safe from a crash of the machine: for tests.
    pub(crate) throwaway: bool,
    /// Begin without data.
    pub(crate) fresh: bool,
}

impl Instance {
    /// For one run, on ports that nobody else knows.
    pub(crate) fn throwaway(name: &'static str) -> Outcome<Self> {
        Ok(Self {
            name,
            ports: ServerPorts::any_free()?,
            throwaway: true,
            fresh: true,
        })
    }

    /// What an earlier run left is not wanted.
    pub(super) fn starts_anew(&self) -> bool {
        self.fresh || self.throwaway
    }

    /// What `server` is called as a member of the crew, with a log and a record of its own.
    pub(super) fn member(&self, server: &str) -> String {
        format!("{server}-{}", self.name)
    }
}

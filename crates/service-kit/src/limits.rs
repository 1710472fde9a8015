//! What the operating system allows this process. Limits on users are each service's own.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the soft limit of open files to the hard one: every stream is a file, and the usual soft limit of 1,024
/// is for programs that use `select`. A refusal is told and lived with.
pub fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, open_files = before, "the limit of open files cannot be raised");
    }
}

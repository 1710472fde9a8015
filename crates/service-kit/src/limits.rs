//! What the operating system allows this process. Limits on users are each service's own.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Files that a process has beside its streams: connections to databases, listeners, whoever asks for figures.
const BESIDE: u64 = 200;

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

/// The same for a service that has so many places by a setting: tells where there cannot be as many files, which is
/// better known at the start than on the day on which they are needed.
pub fn raise_open_files_for(setting: &'static str, places: usize) {
    raise_open_files();
    let limit = getrlimit(Resource::Nofile).current;
    if let Some(open_files) = limit.filter(|&limit| is_short(limit, places)) {
        tracing::warn!(
            setting,
            places,
            open_files,
            "the hard limit of open files is too low for all places"
        );
    }
}

fn is_short(open_files: u64, places: usize) -> bool {
    u64::try_from(places).is_ok_and(|places| open_files < places.saturating_add(BESIDE))
}

#[cfg(test)]
mod tests {
    use super::is_short;

    #[test]
    fn places_and_some_files_beside_them_must_fit() {
        assert!(is_short(4_096, 50_000));
        assert!(is_short(50_000, 50_000));
        assert!(!is_short(50_200, 50_000));
        assert!(!is_short(65_536, 50_000));
    }
}

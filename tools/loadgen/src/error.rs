//! What ends a load early. Lost or repeated changes are findings, not errors: they are in the report.

use std::io;

/// Why a load could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// A socket or a file failed.
    #[error("{0}: {1}")]
    Io(&'static str, io::Error),
    /// The other side answered something else than the load expects.
    #[error("{0}")]
    Unexpected(String),
    /// A phase of the run did not end in its time.
    #[error("gave up after {seconds} s {doing}")]
    TimedOut {
        /// What was waited for.
        doing: String,
        /// For how long.
        seconds: u64,
    },
}

/// Names what was being done when an operation failed.
pub(crate) trait While<T> {
    /// Turns the error into a [`LoadError`] that begins with `doing`.
    fn doing(self, doing: &'static str) -> Result<T, LoadError>;
}

impl<T> While<T> for io::Result<T> {
    fn doing(self, doing: &'static str) -> Result<T, LoadError> {
        self.map_err(|error| LoadError::Io(doing, error))
    }
}

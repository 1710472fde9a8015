//! Everything that in-process code logs, at TRACE, as text: for tests that grep for secrets.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Most bytes kept; a test that logs more fails rather than greps half of it.
const MOST: usize = 128 * 1024 * 1024;

/// The log of this process from a moment on. The subscriber is the process's only one, shared by
/// all its tests: look for secrets that no other test uses.
#[derive(Debug)]
pub struct LogCapture {
    buffer: Buffer,
    from: usize,
}

#[derive(Debug, Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl LogCapture {
    /// Captures from now on; panics if the process has another subscriber already.
    pub fn start() -> Self {
        static BUFFER: OnceLock<Buffer> = OnceLock::new();
        let buffer = BUFFER.get_or_init(|| {
            let buffer = Buffer::default();
            let installed = tracing_subscriber::fmt()
                .with_max_level(LevelFilter::TRACE)
                .with_ansi(false)
                .with_writer(buffer.clone())
                .try_init();
            installed.expect("no other subscriber in this process");
            buffer
        });
        let buffer = buffer.clone();
        let from = buffer
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len();
        Self { buffer, from }
    }

    /// What was logged since the start.
    pub fn text(&self) -> String {
        let all = self.buffer.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(
            all.len() < MOST,
            "more than {MOST} bytes of log: some are missing"
        );
        String::from_utf8_lossy(&all[self.from..]).into_owned()
    }

    /// Panics with the line if one contains `secret`; also if nothing at all was logged.
    pub fn assert_silent_about(&self, secret: &str) {
        let text = self.text();
        assert!(!text.is_empty(), "nothing was logged, so nothing is proved");
        if let Some(line) = text.lines().find(|line| line.contains(secret)) {
            panic!("the log tells {secret:?}: {line}");
        }
    }
}

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MOST.saturating_sub(all.len()).min(bytes.len());
        all.extend_from_slice(&bytes[..room]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Buffer {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

//! What the waiting parts of a crew look at: signals heard, and which programs have ended how.
//! One mutex and one condition for all, because a wait may end for any of these reasons.

use crate::environment;
use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Default)]
pub(super) struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The first signal asks to stop, the second not to wait for anything.
    signals: u32,
    /// Something beside what is waited for has failed: waiting is in vain.
    abandoned: bool,
    ended: BTreeMap<u32, ExitStatus>,
}

impl Board {
    /// Called by the signal thread.
    pub(super) fn note_signal(&self) {
        self.lock().signals += 1;
        self.changed.notify_all();
    }

    /// Called when one of two parallel pieces of work fails. Not a signal: what must not be cut short
    /// (dpkg) is not killed for it.
    pub(super) fn abandon(&self) {
        self.lock().abandoned = true;
        self.changed.notify_all();
    }

    /// Called by the thread that has reaped the program, so its pid may be used again from here on.
    pub(super) fn note_end(&self, pid: u32, status: ExitStatus) {
        self.lock().ended.insert(pid, status);
        self.changed.notify_all();
    }

    /// A signal came: the person wants to stop.
    pub(super) fn is_asked_to_stop(&self) -> bool {
        self.lock().signals > 0
    }

    /// A signal came, or what is being done makes no sense any more.
    pub(super) fn is_stopping(&self) -> bool {
        let state = self.lock();
        state.signals > 0 || state.abandoned
    }

    /// `None` while it runs.
    pub(super) fn status_of(&self, pid: u32) -> Option<ExitStatus> {
        self.lock().ended.get(&pid).copied()
    }

    /// Sleeps until something changes, but not longer than `limit`. A change just before the call
    /// is not noticed, so the limit is also how late a caller may learn of one.
    pub(super) fn wait_for_change(&self, limit: Duration) {
        drop(self.wait(self.lock(), limit));
    }

    /// Waits for an end however long it takes. `asked` is called for each request to stop, with
    /// the number of signals so far.
    pub(super) fn wait_for_end(&self, pid: u32, asked: impl Fn(u32)) -> ExitStatus {
        let mut told = 0;
        let mut state = self.lock();
        loop {
            if let Some(status) = state.ended.get(&pid) {
                return *status;
            }
            let requests = state.signals + u32::from(state.abandoned);
            if requests > told {
                told = requests;
                asked(state.signals);
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether the program ends in time. A signal during the wait (or a second one in all) means
    /// that the person does not want to wait that long.
    pub(super) fn ends_by(&self, pid: u32, deadline: Instant) -> bool {
        let mut state = self.lock();
        let patience = state.signals.max(1);
        loop {
            let left = deadline.saturating_duration_since(environment::now());
            if state.ended.contains_key(&pid) {
                return true;
            }
            if left.is_zero() || state.signals > patience {
                return false;
            }
            state = self.wait(state, left);
        }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, limit: Duration) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, limit);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// A thread that panicked while it held the lock has left plain numbers, which stay usable.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::sync::Arc;

    #[test]
    fn a_wait_for_an_end_is_woken_by_requests_and_ends_with_the_end() {
        let board = Arc::new(Board::default());
        let waiter = {
            let board = Arc::clone(&board);
            std::thread::spawn(move || {
                let heard = Mutex::new(Vec::new());
                let status = board.wait_for_end(7, |signals| {
                    heard.lock().unwrap().push(signals);
                });
                (status, heard.into_inner().unwrap())
            })
        };
        board.note_signal();
        assert!(board.is_asked_to_stop() && board.is_stopping());
        board.note_end(7, ExitStatus::from_raw(9));
        let (status, heard) = waiter.join().unwrap();
        assert_eq!(status, ExitStatus::from_raw(9));
        assert!(heard.len() <= 1, "{heard:?}");
        assert_eq!(board.status_of(7), Some(status));
    }

    #[test]
    fn abandoned_work_is_stopping_although_nobody_asked() {
        let board = Board::default();
        board.abandon();
        assert!(board.is_stopping() && !board.is_asked_to_stop());
    }

    #[test]
    fn an_end_in_time_is_told_from_one_that_does_not_come() {
        let board = Board::default();
        assert!(!board.ends_by(1, environment::now()));
        board.note_end(1, ExitStatus::from_raw(0));
        assert!(board.ends_by(1, environment::now()));
    }
}

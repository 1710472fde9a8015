//! The bell beside the outbox: whoever has committed a message rings it, and may wait for its confirm. No
//! message goes through here, so a ring that is lost costs the relay's next look at most.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use crate::infra::outbox_repo::OutboxRepo;

/// Confirmed messages that are remembered for those who begin to wait a moment too late.
const REMEMBERED: usize = 256;

/// Wakes the relay of this process. Clones share it.
#[derive(Clone, Debug)]
pub struct Bell {
    outbox: OutboxRepo,
    rung: Arc<Notify>,
    board: Arc<Mutex<Board>>,
}

/// Who waits for what. An entry is removed by the one who waits, however its wait ends.
#[derive(Debug, Default)]
struct Board {
    waiting: HashMap<i64, oneshot::Sender<()>>,
    confirmed: VecDeque<i64>,
}

/// Takes an entry off the board when its waiter is gone.
struct Waiting<'a> {
    bell: &'a Bell,
    outbox_id: i64,
}

impl Bell {
    /// A bell beside this outbox.
    pub fn new(outbox: OutboxRepo) -> Self {
        Self {
            outbox,
            rung: Arc::default(),
            board: Arc::default(),
        }
    }

    /// Wakes the relay.
    pub fn ring(&self) {
        self.rung.notify_one();
    }

    /// Wakes the relay and waits until the broker has confirmed this message: `true`; or for `wait`: `false`,
    /// and it will be published when the broker takes it. One waiter per message.
    pub async fn published_within(&self, outbox_id: i64, wait: Duration) -> bool {
        let confirmed = self.wait_for(outbox_id);
        self.ring();
        let Some((confirmed, _waiting)) = confirmed else {
            return true;
        };
        if timeout(wait, confirmed)
            .await
            .is_ok_and(|told| told.is_ok())
        {
            return true;
        }
        // Another replica's relay may have been quicker; it tells only the row.
        self.outbox.is_published(outbox_id).await.unwrap_or(false)
    }

    /// Resolves when the bell has been rung since the last call.
    pub(super) async fn rung(&self) {
        self.rung.notified().await;
    }

    /// Tells who waits for it that a message is confirmed.
    pub(super) fn confirmed(&self, outbox_id: i64) {
        let mut board = self.board();
        if let Some(waiter) = board.waiting.remove(&outbox_id) {
            // Gone meanwhile: nothing to tell.
            let _ = waiter.send(());
        }
        if board.confirmed.len() == REMEMBERED {
            board.confirmed.pop_front();
        }
        board.confirmed.push_back(outbox_id);
    }

    /// `None`: it is confirmed already.
    fn wait_for(&self, outbox_id: i64) -> Option<(oneshot::Receiver<()>, Waiting<'_>)> {
        let mut board = self.board();
        if board.confirmed.contains(&outbox_id) {
            return None;
        }
        let (told, confirmed) = oneshot::channel();
        board.waiting.insert(outbox_id, told);
        Some((
            confirmed,
            Waiting {
                bell: self,
                outbox_id,
            },
        ))
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.bell.board().waiting.remove(&self.outbox_id);
    }
}

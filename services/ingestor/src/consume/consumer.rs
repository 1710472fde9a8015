//! Listens for doorbells while there is a place for a run, and looks for queued runs by itself whenever a place
//! becomes free: the row is the truth, a message only makes it quick.

use std::time::Duration;

use farol_core::sync::Doorbell;
use service_kit::broker::{Consumer, Delivery};
use service_kit::random::Random;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::caller::Caller;
use super::dead_letters::DeadLetters;

/// How often a worker with a free place looks for queued runs that nobody rang for: parked ones, ones behind another
/// window, ones whose message was lost.
const LOOK: Duration = Duration::from_secs(5);

/// The loop over messages and free places.
pub struct Listener {
    /// The queue's end in this process.
    pub consumer: Consumer,
    /// Claims runs.
    pub caller: Caller,
    /// Takes what nobody can read.
    pub dead_letters: DeadLetters,
    /// Spreads the looks of many workers.
    pub random: Random,
}

impl Listener {
    /// Listens until the process stops. What is claimed goes on in tasks of its own.
    pub async fn run(mut self, stopping: CancellationToken) {
        stopping.run_until_cancelled(self.listen()).await;
        self.consumer.pause().await;
    }

    async fn listen(&mut self) {
        loop {
            let open = self.keep_open().await;
            tokio::select! {
                () = self.caller.slots.freed() => self.caller.look().await,
                () = sleep(self.random.jitter(LOOK, 0.2)) => self.caller.look().await,
                delivery = self.consumer.next(), if open => match delivery {
                    Some(delivery) => self.heard(delivery).await,
                    // The process is stopping, and so is this loop.
                    None => return,
                },
            }
        }
    }

    /// Without a place the consumer is cancelled: others may take the messages, and none is held across a run, which
    /// RabbitMQ would punish by closing the channel.
    async fn keep_open(&mut self) -> bool {
        let free = self.caller.slots.free();
        if free == 0 {
            self.consumer.pause().await;
        } else {
            // Every message is dealt with before the next one is looked at, so one at a time is all that we want.
            self.consumer.resume(1);
        }
        free > 0
    }

    async fn heard(&mut self, delivery: Delivery) {
        let id = delivery.message_id.as_deref();
        let answered = match Doorbell::parse(&delivery.body) {
            Ok(bell) => self.caller.answer(&bell, &delivery).await,
            Err(why) => Err(why),
        };
        let outcome = match answered {
            Ok(outcome) => outcome,
            Err(why) => {
                if !self.dead_letters.put(&delivery.body, id, &why).await {
                    // It goes back to its queue, and work that needs no message is done meanwhile.
                    self.consumer.pause().await;
                    return self.caller.look().await;
                }
                "dead"
            }
        };
        self.caller.kit.metrics.message(outcome);
        tracing::debug!(message_id = id, outcome, "message answered");
        if !delivery.ack().await {
            // It comes again, and finds its row.
            tracing::debug!("the channel of a message is gone");
        }
    }
}

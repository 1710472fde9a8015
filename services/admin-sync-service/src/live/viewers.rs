//! The task that keeps viewers of runs informed: rows are read when a doorbell rings, when somebody comes, and every
//! now and then. What a viewer was told is only written down once the gateway has it, so a lost event is told again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use gateway_client::{ConnectionManager, Identifier, Token};
use serde_json::json;
use service_kit::clock::Clock;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::lobby::Wakes;
use super::room::TASK;
use super::said::Said;
use super::task::Task;
use super::telling::{PACE, Say, Told};
use crate::infra::task_repo::TaskRepo;

/// Calls of the gateway at once.
const AT_ONCE: usize = 16;

/// Keeps viewers informed.
pub struct Viewers {
    /// Who watches.
    pub manager: ConnectionManager,
    /// What they watch.
    pub tasks: TaskRepo,
    /// What says that it is time to look.
    pub wakes: Wakes,
    /// Stamps events.
    pub clock: Clock,
    /// The longest time between two looks, whatever rings.
    pub poll: Duration,
}

/// Who is looked after in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Newcomers,
    Everybody,
}

struct Viewer {
    room: Identifier,
    token: Token,
    told: Told,
}

type Present = HashMap<Uuid, Task>;

impl Viewers {
    /// Goes on until the process stops.
    pub async fn run(self, stopping: CancellationToken) {
        stopping.run_until_cancelled(self.rounds()).await;
    }

    async fn rounds(&self) {
        let mut told = HashMap::new();
        let mut not_before = Instant::now();
        let mut at_last = not_before + self.poll;
        loop {
            let look = self.next(not_before, at_last).await;
            let held = self.round(look, &mut told).await;
            let now = Instant::now();
            if look == Look::Everybody {
                not_before = now + PACE;
                at_last = now + self.poll;
            }
            if held {
                at_last = not_before;
            }
        }
    }

    async fn next(&self, not_before: Instant, at_last: Instant) -> Look {
        let changed = async {
            sleep_until(not_before).await;
            tokio::select! {
                () = self.wakes.run.notified() => {}
                () = sleep_until(at_last) => {}
            }
        };
        tokio::select! {
            () = self.wakes.viewer.notified() => Look::Newcomers,
            () = changed => Look::Everybody,
        }
    }

    /// Whether something was kept back for a moment.
    async fn round(&self, look: Look, told: &mut HashMap<Token, Told>) -> bool {
        let viewers = self.due(look, told);
        let asked: HashSet<Uuid> = viewers.iter().filter_map(|it| id(&it.room)).collect();
        let asked: Vec<Uuid> = asked.into_iter().collect();
        // The database being away is told by whoever watches it; who is waiting is looked after in the next round.
        let present = match self.tasks.find(&asked).await {
            Ok(present) => Arc::new(present),
            Err(_) => return false,
        };
        let away = AtomicBool::new(false);
        let outcomes: Vec<(Token, Told, bool)> = stream::iter(viewers)
            .map(|viewer| self.tell(viewer, &present, &away))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut held = false;
        for (token, heard, kept_back) in outcomes {
            told.insert(token, heard);
            held |= kept_back;
        }
        held
    }

    /// Who is to be looked after; who has left is forgotten.
    fn due(&self, look: Look, told: &mut HashMap<Token, Told>) -> Vec<Viewer> {
        let mut rooms = self.manager.identifiers();
        rooms.retain(|room| room.kind() == TASK);
        let viewers = rooms.into_iter().flat_map(|room| {
            let tokens = self.manager.tokens(&room).into_iter();
            tokens.map(move |token| (room.clone(), token))
        });
        let viewers: Vec<(Identifier, Token)> = viewers.collect();
        if look == Look::Everybody {
            let here: HashSet<&Token> = viewers.iter().map(|(_, token)| token).collect();
            told.retain(|token, _| here.contains(token));
        }
        let is_due = |token: &Token| look == Look::Everybody || !told.contains_key(token);
        let due = viewers.into_iter().filter(|(_, token)| is_due(token));
        due.map(|(room, token)| {
            let told = told.get(&token).cloned().unwrap_or_default();
            Viewer { room, token, told }
        })
        .collect()
    }

    /// Tells one viewer what it does not know, until the gateway fails; what it has heard now, and whether something
    /// was kept back.
    async fn tell(
        &self,
        viewer: Viewer,
        present: &Present,
        away: &AtomicBool,
    ) -> (Token, Told, bool) {
        let Viewer {
            room,
            token,
            mut told,
        } = viewer;
        let task = id(&room).and_then(|id| present.get(&id));
        while let Some(say) = told.due(task) {
            if matches!(say, Say::Progress(_)) && told.is_paced(Instant::now()) {
                return (token, told, true);
            }
            if away.load(Ordering::Relaxed) {
                break;
            }
            if !self.say(&room, &token, task, &say).await {
                // Where only this client is gone, the others are not kept waiting.
                let still_here = self.manager.tokens(&room).contains(&token);
                away.fetch_or(still_here, Ordering::Relaxed);
                break;
            }
            told.heard(say, Instant::now());
        }
        (token, told, false)
    }

    async fn say(&self, room: &Identifier, token: &Token, task: Option<&Task>, say: &Say) -> bool {
        let now = self.clock.now();
        let (said, data) = match (say, task) {
            (Say::Farewell(reason), _) => {
                let data = json!({ "reason": reason });
                (Said::ConnectionClose, data.to_string())
            }
            (_, None) => {
                let data = json!({"error": "Task not found", "task_id": room.id()});
                (Said::Error, data.to_string())
            }
            (Say::Started, Some(task)) => (Said::TaskEvent, task.started(now)),
            (Say::Progress(shown), Some(task)) => (Said::TaskEvent, task.progress(shown, now)),
            (Say::Ended, Some(task)) => (Said::TaskEvent, task.ended(now)),
        };
        let is_last = said == Said::ConnectionClose;
        let sent = self.manager.send_one(token, said.name(), &data, is_last);
        sent.await
    }
}

fn id(room: &Identifier) -> Option<Uuid> {
    room.id().parse().ok()
}

//! Which version of the frontend pages should be: each open page learns it when it comes and whenever it changes. An
//! announcement for one page waits for it, bounded in number and time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use gateway_client::{ConnectionManager, Identifier, Token};
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::lobby::{Lobby, Wakes};
use super::room::VERSION;
use super::said::Said;
use crate::infra::version_api::VersionApi;

/// Announcements that wait for one page.
const MOST_EACH: usize = 10;
/// Pages that are waited for.
const MOST_PAGES: usize = 1000;
/// An announcement is not waited with for longer.
const KEPT: Duration = Duration::from_mins(10);
/// Calls of the gateway at once.
const AT_ONCE: usize = 16;
/// How long the answer to an announcement waits for the first page that has it.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// What the gateway did not take is tried again after this.
const RETRY: Duration = Duration::from_secs(2);

/// A version, and what is new in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Announced {
    /// The version.
    pub version: String,
    /// What is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changelog: Option<String>,
}

/// What became of an announcement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Announcement {
    /// The page it was for; null where it was for all.
    #[serde(rename = "requestId")]
    pub request_id: Option<String>,
    /// Whether a page has it already.
    pub delivered: bool,
    /// `delivered`, or `queued` until a page comes.
    #[schema(example = "delivered")]
    pub status: &'static str,
}

/// What pages are told. Clones share it.
#[derive(Clone)]
pub struct Versions {
    manager: ConnectionManager,
    lobby: Lobby,
    wakes: Wakes,
    board: Arc<Mutex<Board>>,
    /// The newest change that a page has.
    reached: watch::Sender<u64>,
}

struct Board {
    /// `None` until the frontend was asked once: a guess would look like a change a moment later.
    current: Option<Announced>,
    /// Counts the changes of `current`.
    change: u64,
    waiting: HashMap<Identifier, VecDeque<(Instant, Announced)>>,
}

/// One open page, and the change that it knows.
struct Page {
    room: Identifier,
    token: Token,
    knows: u64,
}

impl Versions {
    /// Nobody was told anything yet.
    pub fn new(manager: ConnectionManager, lobby: Lobby, wakes: Wakes) -> Self {
        let board = Board {
            current: None,
            change: 0,
            waiting: HashMap::new(),
        };
        Self {
            manager,
            lobby,
            wakes,
            board: Arc::new(Mutex::new(board)),
            reached: watch::Sender::new(0),
        }
    }

    /// Tells all pages, those of later too.
    pub async fn announce(&self, announced: Announced) -> Announcement {
        let mut reached = self.reached.subscribe();
        let change = self.change_to(announced);
        let has_listeners = self.pages().next().is_some();
        let told = reached.wait_for(|reached| *reached >= change);
        let delivered = has_listeners && matches!(timeout(ANSWER_WITHIN, told).await, Ok(Ok(_)));
        Announcement::of(None, delivered)
    }

    /// Tells one page, when it comes.
    pub async fn announce_to(&self, page: &Identifier, announced: Announced) -> Announcement {
        let data = text(&announced);
        let delivered = self
            .manager
            .send(page, Said::Version.name(), &data, false)
            .await;
        if !delivered {
            self.lock().keep(page, announced);
            // It may have come meanwhile.
            self.wakes.version.notify_one();
        }
        Announcement::of(Some(page.id().to_owned()), delivered)
    }

    /// Keeps pages informed until the process stops.
    pub async fn run(self, stopping: CancellationToken) {
        stopping.run_until_cancelled(self.rounds()).await;
    }

    /// Follows the frontend's own file until the process stops; `own` is told while nobody knows better.
    pub async fn follow(
        self,
        file: Option<VersionApi>,
        own: Announced,
        every: Duration,
        stopping: CancellationToken,
    ) {
        let following = async {
            let mut last = None;
            loop {
                let found = match &file {
                    Some(file) => file.fetch().await.map(Some),
                    None => Ok(None),
                };
                match found {
                    Ok(Some(found)) if last.as_ref() != Some(&found) => {
                        last = Some(found.clone());
                        self.change_to(found);
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(%error, "the frontend's version cannot be read");
                    }
                }
                if self.lock().current.is_none() {
                    self.change_to(own.clone());
                }
                sleep(every).await;
            }
        };
        stopping.run_until_cancelled(following).await;
    }

    async fn rounds(&self) {
        let mut knows: HashMap<Token, u64> = HashMap::new();
        loop {
            let all_told = self.round(&mut knows).await;
            let again = async {
                if all_told {
                    std::future::pending::<()>().await;
                }
                sleep(RETRY).await;
            };
            tokio::select! {
                () = self.wakes.version.notified() => {}
                () = again => {}
            }
        }
    }

    /// Whether every page knows everything.
    async fn round(&self, knows: &mut HashMap<Token, u64>) -> bool {
        for old in self.lobby.take_replaced() {
            // A gateway that does not answer has no stream to close.
            self.manager.close_one(&old, "replaced").await;
        }
        let (current, change) = {
            let board = self.lock();
            (board.current.clone(), board.change)
        };
        let Some(current) = current else { return true };
        let pages: Vec<Page> = self
            .pages()
            .map(|(room, token)| Page {
                knows: knows.get(&token).copied().unwrap_or_default(),
                room,
                token,
            })
            .collect();
        let (data, due) = (text(&current), pages.len());
        let told: Vec<Option<(Token, bool)>> = stream::iter(pages)
            .map(|page| self.tell(page, &data, change))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let told: Vec<(Token, bool)> = told.into_iter().flatten().collect();
        let all_told = told.len() == due && told.iter().all(|(_, all)| *all);
        *knows = told.into_iter().map(|(token, _)| (token, change)).collect();
        all_told
    }

    /// Its token, if the page knows the version now, and whether it has all that waited for it.
    async fn tell(&self, page: Page, data: &str, change: u64) -> Option<(Token, bool)> {
        let Page { room, token, knows } = page;
        if knows < change {
            let told = self
                .manager
                .send_one(&token, Said::Version.name(), data, false)
                .await;
            if !told {
                return None;
            }
            self.reached.send_if_modified(|reached| {
                let newer = *reached < change;
                *reached = change.max(*reached);
                newer
            });
        }
        let waiting = self.lock().take(&room);
        let mut all = true;
        for announced in waiting {
            let data = text(&announced);
            let told = self
                .manager
                .send_one(&token, Said::Version.name(), &data, false)
                .await;
            if !told {
                self.lock().keep(&room, announced);
                all = false;
            }
        }
        Some((token, all))
    }

    fn change_to(&self, announced: Announced) -> u64 {
        let mut board = self.lock();
        board.change += 1;
        board.current = Some(announced);
        let change = board.change;
        drop(board);
        self.wakes.version.notify_one();
        change
    }

    fn pages(&self) -> impl Iterator<Item = (Identifier, Token)> {
        let mut rooms = self.manager.identifiers();
        rooms.retain(|room| room.kind() == VERSION);
        rooms.into_iter().flat_map(|room| {
            let tokens = self.manager.tokens(&room).into_iter();
            tokens.map(move |token| (room.clone(), token))
        })
    }

    /// Held for a few map operations, never across an await.
    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Board {
    fn keep(&mut self, page: &Identifier, announced: Announced) {
        self.waiting.retain(|_, kept| {
            kept.retain(|(since, _)| since.elapsed() < KEPT);
            !kept.is_empty()
        });
        let is_new = !self.waiting.contains_key(page);
        if is_new && self.waiting.len() >= MOST_PAGES {
            let oldest = self
                .waiting
                .iter()
                .min_by_key(|(_, kept)| kept.back().map(|(since, _)| *since));
            let oldest = oldest.map(|(page, _)| page.clone());
            oldest.map(|page| self.waiting.remove(&page));
        }
        let kept = self.waiting.entry(page.clone()).or_default();
        if kept.len() >= MOST_EACH {
            kept.pop_front();
        }
        kept.push_back((Instant::now(), announced));
    }

    fn take(&mut self, page: &Identifier) -> Vec<Announced> {
        let kept = self.waiting.remove(page).unwrap_or_default();
        let fresh = kept.into_iter().filter(|(since, _)| since.elapsed() < KEPT);
        fresh.map(|(_, announced)| announced).collect()
    }
}

impl Announcement {
    fn of(request_id: Option<String>, delivered: bool) -> Self {
        Self {
            request_id,
            delivered,
            status: if delivered { "delivered" } else { "queued" },
        }
    }
}

fn text(announced: &Announced) -> String {
    json!(announced).to_string()
}

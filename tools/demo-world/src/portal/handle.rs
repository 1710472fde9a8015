//! The portal as its owner sees it: start, fill, break, hold back, count. Only passes on: the parts
//! know how.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, Utc};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::fault::{Match, Rule};
use super::gate::Gate;
use super::query::Endpoint;
use super::record::Record;
use super::replay::{Replay, TraceStep};
use super::site::Inside;
use super::state::PageRead;
use super::store::Store;
use super::time::instant;
use super::world::World;
use crate::listen::accept;
use crate::requests::{Seen, TooFewRequests};

/// A running portal. Dropping it ends the listener and every connection.
#[derive(Debug)]
pub struct Portal {
    pub(super) site: Arc<Inside>,
    tasks: JoinSet<()>,
}

impl Portal {
    /// Starts empty on a free port of the loopback.
    ///
    /// # Errors
    /// When no port can be had. Must be called within a Tokio runtime.
    pub fn start() -> io::Result<Self> {
        Self::on(StdListener::bind(("127.0.0.1", 0))?)
    }

    /// Starts empty on a listener of the caller's.
    ///
    /// # Errors
    /// When the listener is unusable. Must be called within a Tokio runtime.
    pub fn on(listener: StdListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let site = Arc::new(Inside::new(listener.local_addr()?));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&site)));
        Ok(Self { site, tasks })
    }

    /// `http://127.0.0.1:PORT/api/consulta`: what `PNCP_BASE_URL` takes. Items are beside it, under
    /// `/api/pncp`.
    pub fn base_url(&self) -> String {
        self.site.base_url()
    }

    /// The address that is listened on.
    pub fn address(&self) -> SocketAddr {
        self.site.address
    }

    /// Adds a whole world to what is there.
    pub fn load(&self, world: World) -> &Self {
        let mut state = self.site.state();
        for record in world.records {
            state.store.put(record);
        }
        drop(state);
        self
    }

    /// Adds a procurement, or replaces the one with its key.
    pub fn put(&self, record: Record) -> &Self {
        self.site.state().store.put(record);
        self
    }

    /// Updates a procurement at that Brasília time. False if there is none of that key.
    pub fn update(&self, key: &str, at: NaiveDateTime) -> bool {
        self.site.state().store.update(key, at)
    }

    /// Takes a procurement away. False if there is none of that key.
    pub fn remove(&self, key: &str) -> bool {
        self.site.state().store.remove(key)
    }

    /// How many procurements there are.
    pub fn len(&self) -> usize {
        self.site.state().store.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many procurements an endpoint has in a half-open window of instants: the truth to
    /// compare with. `None` is all modalidades.
    pub fn count(
        &self,
        endpoint: Endpoint,
        modalidade: impl Into<Option<i16>>,
        window: Range<DateTime<Utc>>,
    ) -> usize {
        let state = self.site.state();
        state.store.count(endpoint, modalidade.into(), &window)
    }

    /// The keys of what `count` counts, sorted.
    pub fn keys(
        &self,
        endpoint: Endpoint,
        modalidade: impl Into<Option<i16>>,
        window: Range<DateTime<Utc>>,
    ) -> Vec<String> {
        let state = self.site.state();
        let mut keys = state.store.keys(endpoint, modalidade.into(), &window);
        drop(state);
        keys.sort_unstable();
        keys
    }

    /// The instant of a procurement's newest version (`dataAtualizacaoGlobal`).
    pub fn version(&self, key: &str) -> Option<DateTime<Utc>> {
        let state = self.site.state();
        state.store.get(key).map(|record| instant(record.updated))
    }

    /// How many items a procurement has; `None` where the detail service does not know it.
    pub fn items(&self, key: &str) -> Option<u32> {
        self.site
            .state()
            .store
            .get(key)
            .and_then(|record| record.items)
    }

    /// Whether `/atualizacao` keeps to no order: a stable one that has nothing to do with time.
    pub fn set_unordered(&self, unordered: bool) -> &Self {
        self.site.state().store.unordered = unordered;
        self
    }

    /// Adds a fault behind those that are there: the first one that a request meets counts.
    pub fn script(&self, rule: Rule) -> &Self {
        self.site.script(rule);
        self
    }

    /// The faults in force, with what is left of their budgets.
    pub fn rules(&self) -> Vec<Rule> {
        self.site.state().rules.clone()
    }

    /// All is well again.
    pub fn clear_faults(&self) -> &Self {
        self.site.clear_faults();
        self
    }

    /// From now on request n to the two lists meets what step n of the trace met, `speed` times as
    /// fast; after the last step all is as before. Rules wait until then. A step that timed out is
    /// never answered, whatever the speed: the client's own deadline ends it.
    pub fn replay(&self, trace: Vec<TraceStep>, speed: f64) -> &Self {
        self.site.state().replay = Replay::new(trace, speed);
        self
    }

    /// Steps of the trace that are still to come.
    pub fn replay_left(&self) -> usize {
        self.site.state().replay.left()
    }

    /// Calls back after each page that is answered with records, before anything else is read:
    /// for sets that move while they are read. Replaces an earlier hook.
    pub fn while_reading(&self, hook: impl FnMut(&PageRead, &mut Store) + Send + 'static) -> &Self {
        self.site.state().set_hook(Box::new(hook));
        self
    }

    /// Requests are accepted and counted, but answered only after the gate is released or dropped.
    pub fn hold(&self) -> Gate {
        self.hold_at(Match::any())
    }

    /// As `hold`, for these requests only.
    pub fn hold_at(&self, matches: Match) -> Gate {
        self.site.gates.close(matches)
    }

    /// The requests so far, oldest first; the last 10,000 of them, without those to `/_control`.
    pub fn requests(&self) -> Vec<Seen> {
        self.site.ledger.seen()
    }

    /// How many requests came, answered or not.
    pub fn request_count(&self) -> u64 {
        self.site.ledger.count()
    }

    /// Requests being answered, or held, right now.
    pub fn in_flight(&self) -> usize {
        self.site.ledger.in_flight()
    }

    /// The most requests that were ever being answered at one time.
    pub fn concurrent_max(&self) -> usize {
        self.site.ledger.concurrent_max()
    }

    /// Waits until at least `wanted` requests have come since the start.
    ///
    /// # Errors
    /// After 20 s, with both numbers in the text.
    pub async fn wait_for_requests(&self, wanted: u64) -> Result<(), TooFewRequests> {
        self.site.ledger.wait_for("portal", wanted).await
    }

    /// Ends, and returns once the port is free and every connection is closed.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

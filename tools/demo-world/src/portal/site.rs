//! The portal as its connections see it: what is shared, and the way of a request from its head to
//! its answer.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::fault::Rule;
use super::gate::Gates;
use super::query::Asked;
use super::replay::Replay;
use super::state::State;
use super::{answer, control};
use crate::listen::Site;
use crate::message::Request;
use crate::requests::Ledger;
use crate::wire::Connection;

/// What the connections share.
#[derive(Debug)]
pub(crate) struct Inside {
    state: Mutex<State>,
    pub(super) gates: Gates,
    pub(super) ledger: Ledger,
    pub(super) address: SocketAddr,
}

impl Inside {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            state: Mutex::new(State::new()),
            gates: Gates::new(),
            ledger: Ledger::new(),
            address,
        }
    }

    /// A page is rendered under this lock: copying fifty texts takes microseconds, and a page is of
    /// one moment.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn script(&self, rule: Rule) {
        if rule.times != Some(0) {
            self.state().rules.push(rule);
        }
    }

    pub(super) fn clear_faults(&self) {
        let mut state = self.state();
        state.rules.clear();
        state.replay = Replay::default();
    }

    pub(super) fn base_url(&self) -> String {
        format!("http://{}/api/consulta", self.address)
    }
}

impl Site for Arc<Inside> {
    async fn turn(
        &self,
        connection: Connection,
        request: &Request,
    ) -> io::Result<Option<Connection>> {
        let Some(asked) = Asked::read(&request.path).filter(|_| request.method == "GET") else {
            return connection
                .write(request, control::answer(self, request))
                .await;
        };
        let (in_flight, _) = self.ledger.admit(request);
        tokio::select! {
            () = self.gates.pass(&asked) => {}
            () = connection.gone() => return Ok(None),
        }
        let verdict = answer::answer(&mut self.state(), &asked);
        verdict.carry_out(connection, request, &in_flight).await
    }
}

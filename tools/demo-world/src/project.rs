//! One project of the client API and the handle by which tests, the simulation and the control
//! endpoints change it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::auth::Auth;
use crate::fault::{Fault, FaultPlan};
use crate::requests::{Ledger, Seen, TooFewRequests};
use crate::units::{Rendered, Shape, Units, render};

/// Which cache validators the answers carry and honour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validators {
    /// `ETag` and `Last-Modified`; `If-None-Match` wins over `If-Modified-Since` (RFC 9110, 13.2.2).
    #[default]
    Both,
    /// `ETag` only.
    ETag,
    /// `Last-Modified` only.
    LastModified,
    /// Neither: every answer is a full one.
    Neither,
}

/// Everything that one project is.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) name: String,
    pub(crate) ledger: Ledger,
    pub(crate) held: watch::Sender<bool>,
    state: Mutex<State>,
}

/// The part that changes, behind the project's lock.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) units: Units,
    pub(crate) shape: Shape,
    pub(crate) auth: Auth,
    pub(crate) validators: Validators,
    pub(crate) plan: Option<FaultPlan>,
    /// Changes of the units since the start.
    pub(crate) version: u64,
    /// Requests refused for their credentials.
    pub(crate) auth_failures: u64,
    /// The faultless body, kept until the units change: benches ask often.
    rendered: Option<Rendered>,
}

impl State {
    pub(crate) fn rendered(&mut self) -> Rendered {
        let (units, shape) = (&self.units, self.shape);
        self.rendered
            .get_or_insert_with(|| render(units, shape, None, 0))
            .clone()
    }

    fn changed(&mut self) {
        self.version += 1;
        self.rendered = None;
    }
}

impl Project {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ledger: Ledger::new(),
            held: watch::Sender::new(false),
            state: Mutex::default(),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A project as its owner sees it. Clones are the same project.
#[derive(Debug, Clone)]
pub struct ProjectHandle {
    pub(crate) project: Arc<Project>,
    pub(crate) base_url: String,
}

impl ProjectHandle {
    /// The project's name, the first part of its path.
    pub fn name(&self) -> &str {
        &self.project.name
    }

    /// Where it is asked, below the base address: `/{name}/units`.
    pub fn endpoint(&self) -> String {
        format!("/{}/units", self.project.name)
    }

    /// The whole address.
    pub fn url(&self) -> String {
        format!("{}{}", self.base_url, self.endpoint())
    }

    /// Replaces all units by (key, word) pairs.
    pub fn set_units<K: Into<String>, W: Into<String>>(
        &self,
        units: impl IntoIterator<Item = (K, W)>,
    ) -> &Self {
        let units = units
            .into_iter()
            .map(|(unit, word)| (unit.into(), word.into()))
            .collect();
        let mut state = self.project.state();
        state.units = units;
        state.changed();
        drop(state);
        self
    }

    /// Gives one unit a word; a new key is a new unit.
    pub fn set(&self, unit: impl Into<String>, word: impl Into<String>) -> &Self {
        let mut state = self.project.state();
        state.units.insert(unit.into(), word.into());
        state.changed();
        drop(state);
        self
    }

    /// Takes one unit away.
    pub fn remove(&self, unit: &str) -> &Self {
        let mut state = self.project.state();
        state.units.remove(unit);
        state.changed();
        drop(state);
        self
    }

    /// The units as they are now, sorted by key.
    pub fn units(&self) -> Vec<(String, String)> {
        let state = self.project.state();
        state
            .units
            .iter()
            .map(|(unit, word)| (unit.clone(), word.clone()))
            .collect()
    }

    /// Chooses the form of the body.
    pub fn set_shape(&self, shape: Shape) -> &Self {
        let mut state = self.project.state();
        state.shape = shape;
        state.changed();
        drop(state);
        self
    }

    /// Chooses the cache validators.
    pub fn set_validators(&self, validators: Validators) -> &Self {
        self.project.state().validators = validators;
        self
    }

    /// From now on requests must bring these credentials: 401 without any, 403 with others.
    pub fn require_auth(&self, auth: Auth) -> &Self {
        self.project.state().auth = auth;
        self
    }

    /// Requests refused for their credentials so far.
    pub fn auth_failures(&self) -> u64 {
        self.project.state().auth_failures
    }

    /// Every request from now on meets this fault.
    pub fn set_fault(&self, fault: Fault) -> &Self {
        self.set_plan(Some(FaultPlan {
            fault,
            requests: None,
        }))
    }

    /// The next `requests` requests meet this fault, those after it do not.
    pub fn set_fault_for(&self, requests: u32, fault: Fault) -> &Self {
        self.set_plan((requests > 0).then_some(FaultPlan {
            fault,
            requests: Some(requests),
        }))
    }

    /// All is well again.
    pub fn clear_fault(&self) -> &Self {
        self.set_plan(None)
    }

    /// The fault in force, with what is left of its budget.
    pub fn fault(&self) -> Option<FaultPlan> {
        self.project.state().plan.clone()
    }

    pub(crate) fn set_plan(&self, plan: Option<FaultPlan>) -> &Self {
        self.project.state().plan = plan;
        self
    }

    /// Requests are accepted and counted, but answered only after the gate is released or dropped.
    pub fn hold(&self) -> Gate {
        self.project.held.send_replace(true);
        Gate {
            project: Arc::clone(&self.project),
        }
    }

    /// The requests so far, oldest first; the last 10,000 of them.
    pub fn requests(&self) -> Vec<Seen> {
        self.project.ledger.seen()
    }

    /// How many requests came, answered or not.
    pub fn request_count(&self) -> u64 {
        self.project.ledger.count()
    }

    /// Requests being answered, or held, right now.
    pub fn in_flight(&self) -> usize {
        self.project.ledger.in_flight()
    }

    /// The most requests that were ever being answered at one time.
    pub fn concurrent_max(&self) -> usize {
        self.project.ledger.concurrent_max()
    }

    /// Waits until at least `wanted` requests have come since the start.
    ///
    /// # Errors
    /// After 20 s, with both numbers in the text.
    pub async fn wait_for_requests(&self, wanted: u64) -> Result<(), TooFewRequests> {
        self.project.ledger.wait_for(self.name(), wanted).await
    }
}

/// Holds a project's answers back; letting go of it lets them go.
#[derive(Debug)]
#[must_use = "dropping the gate releases what it holds"]
pub struct Gate {
    project: Arc<Project>,
}

impl Gate {
    /// Answers everything that waits, and from now on at once.
    pub fn release(self) {
        drop(self);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.project.held.send_replace(false);
    }
}

//! The frames of the status stream: each is encoded once per change, whatever
//! the number of viewers. The rules of SSE itself are in `farol_core::sse`.

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use farol_core::sse::{Event, EventId, EventName, Frame};
use farol_core::status::{Delta, Snapshot};
use serde::Serialize;
use tokio::time::Instant;

use super::Slug;
use super::present::{DataState, Present, Version, rfc3339};

static CONNECTED: EventName = EventName::from_static("connected");
static STATUS_UPDATE: EventName = EventName::from_static("status_update");
static BULK_UPDATE: EventName = EventName::from_static("bulk_update");
static STATE: EventName = EventName::from_static("state");
static PING: EventName = EventName::from_static("ping");
static CLOSED: EventName = EventName::from_static("closed");

/// Which events a viewer understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// `bulk_update` for changes.
    #[default]
    Changes,
    /// A full `status_update` for every change (`?mode=full`).
    Full,
}

/// What goes to the subscribers of a project for one step, in both modes.
#[derive(Debug)]
pub struct StatusFrame {
    /// For [`Mode::Changes`]; `None` where that is the whole state too.
    changes: Option<Frame>,
    /// Whether a change of units is in it, so that [`Mode::Full`] needs the whole.
    carries_units: bool,
    state_event: Option<Frame>,
    /// The name of an event in it that carries no units.
    other_event: Option<&'static str>,
    present: Option<Present>,
    whole: OnceLock<Frame>,
    /// When the change was known here; for the latency of its delivery.
    pub made_at: Instant,
}

impl StatusFrame {
    /// The whole present state, and the change of state that came with it.
    /// Encoded when first asked for, outside any lock.
    pub fn whole(present: Present, state_changed: bool) -> Arc<Self> {
        let state = state_changed.then(|| state_event(&present));
        Arc::new(Self {
            changes: None,
            carries_units: true,
            other_event: state_changed.then_some(STATE.as_str()),
            state_event: state,
            present: Some(present),
            ..Self::empty()
        })
    }

    /// Some changed units, and the change of state that came with them.
    pub fn units(changes: &Delta, state_changed: bool, present: Present) -> Arc<Self> {
        let bulk = bulk_update(changes, &present);
        let state = state_changed.then(|| state_event(&present));
        let both = match &state {
            Some(state) => Frame::concat(&[bulk, state.clone()]),
            None => bulk,
        };
        Arc::new(Self {
            changes: Some(both),
            carries_units: true,
            other_event: state_changed.then_some(STATE.as_str()),
            state_event: state,
            present: Some(present),
            ..Self::empty()
        })
    }

    /// A change of state alone.
    pub fn state(present: &Present) -> Arc<Self> {
        Self::one(&STATE, state_event(present))
    }

    /// Nothing at all: what a fold of changes that cancel out comes to.
    pub fn nothing() -> Arc<Self> {
        Arc::new(Self::empty())
    }

    /// A sign of life at `now`.
    pub fn ping(present: &Present, now: DateTime<Utc>) -> Arc<Self> {
        let data = Ping {
            time: now.timestamp(),
            state: present.state,
            as_of: present.as_of(),
        };
        Self::one(&PING, encode(Event::named(&PING), &data))
    }

    /// The last frame of a stream.
    pub fn closed(reason: &'static str) -> Arc<Self> {
        Self::one(&CLOSED, closed(reason, None))
    }

    /// The bytes for a viewer of `mode`; none for [`StatusFrame::nothing`].
    pub fn for_mode(&self, mode: Mode) -> &Frame {
        match &self.changes {
            Some(changes) if !self.is_whole(mode) => changes,
            _ => self.whole.get_or_init(|| self.encode_whole()),
        }
    }

    /// Bytes of the [`Mode::Changes`] form, where there is one.
    pub fn changes_len(&self) -> Option<usize> {
        self.changes.as_ref().map(Frame::len)
    }

    /// Whether `mode` gets the whole state.
    pub fn is_whole(&self, mode: Mode) -> bool {
        self.carries_units && (self.changes.is_none() || mode == Mode::Full)
    }

    /// Whether it carries changed units in [`Mode::Changes`].
    pub fn is_bulk(&self) -> bool {
        self.carries_units && self.changes.is_some()
    }

    /// The name of the event in it that carries no units.
    pub fn other_event(&self) -> Option<&str> {
        self.other_event
    }

    fn one(name: &'static EventName, event: Frame) -> Arc<Self> {
        Arc::new(Self {
            changes: Some(event),
            other_event: Some(name.as_str()),
            ..Self::empty()
        })
    }

    fn empty() -> Self {
        Self {
            changes: Some(Frame::default()),
            carries_units: false,
            state_event: None,
            other_event: None,
            present: None,
            whole: OnceLock::new(),
            made_at: Instant::now(),
        }
    }

    fn encode_whole(&self) -> Frame {
        let Some(present) = &self.present else {
            return Frame::default();
        };
        let whole = status_update(present);
        match &self.state_event {
            Some(state) => Frame::concat(&[whole, state.clone()]),
            None => whole,
        }
    }
}

/// The first frame of every stream; `retry` (milliseconds) differs per viewer.
pub fn connected(slug: &Slug, retry: u32) -> Frame {
    let data = Connected {
        project: slug.as_str(),
    };
    encode(Event::named(&CONNECTED).retry(retry), &data)
}

/// The last frame of a stream, with when to come back (milliseconds).
pub fn closed(reason: &'static str, retry: Option<u32>) -> Frame {
    let event = Event::named(&CLOSED);
    let event = retry.map_or(event, |retry| event.retry(retry));
    encode(event, &Closed { reason })
}

fn status_update(present: &Present) -> Frame {
    let data = StatusUpdate {
        statuses: &present.units,
        state: present.state,
        as_of: present.as_of(),
        version: &present.version,
    };
    encode_with_id(&STATUS_UPDATE, &present.version, &data)
}

fn bulk_update(changes: &Delta, present: &Present) -> Frame {
    let data = BulkUpdate {
        changes,
        as_of: present.as_of(),
        version: &present.version,
    };
    encode_with_id(&BULK_UPDATE, &present.version, &data)
}

fn state_event(present: &Present) -> Frame {
    let data = StateChange {
        state: present.state,
        as_of: present.as_of(),
        since: rfc3339(present.since),
    };
    encode(Event::named(&STATE), &data)
}

fn encode_with_id(name: &EventName, version: &Version, data: &impl Serialize) -> Frame {
    // Our ids are hexadecimal digits, a hyphen and a number: they cannot be refused.
    match EventId::try_from(version.to_string()) {
        Ok(id) => encode(Event::named(name).id(&id), data),
        Err(_) => encode(Event::named(name), data),
    }
}

fn encode(event: Event<'_>, data: &impl Serialize) -> Frame {
    // Plain structs over text and numbers: serialising them cannot fail.
    let json = serde_json::to_string(data).unwrap_or_default();
    event.data(&json).encode()
}

#[derive(Serialize)]
struct Connected<'a> {
    project: &'a str,
}

#[derive(Serialize)]
struct StatusUpdate<'a> {
    statuses: &'a Snapshot,
    state: DataState,
    as_of: Option<String>,
    version: &'a Version,
}

#[derive(Serialize)]
struct BulkUpdate<'a> {
    #[serde(flatten)]
    changes: &'a Delta,
    as_of: Option<String>,
    version: &'a Version,
}

#[derive(Serialize)]
struct StateChange {
    state: DataState,
    as_of: Option<String>,
    since: String,
}

#[derive(Serialize)]
struct Ping {
    /// Epoch seconds, not a process's own clock.
    time: i64,
    state: DataState,
    as_of: Option<String>,
}

#[derive(Serialize)]
struct Closed {
    reason: &'static str,
}

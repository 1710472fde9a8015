//! The frames of the status stream: each is encoded once per change, whatever
//! the number of viewers. The rules of SSE itself are in `farol_core::sse`.

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use farol_core::sse::{Event, EventId, EventName, Frame};
use farol_core::status::{Delta, Snapshot};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::present::{DataState, Present, Version, rfc3339};
use super::shape::{self, Changes};
use farol_core::status::Slug;

static CONNECTED: EventName = EventName::from_static("connected");
static STATUS_UPDATE: EventName = EventName::from_static("status_update");
static BULK_UPDATE: EventName = EventName::from_static("bulk_update");
static STATE: EventName = EventName::from_static("state");
static PING: EventName = EventName::from_static("ping");
static CLOSED: EventName = EventName::from_static("closed");

/// The events of a stream; there are no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// The first of every stream.
    Connected,
    /// The whole state.
    StatusUpdate,
    /// What changed.
    BulkUpdate,
    /// A change of freshness.
    State,
    /// A sign of life.
    Ping,
    /// The last of a stream.
    Closed,
}

impl EventKind {
    /// Each.
    pub const ALL: [Self; 6] = [
        Self::Connected,
        Self::StatusUpdate,
        Self::BulkUpdate,
        Self::State,
        Self::Ping,
        Self::Closed,
    ];

    /// Its name on the wire, which is fixed, and in metrics.
    pub fn as_str(self) -> &'static str {
        self.name().as_str()
    }

    fn name(self) -> &'static EventName {
        match self {
            Self::Connected => &CONNECTED,
            Self::StatusUpdate => &STATUS_UPDATE,
            Self::BulkUpdate => &BULK_UPDATE,
            Self::State => &STATE,
            Self::Ping => &PING,
            Self::Closed => &CLOSED,
        }
    }
}

/// Which events a viewer understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// `bulk_update` for changes.
    #[default]
    Changes,
    /// A full `status_update` for every change (`?mode=full`).
    Full,
}

/// The whole state at one moment, encoded when it is first asked for, outside any
/// lock, and once for all frames of that moment.
#[derive(Debug)]
pub struct Whole {
    present: Present,
    frame: OnceLock<Frame>,
}

impl Whole {
    /// The whole of `present`.
    pub fn of(present: Present) -> Arc<Self> {
        let frame = OnceLock::new();
        Arc::new(Self { present, frame })
    }

    fn frame(&self) -> &Frame {
        self.frame.get_or_init(|| status_update(&self.present))
    }
}

/// Changed units, encoded as a whole is.
#[derive(Debug)]
struct Bulk {
    changes: Arc<Delta>,
    frame: OnceLock<Frame>,
}

impl Bulk {
    fn frame(&self, whole: &Whole) -> &Frame {
        let encode = || bulk_update(&self.changes, &whole.present);
        self.frame.get_or_init(encode)
    }
}

/// What goes to the subscribers of a project for one step, in both modes.
#[derive(Debug)]
pub struct StatusFrame {
    whole: Option<Arc<Whole>>,
    /// Beside a whole: what [`Mode::Changes`] gets instead.
    bulk: Option<Bulk>,
    /// The event in it that carries no units, with its name.
    other: Option<(&'static str, Frame)>,
    /// When the change was known here; for the latency of its delivery.
    pub made_at: Instant,
}

impl StatusFrame {
    /// The whole state, and the change of state that came with it.
    pub fn whole(whole: Arc<Whole>, state_changed: bool) -> Arc<Self> {
        Arc::new(Self {
            other: state_changed.then(|| state_event(&whole.present)),
            whole: Some(whole),
            ..Self::empty()
        })
    }

    /// Some changed units on the way to `whole`, and the change of state that
    /// came with them.
    pub fn units(changes: Arc<Delta>, state_changed: bool, whole: Arc<Whole>) -> Arc<Self> {
        let frame = OnceLock::new();
        Arc::new(Self {
            bulk: Some(Bulk { changes, frame }),
            other: state_changed.then(|| state_event(&whole.present)),
            whole: Some(whole),
            ..Self::empty()
        })
    }

    /// A change of state alone.
    pub fn state(present: &Present) -> Arc<Self> {
        Self::one(state_event(present))
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
        let event = encode(Event::named(EventKind::Ping.name()), &data);
        Self::one((EventKind::Ping.as_str(), event))
    }

    /// The last frame of a stream.
    pub fn closed(reason: &'static str) -> Arc<Self> {
        Self::one((EventKind::Closed.as_str(), closed(reason, None)))
    }

    /// The bytes for a viewer of `mode`, and those that follow them; none for
    /// [`StatusFrame::nothing`]. Apart, because many frames share the first.
    pub fn for_mode(&self, mode: Mode) -> (Frame, Option<Frame>) {
        let other = self.other.as_ref().map(|(_, event)| event.clone());
        let units = match (&self.whole, &self.bulk) {
            (Some(whole), Some(bulk)) if mode == Mode::Changes => bulk.frame(whole),
            (Some(whole), _) => whole.frame(),
            (None, _) => return (other.unwrap_or_default(), None),
        };
        (units.clone(), other)
    }

    /// Whether its bulk takes no fewer bytes than the whole. Encodes both.
    pub fn is_longer_than_whole(&self) -> bool {
        let (Some(whole), Some(bulk)) = (&self.whole, &self.bulk) else {
            return false;
        };
        bulk.frame(whole).len() >= whole.frame().len()
    }

    /// Whether `mode` gets the whole state.
    pub fn is_whole(&self, mode: Mode) -> bool {
        self.whole.is_some() && (self.bulk.is_none() || mode == Mode::Full)
    }

    /// Whether it carries changed units in [`Mode::Changes`].
    pub fn is_bulk(&self) -> bool {
        self.bulk.is_some()
    }

    /// The name of the event in it that carries no units.
    pub fn other_event(&self) -> Option<&str> {
        self.other.as_ref().map(|(name, _)| *name)
    }

    fn one(event: (&'static str, Frame)) -> Arc<Self> {
        Arc::new(Self {
            other: Some(event),
            ..Self::empty()
        })
    }

    fn empty() -> Self {
        Self {
            whole: None,
            bulk: None,
            other: None,
            made_at: Instant::now(),
        }
    }
}

/// The first frame of every stream; `retry` (milliseconds) differs per viewer.
pub fn connected(slug: &Slug, retry: u32) -> Frame {
    let data = Connected {
        project: slug.as_str(),
    };
    encode(
        Event::named(EventKind::Connected.name()).retry(retry),
        &data,
    )
}

/// The last frame of a stream, with when to come back (milliseconds).
pub fn closed(reason: &'static str, retry: Option<u32>) -> Frame {
    let event = Event::named(EventKind::Closed.name());
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
    encode_with_id(EventKind::StatusUpdate, &present.version, &data)
}

fn bulk_update(changes: &Delta, present: &Present) -> Frame {
    let data = BulkUpdate {
        changes,
        as_of: present.as_of(),
        version: &present.version,
    };
    encode_with_id(EventKind::BulkUpdate, &present.version, &data)
}

fn state_event(present: &Present) -> (&'static str, Frame) {
    let data = StateChange {
        state: present.state,
        as_of: present.as_of(),
        since: rfc3339(present.since),
    };
    (
        EventKind::State.as_str(),
        encode(Event::named(EventKind::State.name()), &data),
    )
}

fn encode_with_id(kind: EventKind, version: &Version, data: &impl Serialize) -> Frame {
    // Our ids are hexadecimal digits, a hyphen and a number: they cannot be refused.
    match EventId::try_from(version.to_string()) {
        Ok(id) => encode(Event::named(kind.name()).id(&id), data),
        Err(_) => encode(Event::named(kind.name()), data),
    }
}

fn encode(event: Event<'_>, data: &impl Serialize) -> Frame {
    // Plain structs over text and numbers: serialising them cannot fail.
    let json = serde_json::to_string(data).unwrap_or_default();
    event.data(&json).encode()
}

/// The data of `connected`.
#[derive(Serialize, ToSchema)]
#[schema(as = event::connected)]
pub struct Connected<'a> {
    /// The slug.
    project: &'a str,
}

/// The data of `status_update`: it replaces everything.
#[derive(Serialize, ToSchema)]
#[schema(as = event::status_update)]
pub struct StatusUpdate<'a> {
    #[schema(schema_with = shape::statuses)]
    statuses: &'a Snapshot,
    /// How far they can be trusted.
    state: DataState,
    /// When the client API last gave a good answer.
    #[schema(required, format = DateTime)]
    as_of: Option<String>,
    #[schema(schema_with = shape::version)]
    version: &'a Version,
}

/// The data of `bulk_update`: what changed since the frame before.
#[derive(Serialize, ToSchema)]
#[schema(as = event::bulk_update)]
pub struct BulkUpdate<'a> {
    /// No unit is in both.
    #[serde(flatten)]
    #[schema(value_type = Changes)]
    changes: &'a Delta,
    /// When the client API last gave a good answer.
    #[schema(required, format = DateTime)]
    as_of: Option<String>,
    #[schema(schema_with = shape::version)]
    version: &'a Version,
}

/// The data of `state`.
#[derive(Serialize, ToSchema)]
#[schema(as = event::state)]
pub struct StateChange {
    /// How far the data can be trusted.
    state: DataState,
    /// When the client API last gave a good answer.
    #[schema(required, format = DateTime)]
    as_of: Option<String>,
    /// When that changed.
    #[schema(format = DateTime)]
    since: String,
}

/// The data of `ping`.
#[derive(Serialize, ToSchema)]
#[schema(as = event::ping)]
pub struct Ping {
    /// Epoch seconds, not a process's own clock.
    time: i64,
    /// How far the data can be trusted.
    state: DataState,
    /// When the client API last gave a good answer.
    #[schema(required, format = DateTime)]
    as_of: Option<String>,
}

/// The data of `closed`.
#[derive(Serialize, ToSchema)]
#[schema(as = event::closed)]
pub struct Closed {
    /// Why.
    #[schema(pattern = "^(project_inactive|draining)$")]
    reason: &'static str,
}

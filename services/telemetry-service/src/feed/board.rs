//! What of one tenant is watched, and how its sources are: the part of a feed that is under its lock.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use live_hub::{Audience, Resume, RingLimits, Topic};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::present::Present;
use super::source::Source;
use super::watch::Watch;
use crate::metrics::Kind;
use crate::model::DeviceId;

/// The newest state is all that a topic remembers.
const NO_RING: RingLimits = RingLimits {
    steps: 0,
    weight: 0,
};

/// What somebody may watch of their tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// The newest reading of a device.
    Device(DeviceId),
    /// The open alerts.
    Alerts,
}

/// Refusal: so many devices of this tenant are watched already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// What of one tenant is watched.
pub(super) struct Board {
    devices: HashMap<DeviceId, Seat>,
    alerts: Option<Seat>,
    telemetry: Source,
    open_alerts: Source,
    most_devices: usize,
    /// Somebody wanted everything every interval; who never wanted it is not woken for it.
    repeats: bool,
}

/// A topic, and whether its source was asked since somebody watches it.
struct Seat {
    topic: Topic<Present>,
    is_new: bool,
}

/// What to ask a source for.
pub(super) struct Plan {
    /// Each with its topic; one without a device is the alerts'.
    pub topics: Vec<(Option<DeviceId>, Topic<Present>)>,
    /// These are all that are watched.
    pub whole: bool,
    /// The oldest hint that this query answers.
    pub hinted: Option<Instant>,
}

/// Wakes the poller when a topic empties while the service stops: nothing may wait for an interval then.
struct LastOut {
    nudge: Arc<Notify>,
    stopping: CancellationToken,
}

impl Audience for LastOut {
    fn first_in(&self) {}

    fn last_out(&self) {
        if self.stopping.is_cancelled() {
            self.nudge.notify_one();
        }
    }
}

impl Board {
    pub fn new(most_devices: usize) -> Self {
        Self {
            devices: HashMap::new(),
            alerts: None,
            telemetry: Source::default(),
            open_alerts: Source::default(),
            most_devices,
            repeats: false,
        }
    }

    /// A seat at `channel`. Joined under the board's lock, so that no clean-up can come in between.
    pub fn join(
        &mut self,
        channel: Channel,
        repeats: bool,
        nudge: &Arc<Notify>,
        stopping: &CancellationToken,
    ) -> Result<Watch, TooMany> {
        let audience = || LastOut {
            nudge: Arc::clone(nudge),
            stopping: stopping.clone(),
        };
        let full = self.devices.len() >= self.most_devices;
        let seat = match channel {
            Channel::Alerts => self.alerts.get_or_insert_with(|| {
                self.open_alerts.want();
                Seat::new(Present::alerts(self.open_alerts.stale_since), audience())
            }),
            Channel::Device(device) if full && !self.devices.contains_key(&device) => {
                return Err(TooMany);
            }
            Channel::Device(device) => self.devices.entry(device.clone()).or_insert_with(|| {
                self.telemetry.want();
                Seat::new(
                    Present::device(device, self.telemetry.stale_since),
                    audience(),
                )
            }),
        };
        self.repeats |= repeats;
        // Only a retired topic refuses, and those leave the board under this lock.
        let joined = seat.topic.join(Resume::Fresh).map_err(|_| TooMany)?;
        Ok(Watch::new(joined, repeats))
    }

    /// Whether somebody wants everything every interval, or did since this feed began.
    pub fn repeats(&self) -> bool {
        self.repeats
    }

    /// Lets go of what nobody watches any more.
    pub fn clean_up(&mut self) {
        self.devices.retain(|_, seat| !seat.topic.retire());
        if self.alerts.as_ref().is_some_and(|seat| seat.topic.retire()) {
            self.alerts = None;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.devices.is_empty() && self.alerts.is_none()
    }

    /// Something of `kind` may have changed; `hinted` when the database said so.
    pub fn soil(&mut self, kind: Kind, hinted: Option<Instant>) {
        self.source_mut(kind).soil(hinted);
    }

    /// Whether somebody wants `kind` to be asked for before the next poll.
    pub fn wants(&self, kind: Kind) -> bool {
        self.source(kind).is_wanted()
    }

    /// What to ask for now: everything, or only what is new. The wishes are taken with it: whatever comes while the
    /// query is under way is a wish for the next one.
    pub fn plan(&mut self, kind: Kind, is_poll: bool) -> Plan {
        let (dirty, hinted) = self.source_mut(kind).ask();
        let whole = dirty || is_poll;
        let asked = self.seats(kind).filter(|(_, seat)| whole || seat.is_new);
        let topics = asked.map(|(device, seat)| (device.cloned(), seat.topic.clone()));
        let plan = Plan {
            topics: topics.collect(),
            whole,
            hinted,
        };
        self.settle(kind);
        plan
    }

    fn settle(&mut self, kind: Kind) {
        match kind {
            Kind::Telemetry => self
                .devices
                .values_mut()
                .for_each(|seat| seat.is_new = false),
            Kind::Alerts => self.alerts.iter_mut().for_each(|seat| seat.is_new = false),
        }
    }

    /// How a query went. Where the source turned, the topics that must be told: also those that were not asked for.
    pub fn answered(
        &mut self,
        kind: Kind,
        error: Option<String>,
        now: DateTime<Utc>,
    ) -> Option<Vec<Topic<Present>>> {
        let turned = self.source_mut(kind).answered(error, now);
        turned.then(|| self.topics(kind))
    }

    /// All topics of `kind`.
    pub fn topics(&self, kind: Kind) -> Vec<Topic<Present>> {
        self.seats(kind)
            .map(|(_, seat)| seat.topic.clone())
            .collect()
    }

    fn seats(&self, kind: Kind) -> impl Iterator<Item = (Option<&DeviceId>, &Seat)> {
        let devices = (kind == Kind::Telemetry).then_some(&self.devices);
        let alerts = self.alerts.as_ref().filter(|_| kind == Kind::Alerts);
        let devices = devices.into_iter().flatten();
        devices
            .map(|(device, seat)| (Some(device), seat))
            .chain(alerts.map(|seat| (None, seat)))
    }

    pub fn source(&self, kind: Kind) -> &Source {
        match kind {
            Kind::Telemetry => &self.telemetry,
            Kind::Alerts => &self.open_alerts,
        }
    }

    fn source_mut(&mut self, kind: Kind) -> &mut Source {
        match kind {
            Kind::Telemetry => &mut self.telemetry,
            Kind::Alerts => &mut self.open_alerts,
        }
    }

    /// For `/status`.
    pub fn overview(&self) -> Value {
        json!({
            "devices_watched": self.devices.len(),
            "alerts_watched": self.alerts.is_some(),
            "telemetry": self.telemetry.overview(),
            "alerts": self.open_alerts.overview(),
        })
    }
}

impl Seat {
    fn new(present: Present, audience: impl Audience) -> Self {
        Self {
            topic: Topic::new(present, NO_RING, audience),
            is_new: true,
        }
    }
}

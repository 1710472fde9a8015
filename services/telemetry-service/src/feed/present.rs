//! The present state of one channel, and what of it somebody is owed. Pure: no clock, no lock, no source.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use live_hub::{Live, Published};
use tokio::time::Instant;

use super::message;
use crate::frame::Frame;
use crate::model::{DeviceId, OpenAlerts, Reading};

/// What a topic carries: the newest known content of a channel, and whether its source can be read.
pub struct Present {
    content: Content,
    view: View,
}

enum Content {
    Device(DeviceId, Option<Reading>),
    Alerts(Option<OpenAlerts>),
}

/// What there is to see, encoded once for all who see it. Cloning copies a pointer.
#[derive(Clone, Default)]
pub struct View(pub(super) Arc<Shown>);

/// See [`View`].
#[derive(Clone, Default)]
pub(super) struct Shown {
    pub data: Option<Frame>,
    /// Grows with every other content.
    pub data_turn: u32,
    /// Tells whether the source can be read; `None` where it always could.
    pub state: Option<Frame>,
    /// Grows with every turn to stale or to live.
    pub state_turn: u32,
    pub stale: bool,
    /// When the database told of the commit that brought this content.
    pub hinted: Option<Instant>,
}

/// What a source said of a channel.
pub enum News {
    /// A device's newest reading, if it has one.
    Reading(Option<Reading>),
    /// The open alerts.
    Alerts(OpenAlerts),
}

impl Present {
    /// A device of which nothing is known; `stale` since when the source cannot be read.
    pub fn device(device: DeviceId, stale: Option<DateTime<Utc>>) -> Self {
        Self::new(Content::Device(device, None), stale)
    }

    /// Alerts of which nothing is known.
    pub fn alerts(stale: Option<DateTime<Utc>>) -> Self {
        Self::new(Content::Alerts(None), stale)
    }

    fn new(content: Content, stale: Option<DateTime<Utc>>) -> Self {
        let view = View::default();
        let mut this = Self { content, view };
        if let Some(since) = stale {
            this.tell_state(true, since);
        }
        this
    }

    /// The source was read: this is what it says now. `None` where nobody needs to be told.
    pub fn read(
        &mut self,
        news: News,
        now: DateTime<Utc>,
        hinted: Option<Instant>,
    ) -> Option<Published<Self>> {
        let changed = self.take(news);
        if let Some(data) = changed {
            let shown = Arc::make_mut(&mut self.view.0);
            shown.data = Some(data);
            shown.data_turn += 1;
            shown.hinted = hinted;
            self.turned(false, now);
            return Some(self.published());
        }
        self.turned(false, now).then(|| self.published())
    }

    /// Whether the source can be read, as of `since`. What is shown stays: an outage empties nothing.
    pub fn stale(&mut self, stale: bool, since: DateTime<Utc>) -> Option<Published<Self>> {
        self.turned(stale, since).then(|| self.published())
    }

    /// What everybody sees now.
    pub fn view(&self) -> View {
        self.view.clone()
    }

    /// Takes `news` in; the new message, where it is newer than, or other than, what is known.
    fn take(&mut self, news: News) -> Option<Frame> {
        match (&mut self.content, news) {
            (Content::Device(device, known), News::Reading(Some(reading))) => {
                if known
                    .as_ref()
                    .is_some_and(|known| !supersedes(&reading, known))
                {
                    return None;
                }
                let frame = message::telemetry(device, &reading);
                *known = Some(reading);
                Some(frame)
            }
            (Content::Alerts(known), News::Alerts(open)) => {
                if known.as_ref() == Some(&open) {
                    return None;
                }
                let frame = message::alerts(&open);
                *known = Some(open);
                Some(frame)
            }
            // A device without readings; one that had some keeps them, wherever its rows have gone.
            (_, News::Reading(_) | News::Alerts(_)) => None,
        }
    }

    /// Says whether that is a change.
    fn turned(&mut self, stale: bool, since: DateTime<Utc>) -> bool {
        let changes = self.view.0.stale != stale;
        if changes {
            self.tell_state(stale, since);
        }
        changes
    }

    fn tell_state(&mut self, stale: bool, since: DateTime<Utc>) {
        let device = match &self.content {
            Content::Device(device, _) => Some(device),
            Content::Alerts(_) => None,
        };
        let frame = message::state(device, stale, since);
        let shown = Arc::make_mut(&mut self.view.0);
        shown.state = Some(frame);
        shown.state_turn += 1;
        shown.stale = stale;
    }

    fn published(&self) -> Published<Self> {
        let (step, frame) = ((), self.view());
        Published { step, frame }
    }
}

/// Whether `new` is to be shown instead of `known`: later, or the same row with other content. A row that comes late is
/// history.
fn supersedes(new: &Reading, known: &Reading) -> bool {
    let (at, was) = ((new.time, new.seq), (known.time, known.seq));
    at > was || (at == was && new.metrics != known.metrics)
}

/// Only the newest state matters, so what was missed is the present, however much it was.
impl Live for Present {
    type Step = ();
    type Frame = View;

    fn snapshot(&mut self) -> Option<View> {
        let shown = &self.view.0;
        // Also where a source that was away can be read again and has nothing: somebody may have heard that it was away.
        (shown.data.is_some() || shown.state.is_some()).then(|| self.view())
    }

    fn fold<'a>(&mut self, _: impl Iterator<Item = &'a ()>) -> View {
        self.view()
    }

    fn weight((): &()) -> usize {
        1
    }
}

#[cfg(test)]
mod tests;

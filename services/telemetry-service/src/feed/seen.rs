//! What one socket has been told of a channel, and what it is owed.

use tokio::time::Instant;

use super::present::{Shown, View};
use crate::frame::Frame;

/// What one socket has been told of a channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    data_turn: u32,
    state_turn: u32,
    told_stale: bool,
}

/// One message that a socket is owed.
#[derive(Debug, Clone, PartialEq)]
pub struct Push {
    /// What is written.
    pub frame: Frame,
    /// What it tells of.
    pub what: What,
    /// When the database told of it, if it did.
    pub hinted: Option<Instant>,
}

/// What a push tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Content: a reading, or the alerts.
    Data,
    /// That the source is away, or back.
    State,
}

impl Seen {
    /// The next message that takes whoever has seen this much to `view`; none where they are there.
    pub fn owed(&mut self, view: &View) -> Option<Push> {
        let shown = &view.0;
        // "live" comes before what it makes believable again, "stale" after what it casts doubt on.
        if shown.stale {
            self.data(shown).or_else(|| self.state(shown))
        } else {
            self.state(shown).or_else(|| self.data(shown))
        }
    }

    /// The content is owed once more, changed or not.
    pub fn again(&mut self) {
        self.data_turn = 0;
    }

    fn data(&mut self, shown: &Shown) -> Option<Push> {
        if self.data_turn == shown.data_turn {
            return None;
        }
        self.data_turn = shown.data_turn;
        Some(Push {
            frame: shown.data.clone()?,
            what: What::Data,
            hinted: shown.hinted,
        })
    }

    fn state(&mut self, shown: &Shown) -> Option<Push> {
        let turned = self.state_turn != shown.state_turn;
        self.state_turn = shown.state_turn;
        // Who never heard of an outage need not hear of its end.
        if !turned || !(shown.stale || self.told_stale) {
            return None;
        }
        self.told_stale = shown.stale;
        Some(Push {
            frame: shown.state.clone()?,
            what: What::State,
            hinted: None,
        })
    }
}

//! How far a run is, from the pages of its segments.

use std::time::Duration;

use super::segment::SegmentState;

/// What the ledger says of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentPages {
    /// Where it is.
    pub state: SegmentState,
    /// Pages read.
    pub pages_done: u32,
    /// Pages that it will have been when it ends; unknown before it is opened.
    pub pages_total: Option<u32>,
}

/// Pages done of pages there are; those of a segment not yet opened are estimated by the mean of the opened.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Progress {
    /// Pages read.
    pub pages_done: u64,
    /// Pages there are, estimated in part; never fewer than are done.
    pub pages_total: u64,
    ended: bool,
}

impl Progress {
    /// The progress of a run with these segments.
    pub fn of(segments: impl IntoIterator<Item = SegmentPages>) -> Self {
        let (mut opened, mut unopened) = (0_u64, 0_u64);
        let mut sum = Self {
            ended: true,
            ..Self::default()
        };
        for segment in segments {
            sum.pages_done += u64::from(segment.pages_done);
            sum.ended &= segment.state.is_ended();
            match segment.total() {
                Some(total) => {
                    opened += 1;
                    sum.pages_total += u64::from(total);
                }
                None => unopened += 1,
            }
        }
        let mean = if opened == 0 {
            1
        } else {
            sum.pages_total.div_ceil(opened).max(1)
        };
        sum.pages_total += unopened * mean;
        sum.ended &= opened > 0;
        sum
    }

    /// 0 to 100 with one decimal; 100 only when every segment has ended.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share of page counts, told to three digits"
    )]
    pub fn percent(&self) -> f64 {
        if self.ended {
            return 100.0;
        }
        let share = self.pages_done as f64 / self.pages_total.max(1) as f64;
        ((share * 1000.0).floor() / 10.0).min(99.9)
    }

    /// Seconds to go at the pace so far, after `elapsed`; unknown before the first page.
    pub fn eta_seconds(&self, elapsed: Duration) -> Option<u64> {
        let left = self.pages_total - self.pages_done;
        let per_page = elapsed
            .as_millis()
            .checked_div(u128::from(self.pages_done))?;
        u64::try_from(per_page.checked_mul(u128::from(left))? / 1000).ok()
    }
}

impl SegmentPages {
    fn total(self) -> Option<u32> {
        if self.state.is_ended() {
            return Some(self.pages_done);
        }
        // One that has pages is opened, whatever else is known.
        let opened = (self.pages_done > 0).then_some(self.pages_done);
        self.pages_total.max(opened)
    }
}

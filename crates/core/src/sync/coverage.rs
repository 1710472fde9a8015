//! Arithmetic of what is proven: half-open intervals of instants. Where they come from is the ledger's business.

use chrono::{DateTime, Utc};

/// `[from, to)`; empty where `from` is not before `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interval {
    /// The first instant in it.
    pub from: DateTime<Utc>,
    /// The first instant after it.
    pub to: DateTime<Utc>,
}

impl Interval {
    /// The instants that are in both; `None` where there are none.
    pub fn meet(self, other: Self) -> Option<Self> {
        let from = self.from.max(other.from);
        let to = self.to.min(other.to);
        (from < to).then_some(Self { from, to })
    }
}

/// The same instants as islands: in order, none empty, no two that overlap or touch.
pub fn union(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.retain(|interval| interval.from < interval.to);
    intervals.sort_unstable_by_key(|interval| interval.from);
    let mut islands: Vec<Interval> = Vec::with_capacity(intervals.len());
    for interval in intervals {
        match islands.last_mut() {
            Some(last) if interval.from <= last.to => last.to = last.to.max(interval.to),
            _ => islands.push(interval),
        }
    }
    islands
}

/// The instants that are in every one of `sets`, as islands: what is proven of all modalidades is what is
/// proven of each. Nothing, where there is no set.
pub fn common(sets: impl IntoIterator<Item = Vec<Interval>>) -> Vec<Interval> {
    let mut sets = sets.into_iter().map(union);
    let first = sets.next().unwrap_or_default();
    sets.fold(first, |left, right| meet(&left, &right))
}

/// The instants of `within` that are not proven, as islands.
pub fn gaps_within(proven: &[Interval], within: Interval) -> Vec<Interval> {
    let mut gaps = Vec::new();
    let mut from = within.from;
    for island in union(proven.to_vec()) {
        let to = island.from.min(within.to);
        if from < to {
            gaps.push(Interval { from, to });
        }
        from = from.max(island.to);
    }
    if from < within.to {
        let to = within.to;
        gaps.push(Interval { from, to });
    }
    gaps
}

/// Where the next update begins: the first instant in `[horizon_start, now]` that is not proven for one of the
/// modalidades, given what is proven of each. `None` where nothing is proven of any: there is no gap to close yet.
///
/// History begins with the first thing proven of any modalidade; what was proven before the horizon makes the
/// whole horizon history.
pub fn first_gap(
    proven: &[Vec<Interval>],
    horizon_start: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let history = union(proven.concat());
    let from = horizon_start.max(history.first()?.from).min(now);
    let whole = common(proven.iter().cloned());
    let gap = gaps_within(&whole, Interval { from, to: now });
    Some(gap.first().map_or(now, |gap| gap.from))
}

fn meet(left: &[Interval], right: &[Interval]) -> Vec<Interval> {
    let (mut i, mut j) = (0, 0);
    let mut both = Vec::new();
    while let (Some(a), Some(b)) = (left.get(i), right.get(j)) {
        both.extend(a.meet(*b));
        if a.to < b.to { i += 1 } else { j += 1 }
    }
    both
}

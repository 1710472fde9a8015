//! What ingestion decides without touching anything: modes, windows, the states of runs and segments,
//! what is proven, what goes over the broker. Fetching, storing and sending are the business of services.

mod coverage;
mod execution;
mod instant;
mod message;
mod mode;
mod progress;
pub mod scan;
mod segment;
mod suspicion;
pub mod topology;
mod window;

pub use coverage::{Interval, common, first_gap, gaps_within, union};
pub use execution::{Move, Refused, State, Status, UnknownState};
pub use instant::{Zone, local_text, parse_instant};
pub use message::{Doorbell, Unusable, VERSION, ring_body};
pub use mode::{Mode, UnknownMode};
pub use progress::{Progress, SegmentPages};
pub use segment::{
    Endpoint, ITEMS_MODALIDADE, PlannedSegment, SegmentKey, SegmentState, UnknownWord, Verdict,
    plan, plan_items,
};
pub use suspicion::{
    BELIEVE_AFTER, COMPARABLE_MEAN, COMPARABLE_WITHIN_DAYS, Evidence, Judgement, comparable_days,
};
pub use window::{DayCut, FieldProblem, MAX_DAYS, Window, WindowError, requested};

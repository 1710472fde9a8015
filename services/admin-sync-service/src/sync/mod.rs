//! What operators do with runs, and what is done for runs that nobody looks after.

mod coverage;
mod dashboard;
mod desk;
mod duties;
mod estimate;
mod experience;
mod history;
mod once;
mod reaper;
mod reconciler;
mod request;
mod run;
mod schedule;
mod status;

pub use coverage::{Coverage, CoverageView, Ledger, Look, MOST_DAYS};
pub use dashboard::{Dashboard, DashboardView, DayFigures, ErrorClass, Figures};
pub use desk::{
    Asked, CancelOutcome, Desk, DeskError, DeskRules, EnqueueOutcome, Forced, NewRun, Overlap,
    Ticket, Told,
};
pub use duties::Duties;
pub use estimate::{Estimate, Estimator};
pub use experience::{Experience, Kind, Size};
pub use history::{COUNTED, Counts, Cursor, History, HistoryFilter, HistoryPage, Page};
pub use once::{Known, Once};
pub use reaper::Reaper;
pub use reconciler::Reconciler;
pub use request::{BadRequest, ForceRequest};
pub use run::{Dispatch, Event, ProgressView, Run, RunDetail, Segment};
pub use schedule::Schedule;
pub use status::{CurrentStatus, LastSuccess, Newest, Source};

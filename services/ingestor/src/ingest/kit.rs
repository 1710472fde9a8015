//! What every run works with; built once by app.

use std::time::Duration;

use service_kit::clock::Clock;
use service_kit::random::Random;

use super::pace::Pacer;
use crate::infra::execution_repo::ExecutionRepo;
use crate::infra::items_repo::ItemsRepo;
use crate::infra::pncp_api::PncpApi;
use crate::infra::record_repo::RecordRepo;
use crate::infra::segment_repo::SegmentRepo;
use crate::metrics::IngestMetrics;
use crate::settings::{PolicySettings, RunSettings, ScopeSettings};

/// The parts.
pub struct Kit {
    /// Rows of runs.
    pub executions: ExecutionRepo,
    /// The ledger.
    pub segments: SegmentRepo,
    /// Contratacoes.
    pub records: RecordRepo,
    /// Items.
    pub items: ItemsRepo,
    /// The portal.
    pub api: PncpApi,
    /// When it may be asked; one for all runs of the process.
    pub pacer: Pacer,
    /// The name of this worker, new with every start.
    pub worker: String,
    /// Dates what is read.
    pub clock: Clock,
    /// Spreads retries.
    pub random: Random,
    /// Figures.
    pub metrics: IngestMetrics,
    /// How runs are held.
    pub run: RunSettings,
    /// What is brought in.
    pub scope: ScopeSettings,
    /// How patiently.
    pub policy: PolicySettings,
    /// How long a page that is under way may take when the process ends.
    pub drain: Duration,
}

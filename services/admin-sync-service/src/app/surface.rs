//! What operators meet: the handlers' state, built from settings, the database and the relay's bell.

use actix_web::web::Data;
use service_kit::clock::Clock;
use service_kit::jwt::Verifier;
use service_kit::proxies::TrustedProxies;
use sqlx::PgPool;

use super::backstage::Backstage;
use super::door;
use crate::http::{CallbackSecret, Console, State};
use crate::infra::audit_repo::AuditRepo;
use crate::infra::coverage_repo::CoverageRepo;
use crate::infra::dashboard_repo::DashboardRepo;
use crate::infra::estimate_repo::EstimateRepo;
use crate::infra::execution_repo::ExecutionRepo;
use crate::infra::history_repo::HistoryRepo;
use crate::infra::idempotency_repo::IdempotencyRepo;
use crate::infra::integration_repo::IntegrationRepo;
use crate::infra::project_repo::ProjectRepo;
use crate::infra::run_repo::RunRepo;
use crate::infra::task_repo::TaskRepo;
use crate::live::{Lobby, Tasks, Versions};
use crate::outbox::Bell;
use crate::projects::{Audit, Integrations, Projects, Rules};
use crate::settings::Settings;
use crate::sync::{Coverage, Dashboard, Desk, DeskRules, Estimator, History};

/// One for all workers: what is limited is limited for all of them together.
pub fn state(
    settings: &Settings,
    pool: &PgPool,
    bell: Bell,
    (lobby, versions): (Lobby, Versions),
    backstage: Backstage,
    verifier: Option<Verifier>,
    clock: Clock,
) -> Data<State> {
    let zone = settings.sync.sync_timezone.0;
    let queue = settings.queue.queue_name.clone();
    let executions = ExecutionRepo::new(pool.clone(), queue, zone);
    Data::new(State {
        access: door::access(settings, verifier, clock.clone()),
        console: Console::new(door::facts(settings)),
        proxies: TrustedProxies::new(&settings.access.trusted_proxies),
        desk: desk(settings, pool, executions.clone(), bell, clock.clone()),
        estimator: estimator(settings, pool, executions.clone(), clock.clone()),
        history: History {
            repo: HistoryRepo::new(pool.clone()),
        },
        dashboard: Dashboard {
            repo: DashboardRepo::new(pool.clone()),
            runs: RunRepo::new(pool.clone()),
            zone,
            interval: settings.sync.sync_interval_minutes,
        },
        coverage: Coverage {
            repo: CoverageRepo::new(pool.clone()),
            clock,
            zone,
            modalidades: settings.sync.pncp_modalidades.0.clone(),
        },
        callback_secret: CallbackSecret::new(settings.stream.sse_callback_secret.as_ref()),
        lobby,
        tasks: Tasks {
            repo: TaskRepo::new(pool.clone()),
            executions,
        },
        versions,
        projects: Projects {
            repo: ProjectRepo::new(pool.clone()),
            neighbours: backstage.neighbours,
        },
        integrations: Integrations {
            repo: IntegrationRepo::new(pool.clone()),
            rules: Rules {
                reading: settings.integration.reading(),
                can_seal: settings.integration.secret_key.is_some(),
            },
            trials: backstage.trials,
        },
        audit: Audit {
            repo: AuditRepo::new(pool.clone()),
        },
        system: backstage.system,
        dead_letters: backstage.dead_letters,
    })
}

fn desk(
    settings: &Settings,
    pool: &PgPool,
    executions: ExecutionRepo,
    bell: Bell,
    clock: Clock,
) -> Desk {
    Desk {
        runs: RunRepo::new(pool.clone()),
        executions,
        answers: IdempotencyRepo::new(pool.clone()),
        bell,
        clock,
        rules: DeskRules {
            zone: settings.sync.sync_timezone.0,
            dispatch_wait: settings.sync.dispatch_wait_ms,
            stream_base: settings.stream.public_url(),
        },
    }
}

fn estimator(
    settings: &Settings,
    pool: &PgPool,
    executions: ExecutionRepo,
    clock: Clock,
) -> Estimator {
    Estimator {
        repo: EstimateRepo::new(pool.clone()),
        executions,
        clock,
        zone: settings.sync.sync_timezone.0,
        modalidades: settings.sync.pncp_modalidades.0.clone(),
    }
}

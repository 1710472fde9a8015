//! The repos over a database of the test's own, with the rights of the ingestor and no more.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::America::Sao_Paulo;
use farol_core::sync::scan::Answered;
use farol_core::sync::{Mode, PlannedSegment, Window, plan};
use ingestor::infra::execution_repo::{Claim, Claimed, ExecutionRepo, Lease, UpdateReach};
use ingestor::infra::items_repo::ItemsRepo;
use ingestor::infra::record_repo::{Kept, Page, RecordRepo};
use ingestor::infra::segment_repo::{Segment, SegmentRepo};
use ingestor::infra::source_repo::SourceRepo;
use ingestor::ingest::record::Record;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use test_kit::Database;

use crate::record_read::{contratacao, raw};

pub(crate) const LASTS: Duration = Duration::from_mins(1);
pub(crate) const WORKER: &str = "worker-1";

pub(crate) struct Repos {
    pub(crate) database: Database,
    pub(crate) executions: ExecutionRepo,
    pub(crate) segments: SegmentRepo,
    pub(crate) records: RecordRepo,
    pub(crate) items: ItemsRepo,
    pub(crate) source: SourceRepo,
}

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// 10 July 2025, a Thursday, in São Paulo.
pub(crate) fn day() -> Window {
    Window::of_day(the_10th(), Sao_Paulo).unwrap()
}

pub(crate) fn the_10th() -> NaiveDate {
    NaiveDate::from_ymd_opt(2025, 7, 10).unwrap()
}

impl Repos {
    pub(crate) async fn fresh() -> Self {
        let database = Database::fresh().await;
        let url = database.ingest_url();
        let pool = PgPoolOptions::new()
            .max_connections(8)
            .connect_lazy(&url)
            .unwrap();
        Self::over(database, pool)
    }

    pub(crate) fn over(database: Database, pool: PgPool) -> Self {
        let reach = UpdateReach {
            rolling: TimeDelta::minutes(15),
            catch_up: TimeDelta::days(10),
            modalidades: vec![6, 8],
        };
        Self {
            database,
            executions: ExecutionRepo::new(pool.clone(), reach),
            segments: SegmentRepo::new(pool.clone(), Sao_Paulo),
            records: RecordRepo::new(pool.clone()),
            items: ItemsRepo::new(pool.clone()),
            source: SourceRepo::new(pool),
        }
    }

    pub(crate) async fn enqueue(&self, mode: Mode, window: Option<Window>) -> i32 {
        sqlx::query_scalar(
            "INSERT INTO sync_executions (mode, window_start, window_end, state) VALUES ($1, $2, $3, 'queued') RETURNING id",
        )
        .bind(mode.as_str())
        .bind(window.map(|it| it.start()))
        .bind(window.map(|it| it.end()))
        .fetch_one(self.database.owner_pool())
        .await
        .unwrap()
    }

    pub(crate) async fn claim(&self, id: i32) -> Claimed {
        match self.executions.claim(id, WORKER, LASTS).await.unwrap() {
            Claim::Taken(claimed) => claimed,
            other => panic!("{id} is not taken: {other:?}"),
        }
    }

    /// A backfill of [`day`] that is ours.
    pub(crate) async fn running(&self) -> Claimed {
        let id = self.enqueue(Mode::Backfill, Some(day())).await;
        self.claim(id).await
    }

    /// Its first segment, being read.
    pub(crate) async fn reading(&self, lease: &Lease) -> Segment {
        let planned: Vec<PlannedSegment> = plan(Mode::Backfill, &day(), &[6, 8], Sao_Paulo);
        self.segments.plan_once(lease, &planned).await.unwrap();
        let segment = self
            .segments
            .open(lease.execution_id)
            .await
            .unwrap()
            .remove(0);
        self.segments.begin(lease, segment.id).await.unwrap();
        segment
    }

    /// One value of one row, as JSON.
    pub(crate) async fn value(&self, query: &'static str) -> Value {
        let rows = format!("SELECT COALESCE(json_agg(told), '[]') FROM ({query}) told");
        sqlx::query_scalar(sqlx::AssertSqlSafe(rows))
            .fetch_one(self.database.owner_pool())
            .await
            .unwrap()
    }

    pub(crate) async fn execute(&self, statement: &'static str) {
        sqlx::raw_sql(statement)
            .execute(self.database.owner_pool())
            .await
            .unwrap();
    }

    /// As the reaper does it with a worker that fell silent.
    pub(crate) async fn rescue(&self) {
        self.execute(
            "UPDATE sync_executions SET state = 'queued', lease_token = NULL, lease_until = NULL, rescues = rescues + 1
              WHERE state = 'running'",
        )
        .await;
    }

    pub(crate) async fn ask_to_cancel(&self) {
        self.execute("UPDATE sync_executions SET state = 'cancelling' WHERE state = 'running'")
            .await;
    }
}

/// A record by its number, version (seconds into 11 July) and text.
pub(crate) fn record(number: u32, version: u32, objeto: &str) -> Box<RawValue> {
    let mut record = contratacao();
    record["numeroControlePNCP"] = json!(format!("00000000000000-1-{number:06}/2025"));
    record["sequencialCompra"] = json!(number);
    record["dataPublicacaoPncp"] = json!("2025-07-10T09:00:00");
    record["dataAtualizacaoGlobal"] = json!(format!(
        "2025-07-11T00:{:02}:{:02}",
        version / 60,
        version % 60
    ));
    record["objetoCompra"] = json!(objeto);
    raw(record.to_string())
}

/// Page `page` of pass 1, as the portal would answer with `raws`.
pub(crate) fn answered(page: u32, raws: &[Box<RawValue>]) -> Answered {
    let records: Vec<Record<'_>> = raws
        .iter()
        .map(|raw| Record::read(raw, Sao_Paulo).unwrap())
        .collect();
    Answered {
        pass: 1,
        page,
        total: 100,
        pages: 2,
        keys: records
            .iter()
            .map(|it| it.numero_controle_pncp.clone().into_owned())
            .collect(),
        times: records
            .iter()
            .map(|it| Some(it.data_publicacao_pncp))
            .collect(),
        read_at: at("2025-07-12T00:00:00Z"),
    }
}

/// A page of `records`, all counted, after which `got` distinct keys are known.
pub(crate) fn page<'a>(answered: &'a Answered, records: &'a [Record<'a>]) -> Page<'a> {
    Page {
        answered,
        pages_done: 1,
        pages_total: Some(2),
        expected: Some(100),
        got: u32::try_from(records.len()).unwrap(),
        records: records
            .iter()
            .map(|record| Kept {
                record,
                counted: true,
            })
            .collect(),
        quarantined: Vec::new(),
    }
}

pub(crate) fn read(raws: &[Box<RawValue>]) -> Vec<Record<'_>> {
    raws.iter()
        .map(|raw| Record::read(raw, Sao_Paulo).unwrap())
        .collect()
}

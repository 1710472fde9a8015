//! One question to the portal until it is answered or given up: a turn of the pacer for every try, the budget of the
//! page between them. What the answer means is the caller's.

use std::future::Future;
use std::time::Duration;

use chrono::{DateTime, Utc};
use farol_core::sync::Endpoint;
use tokio::time::{Instant, sleep};

use super::answer::{ItemsAnswer, PageAnswer, PageQuery};
use super::fault::Fault;
use super::job::{Break, Job};
use super::pace::{NoTurn, Outcome};
use super::retry::{Next, PageBudget};
use crate::infra::items_repo::Due;

/// What became of a question.
pub(super) enum Asked<T> {
    /// It was answered.
    Answer {
        /// With this.
        answer: T,
        /// When the request was sent: whatever happened before, the answer knows.
        sent_at: DateTime<Utc>,
    },
    /// Every try failed; this is how the last one did.
    GivenUp(Fault),
    /// The source has been down for as long as a run waits for it.
    SourceDown,
}

/// One page of one list.
pub(super) async fn page(job: &Job, query: &PageQuery) -> Result<Asked<PageAnswer>, Break> {
    let probe = query.probe();
    until_answered(job, query.endpoint, |is_probe| {
        job.kit.api.page(if is_probe { &probe } else { query })
    })
    .await
}

/// One page of the items of one contratacao.
pub(super) async fn items(job: &Job, due: &Due, page: u32) -> Result<Asked<ItemsAnswer>, Break> {
    until_answered(job, Endpoint::Itens, |_| {
        let (ano, sequencial) = (due.ano_compra, due.sequencial_compra);
        job.kit.api.items(&due.orgao_cnpj, ano, sequencial, page)
    })
    .await
}

async fn until_answered<T, F>(
    job: &Job,
    endpoint: Endpoint,
    ask: impl Fn(bool) -> F,
) -> Result<Asked<T>, Break>
where
    F: Future<Output = Result<T, Fault>>,
{
    let mut budget = PageBudget::new(&job.kit.policy);
    loop {
        let turn = match job.pacer.turn(&job.wind_down).await {
            Ok(turn) => turn,
            Err(NoTurn::Stopped) => return Err(Break::WoundDown),
            Err(NoTurn::SourceDown) => return Ok(Asked::SourceDown),
        };
        let is_probe = turn.is_probe();
        let (sent, sent_at) = (Instant::now(), job.kit.clock.now());
        let answer = ask(is_probe).await;
        turn.finished(Outcome::of(&answer));
        let outcome = answer
            .as_ref()
            .map_or_else(|fault| fault.class.as_str(), |_| "ok");
        job.kit.metrics.asked(endpoint, outcome, sent.elapsed());
        if is_probe {
            continue;
        }
        let fault = match answer {
            Ok(answer) => return Ok(Asked::Answer { answer, sent_at }),
            Err(fault) => fault,
        };
        match budget.after(fault.class, &job.kit.random) {
            Next::Again(wait) => rest(job, wait).await?,
            Next::GiveUp => return Ok(Asked::GivenUp(fault)),
        }
    }
}

async fn rest(job: &Job, wait: Duration) -> Result<(), Break> {
    tokio::select! {
        biased;
        () = job.wind_down.cancelled() => Err(Break::WoundDown),
        () = sleep(wait) => Ok(()),
    }
}

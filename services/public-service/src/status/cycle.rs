//! One fetch cycle: ask, retry politely, read the answer, decide whether to
//! believe it, and put it before the viewers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client_api::{Answer, Ask, FetchError, Integration, Source, Validators, usable_units};
use farol_core::status::{Complaints, Delta, Mapping, Snapshot, normalize};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::engine::{Cycle, EngineState};
use super::feed::Update;
use super::present::ReadAt;
use super::project::Project;
use super::report::MOST_UNMAPPED;

/// Pause before the n-th further attempt: n times this, with jitter.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
const RETRY_JITTER: f64 = 0.25;
/// A source that asks for a longer pause than this gets it between cycles.
const LONGEST_PAUSE_IN_CYCLE: Duration = Duration::from_secs(10);
/// Fewer units than this may vanish at once without a doubt.
const DOUBT_FROM_UNITS: usize = 10;
/// Bodies from this size on are read where they block nobody.
const READ_ASIDE_FROM_BYTES: usize = 128 * 1024;

/// How a cycle ended.
enum Outcome {
    Read {
        whole_sent: bool,
    },
    Doubted,
    Failed(FetchError),
    /// The settings changed meanwhile: whatever came is of another source.
    Void,
}

/// What a good answer says, read.
enum News {
    /// Nothing has changed.
    None,
    /// These are the units.
    Units(Snapshot, Complaints, Validators),
}

/// Runs `cycle` to its end. Whoever began it owes this call.
pub async fn run(project: Arc<Project>, cycle: Cycle) {
    let landing = Landing {
        project: &project,
        cycle,
        done: false,
    };
    let outcome = tokio::select! {
        // A source that is no longer the project's is not waited for.
        () = project.engine.overtaken(cycle) => Outcome::Void,
        () = project.drained() => Outcome::Failed(FetchError::Connection("cut off by a shutdown".into())),
        outcome = ask_and_read(&project, cycle) => outcome,
    };
    landing.land(outcome);
}

async fn ask_and_read(project: &Arc<Project>, cycle: Cycle) -> Outcome {
    let integration = project.integration();
    let source = match &integration.ask {
        Ask::Source(source) => source,
        Ask::Nobody => return Outcome::Void,
        Ask::Broken(reason) => return Outcome::Failed(FetchError::Credentials(reason.clone())),
    };
    match fetch_with_retries(project, cycle, source, &integration).await {
        Ok(News::None) => confirm(project, cycle),
        Ok(News::Units(units, complaints, validators)) => {
            take_in(project, cycle, units, complaints, validators)
        }
        Err(error) => Outcome::Failed(error),
    }
}

async fn fetch_with_retries(
    project: &Arc<Project>,
    cycle: Cycle,
    source: &Source,
    integration: &Integration,
) -> Result<News, FetchError> {
    let validators = if cycle.unconditional {
        Validators::default()
    } else {
        project.engine.lock().validators.clone()
    };
    let retries = if cycle.probe { 0 } else { integration.retries };
    let mut attempt = 0;
    loop {
        project.engine.lock().report.requests += 1;
        let asked = Instant::now();
        let answer = project.kit.client_api.fetch(source, &validators).await;
        let took = asked.elapsed();
        let read = match answer {
            Ok(answer) => read(answer, integration).await,
            Err(error) => Err(error),
        };
        project.kit.metrics.asked(outcome_of(&read), took);
        let error = match read {
            Ok(news) => return Ok(news),
            Err(error) => error,
        };
        attempt += 1;
        let pause = pause_before(&error, attempt, &project.kit.random);
        if attempt > retries || !error.is_transient() || pause > LONGEST_PAUSE_IN_CYCLE {
            return Err(error);
        }
        project.engine.stumbled(cycle.number);
        debug!(project = %project.slug, %error, attempt, "client API failed, asking again");
        if project.ended_within(pause).await {
            return Err(error);
        }
    }
}

fn pause_before(
    error: &FetchError,
    attempt: u32,
    random: &service_kit::random::Random,
) -> Duration {
    let pause = random.jitter(RETRY_PAUSE * attempt, RETRY_JITTER);
    pause.max(error.retry_after().unwrap_or_default())
}

fn outcome_of(read: &Result<News, FetchError>) -> &'static str {
    match read {
        Ok(News::None) => "not_modified",
        Ok(News::Units(..)) => "ok",
        Err(error) => error.outcome(),
    }
}

async fn read(answer: Answer, integration: &Integration) -> Result<News, FetchError> {
    let Answer::Body {
        body, validators, ..
    } = answer
    else {
        return Ok(News::None);
    };
    let (units, complaints) = read_body(body, integration).await?;
    Ok(News::Units(units, complaints, validators))
}

async fn read_body(
    body: Bytes,
    integration: &Integration,
) -> Result<(Snapshot, Complaints), FetchError> {
    fn read(body: &[u8], mapping: &Mapping) -> Result<(Snapshot, Complaints), FetchError> {
        Ok(normalize(usable_units(body, mapping)?, mapping))
    }
    if body.len() < READ_ASIDE_FROM_BYTES {
        return read(&body, &integration.mapping);
    }
    let mapping = integration.mapping.clone();
    tokio::task::spawn_blocking(move || read(&body, &mapping))
        .await
        .unwrap_or_else(|error| Err(FetchError::Body(error.to_string())))
}

/// The units are as they were, whatever was doubted meanwhile.
fn confirm(project: &Project, cycle: Cycle) -> Outcome {
    if let Some(mut engine) = project.engine.lock_for(cycle) {
        engine.report.not_modified += 1;
        engine.doubt = None;
    }
    publish(project, cycle, None)
}

/// A body was read: reports on it, and publishes it unless it is too odd.
fn take_in(
    project: &Project,
    cycle: Cycle,
    units: Snapshot,
    complaints: Complaints,
    validators: Validators,
) -> Outcome {
    report(project, cycle, complaints);
    let known = project.present().units;
    let changes = known.diff(&units);
    let Some(mut engine) = project.engine.lock_for(cycle) else {
        return Outcome::Void;
    };
    if !believed(&mut engine, &known, &changes) {
        return Outcome::Doubted;
    }
    engine.validators = validators;
    drop(engine);
    publish(project, cycle, Some((units, changes)))
}

/// A good answer that leaves out more than half of the units is more often a
/// fault than a demolition: it is believed when the next one leaves out the same.
fn believed(engine: &mut EngineState, known: &Snapshot, changes: &Delta) -> bool {
    let missing = changes.removed();
    let odd = known.len() >= DOUBT_FROM_UNITS && missing.len() * 2 > known.len();
    let agreed = engine.doubt.as_ref() == Some(missing);
    let believed = !odd || agreed || std::mem::take(&mut engine.starting_over);
    engine.doubt = (!believed).then(|| missing.clone());
    if believed {
        engine.starting_over = false;
    }
    believed
}

fn report(project: &Project, cycle: Cycle, complaints: Complaints) {
    let unmapped: usize = complaints.unmapped.iter().map(|u| u.count).sum();
    let beyond = complaints.unmapped_overflow;
    project.kit.metrics.unmapped(unmapped + beyond);
    let now = project.kit.clock.now();
    let engine = project.engine.lock_for(cycle);
    let news = engine.map(|mut engine| engine.report.complaints(complaints, now));
    let news = news.unwrap_or_default();
    for value in news.values {
        warn!(project = %project.slug, value, "client API sent a status that no mapping knows");
    }
    if news.no_more {
        let told = MOST_UNMAPPED;
        warn!(project = %project.slug, told, "client API sends ever more of them; the rest is counted only");
    }
}

/// Puts an answer before the viewers; `None`: nothing has changed.
fn publish(project: &Project, cycle: Cycle, read: Option<(Snapshot, Delta)>) -> Outcome {
    let read_at = ReadAt {
        as_of: project.kit.clock.now(),
        at: Instant::now(),
    };
    let whole = project.engine.wants_whole();
    let units = read.map(|(units, changes)| (Arc::new(units), changes));
    let update = Update { units, whole };
    // Asked under the topic's lock: what new settings withdraw must stay withdrawn.
    let mut outcome = Outcome::Void;
    project.topic.update(|feed, seq| {
        drop(project.engine.lock_for(cycle)?);
        outcome = Outcome::Read { whole_sent: whole };
        feed.refreshed(seq, read_at, update)
    });
    outcome
}

/// Ends a cycle whatever happens: a cycle that panics or is cancelled must not
/// leave its project "in flight" for ever.
struct Landing<'a> {
    project: &'a Arc<Project>,
    cycle: Cycle,
    done: bool,
}

impl Landing<'_> {
    fn land(mut self, outcome: Outcome) {
        self.done = true;
        let (project, number) = (self.project, self.cycle.number);
        let ok = matches!(outcome, Outcome::Read { .. });
        let owed = match outcome {
            Outcome::Read { whole_sent } => {
                project.succeeded(self.cycle);
                project.engine.land(number, whole_sent)
            }
            Outcome::Doubted => {
                project.doubted(self.cycle);
                project.engine.land(number, true)
            }
            Outcome::Failed(error) => {
                project.failed(&error, self.cycle);
                project.engine.land(number, true)
            }
            Outcome::Void => project.engine.land(number, true),
        };
        if owed {
            publish(project, self.cycle, None);
        }
        project.engine.settled(number, ok);
        project.nudge();
    }
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        if !self.done {
            let error = FetchError::Connection("the fetch was cut off".into());
            self.project.failed(&error, self.cycle);
            self.project.engine.land(self.cycle.number, true);
            self.project.engine.settled(self.cycle.number, false);
            self.project.nudge();
        }
    }
}

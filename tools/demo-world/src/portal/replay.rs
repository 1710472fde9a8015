//! A recorded trace, played back: request n meets what request n of the trace met, so late, only
//! faster. Content is never replayed: a request that succeeded then gets the true answer of now.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::dice::Dice;
use super::fault::Fault;

/// One request of a trace: a line of a JSON-lines file; fields that are not named here are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraceStep {
    /// The how-manieth try of its page.
    pub attempt: u32,
    /// Seconds until the answer, or until the client gave up.
    pub duration_seconds: f64,
    /// The client's words about a failure; they may quote the body.
    pub error: Option<String>,
    /// The status, if there was an answer.
    pub status: Option<u16>,
    /// Whether it was 2xx.
    pub success: bool,
    /// What was asked.
    pub url: String,
}

impl TraceStep {
    /// The steps of a JSON-lines text; empty lines are skipped.
    ///
    /// # Errors
    /// At the first line that is no step.
    pub fn read_all(text: &str) -> Result<Vec<Self>, serde_json::Error> {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        lines.map(serde_json::from_str).collect()
    }

    /// A trace of that length with outcomes and latencies distributed as in the 446 requests that
    /// one sequential client made on 2026-06-16: 92.8 % 200, 0.9 % 204, 4.7 % 429, 0.7 % 500,
    /// 0.9 % timeouts of 45 s; median 1.43 s, 99 of 100 below 6.5 s.
    pub fn weather(seed: u64, steps: u32) -> Vec<Self> {
        let mut dice = Dice::new(seed);
        let mut outcomes: Vec<Outcome> =
            (0..steps).map(|step| Outcome::share(step, steps)).collect();
        for place in (1..outcomes.len()).rev() {
            let other = dice.below(place as u64 + 1);
            outcomes.swap(place, usize::try_from(other).unwrap_or_default());
        }
        outcomes
            .into_iter()
            .map(|outcome| outcome.step(&mut dice))
            .collect()
    }

    /// What goes wrong with the request; nothing after a success.
    fn fault(&self) -> Option<Fault> {
        let error = self.error.as_deref().unwrap_or_default();
        match self.status {
            None => Some(Fault::Hang),
            Some(200..=299) => None,
            Some(422) => Some(Fault::Spurious422),
            Some(429) => Some(Fault::Status429Html),
            Some(500) if error.contains("JDBC") => Some(Fault::Json500),
            Some(500) => Some(Fault::Text500),
            Some(502) => Some(Fault::Html502),
            Some(504) => Some(Fault::Html504),
            Some(_) => Some(Fault::Html503),
        }
    }
}

/// The kinds of outcome, for the generator.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    Page,
    Empty,
    TooMany,
    Text500,
    Json500,
    Timeout,
}

impl Outcome {
    /// The first of every 446 steps are the faults, in their recorded numbers; `weather` shuffles.
    fn share(step: u32, steps: u32) -> Self {
        match u64::from(step) * 446 / u64::from(steps.max(1)) {
            0..21 => Self::TooMany,
            21..25 => Self::Empty,
            25..29 => Self::Timeout,
            29..31 => Self::Text500,
            31..32 => Self::Json500,
            _ => Self::Page,
        }
    }

    fn step(self, dice: &mut Dice) -> TraceStep {
        let (status, error, duration_seconds) = match self {
            Self::Page => (Some(200), None, latency(dice)),
            Self::Empty => (Some(204), None, 0.3),
            Self::TooMany => (Some(429), Some("HTTP 429; content-type=text/html"), 0.06),
            Self::Text500 => (Some(500), Some("HTTP 500; body=Erro na comunicação"), 30.3),
            Self::Json500 => (
                Some(500),
                Some("HTTP 500; body=Failed to obtain JDBC Connection"),
                34.4,
            ),
            Self::Timeout => (None, Some("The read operation timed out"), 45.06),
        };
        TraceStep {
            attempt: 1,
            duration_seconds,
            error: error.map(str::to_owned),
            status,
            success: error.is_none(),
            url: "https://portal.exemplo.test/api/consulta/v1/contratacoes/publicacao".to_owned(),
        }
    }
}

/// Seconds, by the measured quantiles with straight lines between them.
fn latency(dice: &mut Dice) -> f64 {
    const QUANTILES: [(u32, f64); 7] = [
        (0, 0.3),
        (500, 1.43),
        (900, 2.80),
        (950, 3.51),
        (990, 6.5),
        (999, 17.0),
        (1_000, 17.6),
    ];
    let drawn = u32::try_from(dice.below(1_000)).unwrap_or_default();
    let pairs = QUANTILES.iter().zip(&QUANTILES[1..]);
    let between = pairs.into_iter().find(|(_, (above, _))| drawn < *above);
    let seconds = between.map_or(17.6, |((below, low), (above, high))| {
        low + (high - low) * f64::from(drawn - below) / f64::from(above - below)
    });
    // Whole milliseconds, as recorded.
    (seconds * 1_000.0).round() / 1_000.0
}

/// A trace under way.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    steps: VecDeque<TraceStep>,
    speed: f64,
}

impl Replay {
    /// `speed` 60 makes a minute a second; what is not above 0 counts as 1.
    pub(crate) fn new(steps: Vec<TraceStep>, speed: f64) -> Self {
        let speed = if speed > 0.0 { speed } else { 1.0 };
        Self {
            steps: steps.into(),
            speed,
        }
    }

    /// Steps that are left.
    pub(crate) fn left(&self) -> usize {
        self.steps.len()
    }

    /// The latency and the fault of the next request; `None` when the trace is over.
    pub(crate) fn next(&mut self) -> Option<(Duration, Option<Fault>)> {
        let step = self.steps.pop_front()?;
        let seconds = (step.duration_seconds / self.speed).clamp(0.0, 3_600.0);
        Some((
            Duration::try_from_secs_f64(seconds).unwrap_or_default(),
            step.fault(),
        ))
    }
}

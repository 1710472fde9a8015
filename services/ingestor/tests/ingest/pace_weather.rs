//! What the pace makes of the portal's weather: simulated requests, simulated limiters, paused time. The shares are
//! printed (`cargo test -p ingestor pace_weather -- --nocapture`).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use demo_world::portal::TraceStep;
use ingestor::ingest::fault::FaultClass;
use ingestor::ingest::pace::{Outcome, Pacer};
use ingestor::settings::PolicySettings;
use service_kit::clock::Clock;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How a simulated portal answers a request that arrives now: how late, and with what.
type Answers = Box<dyn FnMut(Instant) -> Option<(Duration, Outcome)> + Send>;

struct Simulation {
    answers: Answers,
    refused_at: Option<Instant>,
    paused: Duration,
    refusals: u32,
    answered: u32,
}

/// What came of it.
struct Report {
    wall: Duration,
    paused: Duration,
    refusals: u32,
    answered: u32,
}

impl Report {
    fn share_paused(&self) -> f64 {
        self.paused.as_secs_f64() / self.wall.as_secs_f64()
    }

    fn per_second(&self) -> f64 {
        f64::from(self.answered) / self.wall.as_secs_f64()
    }
}

/// As many workers as may be in flight ask until the portal has no more answers.
async fn simulate(name: &str, answers: Answers) -> Report {
    let pacer = Pacer::new(&PolicySettings::default(), Clock::system());
    let simulation = Arc::new(Mutex::new(Simulation {
        answers,
        refused_at: None,
        paused: Duration::ZERO,
        refusals: 0,
        answered: 0,
    }));
    let began = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..PolicySettings::default().pncp_max_in_flight {
        workers.spawn(work(pacer.clone(), Arc::clone(&simulation)));
    }
    workers.join_all().await;
    let end = simulation.lock().unwrap();
    let report = Report {
        wall: began.elapsed(),
        paused: end.paused,
        refusals: end.refusals,
        answered: end.answered,
    };
    println!(
        "{name}: {:.0} s, {:.2} answers a second, {} refusals, {:.1} % of the time paused",
        report.wall.as_secs_f64(),
        report.per_second(),
        report.refusals,
        100.0 * report.share_paused(),
    );
    report
}

async fn work(pacer: Pacer, simulation: Arc<Mutex<Simulation>>) {
    loop {
        let turn = pacer.turn(&CancellationToken::new()).await.unwrap();
        let Some((late, outcome)) = simulation.lock().unwrap().ask(Instant::now()) else {
            return;
        };
        sleep(late).await;
        simulation.lock().unwrap().note(outcome, Instant::now());
        turn.finished(outcome);
    }
}

impl Simulation {
    fn ask(&mut self, now: Instant) -> Option<(Duration, Outcome)> {
        if let Some(refused_at) = self.refused_at.take() {
            self.paused += now - refused_at;
        }
        (self.answers)(now)
    }

    fn note(&mut self, outcome: Outcome, now: Instant) {
        match outcome {
            Outcome::Fine => self.answered += 1,
            Outcome::RateLimited => {
                self.refusals += 1;
                self.refused_at.get_or_insert(now);
            }
            Outcome::Failed(_) => {}
        }
    }
}

fn outcome(step: &TraceStep) -> Outcome {
    match step.status {
        Some(429) => Outcome::RateLimited,
        Some(500..) => Outcome::Failed(FaultClass::ServerError),
        Some(_) => Outcome::Fine,
        None => Outcome::Failed(FaultClass::Timeout),
    }
}

fn recorded(steps: Vec<TraceStep>) -> Answers {
    let mut steps = steps.into_iter();
    Box::new(move |_| {
        let step = steps.next()?;
        Some((
            Duration::from_secs_f64(step.duration_seconds),
            outcome(&step),
        ))
    })
}

/// Latencies of the recorded weather, and a limiter of `rate` a second that saves up `burst`, and that refuses
/// everything for `blocks` once it has refused.
fn limited(rate: f64, burst: f64, blocks: Duration) -> Answers {
    let mut latencies = TraceStep::weather(7, 4_000)
        .into_iter()
        .filter(|step| step.success);
    let (mut tokens, mut as_of, mut blocked_until) = (burst, Instant::now(), Instant::now());
    Box::new(move |now| {
        let late = latencies.next()?.duration_seconds;
        tokens = (tokens + (now - as_of).as_secs_f64() * rate).min(burst);
        as_of = now;
        if now < blocked_until || tokens < 1.0 {
            blocked_until = blocked_until.max(now + blocks);
            return Some((Duration::from_millis(60), Outcome::RateLimited));
        }
        tokens -= 1.0;
        Some((Duration::from_secs_f64(late), Outcome::Fine))
    })
}

#[tokio::test(start_paused = true)]
async fn in_clear_weather_the_allowed_rate_is_used() {
    let steps = TraceStep::weather(11, 2_000);
    let clear = steps.into_iter().filter(|step| step.success).collect();
    let report = simulate("clear weather", recorded(clear)).await;
    assert!((0.95..=1.01).contains(&report.per_second()));
    assert_eq!(report.refusals, 0);
}

/// In the weather that one sequential client met, a fixed pause of 60 s cost 49 % of its time.
#[tokio::test(start_paused = true)]
async fn in_the_recorded_weather_far_less_is_lost_than_to_a_fixed_pause() {
    let (mut ours, mut fixed) = (Duration::ZERO, Duration::ZERO);
    for seed in 1..=5 {
        let steps = TraceStep::weather(seed, 446);
        let asked: f64 = steps.iter().map(|step| step.duration_seconds).sum();
        let refused = steps.iter().filter(|step| step.status == Some(429));
        fixed += Duration::from_secs_f64(asked + refused.map(|_| 60.0).sum::<f64>());
        let report = simulate("recorded weather", recorded(steps)).await;
        assert!(report.share_paused() < 0.40, "{}", report.share_paused());
        ours += report.wall;
    }
    println!("recorded weather: {ours:?}, with a fixed pause {fixed:?}");
    assert!(2 * ours < fixed, "{ours:?} of {fixed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_limiter_below_our_rate_is_followed_closely() {
    let report = simulate("0.8/s allowed", limited(0.8, 10.0, Duration::ZERO)).await;
    assert!(report.per_second() > 0.85 * 0.8, "{}", report.per_second());
    assert!(report.share_paused() < 0.25, "{}", report.share_paused());
}

#[tokio::test(start_paused = true)]
async fn a_limiter_that_blocks_for_longer_than_the_first_pause_is_waited_for() {
    let blocks = Duration::from_secs(30);
    let report = simulate("0.5/s allowed, 30 s blocked", limited(0.5, 30.0, blocks)).await;
    assert!(report.per_second() > 0.4, "{}", report.per_second());
    assert!(report.share_paused() < 0.40, "{}", report.share_paused());
}

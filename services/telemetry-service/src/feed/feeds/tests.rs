use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use serde_json::{Map, Value};
use service_kit::lifecycle::Lifecycle;
use service_kit::metrics::Metrics;
use service_kit::settings::{DatabaseSettings, Secret};
use tokio::time::{advance, timeout};

use super::*;
use crate::feed::Push;
use crate::model::{DeviceId, Reading, SourceError};
use crate::store::{Answer, Span};

const INTERVAL: Duration = Duration::from_secs(5);
/// Longer than any wait of a feed.
const PATIENCE: Duration = Duration::from_mins(1);

/// A store whose answers are written beforehand: bugs, and answers that take exactly so long, are nothing that a real
/// one does on demand.
#[derive(Default)]
struct Scripted {
    asked: AtomicUsize,
    /// How many devices each query was about.
    sizes: Mutex<Vec<usize>>,
    under_way: AtomicUsize,
    at_once: AtomicUsize,
    /// What the next query does; it answers where nothing is written.
    next: Mutex<Vec<Act>>,
    takes: Mutex<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Act {
    Panic,
    Fail,
    Hang,
}

impl TelemetryStore for Scripted {
    fn latest<'a>(
        &'a self,
        _: &'a TenantId,
        devices: &'a [DeviceId],
    ) -> Answer<'a, Vec<(DeviceId, Reading)>> {
        Box::pin(async move {
            let asked = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            self.sizes.lock().unwrap().push(devices.len());
            let under_way = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            self.at_once.fetch_max(under_way, Ordering::SeqCst);
            let act = self.next.lock().unwrap().pop();
            let takes = *self.takes.lock().unwrap();
            tokio::time::sleep(takes).await;
            self.under_way.fetch_sub(1, Ordering::SeqCst);
            match act {
                Some(Act::Panic) => panic!("a bug in a store"),
                Some(Act::Fail) => return Err(SourceError::Unavailable("away".to_owned())),
                Some(Act::Hang) => std::future::pending::<()>().await,
                None => {}
            }
            let reading = |device: &DeviceId| {
                let time = chrono::DateTime::UNIX_EPOCH
                    + chrono::TimeDelta::seconds(i64::try_from(asked).unwrap());
                let (seq, metrics) = (None, Map::new());
                (device.clone(), Reading { time, seq, metrics })
            };
            Ok(devices.iter().map(reading).collect())
        })
    }

    fn range<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a DeviceId,
        _: Span,
        _: u16,
    ) -> Answer<'a, Vec<Reading>> {
        unreachable!("feeds ask for the latest")
    }
}

struct World {
    feeds: Feeds,
    store: Arc<Scripted>,
    lifecycle: Lifecycle,
}

impl World {
    fn new() -> Self {
        let store = Arc::new(Scripted::default());
        let lifecycle = Lifecycle::new(Clock::system());
        let nowhere = DatabaseSettings {
            database_url: Secret::from("postgres://nobody@127.0.0.1:1/nothing"),
            db_pool_size: 1,
        };
        let options = service_kit::pg::PoolOptions::named("test");
        let pool = service_kit::pg::connect_lazy(&nowhere, options).unwrap();
        let metrics = Metrics::new("test", "0", "0").unwrap();
        let feeds = Feeds::new(FeedKit {
            store: Arc::clone(&store) as Arc<dyn TelemetryStore>,
            alerts: AlertRepo::new(pool),
            clock: Clock::system(),
            random: Random::seeded(1),
            tasks: lifecycle.tasks(),
            stopping: lifecycle.stopping(),
            metrics: TelemetryMetrics::register(&metrics, 1).unwrap(),
            limits: FeedLimits {
                interval: INTERVAL,
                spacing: Duration::from_millis(100),
                query_within: Duration::from_secs(10),
                devices: 3,
            },
        });
        Self {
            feeds,
            store,
            lifecycle,
        }
    }

    fn will(&self, act: Act) {
        self.store.next.lock().unwrap().push(act);
    }

    fn watch(&self, device: &str) -> Result<Watch, TooMany> {
        let device = Channel::Device(DeviceId::parse(device).unwrap());
        self.feeds.watch(&tenant(), device, false)
    }

    fn asked(&self) -> usize {
        self.store.asked.load(Ordering::SeqCst)
    }
}

fn tenant() -> TenantId {
    TenantId::parse("a").unwrap()
}

/// The next push as JSON.
async fn told(watch: &mut Watch) -> Value {
    let next = poll_fn(|cx| watch.poll_push(cx));
    let push: Push = timeout(PATIENCE, next).await.expect("a push");
    let bytes = push.frame.into_bytes();
    let begin = bytes.iter().position(|byte| *byte == b'{').unwrap();
    serde_json::from_slice(&bytes[begin..]).unwrap()
}

async fn is_told_nothing(watch: &mut Watch) -> bool {
    poll_fn(|cx| Poll::Ready(watch.poll_push(cx).is_pending())).await
}

#[tokio::test(start_paused = true)]
async fn a_bug_in_a_query_is_an_outage_and_the_poller_goes_on() {
    let world = World::new();
    world.will(Act::Panic);
    let mut watch = world.watch("one").unwrap();
    assert_eq!(told(&mut watch).await["state"], "stale");
    assert_eq!(told(&mut watch).await["state"], "live");
    assert_eq!(told(&mut watch).await["type"], "telemetry");
}

#[tokio::test(start_paused = true)]
async fn a_query_that_never_ends_is_given_up() {
    let world = World::new();
    world.will(Act::Hang);
    world.will(Act::Hang);
    let mut watch = world.watch("one").unwrap();
    assert_eq!(told(&mut watch).await["state"], "stale");
    assert_eq!(told(&mut watch).await["state"], "live");
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_while_a_query_is_under_way_shares_the_next_one() {
    let world = World::new();
    *world.store.takes.lock().unwrap() = Duration::from_millis(300);
    let mut first = world.watch("one").unwrap();
    advance(Duration::from_millis(10)).await;
    let (mut second, mut third) = (world.watch("two").unwrap(), world.watch("three").unwrap());
    for watch in [&mut first, &mut second, &mut third] {
        assert_eq!(told(watch).await["type"], "telemetry");
    }
    assert_eq!(
        *world.store.sizes.lock().unwrap(),
        [1, 2],
        "what is known is not asked for again"
    );
    assert_eq!(
        world.watch("four").err(),
        Some(TooMany),
        "a tenant watches so many and no more"
    );
    let mut again = world.watch("one").unwrap();
    assert_eq!(told(&mut again).await["type"], "telemetry");
    assert_eq!(world.asked(), 2, "and a known device costs nobody a query");
}

#[tokio::test(start_paused = true)]
async fn hints_during_a_query_are_one_query_more_and_never_two_at_once() {
    let world = World::new();
    let mut watch = world.watch("one").unwrap();
    told(&mut watch).await;
    *world.store.takes.lock().unwrap() = Duration::from_millis(500);
    for _ in 0..100 {
        world.feeds.hint(&tenant(), Kind::Telemetry);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let before = told(&mut watch).await["data"]["timestamp"].clone();
    let after = told(&mut watch).await["data"]["timestamp"].clone();
    assert!(before.as_str() < after.as_str());
    assert_eq!(world.asked(), 3);
    assert_eq!(world.store.at_once.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn an_outage_turns_everything_of_its_kind_stale_and_new_watches_begin_so() {
    let world = World::new();
    let (mut one, mut two) = (world.watch("one").unwrap(), world.watch("two").unwrap());
    for watch in [&mut one, &mut two] {
        assert_eq!(told(watch).await["type"], "telemetry");
    }
    world.will(Act::Fail);
    world.will(Act::Fail);
    world.feeds.hint(&tenant(), Kind::Telemetry);
    for watch in [&mut one, &mut two] {
        assert_eq!(told(watch).await["state"], "stale");
    }
    let mut late = world.watch("three").unwrap();
    assert_eq!(told(&mut late).await["state"], "stale");
    assert!(is_told_nothing(&mut one).await, "said once");
    for watch in [&mut one, &mut two, &mut late] {
        assert_eq!(told(watch).await["state"], "live");
        assert_eq!(told(watch).await["type"], "telemetry");
    }
}

#[tokio::test(start_paused = true)]
async fn a_feed_ends_when_nobody_watches_and_another_begins_with_the_next() {
    let world = World::new();
    let mut watch = world.watch("one").unwrap();
    told(&mut watch).await;
    assert_eq!(
        world.lifecycle.tasks().running().get("feed.poller"),
        Some(&1)
    );
    drop(watch);
    tokio::time::sleep(INTERVAL * 2).await;
    assert!(world.feeds.overview().is_empty());
    assert!(world.lifecycle.tasks().running().is_empty());
    let asked = world.asked();
    tokio::time::sleep(INTERVAL * 2).await;
    assert_eq!(world.asked(), asked, "nobody watches, nothing is asked");
    let mut watch = world.watch("one").unwrap();
    assert_eq!(told(&mut watch).await["type"], "telemetry");
}

#[tokio::test(start_paused = true)]
async fn comers_and_goers_leave_one_poller_or_none() {
    let world = World::new();
    for _ in 0..50 {
        let mut watch = world.watch("one").unwrap();
        told(&mut watch).await;
        drop(watch);
        tokio::time::sleep(INTERVAL / 3).await;
    }
    assert!(
        world
            .lifecycle
            .tasks()
            .running()
            .get("feed.poller")
            .is_none_or(|all| *all == 1)
    );
    world.lifecycle.stopping().cancel();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(
        world.lifecycle.tasks().running().is_empty(),
        "a stop waits for no interval"
    );
}

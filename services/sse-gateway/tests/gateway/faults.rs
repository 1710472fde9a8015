//! The promise of the gateway under any faults: exactly one acknowledged logical disconnect for every connect that the
//! backend accepted or may have accepted, after that connect has settled; none after a definite rejection.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use service_kit::random::Random;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::backend::{Act, Call};
use crate::world::World;

const SCHEDULES: u64 = 1_000;
const AT_ONCE: usize = 100;
/// Slow answers straddle this: the client's 504.
const CLIENT_WAITS_MS: u64 = 40;
const SLOWEST_MS: u64 = 100;

/// What the backend does with one connect.
fn connect_act(random: &Random) -> Act {
    let closes = r#"{"event":{"name":"only","data":"one"},"close":true}"#;
    let act = match random.u64_below(13) {
        0..4 => Act::ok(),
        4 => Act::Say(200, closes.to_owned()),
        5 => Act::Say(200, "<html>".to_owned()),
        6 => Act::status([400, 401, 403, 404, 500, 503, 302][pick(random, 7)]),
        7 => Act::Twice(200),
        8 => Act::Twice(403),
        9 => Act::Garbage(GARBAGE[pick(random, GARBAGE.len())]),
        10 => Act::Cut,
        11 => Act::BreakOff([401, 404, 500, 302][pick(random, 4)]),
        _ => Act::Hang,
    };
    slow(act, random)
}

/// What it does with one attempt to tell a disconnect; the third one is always taken.
fn disconnect_act(random: &Random, attempt: usize) -> Act {
    let act = match random.u64_below(10) {
        _ if attempt >= 2 => Act::ok(),
        0..4 => Act::ok(),
        4 => Act::status(410),
        5 => Act::status(500),
        6 => Act::Twice(200),
        7 => Act::Garbage(GARBAGE[pick(random, GARBAGE.len())]),
        8 => Act::Cut,
        _ => Act::Hang,
    };
    if attempt >= 2 { act } else { slow(act, random) }
}

const GARBAGE: [&str; 5] = [
    "nonsense\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsho",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "HTTP/1.1 2",
    "\0\u{1}\u{2}",
];

fn slow(act: Act, random: &Random) -> Act {
    if random.u64_below(2) == 0 {
        return act;
    }
    act.after(random.u64_below(SLOWEST_MS))
}

fn pick(random: &Random, len: usize) -> usize {
    usize::try_from(random.u64_below(len as u64)).unwrap()
}

/// One client: asks, and leaves at any moment, politely or not, or stays until it is told to go.
async fn client(address: SocketAddr, number: u64, random: Random) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /{number} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    if random.u64_below(20) == 0 {
        let part = pick(&random, request.len());
        socket.write_all(&request.as_bytes()[..part]).await.unwrap();
        return;
    }
    socket.write_all(request.as_bytes()).await.unwrap();
    let stays = Duration::from_millis(random.u64_below(2 * SLOWEST_MS));
    let mut answer = Vec::new();
    let _ = timeout(stays, socket.read_to_end(&mut answer)).await;
    if random.u64_below(3) == 0 {
        socket.set_zero_linger().unwrap();
    }
}

/// Sends to tokens as soon as they are known, sometimes with a close.
async fn sender(world: &World, met: &mut BTreeSet<String>, random: &Random) {
    for call in world.backend.calls_of("connect") {
        if met.insert(call.token()) && random.u64_below(2) == 0 {
            let close = random.u64_below(4) == 0;
            let body =
                serde_json::json!({"token": call.token(), "event": {"data": "x"}, "close": close});
            let status = world.post(&body.to_string()).await.status();
            assert!([200, 404, 500].contains(&status), "{status}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_connect_that_may_count_has_one_taken_disconnect_and_no_other_has_any() {
    test_kit::raise_fd_limit();
    let seed = Random::system().u64_below(u64::MAX);
    println!("seed {seed}");
    let random = Random::seeded(seed);
    let world = World::with(|settings| {
        settings.callback.callback_timeout_ms = Some(Duration::from_millis(CLIENT_WAITS_MS));
        // Far above the slowest rejection, so that a rejection is always a definite one.
        settings.callback.callback_settle_ms = Some(Duration::from_secs(3));
    })
    .await;
    script(&world, &random);

    let places = Arc::new(Semaphore::new(AT_ONCE));
    let (mut clients, mut met) = (JoinSet::new(), BTreeSet::new());
    for number in 0..SCHEDULES {
        let (address, ours) = (world.address, random.clone());
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        clients.spawn(async move {
            client(address, number, ours).await;
            drop(place);
        });
        if number % 20 == 0 {
            sender(&world, &mut met, &random).await;
        }
    }
    clients.join_all().await;
    world.all_told().await;
    let calls = world.backend.calls();
    let connects = judge(&calls);
    agrees(&world, &calls).await;
    assert!(
        connects > 800,
        "most schedules came to a connect: {connects}"
    );
    assert!(
        world
            .metric("gateway_disconnects_undelivered_total")
            .await
            .abs()
            < 0.1
    );
    assert!(world.metric("gateway_connections_open").await.abs() < 0.1);
    world.shutdown().await;
}

/// The gateway's own account is the backend's: so many ends, and nothing told again but what it counted as told again.
async fn agrees(world: &World, calls: &[Call]) {
    let told = calls.iter().filter(|call| call.is("disconnect"));
    let ended: BTreeSet<String> = told.clone().map(Call::token).collect();
    let mut ends = 0.0;
    for reason in ["client_closed", "server_closed", "error"] {
        let name = format!(r#"gateway_disconnects_total{{reason="{reason}"}}"#);
        ends += world.metric(&name).await;
    }
    assert!((ends - figure(ended.len())).abs() < 0.5, "{ends}");
    let again = figure(told.count() - ended.len());
    let retries = world.metric("gateway_callback_retries_total").await;
    assert!(again <= retries, "{again} times, and {retries} meant");
}

fn figure(count: usize) -> f64 {
    u32::try_from(count).unwrap().into()
}

fn script(world: &World, random: &Random) {
    let random = random.clone();
    let mut attempts = BTreeMap::<String, usize>::new();
    world.backend.script(move |call| {
        if call.is("connect") {
            return connect_act(&random);
        }
        let attempt = attempts.entry(call.token()).or_default();
        *attempt += 1;
        disconnect_act(&random, *attempt - 1)
    });
}

/// Judges every token; gives how many there were.
fn judge(calls: &[Call]) -> usize {
    let mut tokens = BTreeMap::<String, Vec<&Call>>::new();
    for call in calls {
        tokens.entry(call.token()).or_default().push(call);
    }
    for (token, calls) in &tokens {
        let (connect, told) = calls.split_first().unwrap();
        assert!(
            connect.is("connect"),
            "{token}: a disconnect overtook its connect"
        );
        assert!(
            told.iter().all(|call| call.is("disconnect")),
            "{token}: two connects"
        );
        if connect.status.is_some_and(|status| status >= 300) {
            assert!(told.is_empty(), "{token}: rejected, and told {told:#?}");
            continue;
        }
        let ids: BTreeSet<String> = told
            .iter()
            .map(|call| call.json["disconnect_id"].to_string())
            .collect();
        assert_eq!(ids.len(), 1, "{token}: {connect:#?} {told:#?}");
        // An answer that comes too late for the gateway is asked for again: only the last one must count.
        let last = told.last().unwrap();
        let taken = |call: &Call| {
            call.status
                .is_some_and(|status| matches!(status, 200..300 | 400..500))
        };
        assert!(taken(last), "{token}: never taken {told:#?}");
        if connect.status.is_some() {
            assert!(
                connect.answered_at.unwrap() < told[0].at,
                "{token}: before it had settled"
            );
        }
    }
    tokens.len()
}

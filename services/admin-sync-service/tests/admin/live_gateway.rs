//! The gateway and the service, each dying under the other.

use crate::live::{Live, told, told_until};

#[tokio::test]
async fn a_gateway_that_is_killed_leaves_no_ghosts_and_its_successor_serves() {
    let mut live = Live::start().await;
    let run = live.world.claimed("update", 600, 0).await;
    let mut before = live.watch(run).await;
    told(&mut before, "task_started").await;
    let _page = live.open("/api/sse/utils/version?request_id=page-1").await;
    live.connections_are(2).await;
    live.gateway_check_is("ready").await;

    live.gateway.kill9();
    live.gateway.wait_exit().await;
    assert_eq!(live.gateway_check_is("degraded").await, 200, "never 503");
    before.read_to_end().await;
    live.start_gateway().await;
    live.gateway_check_is("ready").await;

    let mut after = live.watch(run).await;
    told(&mut after, "task_started").await;
    live.connections_are(1).await;
    live.saved(run, 9).await;
    told_until(&mut after, |data| data["records"] == 9).await;
    live.shutdown().await;
}

#[tokio::test]
async fn a_first_callback_of_another_gateway_is_enough_to_forget_the_dead_one() {
    let mut live = Live::with(|settings| {
        settings.stream.sse_check_ms = std::time::Duration::from_mins(10);
    })
    .await;
    let run = live.world.claimed("update", 600, 0).await;
    let mut before = live.watch(run).await;
    told(&mut before, "task_started").await;
    let _page = live.open("/api/sse/utils/version?request_id=page-1").await;
    live.connections_are(2).await;
    live.gateway.kill9();
    live.gateway.wait_exit().await;
    live.start_gateway().await;
    let _page = live.open("/api/sse/utils/version?request_id=page-2").await;
    live.connections_are(1).await;
    live.shutdown().await;
}

#[tokio::test]
async fn a_service_that_restarts_takes_its_viewers_over_and_tells_them_the_present_state() {
    let live = Live::start().await;
    let run = live.world.claimed("update", 600, 0).await;
    let mut stream = live.watch(run).await;
    told(&mut stream, "task_started").await;
    told_until(&mut stream, |data| data["records"] == 0).await;

    let live = live.restart_service().await;

    told(&mut stream, "task_started").await;
    live.saved(run, 5).await;
    told_until(&mut stream, |data| data["records"] == 5).await;
    let mut new = live.watch(run).await;
    told(&mut new, "task_started").await;
    told_until(&mut new, |data| data["records"] == 5).await;
    live.end(run, "success").await;
    for viewer in [&mut stream, &mut new] {
        told(viewer, "task_completed").await;
        crate::live::closed(viewer, "task_completed").await;
    }
    live.shutdown().await;
}

#[tokio::test]
async fn a_gateway_that_hangs_holds_nothing_up_and_its_viewers_catch_up() {
    let live = Live::start().await;
    let run = live.world.claimed("update", 600, 0).await;
    let mut stream = live.watch(run).await;
    told(&mut stream, "task_started").await;
    live.gateway.sigstop();
    live.saved(run, 3).await;
    live.gateway_check_is("degraded").await;
    live.saved(run, 4).await;
    crate::bodies::ok(&live.world.get("/sync/status").await);
    live.gateway.sigcont();
    told_until(&mut stream, |data| data["records"] == 4).await;
    live.shutdown().await;
}

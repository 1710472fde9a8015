//! The first moments of a stream: its head, `connected`, and one whole state.

use crate::world::World;

#[tokio::test]
async fn a_stream_begins_with_connected_and_one_whole_state() {
    let world = World::start().await;
    world
        .project("tower", &[("A101", "available"), ("A102", "hold")])
        .await;

    let mut stream = world.stream("tower").await;

    let connected = stream.expect("connected").await;
    assert_eq!(connected.json()["project"], "tower");
    assert!((2_000..=5_000).contains(&connected.retry.unwrap()));
    let whole = stream.expect("status_update").await.json();
    assert_eq!(whole["statuses"]["A102"], "reserved");
    world.shutdown().await;
}

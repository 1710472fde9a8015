//! What operators rely on: the documents say what there is, all of it, and nothing that is not.

use crate::world::World;

#[tokio::test]
async fn a_service_without_work_starts_and_ends_clean() {
    let world = World::start().await;
    world.ready().await;
    world.shutdown().await;
}

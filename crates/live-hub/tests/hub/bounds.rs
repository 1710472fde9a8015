//! The map of rooms stays within its size, and never ends a room in use.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use live_hub::{Hub, HubFull, Room};
use tokio::time::Instant;

struct Desk {
    busy: AtomicBool,
    used: Instant,
}

impl Room for Desk {
    fn retire(&self) -> bool {
        !self.busy.load(Ordering::SeqCst)
    }

    fn last_used(&self) -> Instant {
        self.used
    }
}

fn desk(busy: bool, age_seconds: u64) -> impl FnOnce() -> Arc<Desk> {
    move || {
        Arc::new(Desk {
            busy: AtomicBool::new(busy),
            used: Instant::now() - Duration::from_secs(age_seconds),
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_hub_lets_the_longest_idle_room_go_and_no_busy_one() {
    tokio::time::advance(Duration::from_secs(1_000)).await;
    let hub = Hub::new(3);
    hub.get_or_insert_with("busy, oldest", desk(true, 90))
        .unwrap();
    hub.get_or_insert_with("idle, old", desk(false, 60))
        .unwrap();
    hub.get_or_insert_with("idle, young", desk(false, 30))
        .unwrap();

    hub.get_or_insert_with("new", desk(true, 0)).unwrap();

    assert!(hub.get("idle, old").is_none());
    assert!(hub.get("busy, oldest").is_some() && hub.get("idle, young").is_some());
    hub.get_or_insert_with("newer", desk(true, 0)).unwrap();
    let refused = hub.get_or_insert_with("one too many", desk(true, 0));
    assert_eq!(refused.err(), Some(HubFull));
    assert_eq!(hub.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn idle_rooms_are_swept_and_a_stranger_under_the_same_key_is_spared() {
    tokio::time::advance(Duration::from_secs(1_000)).await;
    let hub = Hub::new(8);
    let old = hub.get_or_insert_with("old", desk(false, 60)).unwrap();
    hub.get_or_insert_with("busy", desk(true, 60)).unwrap();
    hub.get_or_insert_with("young", desk(false, 5)).unwrap();

    hub.retire_idle(Instant::now() - Duration::from_secs(30));

    let mut left: Vec<_> = hub.all().into_iter().map(|(key, _)| key).collect();
    left.sort_unstable();
    assert_eq!(left, ["busy", "young"]);
    let again = hub.get_or_insert_with("old", desk(false, 0)).unwrap();
    hub.remove(&"old", &old);
    assert!(
        hub.get("old")
            .is_some_and(|held| Arc::ptr_eq(&held, &again))
    );
}

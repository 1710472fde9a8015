//! The bounded map of rooms by key. What a room holds beside its topic is its
//! owner's business; the hub only decides who stays when there is no space.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// What a hub can hold.
pub trait Room: Send + Sync + 'static {
    /// Ends the room if nothing needs it, for good: whoever still holds it must
    /// be refused from then on. Says whether it ended. Must not block.
    fn retire(&self) -> bool;

    /// When it was last of use; the longest idle goes first.
    fn last_used(&self) -> Instant;
}

/// Refusal: every room of a full hub is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubFull;

/// A bounded map of rooms by key.
pub struct Hub<K, R> {
    rooms: Mutex<HashMap<K, Arc<R>>>,
    capacity: usize,
}

impl<K: Clone + Eq + Hash, R: Room> Hub<K, R> {
    /// An empty hub for at most `capacity` rooms.
    pub fn new(capacity: usize) -> Self {
        Self {
            rooms: Mutex::new(HashMap::new()),
            capacity,
        }
    }

    /// The room under `key`.
    pub fn get<Q>(&self, key: &Q) -> Option<Arc<R>>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.lock().get(key).cloned()
    }

    /// The room under `key`, made now if there is none. When the hub is full,
    /// the longest idle room that agrees to retire makes place.
    ///
    /// # Errors
    /// [`HubFull`] if none does.
    pub fn get_or_insert_with(
        &self,
        key: K,
        make: impl FnOnce() -> Arc<R>,
    ) -> Result<Arc<R>, HubFull> {
        let mut rooms = self.lock();
        if let Some(room) = rooms.get(&key) {
            return Ok(Arc::clone(room));
        }
        if rooms.len() >= self.capacity {
            evict_longest_idle(&mut rooms)?;
        }
        let room = make();
        rooms.insert(key, Arc::clone(&room));
        Ok(room)
    }

    /// Takes out the room under `key` if it is still `room`.
    pub fn remove(&self, key: &K, room: &Arc<R>) {
        let mut rooms = self.lock();
        if rooms.get(key).is_some_and(|held| Arc::ptr_eq(held, room)) {
            rooms.remove(key);
        }
    }

    /// Retires and takes out every room not used since `deadline`.
    pub fn retire_idle(&self, deadline: Instant) {
        self.lock()
            .retain(|_, room| room.last_used() >= deadline || !room.retire());
    }

    /// All rooms, in no order.
    pub fn all(&self) -> Vec<(K, Arc<R>)> {
        let rooms = self.lock();
        rooms
            .iter()
            .map(|(key, room)| (key.clone(), Arc::clone(room)))
            .collect()
    }

    /// Rooms held now.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Arc<R>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn evict_longest_idle<K: Clone + Eq + Hash, R: Room>(
    rooms: &mut HashMap<K, Arc<R>>,
) -> Result<(), HubFull> {
    let mut by_age: Vec<_> = rooms
        .iter()
        .map(|(key, room)| (room.last_used(), key.clone()))
        .collect();
    by_age.sort_by_key(|(used, _)| *used);
    let gone = by_age
        .into_iter()
        .map(|(_, key)| key)
        .find(|key| rooms.get(key).is_some_and(|room| room.retire()));
    gone.and_then(|key| rooms.remove(&key))
        .map(drop)
        .ok_or(HubFull)
}

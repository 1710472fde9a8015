//! Which connections there are. In shards, so that sends of several threads do not meet at one lock.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::connection::Connection;
use super::token::Token;

const SHARDS: usize = 16;

type Shard = HashMap<Token, Arc<Connection>>;

/// Every connection from before its callback to its end.
pub struct Registry {
    shards: [Mutex<Shard>; SHARDS],
    len: AtomicUsize,
    most: usize,
}

/// As many connections as there may be.
#[derive(Debug)]
pub struct Full;

impl Registry {
    pub fn new(most: usize) -> Self {
        Self {
            shards: Default::default(),
            len: AtomicUsize::new(0),
            most,
        }
    }

    /// Connections now.
    pub fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Takes a new connection in.
    pub fn insert(&self, connection: &Arc<Connection>) -> Result<(), Full> {
        // Counted first: two threads must not take the last place both.
        if self.len.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.len.fetch_sub(1, Ordering::Relaxed);
            return Err(Full);
        }
        let token = connection.token;
        self.shard(token).insert(token, Arc::clone(connection));
        Ok(())
    }

    /// The connection of a token.
    pub fn get(&self, token: Token) -> Option<Arc<Connection>> {
        self.shard(token).get(&token).cloned()
    }

    /// Whether it was there.
    pub fn remove(&self, token: Token) -> bool {
        let removed = self.shard(token).remove(&token).is_some();
        if removed {
            self.len.fetch_sub(1, Ordering::Relaxed);
        }
        removed
    }

    /// All of them, shard by shard.
    pub fn all(&self) -> Vec<Arc<Connection>> {
        let shards = self.shards.iter().map(lock);
        shards
            .flat_map(|shard| shard.values().cloned().collect::<Vec<_>>())
            .collect()
    }

    fn shard(&self, token: Token) -> MutexGuard<'_, Shard> {
        lock(&self.shards[token.shard(SHARDS)])
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

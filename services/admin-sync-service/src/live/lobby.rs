//! Connects and disconnects as the gateway tells them: the maps are changed and whoever works on them is woken. Nothing
//! here waits, for the gateway does.

use std::sync::{Arc, Mutex, PoisonError};

use gateway_client::{ConnectionManager, Identifier, Instance, Refused, Token};
use tokio::sync::Notify;

use super::room::TASK;

/// Clients that made room for a newer one and are not told yet; more than these find out by themselves.
const MOST_REPLACED: usize = 10_000;

/// What wakes the tasks of this room. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Wakes {
    /// Somebody came to watch a run.
    pub viewer: Arc<Notify>,
    /// A run may have changed.
    pub run: Arc<Notify>,
    /// Somebody came to learn the version, or it changed.
    pub version: Arc<Notify>,
    /// The gateway is another one than before.
    pub gateway: Arc<Notify>,
}

/// Takes clients in. Clones share everything.
#[derive(Clone, Debug)]
pub struct Lobby {
    manager: ConnectionManager,
    wakes: Wakes,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    instance: Option<String>,
    replaced: Vec<Token>,
}

/// A client that the gateway holds open.
#[derive(Debug)]
pub struct Arrival {
    /// What it watches.
    pub identifier: Identifier,
    /// Its connection.
    pub token: Token,
    /// The run of the gateway that has it, where it told.
    pub instance: Option<Instance>,
}

/// A client that is not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotLetIn {
    /// As many watch as may.
    Full,
    /// It has left already.
    Gone,
}

impl Lobby {
    /// Over these maps.
    pub fn new(manager: ConnectionManager, wakes: Wakes) -> Self {
        Self {
            manager,
            wakes,
            shared: Arc::default(),
        }
    }

    /// Takes a client in; it is told where things stand by the task that is woken here.
    ///
    /// # Errors
    /// [`NotLetIn`].
    pub fn arrive(&self, arrival: Arrival) -> Result<(), NotLetIn> {
        let Arrival {
            identifier,
            token,
            instance,
        } = arrival;
        self.notice(instance.as_ref());
        let connected = self.manager.connected(&identifier, &token, instance);
        let connected = connected.map_err(|refused| match refused {
            Refused::Gone => NotLetIn::Gone,
            Refused::Full | Refused::UnknownKind => NotLetIn::Full,
        })?;
        if let Some(old) = connected.replaced {
            let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            if shared.replaced.len() < MOST_REPLACED {
                shared.replaced.push(old);
            }
        }
        if identifier.kind() == TASK {
            self.wakes.viewer.notify_one();
        } else {
            self.wakes.version.notify_one();
        }
        Ok(())
    }

    /// A client has left.
    pub fn leave(&self, token: &Token, disconnect_id: Option<&str>) {
        self.manager.disconnected(token, disconnect_id);
    }

    /// Who made room since the last call.
    pub fn take_replaced(&self) -> Vec<Token> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut shared.replaced)
    }

    /// Another run of the gateway means that the one before took its connections with it.
    fn notice(&self, instance: Option<&Instance>) {
        let Some(instance) = instance else { return };
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let known = shared.instance.replace(instance.id.clone());
        if known.is_some_and(|known| known != instance.id) {
            self.wakes.gateway.notify_one();
        }
    }
}

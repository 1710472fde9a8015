//! Identifiers and tokens, both ways. Pure: no lock, no clock, no gateway.

use std::collections::HashMap;

use crate::departed::Departed;
use crate::identifier::Identifier;
use crate::token::{Instance, Token};

/// All connections of all kinds together; twice what one gateway takes by default.
const MOST_TOKENS: usize = 100_000;

/// How many clients one identifier may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// One: the newest wins.
    Single,
    /// Several, who all get every event; one more than `most` is refused, so that nobody who watches is sent away.
    Shared {
        /// The most at a time.
        most: usize,
    },
}

/// A connect that was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    /// Who had the identifier before and is to be told, after the callback was answered, by
    /// [`ConnectionManager::close_one`](crate::ConnectionManager::close_one).
    pub replaced: Option<Token>,
}

/// A connect that was not taken in; nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The identifier, or the whole directory, has as many clients as it may have.
    #[error("too many clients are connected")]
    Full,
    /// Its disconnect came first: the client is gone.
    #[error("the client has disconnected already")]
    Gone,
    /// No such kind was declared when the manager was built.
    #[error("unknown kind of identifier")]
    UnknownKind,
}

/// How a disconnect was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// The token was current and is gone.
    Current,
    /// Nothing current had this token: never connected, replaced, or purged.
    Unknown,
    /// Told before.
    Duplicate,
}

/// The maps. Every token in `tokens` stands in exactly the room of its entry, and no room is empty.
#[derive(Debug)]
pub(crate) struct Directory {
    kinds: HashMap<String, Sharing>,
    rooms: HashMap<Identifier, Vec<Token>>,
    tokens: HashMap<Token, Entry>,
    departed: Departed,
    /// Of the latest registration; what is not newer was known at that moment.
    serial: u64,
}

#[derive(Debug)]
struct Entry {
    identifier: Identifier,
    instance: Option<Instance>,
    serial: u64,
}

impl Directory {
    pub(crate) fn new(kinds: &[(&str, Sharing)]) -> Self {
        let kinds = kinds
            .iter()
            .map(|(kind, sharing)| ((*kind).to_owned(), *sharing));
        Self {
            kinds: kinds.collect(),
            rooms: HashMap::new(),
            tokens: HashMap::new(),
            departed: Departed::default(),
            serial: 0,
        }
    }

    /// The same token again under the same identifier changes nothing; under another one it moves.
    pub(crate) fn connect(
        &mut self,
        identifier: &Identifier,
        token: &Token,
        instance: Option<Instance>,
    ) -> Result<Connected, Refused> {
        let sharing = *self
            .kinds
            .get(identifier.kind())
            .ok_or(Refused::UnknownKind)?;
        if self.departed.contains(token) {
            return Err(Refused::Gone);
        }
        let before = self.tokens.get(token);
        if before.is_some_and(|entry| entry.identifier == *identifier) {
            return Ok(Connected { replaced: None });
        }
        let present = self.room(identifier).len();
        let full = match sharing {
            Sharing::Single => false,
            Sharing::Shared { most } => present >= most,
        };
        if full || self.tokens.len() >= MOST_TOKENS {
            return Err(Refused::Full);
        }
        self.remove(token);
        let replaced = match sharing {
            Sharing::Single => self.room(identifier).first().cloned(),
            Sharing::Shared { .. } => None,
        };
        if let Some(old) = &replaced {
            self.remove(old);
        }
        self.insert(identifier, token, instance);
        Ok(Connected { replaced })
    }

    pub(crate) fn disconnect(&mut self, token: &Token) -> Left {
        if !self.departed.insert(token) {
            Left::Duplicate
        } else if self.remove(token) {
            Left::Current
        } else {
            Left::Unknown
        }
    }

    /// Whether it was there. Only this very connection is taken out, never one that came after it.
    pub(crate) fn remove(&mut self, token: &Token) -> bool {
        let Some(entry) = self.tokens.remove(token) else {
            return false;
        };
        if let Some(room) = self.rooms.get_mut(&entry.identifier) {
            room.retain(|present| present != token);
            if room.is_empty() {
                self.rooms.remove(&entry.identifier);
            }
        }
        true
    }

    /// Who is connected, the longest first.
    pub(crate) fn room(&self, identifier: &Identifier) -> &[Token] {
        self.rooms.get(identifier).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn identifiers(&self) -> Vec<Identifier> {
        self.rooms.keys().cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// What [`Directory::forget_unlisted`] compares with: asked before the list is.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// Removes what was registered up to `serial` and the gateway did not list after it. What belongs to a younger run
    /// than the one that answered stays: an old gateway that drains cannot speak for its successor.
    pub(crate) fn forget_unlisted(
        &mut self,
        serial: u64,
        by: &Instance,
        is_listed: impl Fn(&Token) -> bool,
    ) -> usize {
        let is_lost = |(token, entry): &(&Token, &Entry)| {
            let younger = entry.instance.as_ref().is_some_and(|instance| {
                instance.id != by.id && instance.started_at > by.started_at
            });
            entry.serial <= serial && !younger && !is_listed(token)
        };
        let lost = self.tokens.iter().filter(is_lost);
        let lost: Vec<Token> = lost.map(|(token, _)| token.clone()).collect();
        lost.iter().filter(|token| self.remove(token)).count()
    }

    /// Whether the gateway speaks of a client that nobody here has heard of.
    pub(crate) fn is_stranger(&self, token: &Token) -> bool {
        !self.tokens.contains_key(token) && !self.departed.contains(token)
    }

    fn insert(&mut self, identifier: &Identifier, token: &Token, instance: Option<Instance>) {
        self.serial += 1;
        let entry = Entry {
            identifier: identifier.clone(),
            instance,
            serial: self.serial,
        };
        self.tokens.insert(token.clone(), entry);
        let room = self.rooms.entry(identifier.clone()).or_default();
        room.push(token.clone());
    }
}

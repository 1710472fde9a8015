//! What is known of the issuer's keys, and the rules by which it is asked again. Pure but for the time, which is
//! handed in.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    super::Refusal,
    super::key_set::{KeySet, PublicKey},
};

/// Keys are believed for so long without another look.
const FRESH: Duration = Duration::from_mins(5);

/// Between two requests to the key server, whatever they were for and whatever became of them.
pub(in super::super) const ASK_EVERY: Duration = Duration::from_secs(10);

/// While the key server cannot be asked, its last keys count for so long: a restart of it must not put everybody out,
/// and a key that it has withdrawn meanwhile must not count for ever.
const GRACE: Duration = Duration::from_hours(1);

/// Keys, and how asking for them goes.
#[derive(Debug, Default)]
pub(super) struct State {
    keys: Option<Known>,
    /// When the last request began.
    asked: Option<Instant>,
    /// One is under way.
    asking: bool,
    /// Why the last one failed, where it did.
    trouble: Option<String>,
}

#[derive(Debug)]
struct Known {
    set: KeySet,
    since: Instant,
}

/// How much a token needs the key server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// What is known is enough.
    None,
    /// What is known will do, but is old, and the last attempt to renew it failed.
    Eventual,
    /// The answer hangs on it.
    Urgent,
}

impl State {
    /// What is to be said by what is known.
    pub(super) fn verdict(
        &self,
        kid: Option<&str>,
        now: Instant,
    ) -> Result<Arc<PublicKey>, Refusal> {
        let usable = self.keys.as_ref().filter(|keys| keys.age(now) < GRACE);
        match (usable.and_then(|keys| keys.set.find(kid)), &self.trouble) {
            (Some(key), _) => Ok(Arc::clone(key)),
            (None, Some(trouble)) => Err(Refusal::KeysUnavailable(trouble.clone())),
            (None, None) if usable.is_some() => Err(Refusal::Invalid("an unknown key")),
            (None, None) => Err(Refusal::KeysUnavailable("not asked yet".to_owned())),
        }
    }

    /// Whether that is good enough. Nobody waits for a key server that has just failed while its last keys serve.
    pub(super) fn need(&self, found: bool, now: Instant) -> Need {
        let fresh = self.keys.as_ref().is_some_and(|keys| keys.age(now) < FRESH);
        match (found, fresh) {
            (true, true) => Need::None,
            (true, false) if self.trouble.is_some() => Need::Eventual,
            _ => Need::Urgent,
        }
    }

    /// True where the caller is the one to ask now: one at a time, and not too often.
    pub(super) fn starts(&mut self, need: Need, now: Instant) -> bool {
        let rested = self
            .asked
            .is_none_or(|asked| now.duration_since(asked) >= ASK_EVERY);
        let starts = need != Need::None && !self.asking && rested;
        if starts {
            self.asking = true;
            self.asked = Some(now);
        }
        starts
    }

    pub(super) fn is_worth_waiting(&self, need: Need) -> bool {
        need == Need::Urgent && self.asking
    }

    pub(super) fn is_in_trouble(&self) -> bool {
        self.trouble.is_some()
    }

    /// The request under way ended. A failure leaves the keys as they are.
    pub(super) fn end(&mut self, result: Result<KeySet, String>, now: Instant) {
        self.asking = false;
        match result {
            Ok(set) => {
                self.keys = Some(Known { set, since: now });
                self.trouble = None;
            }
            Err(trouble) => self.trouble = Some(trouble),
        }
    }
}

impl Known {
    fn age(&self, now: Instant) -> Duration {
        now.duration_since(self.since)
    }
}

//! What one client wants and is answered. No socket: what is heard comes in as messages, and answers wait here, few at a
//! time, until they can be written.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::desk::Desk;
use super::ending::Ending;
use super::manners::Manners;
use super::protocol::{self, Action, Answer, Complaint};
use super::seats::Seat;
use super::subscriptions::{Subscriptions, Told};
use crate::feed::{Channel, Push, TooMany};
use crate::frame::Frame;
use crate::identity::{Denied, Viewer};
use crate::model::TenantId;

/// So many answers wait to be written; then nothing is heard until the client has taken some.
const MOST_ANSWERS: usize = 8;

type Renewal = Pin<Box<dyn Future<Output = Result<Viewer, Denied>>>>;

/// Somebody who was let in.
pub struct Guest {
    /// Their place, which says whose data they see; given back with the session.
    pub seat: Seat,
    /// Until when.
    pub expires_at: DateTime<Utc>,
    /// Told everything every interval, changed or not.
    pub repeats: bool,
}

/// One client's side of a session.
pub struct Conversation {
    desk: Arc<Desk>,
    guest: Guest,
    subscriptions: Subscriptions,
    answers: VecDeque<Frame>,
    manners: Manners,
    /// A newer token that is being looked at.
    renewal: Option<Renewal>,
}

impl Conversation {
    /// `guest` has said nothing yet.
    pub fn begin(desk: Arc<Desk>, guest: Guest) -> Self {
        Self {
            desk,
            guest,
            subscriptions: Subscriptions::default(),
            answers: VecDeque::new(),
            manners: Manners::begin(Instant::now()),
            renewal: None,
        }
    }

    /// Whose data this is about.
    pub fn tenant(&self) -> &TenantId {
        self.guest.seat.tenant()
    }

    /// Whether there is room for another answer.
    pub fn can_hear(&self) -> bool {
        self.answers.len() < MOST_ANSWERS
    }

    /// The next answer to write.
    pub fn next_answer(&mut self) -> Option<Frame> {
        let frame = self.answers.pop_front()?;
        if self.answers.is_empty() {
            // Most sockets say what they want once and then listen for hours.
            self.answers = VecDeque::new();
        }
        Some(frame)
    }

    /// The next push that is owed; the task is woken when there is another.
    pub fn poll_push(&mut self, cx: &Context<'_>) -> Poll<(Told, Push)> {
        self.subscriptions.poll_push(cx)
    }

    /// Gives everything back, the seat above all; what is still to be said is left.
    pub fn end(self) -> VecDeque<Frame> {
        self.answers
    }

    /// Does what a message says.
    ///
    /// # Errors
    /// [`Ending::Misbehaved`] after one bad message too many.
    pub fn hear(&mut self, text: &[u8]) -> Result<(), Ending> {
        if !self.manners.may_speak(Instant::now()) {
            return self.complain(protocol::TOO_FAST);
        }
        match protocol::parse(text).and_then(|action| self.act(action)) {
            Ok(()) => self.manners.good(),
            Err(complaint) => return self.complain(complaint),
        }
        Ok(())
    }

    /// A message that was no text.
    ///
    /// # Errors
    /// As [`Conversation::hear`].
    pub fn hear_binary(&mut self) -> Result<(), Ending> {
        self.complain(protocol::BINARY)
    }

    /// A ping with `payload`: as much work as a message, so it counts as one.
    ///
    /// # Errors
    /// As [`Conversation::hear`].
    pub fn hear_ping(&mut self, payload: &[u8]) -> Result<(), Ending> {
        if !self.manners.may_speak(Instant::now()) {
            return self.complain(protocol::TOO_FAST);
        }
        self.answers.push_back(Frame::pong(payload));
        Ok(())
    }

    /// Looks at a newer token, where one came: how long it lasts. One that does not hold changes nothing: the socket has
    /// the time of the token it came with.
    ///
    /// # Errors
    /// [`Ending::Unauthorized`] for somebody else's.
    pub fn poll_renewal(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Duration>, Ending>> {
        let Some(renewal) = &mut self.renewal else {
            return Poll::Pending;
        };
        let admitted = std::task::ready!(renewal.as_mut().poll(cx));
        self.renewal = None;
        Poll::Ready(match admitted {
            Ok(viewer) if viewer.tenant == *self.tenant() => {
                let life = self.desk.life_until(viewer.expires_at);
                let expires_in = life.as_secs();
                self.say(&Answer::Authenticated { expires_in });
                Ok(Some(life))
            }
            Ok(_) | Err(Denied::Unauthorized) => Err(Ending::Unauthorized),
            Err(Denied::Away) => {
                let message = "Tokens cannot be checked right now";
                self.say(&Answer::Error { message });
                Ok(None)
            }
            Err(_) => self.complain("Invalid or expired token").map(|()| None),
        })
    }

    /// Adds an answer.
    pub fn say(&mut self, answer: &Answer<'_>) {
        self.answers.push_back(answer.frame());
    }

    fn act(&mut self, action: Action) -> Result<(), Complaint> {
        match action {
            Action::Subscribe(channel) => self.subscribe(channel)?,
            Action::Unsubscribe(channel) => {
                self.subscriptions.remove(&channel);
                let of = (&channel).into();
                self.say(&Answer::Unsubscribed { of });
            }
            Action::Ping => self.say(&Answer::Pong),
            Action::Authenticate(token) => {
                let gate = self.desk.gate.clone();
                // A second one takes the place of the first: the newest is what the client means.
                self.renewal = Some(Box::pin(async move { gate.admit(Some(&token)).await }));
            }
        }
        Ok(())
    }

    fn subscribe(&mut self, channel: Channel) -> Result<(), Complaint> {
        if !self.subscriptions.has_room_for(&channel) {
            return Err("At most 500 subscriptions per connection");
        }
        let (feeds, repeats) = (&self.desk.feeds, self.guest.repeats);
        let watch = feeds.watch(self.tenant(), channel.clone(), repeats);
        let watch = watch.map_err(|TooMany| "Too many devices of this tenant are watched")?;
        let of = (&channel).into();
        self.say(&Answer::Subscribed { of });
        self.subscriptions.add(channel, watch);
        Ok(())
    }

    fn complain(&mut self, message: Complaint) -> Result<(), Ending> {
        self.say(&Answer::Error { message });
        if self.manners.bad() {
            return Err(Ending::Misbehaved);
        }
        Ok(())
    }
}

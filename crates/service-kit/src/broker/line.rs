//! One connection: opened, watched while lapin keeps it, and certainly ended.

use std::{sync::Arc, time::Duration};

use async_rs::TokioRuntime;
use futures_util::{StreamExt as _, stream::BoxStream};
use lapin::{Channel, Connection, ConnectionProperties, Event, uri::AMQPUri};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::{
    dial::{FIRST_WAIT, Leash, Phase},
    end::End,
    trouble::{Trouble, step},
};
use crate::backoff::DEFAULT_CAP;

/// How long the broker may take from the TCP connection to open channels: a recovery that takes longer is stuck.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long the goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// How often the state of a connection is looked at: lapin's events tell of a recovery, and not of a loss.
pub(super) const LOOK: Duration = Duration::from_millis(200);

/// How many handshakes in a row lapin may try for one recovery, before a new line takes its place. Dialling is not
/// among them: it has no limit.
const HANDSHAKES: usize = 3;

/// An open connection. Ends with its value, at the latest.
pub(super) struct Line {
    connection: Connection,
    end: Arc<End>,
    leash: Leash,
}

/// Why a channel has to be replaced, and whether its line has to be as well.
pub(super) enum Lost {
    Channel(String),
    Line(String),
}

impl Line {
    /// Dials until somebody answers, telling `end` why not; then the handshake has its deadline. lapin brings it back
    /// when it is lost.
    pub(super) async fn connect(end: &Arc<End>) -> Result<Self, Trouble> {
        Self::open(end, properties(end.name).enable_auto_recover()).await
    }

    /// The same, and it is gone for good when it is lost: what was under way on it is not gone on with unnoticed.
    pub(super) async fn connect_once(end: &Arc<End>) -> Result<Self, Trouble> {
        Self::open(end, properties(end.name)).await
    }

    async fn open(end: &Arc<End>, properties: ConnectionProperties) -> Result<Self, Trouble> {
        let failed = |error| Trouble::of("connecting", error);
        let leash = Leash::new();
        let runtime = lapin::runtime::default_runtime().map_err(failed)?;
        let (wire, told) = (Arc::clone(&leash.wire), Arc::clone(end));
        let dial = async move |address: AMQPUri, runtime: TokioRuntime| {
            wire.dial(address, &runtime, &told).await
        };
        let address = end.address.clone();
        let connecting = Connection::connector(address, runtime, dial, properties);
        tokio::select! {
            connected = connecting => Ok(Self {
                connection: connected.map_err(failed)?,
                end: Arc::clone(end),
                leash,
            }),
            () = leash.overdue(HANDSHAKE) => Err(Trouble::Silent("connecting".to_owned())),
        }
    }

    /// A new channel.
    pub(super) async fn channel(&self) -> Result<Channel, Trouble> {
        step("opening a channel", self.connection.create_channel()).await
    }

    /// What goes wrong on the connection from now on: lapin does not tell everybody who waits.
    pub(super) fn errors(&self) -> BoxStream<'static, lapin::Error> {
        let events = self.connection.events_listener();
        let errors = events.filter_map(|event| {
            std::future::ready(match event {
                Event::Error(error) => Some(error),
                _ => None,
            })
        });
        errors.boxed()
    }

    /// RabbitMQ is short of memory or disk and reads nothing from this connection.
    pub(super) fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// The connection is gone, and lapin does not bring it back.
    pub(super) fn is_dead(&self) -> bool {
        let status = self.connection.status();
        status.errored() || status.closed()
    }

    /// Resolves once `channel` (or, without one, the line) has to be replaced. What lapin brings back by itself is only
    /// told to the end.
    pub(super) async fn watch(&self, channel: Option<&Channel>) -> Lost {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut absent: Option<Instant> = None;
        loop {
            look.tick().await;
            if self.is_dead() {
                return Lost::Line("the connection to RabbitMQ was lost".to_owned());
            }
            let connected = self.connection.status().connected();
            if connected && channel.is_none_or(|channel| channel.status().connected()) {
                absent = None;
                self.tell_open();
            } else if connected && channel.is_some_and(|it| !it.status().initializing()) {
                return Lost::Channel("RabbitMQ closed the channel".to_owned());
            } else if matches!(self.leash.wire.phase(), Phase::Nobody) {
                // The dialler tells why, and does not give up: this is no recovery that hangs.
                absent = None;
            } else {
                self.end
                    .set_down("the connection to RabbitMQ was lost, recovering");
                if absent.get_or_insert_with(Instant::now).elapsed() > HANDSHAKE {
                    return Lost::Line("the connection to RabbitMQ does not recover".to_owned());
                }
            }
        }
    }

    fn tell_open(&self) {
        if self.is_blocked() {
            self.end
                .set_down("RabbitMQ takes no messages now: it is short of memory or disk");
        } else {
            self.end.set_up();
        }
    }

    /// Says goodbye if the broker listens, and is certainly gone afterwards.
    pub(super) async fn close(&self) {
        let _ = timeout(GOODBYE, self.connection.close(200, "OK".into())).await;
        self.leash.wire.retire();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // lapin says goodbye for a working connection that is dropped; any other one is cut.
        self.leash.polite = self.connection.status().connected() && !self.is_blocked();
    }
}

fn properties(name: &str) -> ConnectionProperties {
    ConnectionProperties::default()
        .with_connection_name(name.into())
        .configure_backoff(|backoff| {
            let backoff = backoff
                .with_min_delay(FIRST_WAIT)
                .with_max_delay(DEFAULT_CAP);
            backoff.with_max_times(HANDSHAKES).with_jitter()
        })
}

//! One publishing channel: declared queues, confirms, and a message at a time.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use lapin::{
    BasicProperties, Channel, Confirmation, ErrorKind,
    options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable, ShortString, ShortStringError},
};
use tokio::{
    sync::{Mutex, OwnedMutexGuard, watch},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    Outgoing, PublishError,
    end::End,
    line::{Line, Lost},
    supervisor::Serve,
    trouble::{Trouble, step},
};

/// AMQP's persistent delivery mode: the message survives a restart of the broker.
pub(super) const PERSISTENT: u8 = 2;

/// A channel in confirm mode.
pub(super) struct Session {
    line: Arc<Line>,
    channel: Channel,
    /// For depths, since a refusal closes it. Kept while it lives: where a connection is lost while a channel is being opened, lapin
    /// 4.12 may wait for itself when it brings that one back, and then for ever, with a thread of the runtime at each further loss.
    counter: Mutex<Option<Channel>>,
    queues: Arc<[String]>,
    /// One message at a time: lapin gives a returned message to whichever confirmation comes next, which is the right
    /// one only while there is a single one to come.
    turn: Arc<Mutex<()>>,
    /// A queue was missing.
    redeclare: AtomicBool,
    /// A confirmation is still owed, which the next message could take for its own: no next message here.
    spoilt: CancellationToken,
}

/// The supervisor's side of a publisher.
pub(super) struct Work {
    end: Arc<End>,
    queues: Arc<[String]>,
    session: watch::Sender<Option<Arc<Session>>>,
}

impl Session {
    async fn open(line: &Arc<Line>, queues: &Arc<[String]>) -> Result<Self, Trouble> {
        let session = Self {
            line: Arc::clone(line),
            channel: line.channel().await?,
            counter: Mutex::default(),
            queues: Arc::clone(queues),
            turn: Arc::default(),
            redeclare: AtomicBool::new(false),
            spoilt: CancellationToken::new(),
        };
        session.declare_all().await?;
        let confirms = session
            .channel
            .confirm_select(ConfirmSelectOptions::default());
        step("asking for confirms", confirms).await?;
        Ok(session)
    }

    pub(super) fn is_usable(&self) -> bool {
        !self.spoilt.is_cancelled()
    }

    /// How many messages wait in a queue, which is declared.
    pub(super) async fn depth(&self, queue: &str) -> Result<u32, Trouble> {
        let counter = self.counter().await?;
        declare(&counter, queue).await
    }

    /// One that lapin is bringing back is waited for by whoever asks again.
    async fn counter(&self) -> Result<Channel, Trouble> {
        let mut kept = self.counter.lock().await;
        let lives = |it: &&Channel| it.status().connected() || it.status().reconnecting();
        if let Some(counter) = kept.as_ref().filter(lives) {
            return Ok(counter.clone());
        }
        Ok(kept.insert(self.line.channel().await?).clone())
    }

    /// The right to send, unless the session became unusable meanwhile.
    pub(super) async fn turn(&self) -> Option<OwnedMutexGuard<()>> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        self.is_usable().then_some(turn)
    }

    /// Sends one message, and knows what became of it or spoils the session.
    pub(super) async fn send(
        &self,
        message: &Outgoing,
        deadline: Instant,
    ) -> Result<(), PublishError> {
        // What a blocked broker does not read would pile up on our side.
        if self.line.is_blocked() {
            return Err(PublishError::Away);
        }
        // Also where the caller loses patience and drops us half-way.
        let spoils = self.spoilt.clone().drop_guard();
        let sent = timeout_at(deadline, self.exchange(message)).await;
        let outcome = sent.unwrap_or(Err(PublishError::Unknown));
        if outcome != Err(PublishError::Unknown) {
            spoils.disarm();
        }
        if outcome == Err(PublishError::Unroutable) {
            self.redeclare.store(true, Ordering::Relaxed);
        }
        outcome
    }

    async fn exchange(&self, message: &Outgoing) -> Result<(), PublishError> {
        if self.redeclare.load(Ordering::Relaxed) {
            // Nothing was sent yet. A refusal closes the channel, and the supervisor tells why with the next one.
            self.declare_all().await.map_err(|_| PublishError::Away)?;
            self.redeclare.store(false, Ordering::Relaxed);
        }
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let queue = ShortString::try_new(&*message.queue).map_err(|_| PublishError::Refused)?;
        let properties = properties(message).map_err(|_| PublishError::Refused)?;
        let sending =
            self.channel
                .basic_publish("".into(), queue, options, &message.body, properties);
        let confirming = sending.await.map_err(|error| match error.kind() {
            // The channel was not open: not a byte was sent.
            ErrorKind::InvalidChannelState(..) => PublishError::Away,
            _ => PublishError::Unknown,
        })?;
        outcome(&confirming.await)
    }

    async fn declare_all(&self) -> Result<(), Trouble> {
        for queue in self.queues.iter() {
            declare(&self.channel, queue).await?;
        }
        Ok(())
    }
}

impl Work {
    pub(super) fn new(
        end: Arc<End>,
        queues: &[&str],
        session: watch::Sender<Option<Arc<Session>>>,
    ) -> Self {
        let queues = queues.iter().map(|&queue| queue.to_owned()).collect();
        Self {
            end,
            queues,
            session,
        }
    }
}

impl Serve for Work {
    async fn serve(&mut self, line: &Arc<Line>) -> Lost {
        let session = match Session::open(line, &self.queues).await {
            Ok(session) => Arc::new(session),
            Err(trouble) => return Lost::Line(trouble.to_string()),
        };
        self.end.set_up();
        self.session.send_replace(Some(Arc::clone(&session)));
        let lost = tokio::select! {
            lost = line.watch(Some(&session.channel)) => lost,
            () = spoilt(&session) => Lost::Channel("RabbitMQ left a message unconfirmed".to_owned()),
        };
        session.spoilt.cancel();
        self.session.send_replace(None);
        lost
    }
}

/// What the broker's answer to a message that must reach a queue says.
pub(super) fn outcome(confirmed: &lapin::Result<Confirmation>) -> Result<(), PublishError> {
    match confirmed {
        Ok(Confirmation::Ack(None)) => Ok(()),
        Ok(Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_))) => {
            Err(PublishError::Unroutable)
        }
        Ok(Confirmation::Nack(None)) => Err(PublishError::Refused),
        Ok(Confirmation::NotRequested) | Err(_) => Err(PublishError::Unknown),
    }
}

/// A blocked broker opens no channels either: then the session is replaced when it is not blocked any more.
async fn spoilt(session: &Session) {
    session.spoilt.cancelled().await;
    while session.line.is_blocked() {
        tokio::time::sleep(super::line::LOOK).await;
    }
}

/// Makes sure that a queue exists, as every program declares it, and counts what waits in it.
pub(super) async fn declare(channel: &Channel, queue: &str) -> Result<u32, Trouble> {
    let declaring = channel.queue_declare(
        queue.into(),
        QueueDeclareOptions::durable(),
        FieldTable::default(),
    );
    let declared = step(&format!("declaring the queue {queue}"), declaring).await?;
    Ok(declared.message_count())
}

fn properties(message: &Outgoing) -> Result<BasicProperties, ShortStringError> {
    let mut properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT);
    if let Some(id) = &message.message_id {
        properties = properties.with_message_id(ShortString::try_new(&**id)?);
    }
    if !message.headers.is_empty() {
        let mut headers = FieldTable::default();
        for (name, value) in &message.headers {
            let value = AMQPValue::LongString(value.as_str().into());
            headers.insert(ShortString::try_new(&**name)?, value);
        }
        properties = properties.with_headers(headers);
    }
    Ok(properties)
}

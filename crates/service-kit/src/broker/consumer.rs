//! Taking messages from one queue, for as long as the process lives.

use std::{fmt, sync::Arc};

use futures_util::StreamExt as _;
use lapin::{
    Acker, Channel,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions},
    types::{AMQPValue, FieldTable},
};
use tokio::{
    sync::{Mutex, mpsc, watch},
    time::timeout,
};

use super::{
    BrokerMetrics, BrokerSettings, Link, UnusableAddress,
    end::End,
    line::{Line, Lost},
    session::declare,
    supervisor::{Serve, supervise},
    trouble::{STEP, Trouble, step},
};

/// Takes messages from one queue over one supervised connection, and comes back after every loss of either.
pub struct Consumer {
    end: Arc<End>,
    deliveries: Mutex<mpsc::Receiver<Delivery>>,
    /// How many unacknowledged messages we want at most; 0 = none at all.
    wanted: watch::Sender<u16>,
    /// The same, as it is at the broker.
    present: watch::Receiver<u16>,
}

/// A message that is ours until it is acknowledged, or its channel ends.
pub struct Delivery {
    /// As it was sent.
    pub body: Vec<u8>,
    /// The property of that name.
    pub message_id: Option<String>,
    /// Headers whose values are text.
    pub headers: Vec<(String, String)>,
    /// It was delivered before, to us or to another consumer, and not acknowledged.
    pub redelivered: bool,
    /// The prefetch of its channel.
    prefetch: u16,
    acker: Acker,
    metrics: BrokerMetrics,
}

/// The supervisor's side.
struct Work {
    end: Arc<End>,
    queue: String,
    deliveries: mpsc::Sender<Delivery>,
    wanted: watch::Receiver<u16>,
    present: watch::Sender<u16>,
}

impl Consumer {
    /// Connects in the background, declares `queue` (durable, no arguments, as other programs do) and takes up to
    /// `prefetch` messages at a time; 0 begins paused. `name` is the connection's name in RabbitMQ.
    ///
    /// # Errors
    /// Only for an address that cannot be read.
    pub fn start(
        settings: &BrokerSettings,
        queue: &str,
        prefetch: u16,
        name: &'static str,
        link: Link,
    ) -> Result<Self, UnusableAddress> {
        let end = Arc::new(End::new("consumer", name, settings, &link)?);
        let (sender, deliveries) = mpsc::channel(1);
        let (wanted, present) = (watch::Sender::new(prefetch), watch::Sender::new(0));
        let consumer = Self {
            end: Arc::clone(&end),
            deliveries: Mutex::new(deliveries),
            wanted: wanted.clone(),
            present: present.subscribe(),
        };
        let work = Work {
            end: Arc::clone(&end),
            queue: queue.to_owned(),
            deliveries: sender,
            wanted: wanted.subscribe(),
            present,
        };
        let supervisor = supervise(end, work, link.stopping);
        link.tasks.spawn_critical("broker consumer", supervisor);
        Ok(consumer)
    }

    /// The next message, however long it takes; `None` once the process is stopping. Safe to cancel.
    pub async fn next(&self) -> Option<Delivery> {
        let mut deliveries = self.deliveries.lock().await;
        loop {
            let delivery = deliveries.recv().await?;
            // Its channel ended while it waited here, or is about to be replaced: it will come again.
            if delivery.acker.usable() && delivery.prefetch == *self.wanted.borrow() {
                return Some(delivery);
            }
        }
    }

    /// Takes no more messages, and gives back those that are not acknowledged, so that others may have them. Returns
    /// when that has happened, or the connection is lost, which comes to the same.
    pub async fn pause(&self) {
        self.wanted.send_replace(0);
        let mut present = self.present.clone();
        // An error means that the supervisor has ended, and its connection with it.
        let _ = present.wait_for(|present| *present == 0).await;
    }

    /// Takes up to `prefetch` messages at a time from now on. Where that is a change, the channel is opened anew, and
    /// what is not acknowledged comes again.
    pub fn resume(&self, prefetch: u16) {
        self.wanted
            .send_if_modified(|wanted| std::mem::replace(wanted, prefetch) != prefetch);
    }

    /// There is an open channel, or (paused) an open connection.
    pub fn connected(&self) -> bool {
        self.end.is_up()
    }
}

impl Drop for Consumer {
    /// Nobody would ever acknowledge what still came.
    fn drop(&mut self) {
        self.wanted.send_replace(0);
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Consumer")
            .field(&self.end.name)
            .finish()
    }
}

impl Delivery {
    fn new(delivery: lapin::message::Delivery, prefetch: u16, metrics: BrokerMetrics) -> Self {
        let properties = delivery.properties;
        let headers = properties.headers().as_ref().map(text_headers);
        Self {
            body: delivery.data,
            message_id: properties.message_id().as_ref().map(ToString::to_string),
            headers: headers.unwrap_or_default(),
            redelivered: delivery.redelivered,
            prefetch,
            acker: delivery.acker,
            metrics,
        }
    }

    /// Tells the broker that the message is dealt with. `false`: the channel is gone, and the message will come again.
    pub async fn ack(self) -> bool {
        let acked = timeout(STEP, self.acker.ack(BasicAckOptions::default())).await;
        let acked = matches!(acked, Ok(Ok(true)));
        if !acked {
            self.metrics.ack_lost();
        }
        acked
    }
}

impl fmt::Debug for Delivery {
    /// Without the body: what others send is not ours to log.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Delivery")
            .field("message_id", &self.message_id)
            .field("bytes", &self.body.len())
            .field("redelivered", &self.redelivered)
            .finish_non_exhaustive()
    }
}

impl Serve for Work {
    async fn serve(&mut self, line: &Arc<Line>) -> Lost {
        loop {
            let prefetch = *self.wanted.borrow_and_update();
            let lost = if prefetch == 0 {
                tokio::select! {
                    lost = line.watch(None) => Some(lost),
                    _ = self.wanted.changed() => None,
                }
            } else {
                self.consume(line, prefetch).await
            };
            if let Some(lost) = lost {
                return lost;
            }
        }
    }
}

impl Work {
    /// `None` when another prefetch is wanted.
    async fn consume(&mut self, line: &Line, prefetch: u16) -> Option<Lost> {
        let (channel, stream) = match self.open(line, prefetch).await {
            Ok(open) => open,
            Err(trouble) => return Some(Lost::Line(trouble.to_string())),
        };
        self.end.set_up();
        self.present.send_replace(prefetch);
        let mut wanted = self.wanted.clone();
        let lost = tokio::select! {
            lost = line.watch(Some(&channel)) => Some(lost),
            // What cannot be parsed ends the connection with the channel.
            why = self.hand_over(stream, prefetch) => Some(if line.is_dead() { Lost::Line(why) } else { Lost::Channel(why) }),
            _ = wanted.changed() => None,
        };
        // Closing gives back everything that is not acknowledged; cancelling alone would keep what was prefetched.
        let closed = step("closing the channel", channel.close(200, "OK".into())).await;
        self.present.send_replace(0);
        match (lost, closed) {
            (None, Err(Trouble::Silent(step))) => {
                Some(Lost::Line(Trouble::Silent(step).to_string()))
            }
            (lost, _) => lost,
        }
    }

    async fn open(
        &self,
        line: &Line,
        prefetch: u16,
    ) -> Result<(Channel, lapin::Consumer), Trouble> {
        let channel = line.channel().await?;
        declare(&channel, &self.queue).await?;
        let qos = channel.basic_qos(prefetch, BasicQosOptions::default());
        step("setting the prefetch", qos).await?;
        let consuming = channel.basic_consume(
            self.queue.as_str().into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let stream = step("consuming", consuming).await?;
        Ok((channel, stream))
    }

    /// Hands over what comes, one at a time; returns why no more comes.
    async fn hand_over(&self, mut stream: lapin::Consumer, prefetch: u16) -> String {
        loop {
            let Ok(place) = self.deliveries.reserve().await else {
                return std::future::pending().await;
            };
            match stream.next().await {
                Some(Ok(delivery)) => {
                    place.send(Delivery::new(delivery, prefetch, self.end.metrics.clone()));
                }
                Some(Err(error)) => return Trouble::of("consuming", error).to_string(),
                None => {
                    return "RabbitMQ cancelled the consumer (was the queue deleted?)".to_owned();
                }
            }
        }
    }
}

fn text_headers(headers: &FieldTable) -> Vec<(String, String)> {
    let text = headers
        .inner()
        .iter()
        .filter_map(|(name, value)| match value {
            AMQPValue::LongString(text) => Some((name.to_string(), text.to_string())),
            AMQPValue::ShortString(text) => Some((name.to_string(), text.to_string())),
            _ => None,
        });
    text.collect()
}

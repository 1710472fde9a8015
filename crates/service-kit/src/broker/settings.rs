//! Where the broker is, and the name of the queue.

use lapin::uri::AMQPUri;

use crate::settings::{ExposeSecret as _, Secret, Url};

/// The longest queue name: AMQP allows 255 bytes, and the dead-letter queue's name is longer by its suffix.
const QUEUE_NAME_MOST: usize = 250;

/// Seconds between heartbeats where the address does not say: a silent network is noticed after twice that. RabbitMQ's
/// own proposal is 60.
const HEARTBEAT: u16 = 10;

crate::settings! {
    /// The RabbitMQ broker.
    pub struct BrokerSettings {
        /// `amqp://user:password@host:port/vhost`, or `amqps://`; a slash in the vhost's name is `%2f`.
        rabbitmq_url: Secret = "amqp://guest:guest@localhost:5672/%2f";
    }
    check = BrokerSettings::url_is_amqp;

    /// The queue that calls for runs.
    pub struct QueueSettings {
        /// Its name on the default exchange; messages that nobody can read go to the same name + `.dead`.
        queue_name: String = "ingest.pncp";
    }
    check = QueueSettings::name_is_usable;
}

/// `RABBITMQ_URL` is no AMQP address. Does not quote it: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "RABBITMQ_URL must be amqp://user:password@host:port/vhost or amqps://… (the value is secret)"
)]
pub struct UnusableAddress;

impl BrokerSettings {
    /// What lapin dials.
    pub(super) fn address(&self) -> Result<AMQPUri, UnusableAddress> {
        let text = self.rabbitmq_url.expose_secret();
        let url: Url = text.parse().map_err(|_| UnusableAddress)?;
        let mut address: AMQPUri = text.parse().map_err(|_| UnusableAddress)?;
        // The parser takes an IPv6 address for a missing host, and would dial localhost instead.
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or(UnusableAddress)?;
        host.trim_matches(['[', ']'])
            .clone_into(&mut address.authority.host);
        address.query.heartbeat.get_or_insert(HEARTBEAT);
        Ok(address)
    }

    fn url_is_amqp(&self) -> Result<(), String> {
        match self.address() {
            Ok(_) => Ok(()),
            Err(unusable) => Err(unusable.to_string()),
        }
    }
}

impl QueueSettings {
    fn name_is_usable(&self) -> Result<(), String> {
        let name = &self.queue_name;
        if (1..=QUEUE_NAME_MOST).contains(&name.len()) && !name.starts_with("amq.") {
            return Ok(());
        }
        Err(format!(
            "QUEUE_NAME must have 1 to {QUEUE_NAME_MOST} bytes and not begin with \"amq.\", not {name:?}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broker(url: &str) -> BrokerSettings {
        BrokerSettings {
            rabbitmq_url: url.into(),
        }
    }

    #[test]
    fn an_address_is_read_whole() {
        let address = broker("amqps://me:p%40ss@[::1]:5679/a%2fb?heartbeat=3")
            .address()
            .unwrap();
        assert_eq!(address.authority.host, "::1");
        assert_eq!(address.authority.port, 5679);
        assert_eq!(address.authority.userinfo.password, "p@ss");
        assert_eq!(address.vhost, "a/b");
        assert_eq!(address.query.heartbeat, Some(3));
        let plain = BrokerSettings::default().address().unwrap();
        assert_eq!(
            (plain.vhost.as_str(), plain.query.heartbeat),
            ("/", Some(HEARTBEAT))
        );
    }

    #[test]
    fn what_is_no_address_is_refused_without_quoting_it() {
        for url in [
            "",
            "hunter2",
            "http://me:hunter2@host/",
            "amqp://me:hunter2@host:port/",
            "amqp:///x",
        ] {
            let told = broker(url).url_is_amqp().unwrap_err();
            assert!(!told.contains("hunter2"), "{url}: {told}");
        }
    }

    #[test]
    fn a_queue_name_leaves_room_for_its_dead_letters() {
        let named = |name: &str| QueueSettings {
            queue_name: name.to_owned(),
        };
        assert!(named("ingest.pncp").name_is_usable().is_ok());
        for name in ["", "amq.rabbitmq.trace", &"x".repeat(251)] {
            assert!(named(name).name_is_usable().is_err(), "{name}");
        }
    }
}

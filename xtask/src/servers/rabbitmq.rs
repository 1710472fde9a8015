//! The `RabbitMQ` of one command: where it comes from, its start, its address.

mod node;
mod scripts;

use crate::failure::Outcome;
use crate::process::Crew;
use crate::say;
use crate::servers::container::{Container, Image};
use crate::servers::credentials::Credentials;
use crate::servers::instance::Instance;
use crate::servers::source::{Place, Source};
use node::{Node, OWNER};
use rustix::process::Signal;
use scripts::Scripts;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// The first start of a container downloads its image.
const START_LIMIT: Duration = Duration::from_mins(5);
/// A listener that needs longer to greet is not ready.
const GREETING: Duration = Duration::from_secs(2);
/// The same image as in docker-compose.yml.
const IMAGE: Image = Image {
    name: "rabbitmq:3.13.7",
    port: 5672,
    data: "/var/lib/rabbitmq",
};

/// Where a `RabbitMQ` comes from.
pub(crate) type RabbitMqSource = Source<Scripts>;

/// A server that answers.
pub(crate) struct RabbitMq {
    pub(crate) url: String,
}

impl RabbitMq {
    /// Starts it as a member of the crew, returns when it answers.
    pub(super) fn start(
        crew: &Crew<'_>,
        place: Place<Scripts>,
        wanted: &Instance,
    ) -> Outcome<Self> {
        match place {
            Place::Given(url) => Ok(Self { url }),
            Place::Installed(scripts) => Self::start_installed(crew, scripts, wanted),
            Place::Docker => Self::start_container(crew, wanted),
        }
    }

    /// Erlang's port mapper first: a node that finds none starts one that outlives it.
    fn start_installed(crew: &Crew<'_>, scripts: Scripts, wanted: &Instance) -> Outcome<Self> {
        let home = crew.checkout.servers_home()?;
        let credentials = Credentials::of(&home)?;
        let node = Node::at(&home, wanted, scripts)?;
        if wanted.starts_anew() {
            node.remove()?;
        }
        node.prepare(credentials.get(Credentials::BROKER))?;
        crew.start(&wanted.member("epmd"), &mut node.epmd(), Signal::TERM)?;
        let epmd = SocketAddr::from((Ipv4Addr::LOCALHOST, wanted.ports.epmd));
        crew.wait_until("epmd", START_LIMIT, || TcpStream::connect(epmd).is_ok())?;
        crew.start(&wanted.member("rabbitmq"), &mut node.server(), Signal::TERM)?;
        Self::ready(crew, wanted, &credentials)
    }

    /// The same server for the rest of the program.
    fn start_container(crew: &Crew<'_>, wanted: &Instance) -> Outcome<Self> {
        let credentials = Credentials::of(&crew.checkout.servers_home()?)?;
        let member = wanted.member("rabbitmq");
        let name = format!("{}-{member}", crew.checkout.tag());
        let container = Container::named(name, wanted.throwaway);
        container.remove();
        if wanted.starts_anew() {
            container.remove_data();
        }
        say::step("Starting RabbitMQ in Docker (the first time this downloads its image)");
        let login = [
            ("RABBITMQ_DEFAULT_USER", OWNER),
            (
                "RABBITMQ_DEFAULT_PASS",
                credentials.get(Credentials::BROKER),
            ),
        ];
        let mut server = container.server(&IMAGE, wanted.ports.amqp, &login);
        crew.start(&member, &mut server, Signal::TERM)?;
        Self::ready(crew, wanted, &credentials)
    }

    fn ready(crew: &Crew<'_>, wanted: &Instance, credentials: &Credentials) -> Outcome<Self> {
        let port = wanted.ports.amqp;
        crew.wait_until("RabbitMQ", START_LIMIT, || greets(port).is_some())?;
        let password = credentials.get(Credentials::BROKER);
        Ok(Self {
            url: format!("amqp://{OWNER}:{password}@127.0.0.1:{port}/%2f"),
        })
    }
}

/// AMQP 0-9-1: the client says its version, the server answers with a method frame (type 1).
/// Docker's proxy accepts connections before the server does, so accepting alone says nothing.
fn greets(port: u16) -> Option<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, GREETING).ok()?;
    stream.set_read_timeout(Some(GREETING)).ok()?;
    stream.write_all(b"AMQP\x00\x00\x09\x01").ok()?;
    let mut frame_type = [0];
    stream.read_exact(&mut frame_type).ok()?;
    (frame_type == [1]).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_method_frame_is_a_greeting_and_a_refused_version_is_none() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            for answer in [b"\x01\x00\x00\x00".as_slice(), b"AMQP\x00\x00\x09\x01"] {
                let (mut stream, _) = listener.accept().unwrap();
                stream.read_exact(&mut [0; 8]).unwrap();
                stream.write_all(answer).unwrap();
            }
        });
        assert_eq!(greets(port), Some(()));
        assert_eq!(greets(port), None);
        server.join().unwrap();
        assert_eq!(greets(port), None);
    }
}

//! The other side of the service: the devices, told to write over one kept-alive connection; and the
//! counters of the service and of its database, read at the borders of a run.

use std::io::{ErrorKind, Read, Write};

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use serde_json::Value;

use crate::clock::Nanos;
use crate::error::{LoadError, While};
use crate::response::Response;
use crate::sockets::Target;

/// What one run asks of its devices.
#[derive(Debug)]
pub(super) struct Source {
    target: Target,
    socket: TcpStream,
    response: Response,
    body: Vec<u8>,
    /// The write under way: when it began, and the counter that its rows must get.
    under_way: Option<(Nanos, u64)>,
}

impl Source {
    pub(super) fn connect(url: &str, registry: &Registry, token: usize) -> Result<Self, LoadError> {
        let target = Target::parse(url)?;
        let socket = std::net::TcpStream::connect(target.address).doing("connecting to devices")?;
        socket.set_nodelay(true).doing("setting TCP_NODELAY")?;
        socket
            .set_nonblocking(true)
            .doing("making a socket non-blocking")?;
        let mut socket = TcpStream::from_std(socket);
        registry
            .register(&mut socket, Token(token), Interest::READABLE)
            .doing("watching the devices")?;
        Ok(Self {
            target,
            socket,
            response: Response::default(),
            body: Vec::new(),
            under_way: None,
        })
    }

    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_none()
    }

    /// Lets every device of a tenant write one row, of which the counter must be `seq`.
    pub(super) fn write(&mut self, tenant: &str, seq: u64, now: Nanos) -> Result<(), LoadError> {
        let head = format!(
            "POST /_control/devices/{tenant}/write HTTP/1.1\r\nHost: devices\r\nContent-Length: 0\r\n\r\n"
        );
        self.under_way = Some((now, seq));
        self.socket
            .write_all(head.as_bytes())
            .doing("writing a row")
    }

    /// How long the write took that has just been committed, in nanoseconds; none while it is not.
    pub(super) fn on_readable(&mut self) -> Result<Option<u64>, LoadError> {
        let mut buffer = [0; 2048];
        loop {
            let length = match self.socket.read(&mut buffer) {
                Ok(0) => return Err(LoadError::Unexpected("the devices hung up".into())),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(LoadError::Io("reading the answer to a write", error)),
            };
            let body = &mut self.body;
            self.response
                .feed(&buffer[..length], |bytes| body.extend_from_slice(bytes))?;
            if self.response.is_over() {
                return self.written().map(Some);
            }
        }
    }

    fn written(&mut self) -> Result<u64, LoadError> {
        let told: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        self.response = Response::default();
        self.body.clear();
        let (began, seq) = self
            .under_way
            .take()
            .ok_or_else(|| LoadError::Unexpected("an answer to no write".into()))?;
        if told["seq"].as_u64() != Some(seq) {
            let why = format!("row {seq} was written as {told}: somebody else writes too");
            return Err(LoadError::Unexpected(why));
        }
        Ok(Nanos::now().since(began))
    }

    /// Transactions that Postgres has counted in the database of the devices.
    pub(super) fn transactions(&self) -> Result<u64, LoadError> {
        let path = "/_control/devices/database".to_owned();
        let text = get(&Target {
            path,
            ..self.target.clone()
        })?;
        let told: Value = serde_json::from_slice(&text).unwrap_or_default();
        told["transactions"]
            .as_u64()
            .ok_or_else(|| LoadError::Unexpected(format!("no count of transactions: {told}")))
    }
}

/// Queries that the service says it has made, whatever they were and came to.
pub(super) fn queries(metrics: &Target) -> Result<u64, LoadError> {
    let text = get(metrics)?;
    let text = String::from_utf8_lossy(&text);
    sum(&text, "telemetry_queries_total{").ok_or_else(|| {
        LoadError::Unexpected("the metrics have no telemetry_queries_total".to_owned())
    })
}

/// The sum of a counter over its labels.
fn sum(text: &str, series: &str) -> Option<u64> {
    let lines = text.lines().filter(|line| line.starts_with(series));
    let counts = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    counts.reduce(|sum, count| sum + count)
}

/// One GET on a connection of its own, waited for.
fn get(target: &Target) -> Result<Vec<u8>, LoadError> {
    let mut socket =
        std::net::TcpStream::connect(target.address).doing("connecting to a counter")?;
    socket
        .write_all(target.get("*/*").as_bytes())
        .doing("asking for a counter")?;
    let (mut response, mut body) = (Response::default(), Vec::new());
    let mut buffer = [0; 16 * 1024];
    while !response.is_over() {
        let length = socket.read(&mut buffer).doing("reading a counter")?;
        if length == 0 {
            break;
        }
        response.feed(&buffer[..length], |bytes| body.extend_from_slice(bytes))?;
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn a_counter_is_added_up_over_its_labels() {
        let text = "# TYPE a counter\na{kind=\"x\",outcome=\"ok\"} 3\na{kind=\"y\",outcome=\"ok\"} 4\nab{} 9\n";
        assert_eq!(sum(text, "a{"), Some(7));
        assert_eq!(sum(text, "c{"), None);
    }
}

//! The smallest HTTP client that can ask a local service whether it is ready.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// A local service that needs longer is not ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// The status code of a GET on this machine; `None` while nothing answers.
pub(crate) fn status(port: u16, path: &str) -> Option<u16> {
    let head = get(port, path)?;
    head.split(' ').nth(1)?.parse().ok()
}

/// The body of a GET on this machine.
pub(crate) fn body(port: u16, path: &str) -> Option<String> {
    let answer = get(port, path)?;
    answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned())
}

/// One connection per question: the server closes it, which ends the read.
fn get(port: u16, path: &str) -> Option<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = Vec::new();
    stream.take(64 * 1024).read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn the_status_of_an_answer_is_read_and_silence_is_none() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 512];
            let _ = stream.read(&mut head).unwrap();
            stream
                .write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
                .unwrap();
        });
        assert_eq!(status(port, "/health/ready"), Some(503));
        server.join().unwrap();
        assert_eq!(status(port, "/health/ready"), None);
    }
}

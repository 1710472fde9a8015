//! A client for one keep-alive connection to a program on this machine: what it answers and how long
//! that took. Answers of unannounced length are not read.

use crate::environment;
use crate::failure::{Failure, Outcome, While};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// Whoever is silent for so long does not answer at all.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Http {
    stream: BufReader<TcpStream>,
    /// Header lines that every request carries, each with its line end.
    headers: String,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    /// From the first byte sent to the last one read.
    pub(super) took: Duration,
}

impl Http {
    pub(super) fn connect(port: u16, headers: &str) -> Outcome<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let connect = || {
            let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            io::Result::Ok(BufReader::with_capacity(64 * 1024, stream))
        };
        Ok(Self {
            stream: connect().while_doing(|| format!("connecting to {address}"))?,
            headers: headers.to_owned(),
        })
    }

    pub(super) fn get(&mut self, path: &str) -> Outcome<Answer> {
        self.ask("GET", path, "")
    }

    /// The body is JSON, or nothing.
    pub(super) fn post(&mut self, path: &str, body: &str) -> Outcome<Answer> {
        self.ask("POST", path, body)
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> Outcome<Answer> {
        let content = if body.is_empty() {
            String::new()
        } else {
            "Content-Type: application/json\r\n".to_owned()
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{}{content}Content-Length: {}\r\n\r\n{body}",
            self.headers,
            body.len()
        );
        let began = environment::now();
        let exchange = self.exchange(&request);
        let (status, body) = exchange.while_doing(|| format!("{method} {path}"))?;
        let took = environment::now() - began;
        Ok(Answer { status, body, took })
    }

    fn exchange(&mut self, request: &str) -> io::Result<(u16, Vec<u8>)> {
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| io::Error::other("no HTTP status"))?;
        let mut length = None;
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok();
            }
        }
        let bodiless = status == 204;
        let length = length.or(bodiless.then_some(0));
        let mut body = vec![0; length.ok_or_else(|| io::Error::other("no Content-Length"))?];
        self.stream.read_exact(&mut body)?;
        Ok((status, body))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line)
    }
}

impl Answer {
    /// The body of a 200; anything else is an error that shows it.
    pub(super) fn json(&self) -> Outcome<serde_json::Value> {
        if self.status != 200 {
            let text = String::from_utf8_lossy(&self.body);
            return Err(Failure::new(format!("an answer of {}", self.status)).why(text));
        }
        serde_json::from_slice(&self.body).while_doing(|| "reading an answer".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn two_answers_are_read_from_one_connection() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut stream = BufReader::new(stream);
            for answer in [
                "200 OK\r\ncontent-length: 2\r\n\r\n{}",
                "204 No Content\r\n\r\n",
            ] {
                let mut line = String::new();
                while line != "\r\n" {
                    line.clear();
                    stream.read_line(&mut line).unwrap();
                }
                write!(stream.get_mut(), "HTTP/1.1 {answer}").unwrap();
            }
        });
        let mut http = Http::connect(port, "").unwrap();
        assert_eq!(
            http.get("/").unwrap().json().unwrap(),
            serde_json::json!({})
        );
        let empty = http.get("/").unwrap();
        assert_eq!((empty.status, empty.body.len()), (204, 0));
        assert!(empty.json().is_err());
        server.join().unwrap();
    }
}

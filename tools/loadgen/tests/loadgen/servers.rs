//! Small servers on free ports: one streams what the load commands, with a fault of choice; one
//! answers GETs. They end with the test process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// What the streaming server does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// One stream never gets this change.
    Drop {
        change: u64,
    },
    /// One stream gets this change twice.
    Repeat {
        change: u64,
    },
    /// The streams that the load reads slowly get only the fourth change.
    SlowGetsOnlyTheLast,
    /// They get none.
    SlowGetNothing,
}

impl Fault {
    /// How often stream `number` gets a change.
    fn copies(self, number: usize, change: u64) -> usize {
        let slow = number % 20 == 19;
        match self {
            Self::Drop { change: dropped } if number == 7 && change == dropped => 0,
            Self::Repeat { change: repeated } if number == 7 && change == repeated => 2,
            Self::SlowGetsOnlyTheLast if slow => usize::from(change == 4),
            Self::SlowGetNothing if slow => 0,
            _ => 1,
        }
    }
}

/// A server for so many streams and one commanding connection, as `loadgen raw` is.
pub(crate) fn start(streams: usize, fault: Fault) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let streams: Vec<TcpStream> = (0..streams).map(|_| greeted(&listener)).collect();
        let mut commands = listener.accept().unwrap().0;
        commands.read_exact(&mut [0; 5]).unwrap();
        for line in BufReader::new(commands).lines() {
            let line = line.unwrap();
            let (number, size) = line.split_once(' ').unwrap();
            publish(
                &streams,
                fault,
                number.parse().unwrap(),
                size.parse().unwrap(),
            );
        }
    });
    address
}

fn greeted(listener: &TcpListener) -> TcpStream {
    let mut stream = listener.accept().unwrap().0;
    read_head(&mut stream).unwrap();
    stream
        .write_all(b"HTTP/1.1 200 OK\r\n\r\ndata: {\"version\":\"test-0\"}\n\n")
        .unwrap();
    stream
}

fn publish(streams: &[TcpStream], fault: Fault, change: u64, size: usize) {
    let event = format!("data: {{\"version\":\"test-{change}\"}}\n");
    let event = format!("{event}:{}\n\n", "-".repeat(size - event.len() - 3));
    for (number, mut stream) in streams.iter().enumerate() {
        for _ in 0..fault.copies(number, change) {
            stream.write_all(event.as_bytes()).unwrap();
        }
    }
}

/// A keep-alive server whose bodies are as long as `length` says for each request of a connection.
pub(crate) fn answering(length: fn(u32) -> usize) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || answer(stream.unwrap(), length));
        }
    });
    address
}

fn answer(mut stream: TcpStream, length: fn(u32) -> usize) {
    let mut turn = 0;
    while read_head(&mut stream).is_ok() {
        turn += 1;
        let body = "x".repeat(length(turn));
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        if stream
            .write_all(format!("{head}{body}").as_bytes())
            .is_err()
        {
            return;
        }
    }
}

fn read_head(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(())
}

//! The raw limit: what a change to N streams costs a program that does nothing else than write the
//! same bytes N times. A reader that falls behind is skipped, so only fast readers may be counted.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use serde_json::json;
use socket2::SockRef;

use crate::cli;
use crate::clock;
use crate::error::{LoadError, While};
use crate::payload::{chunk, event};

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\
    Transfer-Encoding: chunked\r\n\r\n";
const CONNECTED: &str = "event: connected\nretry: 2713\ndata: {\"project\":\"bench\"}\n\n";

/// What the commanding connection says first; anything else is a stream's request.
pub(crate) const HELLO: [u8; 5] = *b"HELLO";

/// Takes streams until a connection says hello, then obeys that one until it ends: each line
/// `<number> <size>` is a change.
pub(crate) fn run(options: &cli::Raw) -> Result<bool, LoadError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).doing("listening")?;
    let port = listener.local_addr().doing("listening")?.port();
    println!("{}", json!({"port": port}));
    serve(&listener, options.connections, options.sndbuf)
}

fn serve(listener: &TcpListener, connections: usize, sndbuf: usize) -> Result<bool, LoadError> {
    let mut streams = Vec::with_capacity(connections);
    let commands = loop {
        let (mut stream, _) = listener.accept().doing("accepting")?;
        // Exactly so much: what follows the greeting is a command, for `obey`.
        let mut first = [0; HELLO.len()];
        stream.read_exact(&mut first).doing("reading a request")?;
        if first == HELLO {
            break stream;
        }
        greet(&mut stream, sndbuf).doing("greeting a stream")?;
        streams.push(stream);
    };
    obey(commands, &mut streams)
}

fn greet(stream: &mut TcpStream, sndbuf: usize) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    if sndbuf > 0 {
        SockRef::from(&*stream).set_send_buffer_size(sndbuf)?;
    }
    drain_request(stream)?;
    let first = event(0, 0);
    stream.write_all(format!("{HEAD}{}{}", chunk(CONNECTED), chunk(&first)).as_bytes())?;
    stream.set_nonblocking(true)
}

/// The rest of the head; what stays unread in a socket would reset it at the end.
fn drain_request(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut piece = [0; 512];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut piece)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            length => head.extend_from_slice(&piece[..length]),
        }
    }
    Ok(())
}

fn obey(commands: TcpStream, streams: &mut [TcpStream]) -> Result<bool, LoadError> {
    let (mut deliveries, mut skipped, mut spent) = (0_u64, 0_u64, 0);
    for line in BufReader::new(commands).lines() {
        let line = line.doing("reading a command")?;
        let Some((number, size)) = line
            .split_once(' ')
            .and_then(|(number, size)| Some((number.parse().ok()?, size.parse().ok()?)))
        else {
            return Err(LoadError::Unexpected(format!("no command: {line}")));
        };
        let before = clock::own_cpu();
        let frame = chunk(&event(number, size));
        for stream in &mut *streams {
            match stream.write(frame.as_bytes()) {
                Ok(_) => deliveries += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => skipped += 1,
                Err(error) => return Err(LoadError::Io("writing to a stream", error)),
            }
        }
        spent += clock::own_cpu() - before;
    }
    let per_delivery = spent.checked_div(deliveries);
    println!(
        "{}",
        json!({"deliveries": deliveries, "skipped": skipped, "cpu_ns_per_delivery": per_delivery})
    );
    Ok(true)
}

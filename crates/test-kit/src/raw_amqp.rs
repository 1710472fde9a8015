//! AMQP by hand, for what no client library writes.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::wait::PATIENCE;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;

/// The flag of `message-id` in a content header.
const MESSAGE_ID: u16 = 1 << 7;

/// Publishes `{}` to a queue, with these bytes as its message id.
pub async fn publish_with_raw_message_id(url: &str, queue: &str, id: &[u8]) {
    let (scheme_and_login, host_and_vhost) = url.split_once('@').expect("the URL has a login");
    let (_, login) = scheme_and_login
        .split_once("://")
        .expect("the URL has a scheme");
    let address = host_and_vhost.split('/').next().unwrap_or_default();
    let mut stream = TcpStream::connect(address).await.expect("RabbitMQ listens");
    let hello = stream.write_all(b"AMQP\x00\x00\x09\x01").await;
    hello.expect("RabbitMQ reads");
    read_frame(&mut stream).await;
    let login = format!("\0{}", login.replacen(':', "\0", 1));
    let length = u32::try_from(login.len())
        .expect("a short login")
        .to_be_bytes();
    let start_ok = [
        &[0; 4],
        &short(b"PLAIN")[..],
        &length,
        login.as_bytes(),
        &short(b"en_US"),
    ];
    send(&mut stream, METHOD, 0, &method(10, 11, &start_ok.concat())).await;
    read_frame(&mut stream).await;
    // 2047 channels, frames of 128 KiB, no heartbeats.
    let tune_ok = [
        &2047_u16.to_be_bytes()[..],
        &131_072_u32.to_be_bytes(),
        &[0, 0],
    ];
    send(&mut stream, METHOD, 0, &method(10, 31, &tune_ok.concat())).await;
    let open = [&short(b"/")[..], &[0, 0]].concat();
    send(&mut stream, METHOD, 0, &method(10, 40, &open)).await;
    read_frame(&mut stream).await;
    send(&mut stream, METHOD, 1, &method(20, 10, &[0])).await;
    read_frame(&mut stream).await;
    let publish = [&[0, 0, 0], &short(queue.as_bytes())[..], &[0]].concat();
    send(&mut stream, METHOD, 1, &method(60, 40, &publish)).await;
    let body = b"{}";
    let size = u64::try_from(body.len())
        .expect("a short body")
        .to_be_bytes();
    let header = [
        &[0, 60, 0, 0],
        &size[..],
        &MESSAGE_ID.to_be_bytes(),
        &short(id),
    ];
    send(&mut stream, HEADER, 1, &header.concat()).await;
    send(&mut stream, BODY, 1, body).await;
    // The answer to the goodbye comes after the message was taken.
    let goodbye = [&200_u16.to_be_bytes()[..], &short(b""), &[0; 4]].concat();
    send(&mut stream, METHOD, 1, &method(20, 40, &goodbye)).await;
    read_frame(&mut stream).await;
}

fn method(class: u16, method: u16, arguments: &[u8]) -> Vec<u8> {
    [&class.to_be_bytes()[..], &method.to_be_bytes(), arguments].concat()
}

fn short(text: &[u8]) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("a short text");
    [&[length], text].concat()
}

async fn send(stream: &mut TcpStream, kind: u8, channel: u16, payload: &[u8]) {
    let size = u32::try_from(payload.len())
        .expect("a short payload")
        .to_be_bytes();
    let frame = [&[kind], &channel.to_be_bytes()[..], &size, payload, &[0xce]];
    stream
        .write_all(&frame.concat())
        .await
        .expect("RabbitMQ reads");
}

async fn read_frame(stream: &mut TcpStream) {
    let read = async {
        let mut head = [0; 7];
        stream.read_exact(&mut head).await.expect("a frame");
        let size = u32::from_be_bytes([head[3], head[4], head[5], head[6]]);
        let mut rest = vec![0; usize::try_from(size).expect("a small frame") + 1];
        stream.read_exact(&mut rest).await.expect("a whole frame");
    };
    timeout(PATIENCE, read).await.expect("RabbitMQ answers");
}

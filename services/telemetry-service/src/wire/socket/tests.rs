use std::future::poll_fn;

use proptest::prelude::*;
use test_kit::LogCapture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;

/// A frame as a client writes it: masked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..=125 => frame.push(0x80 | u8::try_from(short).unwrap()),
        medium @ 126..=65_535 => {
            frame.push(0xfe);
            frame.extend(u16::try_from(medium).unwrap().to_be_bytes());
        }
        long => {
            frame.push(0xff);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    let mask = [1, 2, 3, 4];
    frame.extend(mask);
    frame.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

struct Pair {
    ours: Socket<DuplexStream>,
    client: DuplexStream,
}

impl Pair {
    fn new(room: usize) -> Self {
        let (ours, client) = duplex(room);
        let ours = Socket::new(ours, BytesMut::new());
        Self { ours, client }
    }

    async fn hear(&mut self) -> Result<Heard, Fault> {
        poll_fn(|cx| self.ours.poll_hear(cx)).await
    }

    /// What is heard of `bytes`, up to and with the end.
    async fn all_of(bytes: &[u8]) -> (Vec<Heard>, Fault) {
        let mut pair = Self::new(bytes.len().max(1));
        pair.client.write_all(bytes).await.unwrap();
        pair.client.shutdown().await.unwrap();
        let mut heard = Vec::new();
        loop {
            match pair.hear().await {
                Ok(message) => heard.push(message),
                Err(end) => return (heard, end),
            }
        }
    }
}

fn text(text: &str) -> Heard {
    Heard::Text(Bytes::from(text.to_owned()))
}

#[tokio::test]
async fn fragments_are_one_message_with_control_frames_in_between() {
    let bytes = [
        frame(0x01, b"{\"a"),
        frame(0x89, b"?"),
        frame(0x00, b"ctio"),
        frame(0x80, b"n\":1}"),
        frame(0x8a, b""),
        frame(0x02, b"\x00"),
        frame(0x80, b"\x01"),
        frame(0x88, &1000_u16.to_be_bytes()),
    ];
    let (heard, end) = Pair::all_of(&bytes.concat()).await;
    let ping = Heard::Ping(Bytes::from_static(b"?"));
    let expected = [
        ping,
        text("{\"action\":1}"),
        Heard::Pong,
        Heard::Binary,
        Heard::Close(Some(1000)),
    ];
    assert_eq!(heard, expected);
    assert_eq!(end, Fault::Gone);
}

#[tokio::test]
async fn a_message_over_the_limit_is_the_end_however_it_comes() {
    let part = vec![b'x'; LONGEST_MESSAGE / 2];
    let fits = [frame(0x01, &part), frame(0x80, &part)].concat();
    let (heard, _) = Pair::all_of(&fits).await;
    assert_eq!(heard.len(), 1);
    let parts = [frame(0x01, &part), frame(0x00, &part), frame(0x80, b"x")].concat();
    assert_eq!(Pair::all_of(&parts).await, (vec![], Fault::TooBig));
    let whole = frame(0x81, &vec![b'x'; LONGEST_MESSAGE + 1]);
    assert_eq!(Pair::all_of(&whole).await, (vec![], Fault::TooBig));
    // Announced, and never sent whole: nobody waits for the rest.
    let mut announced = vec![0x81, 0xff];
    announced.extend((1_u64 << 40).to_be_bytes());
    announced.extend(vec![0; LONGEST_MESSAGE + 64]);
    assert_eq!(Pair::all_of(&announced).await, (vec![], Fault::TooBig));
}

#[tokio::test]
async fn what_is_not_websocket_or_not_text_is_told_apart() {
    let unmasked = [0x81, 0x02, b'h', b'i'];
    assert_eq!(Pair::all_of(&unmasked).await.1, Fault::Protocol);
    assert_eq!(
        Pair::all_of(&frame(0xc1, b"hi")).await.1,
        Fault::Protocol,
        "reserved bits"
    );
    assert_eq!(
        Pair::all_of(&frame(0x80, b"hi")).await.1,
        Fault::Protocol,
        "nothing to continue"
    );
    assert_eq!(
        Pair::all_of(&frame(0x89, &[b'x'; 126])).await.1,
        Fault::Protocol,
        "a long ping"
    );
    let between = [frame(0x01, b"h"), frame(0x81, b"i")].concat();
    assert_eq!(
        Pair::all_of(&between).await.1,
        Fault::Protocol,
        "a message within another"
    );
    assert_eq!(Pair::all_of(&frame(0x81, b"\xff")).await.1, Fault::NotText);
}

#[tokio::test]
async fn a_control_frame_in_fragments_is_the_end_and_no_error_of_ours() {
    let log = LogCapture::start();
    for first in [0x08, 0x09, 0x0a] {
        assert_eq!(
            Pair::all_of(&frame(first, b"hi")).await,
            (vec![], Fault::Protocol)
        );
    }
    assert!(!log.text().contains("Unfinished fragment"));
}

#[tokio::test]
async fn an_idle_socket_keeps_no_buffer_of_what_it_once_needed() {
    let mut pair = Pair::new(1 << 20);
    let long = frame(0x81, &vec![b'x'; LONGEST_MESSAGE]);
    pair.client.write_all(&long).await.unwrap();
    assert!(pair.hear().await.is_ok());
    let idle = tokio::time::timeout(std::time::Duration::from_millis(1), pair.hear()).await;
    assert!(idle.is_err());
    assert_eq!(pair.ours.inbox.capacity(), 0);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_known_until_it_takes_something() {
    let mut pair = Pair::new(64);
    pair.ours.send(Frame::json(&"x".repeat(200)));
    let flush = |pair: &mut Pair, cx: &mut Context<'_>| pair.ours.poll_flush(cx);
    let mut first = vec![0; 64];
    poll_fn(|cx| {
        assert!(flush(&mut pair, cx).is_pending());
        Poll::Ready(())
    })
    .await;
    let since = pair.ours.blocked();
    assert!(since.is_some());
    pair.client.read_exact(&mut first).await.unwrap();
    poll_fn(|cx| {
        assert!(flush(&mut pair, cx).is_pending());
        Poll::Ready(())
    })
    .await;
    assert_ne!(pair.ours.blocked(), since, "it took something");
    let (mut rest, mut ours) = (vec![0; 142], pair.ours);
    let taking = pair.client.read_exact(&mut rest);
    let (flushed, taken) = tokio::join!(poll_fn(|cx| ours.poll_flush(cx)), taking);
    assert!(flushed.is_ok() && taken.is_ok());
    assert_eq!(ours.blocked(), None);
}

proptest! {
    /// Bytes of anybody, however the network cuts them.
    #[test]
    fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _ = runtime.block_on(Pair::all_of(&bytes));
    }

    #[test]
    fn messages_are_the_same_however_the_network_cuts_them(
        texts in proptest::collection::vec("[a-zé]{0,200}", 1..5),
        cut in 1..50_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let bytes = texts.iter().map(|it| frame(0x81, it.as_bytes())).collect::<Vec<_>>().concat();
        let heard = runtime.block_on(async {
            let pair = Pair::new(cut);
            let (mut client, mut ours) = (pair.client, pair.ours);
            let send = async {
                for chunk in bytes.chunks(cut) {
                    client.write_all(chunk).await.unwrap();
                }
            };
            let hearing = async {
                let mut heard = Vec::new();
                for _ in &texts {
                    heard.push(poll_fn(|cx| ours.poll_hear(cx)).await);
                }
                heard
            };
            tokio::join!(send, hearing).1
        });
        let expected: Vec<_> = texts.iter().map(|it| Ok(text(it))).collect();
        prop_assert_eq!(heard, expected);
    }
}

//! The WebSocket client against a server that a test writes byte by byte.

use test_kit::{WsClient, WsMessage};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
     sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A client that was answered with `answer`, and the server's side of it.
async fn pair(answer: &[u8]) -> (WsClient, TcpStream) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let serving = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_buf(&mut head).await.unwrap();
        }
        stream.write_all(answer).await.unwrap();
        stream
    };
    tokio::join!(WsClient::connect(&url, &[]), serving)
}

async fn says(bytes: &[u8]) -> (WsClient, TcpStream) {
    pair(&[ANSWER.as_bytes(), bytes].concat()).await
}

#[tokio::test]
async fn messages_are_read_wherever_the_network_cuts_them_and_pings_are_answered() {
    let (mut client, mut server) = says(b"\x81\x02").await;
    server.write_all(b"{}\x89\x01?").await.unwrap();
    assert_eq!(client.next().await, WsMessage::Text("{}".to_owned()));
    assert_eq!(client.next().await, WsMessage::Ping(b"?".to_vec()));
    let mut pong = [0; 7];
    server.read_exact(&mut pong).await.unwrap();
    assert_eq!(
        (pong[0], pong[1], pong[6] ^ pong[2]),
        (0x8a, 0x81, b'?'),
        "a client masks"
    );
}

#[tokio::test]
async fn the_close_code_is_given_when_the_connection_has_ended() {
    let (client, mut server) = says(b"\x81\x02[]\x88\x04\x0f\xa1no").await;
    server.shutdown().await.unwrap();
    assert_eq!(client.closed().await, (4001, "no".to_owned()));
}

#[tokio::test]
#[should_panic(expected = "ended without a close frame")]
async fn an_end_without_a_word_is_not_a_close() {
    let (client, server) = says(b"").await;
    drop(server);
    client.closed().await;
}

#[tokio::test]
#[should_panic(expected = "a server does not mask")]
async fn a_masked_frame_is_no_server_s() {
    let (mut client, _server) = says(b"\x81\x82\0\0\0\0{}").await;
    client.next().await;
}

#[tokio::test]
#[should_panic(expected = "not the shortest form")]
async fn a_length_has_one_form() {
    let (mut client, _server) = says(b"\x81\x7e\0\x02{}").await;
    client.next().await;
}

#[tokio::test]
#[should_panic(expected = "status: 101")]
async fn an_upgrade_that_proves_nothing_is_none() {
    pair(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n")
        .await;
}

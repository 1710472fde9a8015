//! The breakable proxy breaks, and heals.

use std::io::ErrorKind;

use test_kit::{ChaosProxy, PATIENCE, wait_until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A server that sends every byte back.
async fn echo(tasks: &mut JoinSet<()>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(async move {
                let (mut from, mut to) = stream.into_split();
                tokio::io::copy(&mut from, &mut to).await.ok();
            });
        }
    });
    address
}

async fn said_back(stream: &mut TcpStream, text: &[u8]) -> bool {
    let mut back = vec![0; text.len()];
    let spoken = stream.write_all(text).await.is_ok();
    spoken && stream.read_exact(&mut back).await.is_ok() && back == text
}

#[tokio::test]
async fn a_cut_resets_what_is_open_and_refuses_what_is_new_until_restored() {
    let mut tasks = JoinSet::new();
    let proxy = ChaosProxy::to(echo(&mut tasks).await).await;
    let mut open = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(said_back(&mut open, b"before").await);
    proxy.cut();
    assert_eq!(
        open.read(&mut [0; 1]).await.unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    let mut new = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(!said_back(&mut new, b"during").await);
    proxy.restore();
    let mut after = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(said_back(&mut after, b"after").await);
}

#[tokio::test]
async fn a_pause_holds_bytes_back_and_loses_none() {
    let mut tasks = JoinSet::new();
    let proxy = ChaosProxy::to(echo(&mut tasks).await).await;
    let mut open = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(said_back(&mut open, b"before").await);
    proxy.pause();
    open.write_all(b"held").await.unwrap();
    let silent = open.try_read(&mut [0; 1]).unwrap_err();
    assert_eq!(silent.kind(), ErrorKind::WouldBlock);
    proxy.resume();
    let mut back = [0; 4];
    open.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"held");
}

#[tokio::test]
async fn the_end_of_one_side_reaches_the_other() {
    let mut tasks = JoinSet::new();
    let proxy = ChaosProxy::to(echo(&mut tasks).await).await;
    let mut open = TcpStream::connect(proxy.address()).await.unwrap();
    open.shutdown().await.unwrap();
    assert_eq!(open.read(&mut [0; 1]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_dead_target_is_a_reset() {
    let gone = TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let proxy = ChaosProxy::to(gone.to_string()).await;
    wait_until(
        "a connection through the proxy fails",
        PATIENCE,
        async || {
            let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
            !said_back(&mut stream, b"x").await
        },
    )
    .await;
}

//! The same over TLS: HTTP/1.1 is what is offered, and a socket opens through it.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::world::{World, token_of};

/// A certificate for localhost in files of its own, and what trusts it.
struct Certificate {
    folder: PathBuf,
    trust: TlsConnector,
}

impl Certificate {
    fn make() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let folder = std::env::temp_dir().join(format!("farol-tls-{unique}"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let trust = Arc::new(config).into();
        Self { folder, trust }
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Reads until `what` has come.
async fn read_until(stream: &mut TlsStream<TcpStream>, what: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    while !all.windows(what.len()).any(|part| part == what) {
        let read = stream.read_buf(&mut all).await.unwrap();
        assert!(
            read > 0,
            "ended before {}: {}",
            what.escape_ascii(),
            all.escape_ascii()
        );
    }
    all
}

#[tokio::test]
async fn a_socket_opens_and_answers_over_tls() {
    let certificate = Certificate::make();
    let world = World::with(|settings| {
        settings.tls.tls_cert_file = Some(certificate.folder.join("cert.pem"));
        settings.tls.tls_key_file = Some(certificate.folder.join("key.pem"));
    })
    .await;
    let tcp = TcpStream::connect(world.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = certificate.trust.connect(name, tcp).await.unwrap();
    let spoken = stream.get_ref().1.alpn_protocol();
    assert_eq!(
        spoken,
        Some(b"http/1.1".as_slice()),
        "a WebSocket over HTTP/2 is another protocol"
    );
    let request = format!(
        "GET /api/v2/ws?token={} HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        token_of("a")
    );
    // The first message comes along with the request: nothing of it is lost on the way to the session.
    let ping = b"\x81\x91\0\0\0\0{\"action\":\"ping\"}";
    stream
        .write_all(&[request.as_bytes(), ping].concat())
        .await
        .unwrap();
    let answer = read_until(&mut stream, b"{\"type\":\"pong\"}").await;
    assert!(
        answer.starts_with(b"HTTP/1.1 101 "),
        "{}",
        answer.escape_ascii()
    );

    // Who speaks no TLS is hung up on, and nobody else notices.
    let mut plain = TcpStream::connect(world.address).await.unwrap();
    plain
        .write_all(b"GET /api/v2/health HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut rest = Vec::new();
    let _ = plain.read_to_end(&mut rest).await;
    assert!(!rest.starts_with(b"HTTP/"), "{}", rest.escape_ascii());
    stream.write_all(ping).await.unwrap();
    read_until(&mut stream, b"{\"type\":\"pong\"}").await;
    stream.write_all(b"\x88\x82\0\0\0\0\x03\xe8").await.unwrap();
    let farewell = read_until(&mut stream, b"\x88\x02\x03\xe8").await;
    assert_eq!(farewell, b"\x88\x02\x03\xe8");
    drop(stream);
    world.shutdown().await;
}

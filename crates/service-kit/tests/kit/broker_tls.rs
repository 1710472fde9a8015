//! `amqps://`, in a process of its own: which certificates are trusted is a matter of its environment.

use std::{fs, path::PathBuf, sync::Arc};

use test_kit::{rabbit_url, rabbit_url_at};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

use crate::child::{spawn_publisher, until_connected};

/// The tests' broker behind TLS.
struct Tls {
    url: String,
    /// What a client has to trust.
    certificate: PathBuf,
    _tasks: JoinSet<()>,
}

impl Tls {
    async fn start() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let certificate = std::env::temp_dir().join(format!("farol-broker-{port}.pem"));
        fs::write(&certificate, made.cert.pem()).unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, TlsAcceptor::from(Arc::new(config))));
        Self {
            url: rabbit_url_at(&format!("localhost:{port}")).replacen("amqp:", "amqps:", 1),
            certificate,
            _tasks: tasks,
        }
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.certificate);
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor) {
    let broker = rabbit_url();
    let broker = broker.split('@').nth(1).unwrap().split('/').next().unwrap();
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (acceptor, broker) = (acceptor.clone(), broker.to_owned());
        connections.spawn(async move {
            // A client that trusts nobody ends the handshake.
            if let Ok(mut client) = acceptor.accept(client).await {
                let mut server = TcpStream::connect(broker).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}

#[tokio::test]
async fn a_broker_behind_tls_is_reached() {
    let tls = Tls::start().await;
    let trusted = ("SSL_CERT_FILE", tls.certificate.to_str().unwrap());
    let process = spawn_publisher(&tls.url, &[trusted]);
    until_connected(&process).await;
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_told_and_not_trusted() {
    let tls = Tls::start().await;
    let process = spawn_publisher(&tls.url, &[]);
    let refused = process.wait_for_line("the refusal", |line| {
        let detail = line.field("detail").unwrap_or_default();
        detail.contains("cannot be reached") && detail.contains("certificate")
    });
    refused.await;
}

//! A backend behind TLS.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use test_kit::{ServiceProcess, SseClient, http_get};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::backend::Backend;

/// Takes TLS off in front of `backend`: its port, its certificate in PEM, and what keeps it.
async fn tls_before(backend: &Backend) -> (u16, String, JoinSet<()>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let target = backend.address;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            connections.spawn(async move {
                if let Ok(mut inside) = acceptor.accept(stream).await {
                    let mut outside = TcpStream::connect(target).await.unwrap();
                    let _ = copy_bidirectional(&mut inside, &mut outside).await;
                }
            });
        }
    });
    (port, made.cert.pem(), tasks)
}

#[tokio::test]
async fn a_backend_behind_tls_is_called_if_its_certificate_is_trusted() {
    let backend = Backend::start().await;
    let (port, certificate, _tls) = tls_before(&backend).await;
    let file = std::env::temp_dir().join(format!("sse-gateway-{port}.pem"));
    std::fs::write(&file, certificate).unwrap();
    let url = format!("https://localhost:{port}/callback");
    for trusted in [true, false] {
        let mut environment = vec![
            ("CALLBACK_URL", url.as_str()),
            ("HOST", "127.0.0.1"),
            ("PORT", "0"),
            ("OPS_PORT", "0"),
            ("DRAIN_SECONDS", "1"),
        ];
        if trusted {
            environment.push(("SSL_CERT_FILE", file.to_str().unwrap()));
        }
        let mut gateway = ServiceProcess::spawn("sse-gateway", &environment);
        let stream = format!("http://{}/s", gateway.address("public").await);
        let known = backend.calls().len();
        if trusted {
            let one = SseClient::connect(&stream, &[]).await;
            let two = SseClient::connect(&stream, &[]).await;
            drop((one, two));
            backend.wait_for("disconnect", 2).await;
        } else {
            assert_eq!(http_get(&stream, &[]).await.status(), 503);
            assert_eq!(backend.calls().len(), known);
        }
        gateway.sigterm();
        assert_eq!(gateway.wait_exit().await, Some(0), "{}", gateway.output());
    }
    std::fs::remove_file(file).unwrap();
}

//! Whom we believe over TLS.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::ring};

use super::OutboundError;

/// Mozilla's roots, compiled in, so that a bare image works; and what the machine trusts beside them, so that a
/// private CA of a client is installed as any CA is (`SSL_CERT_FILE` is honoured). Offers HTTP/2 and HTTP/1.1.
///
/// # Errors
/// [`OutboundError::Connect`] where the protocol versions cannot be set up.
pub fn config() -> Result<ClientConfig, OutboundError> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let machine = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(machine.certs);
    for error in machine.errors {
        tracing::warn!(%error, "a root certificate of this machine cannot be read");
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| OutboundError::Connect(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

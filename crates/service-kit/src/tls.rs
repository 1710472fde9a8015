//! The server's side of TLS: the certificate of the settings, read once at start.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::settings::TlsSettings;

/// A certificate that cannot be used: which file, and why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UnusableCertificate(String);

/// What a listener serves with, offering `protocols` by ALPN; `None` where the settings name no certificate.
///
/// # Errors
/// When a file cannot be read, or key and certificate do not belong together.
pub fn server(
    settings: &TlsSettings,
    protocols: &[&[u8]],
) -> Result<Option<Arc<ServerConfig>>, UnusableCertificate> {
    let (Some(cert), Some(key)) = (&settings.tls_cert_file, &settings.tls_key_file) else {
        return Ok(None);
    };
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(cert, &error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(cert, &error))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| unusable(cert, &error))?;
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(Some(Arc::new(config)))
}

fn unusable(file: &Path, error: &dyn Display) -> UnusableCertificate {
    UnusableCertificate(format!("{}: {error}", file.display()))
}

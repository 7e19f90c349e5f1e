//! TLS for outgoing requests: the certificate authorities are the machine's, or those of the file that the variable
//! `SSL_CERT_FILE` of the node's own environment names.

use rusm_core::seam::ByteStream;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::sync::{Arc, OnceLock};
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::Error;

/// Makes a connection a secure one, to the host of that name and no other.
///
/// # Errors
/// Its certificate is not that host's, or of no authority that the machine trusts; or it speaks no TLS.
pub(super) async fn secure(stream: Box<dyn ByteStream>, host: String) -> Result<Box<dyn ByteStream>, Error> {
    let name = ServerName::try_from(host.clone()).map_err(|_| Error::HttpRequestUriInvalid)?;
    let secured = connector().connect(name, stream).await;
    let stream = secured.map_err(|error| {
        tracing::warn!(host, %error, "an outgoing connection could not be secured");
        code(&error)
    })?;
    Ok(Box::new(stream))
}

fn connector() -> TlsConnector {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    CONFIG.get_or_init(|| Arc::new(config())).clone().into()
}

fn config() -> ClientConfig {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "certificate authorities cannot be read");
    }
    let mut authorities = RootCertStore::empty();
    let (usable, _) = authorities.add_parsable_certificates(found.certs);
    if usable == 0 {
        tracing::warn!("no certificate authority is known: install ca-certificates, or name a file in SSL_CERT_FILE");
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("the provider has them");
    config.with_root_certificates(authorities).with_no_client_auth()
}

fn code(error: &io::Error) -> Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(_)) => Error::TlsCertificateError,
        _ => Error::TlsProtocolError,
    }
}

use super::within;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Another server, which components send requests to. It answers with what it was asked for.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    /// The certificate of a server that speaks TLS, made for `localhost`; as PEM.
    pub(crate) certificate: Option<String>,
}

impl Upstream {
    pub(crate) async fn http() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(serve(listener, None));
        Self { address, certificate: None }
    }

    pub(crate) async fn https() -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("the provider has them").with_no_client_auth();
        let config = config.with_single_cert(vec![cert.der().clone()], key).expect("they belong together");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(serve(listener, Some(TlsAcceptor::from(Arc::new(config)))));
        Self { address, certificate: Some(cert.pem()) }
    }
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>) {
    let answer = service_fn(async |request: hyper::Request<hyper::body::Incoming>| {
        let host = request.headers().get("host").map(|host| host.to_str().expect("text").to_owned());
        let text = format!("{} {} of {}", request.method(), request.uri(), host.unwrap_or_default());
        Ok::<_, Infallible>(hyper::Response::new(text))
    });
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let tls = tls.clone();
        tokio::spawn(async move {
            let builder = hyper::server::conn::http1::Builder::new();
            // A client that does not trust the certificate goes away.
            match tls {
                None => drop(within(builder.serve_connection(TokioIo::new(stream), answer)).await),
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        drop(within(builder.serve_connection(TokioIo::new(stream), answer)).await);
                    }
                }
            }
        });
    }
}

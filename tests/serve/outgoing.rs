//! Requests that components send to other servers.

use crate::support::{Answer, AppOptions, Served, Upstream};

async fn node(upstream: &Upstream) -> Served {
    Served::start_with(AppOptions { upstream: Some(upstream), ..AppOptions::default() }).await
}

fn check(answer: &Answer, text: &str) {
    assert_eq!((answer.status, answer.text.as_str()), (200, text));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_granted_host_is_reached_and_no_other() {
    let upstream = Upstream::http().await;
    let node = node(&upstream).await;
    let port = upstream.address.port();
    check(
        &node.get(&format!("/stream/fetch?http://127.0.0.1:{port}/a?b=c")).await,
        &format!("200 GET /a?b=c of 127.0.0.1:{port}"),
    );
    check(
        &node.get(&format!("/stream/fetch?http://localhost:{port}/")).await,
        &format!("200 GET / of localhost:{port}"),
    );
    check(&node.get("/stream/fetch?http://127.0.0.1:1/").await, "ErrorCode::HttpRequestDenied");
    node.logs(&["denied", r#"grants.http = ["127.0.0.1:1"] of component streaming is missing"#]).await;
    check(&node.get(&format!("/stream/fetch?ftp://127.0.0.1:{port}/")).await, "ErrorCode::HttpProtocolError");
    node.logs(&["denied", "only the schemes http and https are offered"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_nobody_listens_at_is_refused() {
    let mut upstream = Upstream::http().await;
    // The port of a listener that is closed again.
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    upstream.address = closed.local_addr().expect("it is bound");
    drop(closed);
    let node = node(&upstream).await;
    let port = upstream.address.port();
    check(&node.get(&format!("/stream/fetch?http://127.0.0.1:{port}/")).await, "ErrorCode::ConnectionRefused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secure_server_is_who_its_certificate_says() {
    let upstream = Upstream::https().await;
    let node = node(&upstream).await;
    let port = upstream.address.port();
    check(
        &node.get(&format!("/stream/fetch?https://localhost:{port}/x")).await,
        &format!("200 GET /x of localhost:{port}"),
    );
    // The certificate is for the name, not for the address.
    check(&node.get(&format!("/stream/fetch?https://127.0.0.1:{port}/x")).await, "ErrorCode::TlsCertificateError");
    node.logs(&["an outgoing connection could not be secured", "127.0.0.1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_trusts_is_refused() {
    let trusted = Upstream::https().await;
    let other = Upstream::https().await;
    let node = node(&Upstream { address: other.address, ..trusted }).await;
    let port = other.address.port();
    check(&node.get(&format!("/stream/fetch?https://localhost:{port}/x")).await, "ErrorCode::TlsCertificateError");
}

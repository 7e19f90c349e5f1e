use crate::seam::{ByteStream, Listener, Seams};
use std::io::ErrorKind;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

const FREE_PORT: &str = "127.0.0.1:0";

/// Asserts what [`Sockets`](crate::seam::Sockets) promises, on the loopback address.
pub async fn sockets(seams: Seams) {
    bytes_arrive_in_order_both_ways(&seams).await;
    a_writer_waits_for_its_reader(&seams).await;
    the_end_comes_after_the_last_byte(&seams).await;
    writing_to_a_gone_reader_fails(&seams).await;
    nobody_listens(&seams).await;
    an_address_in_use(&seams).await;
    a_listener_serves_many(&seams).await;
    names(&seams).await;
}

async fn listen(seams: &Seams) -> (Box<dyn Listener>, SocketAddr) {
    let free_port = FREE_PORT.parse().expect("an address");
    let listener = seams.sockets.listen(free_port).await.expect("a free port");
    let address = listener.local_addr().expect("a bound address");
    assert_ne!(address.port(), 0, "the address says which port was taken");
    (listener, address)
}

async fn pair(seams: &Seams) -> (Box<dyn ByteStream>, Box<dyn ByteStream>) {
    let (listener, address) = listen(seams).await;
    let (client, server) = futures_util::join!(seams.sockets.connect(address), listener.accept());
    (client.expect("somebody listens"), server.expect("somebody connects").0)
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index % 251) as u8).collect()
}

async fn bytes_arrive_in_order_both_ways(seams: &Seams) {
    let (mut client, mut server) = pair(seams).await;
    let sent = pattern(10_000);
    let mut received = vec![0; sent.len()];
    for _ in 0..3 {
        let (written, read) = futures_util::join!(client.write_all(&sent), server.read_exact(&mut received));
        written.expect("the server is there");
        read.expect("the client has sent");
        assert_eq!(sent, received, "from client to server");
        received.fill(0);
        let (written, read) = futures_util::join!(server.write_all(&sent), client.read_exact(&mut received));
        written.expect("the client is there");
        read.expect("the server has sent");
        assert_eq!(sent, received, "from server to client");
    }
}

/// No more is taken than a bounded window, and nothing of it is lost.
async fn a_writer_waits_for_its_reader(seams: &Seams) {
    let (mut client, mut server) = pair(seams).await;
    let sent = pattern(1 << 20);
    let mut taken: u64 = 0;
    while let std::task::Poll::Ready(result) = futures_util::poll!(Box::pin(client.write_all(&sent))) {
        result.expect("the server is there");
        taken += sent.len() as u64;
        assert!(taken < 1 << 30, "a gigabyte that nobody reads was taken");
    }
    drop(client);
    let mut received = Vec::new();
    server.read_to_end(&mut received).await.expect("what was written, then the end");
    assert!(received.len() as u64 >= taken, "{taken} bytes were taken and {} arrived", received.len());
    let in_order = received.chunks(sent.len()).all(|chunk| sent.starts_with(chunk));
    assert!(in_order, "bytes arrived out of order");
}

async fn the_end_comes_after_the_last_byte(seams: &Seams) {
    let (mut client, mut server) = pair(seams).await;
    client.write_all(b"last words").await.expect("the server is there");
    client.shutdown().await.expect("a shutdown of a live connection");
    let mut received = Vec::new();
    server.read_to_end(&mut received).await.expect("the last words, then the end");
    assert_eq!(received, b"last words");
    server.write_all(b"an answer").await.expect("the other direction is still open");
    drop(server);
    received.clear();
    client.read_to_end(&mut received).await.expect("the answer, then the end");
    assert_eq!(received, b"an answer");
}

async fn writing_to_a_gone_reader_fails(seams: &Seams) {
    let (mut client, server) = pair(seams).await;
    drop(server);
    let bytes = pattern(1 << 16);
    for _ in 0..10_000 {
        if let Err(error) = client.write_all(&bytes).await {
            let kind = error.kind();
            assert!(matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "not {kind:?}");
            return;
        }
    }
    panic!("writing to nobody never fails");
}

async fn nobody_listens(seams: &Seams) {
    let (listener, address) = listen(seams).await;
    drop(listener);
    let refused = seams.sockets.connect(address).await.err().map(|error| error.kind());
    assert_eq!(refused, Some(ErrorKind::ConnectionRefused));
}

async fn an_address_in_use(seams: &Seams) {
    let (listener, address) = listen(seams).await;
    let refused = seams.sockets.listen(address).await.err().map(|error| error.kind());
    assert_eq!(refused, Some(ErrorKind::AddrInUse));
    drop(listener);
    drop(seams.sockets.listen(address).await.expect("a dropped listener frees its address"));
}

async fn a_listener_serves_many(seams: &Seams) {
    const CLIENTS: usize = 20;
    let (listener, address) = listen(seams).await;
    let mut answers = Vec::new();
    for number in 0..CLIENTS {
        let (answer, answered) = oneshot::channel();
        let sockets = seams.sockets.clone();
        seams.executor.spawn(Box::pin(async move {
            let mut stream = sockets.connect(address).await.expect("somebody listens");
            stream.write_all(&[number as u8]).await.expect("the server is there");
            let mut echo = [0];
            stream.read_exact(&mut echo).await.expect("an echo");
            // The suite has failed already when nobody listens.
            let _ = answer.send(echo[0]);
        }));
        answers.push(answered);
    }
    let mut peers = std::collections::BTreeSet::new();
    for _ in 0..CLIENTS {
        let (mut stream, peer) = listener.accept().await.expect("a client connects");
        peers.insert(peer);
        let mut byte = [0];
        stream.read_exact(&mut byte).await.expect("the client sends one byte");
        stream.write_all(&byte).await.expect("the client is there");
    }
    assert_eq!(peers.len(), CLIENTS, "each connection has an address of its own");
    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.await.ok(), Some(number as u8));
    }
}

async fn names(seams: &Seams) {
    let found = seams.sockets.resolve("127.0.0.1".to_owned(), 80).await.expect("an address is its own name");
    assert_eq!(found, ["127.0.0.1:80".parse().expect("an address")]);
    let found = seams.sockets.resolve("localhost".to_owned(), 1).await.expect("every machine knows localhost");
    assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 1), "{found:?}");
    assert!(seams.sockets.resolve("no such host.invalid".to_owned(), 1).await.is_err(), "an unknown name is an error");
}

//! Each line below goes round a seam. `cargo xtask test --only seams` fails when clippy does not say so.

pub async fn round_the_seams() -> std::io::Result<()> {
    let _ = std::time::Instant::now(); // caught: std::time::Instant::now
    let _ = std::time::SystemTime::now(); // caught: std::time::SystemTime::now
    std::thread::sleep(std::time::Duration::ZERO); // caught: std::thread::sleep
    std::thread::spawn(|| ()); // caught: std::thread::spawn
    tokio::time::sleep(std::time::Duration::ZERO).await; // caught: tokio::time::sleep
    tokio::spawn(async {}); // caught: tokio::task::spawn
    tokio::task::spawn_blocking(|| ()); // caught: tokio::task::spawn_blocking
    let _ = tokio::net::TcpListener::bind("127.0.0.1:0").await?; // caught: tokio::net::TcpListener::bind
    let _ = tokio::net::TcpStream::connect("127.0.0.1:1").await?; // caught: tokio::net::TcpStream::connect
    let _ = std::fs::File::open("x")?; // caught: std::fs::File::open
    let _ = std::collections::HashMap::<u8, u8>::new(); // caught: std::collections::HashMap
    Ok(())
}

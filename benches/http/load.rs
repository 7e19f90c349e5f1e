use crate::server::Kind;
use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;

/// One run against one server.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) per_second: f64,
    /// CPU time of the server's operating system process per request, in microseconds.
    pub(crate) cpu_us: f64,
}

/// Starts a server, warms it up, and counts what `requests` cost it.
pub(crate) async fn sample(
    kind: Kind,
    components: &Path,
    connections: usize,
    requests: usize,
) -> anyhow::Result<Sample> {
    let mut server = Command::new(std::env::current_exe()?)
        .args(["serve", kind.name()])
        .arg(components)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let pid = server.id().context("the server ended")?;
    let mut lines = BufReader::new(server.stdout.take().context("its output is piped")?).lines();
    let address = lines.next_line().await?.context("the server did not start")?;
    fire(&address, connections, requests / 10).await?;
    let (cpu, start) = (cpu_us(pid)?, Instant::now());
    let sent = fire(&address, connections, requests).await?;
    let (used, elapsed) = (cpu_us(pid)? - cpu, start.elapsed());
    server.kill().await?;
    Ok(Sample { per_second: sent as f64 / elapsed.as_secs_f64(), cpu_us: used / sent as f64 })
}

async fn fire(address: &str, connections: usize, requests: usize) -> anyhow::Result<usize> {
    let each = requests.div_ceil(connections);
    let clients: Vec<_> = (0..connections).map(|_| tokio::spawn(client(address.to_owned(), each))).collect();
    for client in clients {
        client.await??;
    }
    Ok(each * connections)
}

async fn client(address: String, requests: usize) -> anyhow::Result<()> {
    let stream = TcpStream::connect(&address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    for _ in 0..requests {
        let request = http::Request::get("/api/hello").header("host", "bench").body(Empty::<Bytes>::new())?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if !status.is_success() || body.is_empty() {
            bail!("{status}: {body:?}");
        }
    }
    Ok(())
}

/// User and system time of a process, from `/proc`: the 14th and 15th field, in hundredths of a second.
fn cpu_us(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("a name in brackets")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(ticks as f64 * 10_000.0)
}

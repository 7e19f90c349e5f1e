//! Two Erlang nodes, plain or over TLS, with an epmd of their own.

use crate::measure::{Measure, Used};
use anyhow::Context as _;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const SOURCE: &str = include_str!("../erlang/cluster.erl");

/// Whether there is an `erl`.
pub fn is_there() -> bool {
    let version = Command::new("erl").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Runs one job: two nodes, and an epmd that ends with it.
pub fn job(measure: Measure, operations: u64, tls: bool) -> anyhow::Result<Used> {
    let dir = tempfile::tempdir()?;
    std::fs::write(dir.path().join("cluster.erl"), SOURCE)?;
    sh(dir.path(), "erlc", &["cluster.erl"])?;
    if tls {
        certificates(dir.path())?;
    }
    // Nobody else has this port a moment later, or the nodes do not find each other and the job fails.
    let epmd = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
    let mut daemon = Command::new("epmd").args(["-port", &epmd, "-address", "127.0.0.1"]).spawn().context("epmd")?;
    let mut b = node(dir.path(), &epmd, "b", tls, &["-s", "cluster", "serve"])?;
    let result = drive(dir.path(), &epmd, tls, measure, operations, &mut b);
    let _ = b.kill();
    b.wait()?;
    daemon.kill()?;
    daemon.wait()?;
    result
}

fn drive(dir: &Path, epmd: &str, tls: bool, measure: Measure, operations: u64, b: &mut Child) -> anyhow::Result<Used> {
    first_line(b)?;
    let operations = operations.to_string();
    let mut a = node(dir, epmd, "a", tls, &["-run", "cluster", "main", measure.name, &operations])?;
    let line = first_line(&mut a);
    a.wait()?;
    serde_json::from_str(&line?).context("what Erlang says is no figure")
}

fn node(dir: &Path, epmd: &str, name: &str, tls: bool, arguments: &[&str]) -> anyhow::Result<Child> {
    let mut command = Command::new("erl");
    command.args(["-noinput", "+S", "1:1", "-setcookie", "bench", "-name", &format!("{name}@127.0.0.1")]);
    command.args(["-kernel", "inet_dist_use_interface", "{127,0,0,1}"]);
    if tls {
        // It is read before the node has a working directory.
        command.args(["-proto_dist", "inet_tls", "-ssl_dist_optfile"]).arg(dir.join("tls.conf"));
    }
    let command = command.args(arguments).current_dir(dir).env("ERL_EPMD_PORT", epmd);
    command.env("HOME", dir).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().context("erl")
}

/// An authority and a certificate of it, which both sides show, and check.
fn certificates(dir: &Path) -> anyhow::Result<()> {
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"];
    let authority = ["req", "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=bench"];
    sh(dir, "openssl", &[&authority[..], &key[..]].concat())?;
    let name = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:127.0.0.1"];
    let asks = ["req", "-keyout", "node.key", "-out", "node.csr", "-subj", "/CN=node"];
    sh(dir, "openssl", &[&asks[..], &name[..], &key[..]].concat())?;
    let signs = ["x509", "-req", "-in", "node.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
    sh(dir, "openssl", &[&signs[..], &["-days", "1", "-copy_extensions", "copy", "-out", "node.pem"][..]].concat())?;
    let [certificate, key, authority] =
        ["node.pem", "node.key", "ca.pem"].map(|file| dir.join(file).display().to_string());
    let both = format!(
        "{{certfile,{certificate:?}}},{{keyfile,{key:?}}},{{cacertfile,{authority:?}}},{{verify,verify_peer}},{{versions,['tlsv1.3']}}"
    );
    let conf = format!("[{{server,[{both},{{fail_if_no_peer_cert,true}}]}},{{client,[{both}]}}].");
    Ok(std::fs::write(dir.join("tls.conf"), conf)?)
}

fn sh(dir: &Path, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let done = Command::new(program).args(arguments).current_dir(dir).output().with_context(|| program.to_owned())?;
    anyhow::ensure!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

fn first_line(child: &mut Child) -> anyhow::Result<String> {
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("its output is piped")?).read_line(&mut line)?;
    anyhow::ensure!(!line.is_empty(), "an Erlang node ended without a word");
    Ok(line.trim().to_owned())
}

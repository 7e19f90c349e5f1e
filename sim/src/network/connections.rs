//! How connections come to be.

use super::connection::Connection;
use super::listener::{Queue, SimListener};
use super::stream::SimStream;
use super::{Bound, FIRST_FREE_PORT, Network, host_of, ip_of};
use crate::clock::Sleep;
use crate::executor::Life;
use crate::seed::{below, mix};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// How often a host that hears nothing asks again, and how long it waits after each time.
const CONNECT_RETRIES_S: [u64; 4] = [1, 2, 4, 8];

impl Network {
    /// Binds a listener of that life.
    pub(super) fn bind(&self, life: &Arc<Life>, address: SocketAddr) -> io::Result<SimListener> {
        let ip = address.ip();
        if !(ip.is_loopback() || ip.is_unspecified() || ip == ip_of(life.host)) {
            let why = format!("{ip} is not an address of this host, which has {}", ip_of(life.host));
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, why));
        }
        let mut state = self.0.state.lock();
        let mut port = address.port();
        if port == 0 {
            port = state.free_port(life.host);
        }
        let bound = state.listeners.entry((life.host, port)).or_default();
        if bound.iter().any(|bound| bound.ip == ip || bound.ip.is_unspecified() || ip.is_unspecified()) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let queue = Arc::new(Queue::new(life.clone()));
        bound.push(Bound { ip, queue: queue.clone() });
        drop(state);
        let address = SocketAddr::new(ip, port);
        self.0.kernel.record("listen", |line| line.number(life.host.into()).text(&address.to_string()));
        Ok(SimListener { network: self.clone(), host: life.host, address, queue })
    }

    pub(super) fn unbind(&self, host: u32, port: u16, queue: &Arc<Queue>) {
        let mut state = self.0.state.lock();
        if let Some(bound) = state.listeners.get_mut(&(host, port)) {
            bound.retain(|bound| !Arc::ptr_eq(&bound.queue, queue));
            if bound.is_empty() {
                state.listeners.remove(&(host, port));
            }
        }
    }

    /// Opens a connection from that life: one packet there, one back.
    pub(super) async fn open(self, life: Arc<Life>, address: SocketAddr) -> io::Result<SimStream> {
        let kernel = self.0.kernel.clone();
        let unreachable = || io::Error::new(io::ErrorKind::HostUnreachable, format!("no host has {}", address.ip()));
        let host = host_of(address.ip(), life.host).ok_or_else(unreachable)?;
        let (id, link, port) = {
            let mut state = self.0.state.lock();
            if host as usize >= state.hosts.len() {
                return Err(unreachable());
            }
            let id = self.0.conditions.next_connection();
            let of_pair = state.opened_by_pair.entry((life.host, host)).or_default();
            *of_pair += 1;
            let link = mix(&[life.host.into(), host.into(), *of_pair]);
            (id, link, state.free_port(life.host))
        };
        kernel.record("connect", |line| line.number(id).number(life.host.into()).text(&address.to_string()));
        let mut retries = CONNECT_RETRIES_S.iter();
        while self.0.conditions.is_cut(life.host, host) || self.0.conditions.is_cut(host, life.host) {
            let Some(wait) = retries.next() else { return Err(io::ErrorKind::TimedOut.into()) };
            Sleep::until(&kernel, kernel.now() + wait * 1_000_000_000).await;
        }
        let trip = |way| {
            let fate = mix(&[kernel.seed, link, u64::MAX, way]);
            1 + kernel.profile.packet_ns_min + below(fate, kernel.profile.packet_jitter_ns)
        };
        Sleep::until(&kernel, kernel.now() + trip(0)).await;
        let opened = self.accepted(&life, id, link, address, host, port);
        Sleep::until(&kernel, kernel.now() + trip(1)).await;
        kernel.record(if opened.is_some() { "connected" } else { "refused" }, |line| line.number(id));
        opened.ok_or_else(|| io::ErrorKind::ConnectionRefused.into())
    }

    fn accepted(
        &self,
        life: &Arc<Life>,
        id: u64,
        link: u64,
        address: SocketAddr,
        host: u32,
        port: u16,
    ) -> Option<SimStream> {
        let ip = address.ip();
        let (queue, connection) = {
            let mut state = self.0.state.lock();
            if self.0.conditions.is_refusing(host) {
                return None;
            }
            let bound = state.listeners.get(&(host, address.port()))?;
            let bound = bound.iter().find(|bound| bound.ip.is_unspecified() || bound.ip == ip)?;
            let queue = bound.queue.clone();
            let connection = Connection::new(self, id, link, [life.clone(), queue.life.clone()]);
            state.connections.insert(id, Arc::downgrade(&connection));
            (queue, connection)
        };
        let own_ip: IpAddr = if ip.is_loopback() { ip } else { ip_of(life.host) };
        let server = SimStream { connection: connection.clone(), end: 1 };
        let client = SimStream { connection, end: 0 };
        queue.push(server, SocketAddr::new(own_ip, port)).then_some(client)
    }
}

impl super::State {
    /// A port of that host that nobody listens on; they are given out in a circle.
    fn free_port(&mut self, host: u32) -> u16 {
        loop {
            let next = self.next_ports.entry(host).or_insert(FIRST_FREE_PORT);
            let port = *next;
            *next = next.checked_add(1).unwrap_or(FIRST_FREE_PORT);
            if !self.listeners.contains_key(&(host, port)) {
                return port;
            }
        }
    }
}

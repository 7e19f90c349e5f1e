//! `wasi:sockets`: TCP connections to what `grants.sockets` names, and the lookup of the names that stand there.
//!
//! Nobody listens, as routes serve, and nobody has UDP. The simulator has no sockets for guests: each attempt is refused.

use crate::component::Component;
use crate::engine::Profile;
use crate::state::{ProcessState, note_denied};
use parking_lot::Mutex;
use rusm_core::Context;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p2::bindings::sockets;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{self, ResolveAddressStream};
use wasmtime_wasi::p2::bindings::sockets::network::{self, ErrorCode, IpAddress, IpAddressFamily, Network};
use wasmtime_wasi::p2::bindings::sockets::{tcp_create_socket, udp_create_socket};
use wasmtime_wasi::p2::{DynPollable, SocketError, SocketResult, TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::{SocketAddrUse, WasiSockets, WasiSocketsView};

pub(super) fn add_to_linker(linker: &mut Linker<ProcessState>) -> wasmtime::Result<()> {
    type State = ProcessState;
    let options = network::LinkOptions::default();
    network::add_to_linker::<State, WasiSockets>(linker, &options, State::sockets)?;
    sockets::instance_network::add_to_linker::<State, WasiSockets>(linker, State::sockets)?;
    sockets::tcp::add_to_linker::<State, WasiSockets>(linker, State::sockets)?;
    sockets::udp::add_to_linker::<State, WasiSockets>(linker, State::sockets)?;
    tcp_create_socket::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    udp_create_socket::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    ip_name_lookup::add_to_linker::<State, HasSelf<State>>(linker, |state| state)
}

/// What one process may connect to: what is granted by address, and what it has looked up by a granted name.
pub(crate) struct SocketGate {
    component: Component,
    looked_up: Mutex<BTreeSet<SocketAddr>>,
    /// The granted ports of the names whose lookups the guest holds, by the lookup's handle.
    lookups: Mutex<BTreeMap<u32, Vec<u16>>>,
}

impl SocketGate {
    /// The gate of a component that is granted sockets, built into its WASI context.
    pub(crate) fn open(builder: &mut WasiCtxBuilder, component: &Component, context: &Context) -> Option<Arc<Self>> {
        if component.grants().sockets.is_empty() {
            return None;
        }
        let gate =
            Arc::new(Self { component: component.clone(), looked_up: Mutex::default(), lookups: Mutex::default() });
        let (checks, node, pid) = (gate.clone(), context.node().clone(), context.pid());
        builder.allow_tcp(true).allow_ip_name_lookup(true).socket_addr_check(move |address, purpose| {
            let checked = checks.check(address, purpose);
            if let Err(refusal) = &checked {
                note_denied(&node, pid, &checks.component, refusal);
            }
            let allowed = checked.is_ok();
            Box::pin(async move { allowed })
        });
        Some(gate)
    }

    fn check(&self, address: SocketAddr, purpose: SocketAddrUse) -> Result<(), String> {
        match purpose {
            SocketAddrUse::TcpConnect if self.looked_up.lock().contains(&address) => Ok(()),
            SocketAddrUse::TcpConnect => self.component.allow_socket(address).map_err(|denied| denied.to_string()),
            // What the system binds by itself before it connects.
            SocketAddrUse::TcpBind if address.ip().is_unspecified() && address.port() == 0 => Ok(()),
            _ => Err(format!("binding {address}: grants.sockets is for connections to others, a route is for serving")),
        }
    }
}

impl ProcessState {
    /// The gate, where sockets are granted and there are some.
    fn gate(&self, what: &str) -> Result<Arc<SocketGate>, SocketError> {
        let component = &self.component;
        let refusal = match &self.socket_gate {
            None => format!("{what}: grants.sockets of component {} is empty", component.name()),
            Some(_) if self.host.engine().profile() == Profile::Simulation => format!("{what}: it is not simulated"),
            Some(gate) => return Ok(gate.clone()),
        };
        self.note_denied(&refusal);
        Err(ErrorCode::AccessDenied.into())
    }
}

/// What turns this module's errors into codes is Wasmtime's own.
impl network::Host for ProcessState {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        self.sockets().convert_error_code(error)
    }

    fn network_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        self.sockets().network_error_code(error)
    }
}

impl network::HostNetwork for ProcessState {
    fn drop(&mut self, network: Resource<Network>) -> wasmtime::Result<()> {
        network::HostNetwork::drop(&mut self.sockets(), network)
    }
}

impl tcp_create_socket::Host for ProcessState {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        self.gate("a TCP socket")?;
        self.sockets().create_tcp_socket(family)
    }
}

impl udp_create_socket::Host for ProcessState {
    async fn create_udp_socket(&mut self, _: IpAddressFamily) -> SocketResult<Resource<UdpSocket>> {
        self.note_denied("a UDP socket: grants.sockets is for TCP, and there is no grant for UDP");
        Err(ErrorCode::AccessDenied.into())
    }
}

impl ip_name_lookup::Host for ProcessState {
    fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> SocketResult<Resource<ResolveAddressStream>> {
        let gate = self.gate(&format!("a lookup of {name:?}"))?;
        let ports = self.component.allow_lookup(&name).map_err(|denied| {
            self.note_denied(&denied.to_string());
            ErrorCode::AccessDenied
        })?;
        let lookup = self.sockets().resolve_addresses(network, name)?;
        gate.lookups.lock().insert(lookup.rep(), ports);
        Ok(lookup)
    }
}

impl ip_name_lookup::HostResolveAddressStream for ProcessState {
    fn resolve_next_address(&mut self, lookup: Resource<ResolveAddressStream>) -> SocketResult<Option<IpAddress>> {
        let handle = lookup.rep();
        let address = self.sockets().resolve_next_address(lookup)?;
        if let (Some(address), Some(gate)) = (&address, &self.socket_gate)
            && let Some(ports) = gate.lookups.lock().get(&handle)
        {
            let address = ip_address(address);
            gate.looked_up.lock().extend(ports.iter().map(|port| SocketAddr::new(address, *port)));
        }
        Ok(address)
    }

    fn subscribe(&mut self, lookup: Resource<ResolveAddressStream>) -> wasmtime::Result<Resource<DynPollable>> {
        ip_name_lookup::HostResolveAddressStream::subscribe(&mut self.sockets(), lookup)
    }

    fn drop(&mut self, lookup: Resource<ResolveAddressStream>) -> wasmtime::Result<()> {
        if let Some(gate) = &self.socket_gate {
            gate.lookups.lock().remove(&lookup.rep());
        }
        ip_name_lookup::HostResolveAddressStream::drop(&mut self.sockets(), lookup)
    }
}

fn ip_address(address: &IpAddress) -> IpAddr {
    match *address {
        IpAddress::Ipv4((a, b, c, d)) => [a, b, c, d].into(),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => [a, b, c, d, e, f, g, h].into(),
    }
}

mod events;
mod http;
mod limits;
mod sockets;
mod world;

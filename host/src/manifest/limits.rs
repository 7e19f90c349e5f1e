use super::section::Section;
use std::time::Duration;

/// The table `[limits]`: what one client may take from a node. The defaults are safe on the open internet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `header-time`: how long a request's head may take to arrive, from its first byte. Default 10 s.
    pub header_time: Duration,
    /// `idle-time`: how long a connection may wait for its next request. Default 60 s.
    pub idle_time: Duration,
    /// `request-time`: how long a request may take from its head to the head of its answer; its process is killed then
    /// and the client gets 504. Default 30 s.
    pub request_time: Duration,
    /// `body-bytes`: the largest request body; above it the client gets 413. Default 1 MiB.
    pub body_bytes: u64,
    /// `connections`: how many may be open at once; above it a client gets 503 with `retry-after`. Default 5000: each
    /// may be a component process, and with the kernel's usual `vm.max_map_count` there is room for some 6,800 of those.
    pub connections: u32,
    /// `websocket-message-bytes`: the largest message of a WebSocket client; above it the socket is closed with 1009.
    /// Default 1 MiB.
    pub websocket_message_bytes: u64,
    /// `drain-time`: how long a stopping node waits for its clients before it cuts them. Default 10 s.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
            request_time: Duration::from_secs(30),
            body_bytes: 1 << 20,
            connections: 5_000,
            websocket_message_bytes: 1 << 20,
            drain_time: Duration::from_secs(10),
        }
    }
}

impl Limits {
    pub(super) fn read(root: &mut Section<'_, '_>) -> Self {
        let default = Self::default();
        let Some(mut section) = root.section("limits") else { return default };
        let limits = Self {
            header_time: section.duration("header-time").unwrap_or(default.header_time),
            idle_time: section.duration("idle-time").unwrap_or(default.idle_time),
            request_time: section.duration("request-time").unwrap_or(default.request_time),
            body_bytes: section.size("body-bytes", 0, 1 << 40).unwrap_or(default.body_bytes),
            connections: section.count("connections", 1).unwrap_or(default.connections),
            websocket_message_bytes: section
                .size("websocket-message-bytes", 1, 1 << 30)
                .unwrap_or(default.websocket_message_bytes),
            drain_time: section.duration("drain-time").unwrap_or(default.drain_time),
        };
        section.finish();
        limits
    }
}

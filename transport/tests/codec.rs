//! The bytes: frozen, read back, and every other sequence of them an error and never a panic.

mod support;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use rusm_core::{
    Encoding, ExitReason, MailboxBound, NodeId, Overflow, Pid, ProcessSpec, Reference, RemoteKind, RemoteSignal,
    RemoteTarget, SpawnOutcome, SpawnRequest, Term, Timestamp,
};
use rusm_transport::proto::{
    Action, Config, ConnectionId, Endpoint, Envelope, Event, FRAGMENT_LEN, FRAME_LEN_MAX, Features, Frame, FrameError,
    FrameReader, Hello, LANE_STREAMS, Lane, Refusal, StreamId, TraceContext,
};
use std::fmt::Write;
use support::identity;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn frame_bytes(frame: &Frame) -> Bytes {
    let mut out = BytesMut::new();
    frame.encode(&mut out);
    out.freeze()
}

const PID: Pid = Pid { node: NodeId::of_name("a"), incarnation: 2, index: 300, serial: 4, random: 0x1f_ffff_ffff_ffff };
const OTHER: Pid = Pid { node: NodeId::of_name("b"), incarnation: 1, index: 5, serial: 0, random: 6 };
const REFERENCE: Reference =
    Reference { node: NodeId::of_name("a"), incarnation: 2, index: 300, serial: 1 << 40, random: 7 };

fn term() -> Term {
    Term::new(Encoding::Json, "\"hi\"")
}

fn reason() -> ExitReason {
    ExitReason::new("boom").with_detail("why").with_payload(term()).with_backtrace("where")
}

/// One of each kind.
fn kinds() -> Vec<RemoteKind> {
    vec![
        RemoteKind::Message(term()),
        RemoteKind::Call { reference: REFERENCE, request: term() },
        RemoteKind::Reply { reference: REFERENCE, answer: Term::empty() },
        RemoteKind::Link,
        RemoteKind::Unlink { id: 9 },
        RemoteKind::UnlinkAck { id: 9 },
        RemoteKind::Exit { reason: reason(), linked: true },
        RemoteKind::Monitor { monitor: REFERENCE },
        RemoteKind::Demonitor { monitor: REFERENCE },
        RemoteKind::Down { monitor: REFERENCE, reason: ExitReason::NOPROC },
        RemoteKind::Alive { request: REFERENCE },
        RemoteKind::AliveReply { request: REFERENCE, alive: true },
    ]
}

/// One of each that a feature brought.
fn kinds_of_features() -> Vec<RemoteKind> {
    let spec =
        ProcessSpec { kind: "component".into(), target: "chat".into(), digest: None, args: term(), grants: None };
    let asked = |spec, name, mailbox| SpawnRequest {
        request: REFERENCE,
        spec,
        link: true,
        monitor: false,
        init: true,
        name,
        mailbox,
    };
    let bound = MailboxBound { messages: 1000, overflow: Overflow::Return };
    let digest = Some([7; 32]);
    let granted = ProcessSpec { grants: Some(term()), ..spec.clone() };
    vec![
        RemoteKind::Spawn(Box::new(asked(spec.clone(), None, None))),
        RemoteKind::Spawn(Box::new(asked(ProcessSpec { digest, ..spec }, Some("chat".into()), Some(bound)))),
        RemoteKind::SpawnReply { request: REFERENCE, outcome: SpawnOutcome::Spawned },
        RemoteKind::SpawnReply { request: REFERENCE, outcome: SpawnOutcome::Up },
        RemoteKind::SpawnReply { request: REFERENCE, outcome: SpawnOutcome::Ignored },
        RemoteKind::SpawnReply { request: REFERENCE, outcome: SpawnOutcome::Failed(reason()) },
        RemoteKind::Timeout { timer: REFERENCE, message: term() },
        RemoteKind::Spawn(Box::new(asked(granted, None, None))),
    ]
}

fn signal(kind: RemoteKind) -> RemoteSignal {
    RemoteSignal { from: PID, to: RemoteTarget::Pid(OTHER), kind }
}

/// What version 1 writes: a change here breaks every node that runs.
#[test]
fn the_bytes_of_version_1_are_frozen() {
    let mut out = String::new();
    let mut line = |name: &str, bytes: &[u8]| writeln!(out, "{name:<24} {}", hex(bytes)).expect("memory");
    for kind in kinds() {
        line(kind.name(), &Envelope::new(signal(kind.clone())).encode());
    }
    for (name, to) in
        [("to a name", RemoteTarget::Name("db".to_owned())), ("to an alias", RemoteTarget::Alias(REFERENCE))]
    {
        line(name, &Envelope::new(RemoteSignal { from: PID, to, kind: RemoteKind::Link }).encode());
    }
    let trace =
        TraceContext { trace_id: 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10, span_id: 0x1112_1314_1516_1718, flags: 1 };
    let extended = Envelope { trace: Some(trace), deadline_ms: Some(5000), signal: signal(RemoteKind::Link) };
    line("trace and deadline", &extended.encode());
    for (name, frame) in frames() {
        line(name, &frame_bytes(&frame));
    }
    insta::assert_snapshot!("version_1", out);
}

/// What nodes with these features write, and only to those that have them too.
#[test]
fn the_bytes_of_the_features_are_frozen() {
    let mut out = String::new();
    let mut line = |name: &str, bytes: &[u8]| writeln!(out, "{name:<24} {}", hex(bytes)).expect("memory");
    for kind in kinds_of_features() {
        let name = format!("{} needs {}", kind.name(), Features::needed_by(&kind));
        line(&name, &Envelope::new(signal(kind)).encode());
    }
    let to_the_node = RemoteSignal { from: PID, to: RemoteTarget::Node, kind: RemoteKind::Link };
    line("to the node", &Envelope::new(to_the_node).encode());
    line("frame hello", &frame_bytes(&Frame::Hello(Hello::new("a", 2, 7, &Config::default()))));
    insta::assert_snapshot!("features", out);
}

#[test]
fn what_the_first_version_knows_needs_no_feature() {
    assert!(kinds().iter().all(|kind| Features::needed_by(kind) == Features::NONE));
    assert!(kinds_of_features().iter().all(|kind| Features::needed_by(kind) != Features::NONE));
}

fn frames() -> Vec<(&'static str, Frame)> {
    let first = Config { features: Features::NONE, ..Config::default() };
    let hello = Hello { dial: 3, association: 2, ..Hello::new("a", 2, 7, &first) };
    let lane = Lane(258);
    vec![
        ("frame hello", Frame::Hello(hello.clone())),
        ("frame welcome", Frame::Welcome(hello)),
        ("frame refuse", Frame::Refuse(Refusal::Crossed)),
        ("frame ready", Frame::Ready),
        ("frame credit", Frame::Credit(vec![(lane, 131_072), (Lane(1), 1)])),
        ("frame ping", Frame::Ping),
        ("frame gossip", Frame::Gossip(Bytes::from_static(b"abc"))),
        ("frame leave", Frame::Leave),
        ("frame signal", Frame::Signal(lane, Bytes::from_static(b"abc"))),
        ("frame begin", Frame::Begin(lane, 70_000, Bytes::from_static(b"abc"))),
        ("frame more", Frame::More(lane, Bytes::from_static(b"abc"))),
    ]
}

#[test]
fn an_extension_of_a_later_version_is_left_out() {
    let envelope = Envelope { deadline_ms: Some(5000), ..Envelope::new(signal(RemoteKind::Link)) };
    let mut bytes = envelope.encode().to_vec();
    // Two extensions: the one that is there, and one of number 99 with three bytes.
    assert_eq!(bytes[1], 1);
    bytes[1] = 2;
    bytes.splice(2..2, [99, 3, 1, 2, 3]);
    assert_eq!(Envelope::decode(&bytes.into()), Ok(envelope));
}

#[test]
fn a_frame_that_a_later_version_lets_others_leave_out_is_left_out() {
    let mut reader = FrameReader::default();
    reader.push(&[0x80, 2, 0, 0, 0, 7, 7]);
    reader.push(&frame_bytes(&Frame::Ping));
    assert_eq!(reader.next_frame(), Ok(Some(Frame::Ping)));
    reader.push(&[0x7f, 0, 0, 0, 0]);
    assert_eq!(reader.next_frame(), Err(FrameError::Kind(0x7f)));
}

#[test]
fn a_frame_is_refused_by_its_header_above_the_limit_and_taken_at_it() {
    let header = |len: u32| [&[6][..], &len.to_le_bytes()].concat();
    let mut reader = FrameReader::default();
    reader.push(&header(FRAME_LEN_MAX as u32));
    assert_eq!(reader.next_frame(), Ok(None));
    let mut reader = FrameReader::default();
    reader.push(&header(u32::MAX));
    assert_eq!(reader.next_frame(), Err(FrameError::TooLong(u32::MAX)));
    let mut reader = FrameReader::default();
    reader.push(&header(FRAME_LEN_MAX as u32 + 1));
    assert_eq!(reader.next_frame(), Err(FrameError::TooLong(FRAME_LEN_MAX as u32 + 1)));
}

#[test]
fn an_exit_reason_is_a_word_up_to_the_limit() {
    let with_word = |len: usize| {
        let reason = ExitReason::new("w".repeat(len));
        Envelope::new(signal(RemoteKind::Exit { reason, linked: false })).encode()
    };
    assert!(Envelope::decode(&with_word(256)).is_ok());
    let mut longer = with_word(256).to_vec();
    // The length of the word is a varint of two bytes before it.
    let at = longer.iter().position(|byte| *byte == b'w').expect("the word") - 2;
    assert_eq!(longer[at..at + 2], [0x80, 0x02]);
    longer[at] = 0x81;
    longer.insert(at + 2, b'w');
    assert!(Envelope::decode(&longer.into()).is_err());
}

fn pids() -> impl Strategy<Value = Pid> {
    any::<(u32, u32, u32, u32, u64)>().prop_map(|(node, incarnation, index, serial, random)| Pid {
        node: NodeId::from_u32(node),
        incarnation,
        index,
        serial,
        random,
    })
}

fn references() -> impl Strategy<Value = Reference> {
    any::<(u32, u32, u32, u64, u64)>().prop_map(|(node, incarnation, index, serial, random)| Reference {
        node: NodeId::from_u32(node),
        incarnation,
        index,
        serial,
        random,
    })
}

fn terms() -> impl Strategy<Value = Term> {
    let encodings = prop_oneof![Just(Encoding::Raw), Just(Encoding::Text), Just(Encoding::Cbor), Just(Encoding::Json)];
    (encodings, prop::collection::vec(any::<u8>(), 0..300)).prop_map(|(encoding, bytes)| Term::new(encoding, bytes))
}

fn reasons() -> impl Strategy<Value = ExitReason> {
    let text = || prop::option::of(".{0,40}");
    ("[a-z_]{1,20}", text(), prop::option::of(terms()), text()).prop_map(|(word, detail, payload, backtrace)| {
        let mut reason = ExitReason::new(word);
        if let Some(detail) = detail {
            reason = reason.with_detail(detail);
        }
        if let Some(payload) = payload {
            reason = reason.with_payload(payload);
        }
        if let Some(backtrace) = backtrace {
            reason = reason.with_backtrace(backtrace);
        }
        reason
    })
}

fn any_kind() -> impl Strategy<Value = RemoteKind> {
    prop_oneof![
        terms().prop_map(RemoteKind::Message),
        (references(), terms()).prop_map(|(reference, request)| RemoteKind::Call { reference, request }),
        (references(), terms()).prop_map(|(reference, answer)| RemoteKind::Reply { reference, answer }),
        Just(RemoteKind::Link),
        any::<u64>().prop_map(|id| RemoteKind::Unlink { id }),
        any::<u64>().prop_map(|id| RemoteKind::UnlinkAck { id }),
        (reasons(), any::<bool>()).prop_map(|(reason, linked)| RemoteKind::Exit { reason, linked }),
        references().prop_map(|monitor| RemoteKind::Monitor { monitor }),
        references().prop_map(|monitor| RemoteKind::Demonitor { monitor }),
        (references(), reasons()).prop_map(|(monitor, reason)| RemoteKind::Down { monitor, reason }),
        references().prop_map(|request| RemoteKind::Alive { request }),
        (references(), any::<bool>()).prop_map(|(request, alive)| RemoteKind::AliveReply { request, alive }),
        (references(), terms()).prop_map(|(timer, message)| RemoteKind::Timeout { timer, message }),
        (references(), outcomes()).prop_map(|(request, outcome)| RemoteKind::SpawnReply { request, outcome }),
        spawns().prop_map(|asked| RemoteKind::Spawn(Box::new(asked))),
    ]
}

fn outcomes() -> impl Strategy<Value = SpawnOutcome> {
    let said = [SpawnOutcome::Spawned, SpawnOutcome::Up, SpawnOutcome::Ignored];
    prop_oneof![prop::sample::select(said.to_vec()), reasons().prop_map(SpawnOutcome::Failed)]
}

fn spawns() -> impl Strategy<Value = SpawnRequest> {
    let spec = (".{0,20}", ".{0,20}", any::<Option<[u8; 32]>>(), terms(), prop::option::of(terms()))
        .prop_map(|(kind, target, digest, args, grants)| ProcessSpec { kind, target, digest, args, grants });
    let mailbox = any::<Option<(usize, bool)>>().prop_map(|bound| {
        let overflow = |goes_back| if goes_back { Overflow::Return } else { Overflow::End };
        bound.map(|(messages, goes_back)| MailboxBound { messages, overflow: overflow(goes_back) })
    });
    (references(), spec, any::<(bool, bool, bool)>(), prop::option::of(".{0,20}"), mailbox).prop_map(
        |(request, spec, (link, monitor, init), name, mailbox)| SpawnRequest {
            request,
            spec,
            link,
            monitor,
            init,
            name,
            mailbox,
        },
    )
}

fn envelopes() -> impl Strategy<Value = Envelope> {
    let trace =
        any::<(u128, u64, u8)>().prop_map(|(trace_id, span_id, flags)| TraceContext { trace_id, span_id, flags });
    let to = prop_oneof![
        pids().prop_map(RemoteTarget::Pid),
        ".{0,30}".prop_map(RemoteTarget::Name),
        references().prop_map(RemoteTarget::Alias),
        Just(RemoteTarget::Node)
    ];
    (prop::option::of(trace), any::<Option<u64>>(), pids(), to, any_kind()).prop_map(
        |(trace, deadline_ms, from, to, kind)| Envelope { trace, deadline_ms, signal: RemoteSignal { from, to, kind } },
    )
}

/// Bytes that nearly are what they should be.
fn mutated(bytes: Vec<u8>, changes: &[(usize, u8)], len: usize) -> Vec<u8> {
    let mut bytes = bytes;
    for (at, value) in changes {
        if let Some(byte) = (!bytes.is_empty()).then(|| at % bytes.len()).and_then(|at| bytes.get_mut(at)) {
            *byte = *value;
        }
    }
    bytes.truncate(len);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_envelope_is_read_as_it_was_written(envelope in envelopes()) {
        let decoded = Envelope::decode(&envelope.encode()).expect("what was written");
        prop_assert_eq!(&decoded, &envelope);
        // The backtrace does not count in the equality of reasons.
        prop_assert_eq!(format!("{:?}", decoded.encode()), format!("{:?}", envelope.encode()));
    }

    #[test]
    fn no_bytes_make_the_reading_of_an_envelope_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        envelope in envelopes(),
        changes in prop::collection::vec(any::<(usize, u8)>(), 0..6),
        len in 0usize..400,
    ) {
        let _ = Envelope::decode(&Bytes::from([&[1][..], &bytes].concat()));
        let _ = Envelope::decode(&Bytes::from(bytes));
        let _ = Envelope::decode(&Bytes::from(mutated(envelope.encode().to_vec(), &changes, len)));
    }

    #[test]
    fn an_envelope_that_is_cut_off_or_has_more_behind_it_is_none(envelope in envelopes(), cut: prop::sample::Index) {
        let bytes = envelope.encode();
        prop_assert!(Envelope::decode(&bytes.slice(..cut.index(bytes.len()))).is_err());
        prop_assert!(Envelope::decode(&Bytes::from([&bytes[..], &[0]].concat())).is_err());
    }

    #[test]
    fn frames_are_read_as_they_were_written_however_they_are_cut(cuts in prop::collection::vec(1usize..40, 1..200)) {
        let written = frames();
        let bytes: Vec<u8> = written.iter().flat_map(|(_, frame)| frame_bytes(frame).to_vec()).collect();
        let (mut reader, mut rest, mut read) = (FrameReader::default(), &bytes[..], Vec::new());
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            reader.push(now);
            while let Some(frame) = reader.next_frame().expect("frames") {
                read.push(frame);
            }
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(read, written.into_iter().map(|(_, frame)| frame).collect::<Vec<_>>());
    }

    /// Whatever somebody sends: before the handshake, and after it as well.
    #[test]
    fn no_bytes_make_an_endpoint_panic(
        shake_hands: bool,
        chunks in prop::collection::vec((0u16..LANE_STREAMS + 2, 0usize..11, prop::collection::vec(any::<(usize, u8)>(), 0..3)), 1..30),
        garbage in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let now = Timestamp::from_nanos(1);
        let mut endpoint = Endpoint::new("b", 1, 7, Config::default());
        let connection = ConnectionId::Accepted(1);
        assert!(endpoint.handle_accepted(now, connection, identity("a")));
        if shake_hands {
            let (_, hello) = &frames()[0];
            endpoint.handle_received(now, connection, StreamId::CONTROL, &frame_bytes(hello));
            endpoint.handle_received(now, connection, StreamId::CONTROL, &frame_bytes(&Frame::Ready));
        }
        for (stream, frame, changes) in chunks {
            let bytes = frame_bytes(&frames()[frame].1).to_vec();
            let len = bytes.len();
            endpoint.handle_received(now, connection, StreamId(stream), &mutated(bytes, &changes, len));
        }
        endpoint.handle_received(now, connection, StreamId(1), &garbage);
        // An endpoint that was asleep itself suspects before it gives up.
        for seconds in [60, 120] {
            endpoint.handle_timeout(now + std::time::Duration::from_secs(seconds));
        }
        while endpoint.poll_action().is_some() {}
        while endpoint.poll_event().is_some() {}
        prop_assert_eq!(endpoint.poll_timeout(), None, "nothing is left of it");
    }
}

/// What has happened, without what is known of the other nodes.
fn events(endpoint: &mut Endpoint) -> Vec<Event> {
    std::iter::from_fn(|| endpoint.poll_event()).filter(|event| !matches!(event, Event::Node(_))).collect()
}

/// An endpoint that has shaken hands with `a`, and what it says to `frames` on a stream.
#[track_caller]
fn check_violation(stream: u16, frames: &[Frame], expected: &str) {
    let now = Timestamp::from_nanos(1);
    let mut endpoint = Endpoint::new("b", 1, 7, Config::default());
    let connection = ConnectionId::Accepted(1);
    assert!(endpoint.handle_accepted(now, connection, identity("a")));
    let hello = Frame::Hello(Hello::new("a", 2, 7, &Config::default()));
    for frame in [hello, Frame::Ready] {
        endpoint.handle_received(now, connection, StreamId::CONTROL, &frame_bytes(&frame));
    }
    for frame in frames {
        endpoint.handle_received(now, connection, StreamId(stream), &frame_bytes(frame));
    }
    let closes = std::iter::from_fn(|| endpoint.poll_action());
    assert_eq!(closes.filter(|action| *action == Action::Close { connection }).count(), 1);
    let ended = events(&mut endpoint).pop();
    assert!(format!("{ended:?}").contains(expected), "{ended:?}");
}

#[test]
fn who_breaks_the_protocol_loses_the_association_and_nothing_else() {
    let lane = Lane(16);
    let begin = |lane: u16, total: u32| Frame::Begin(Lane(lane), total, Bytes::from_static(b"x"));
    let hello = Frame::Hello(Hello::new("a", 2, 7, &Config::default()));
    check_violation(0, &[hello], "out of its place");
    check_violation(1, &[Frame::Ping], "out of its place");
    check_violation(2, &[Frame::Signal(lane, Bytes::from_static(b"x"))], "out of its place");
    check_violation(LANE_STREAMS + 1, &[Frame::Ping], "out of its place");
    check_violation(1, &[Frame::Signal(lane, Bytes::from_static(b"x"))], "an envelope of version 120");
    check_violation(1, &[Frame::Signal(lane, Envelope::new(signal(RemoteKind::Link)).encode())], "out of its place");
    check_violation(1, &[begin(16, u32::MAX)], "a signal of 4294967295 bytes");
    check_violation(1, &[begin(16, (64 << 20) + 1)], "a signal of 67108865 bytes");
    check_violation(1, &[begin(16, FRAGMENT_LEN as u32)], "bytes in parts");
    check_violation(1, &[begin(16, 1 << 20), begin(16, 1 << 20)], "another signal before the last part");
    check_violation(1, &[Frame::More(lane, Bytes::from_static(b"x"))], "fits nowhere");
    let many: Vec<Frame> = (1..=5).map(|n| begin(n * 16, 1 << 20)).collect();
    check_violation(1, &many, "too many large signals");
    let part = Bytes::from(vec![0; 60_000]);
    let flood: Vec<Frame> =
        std::iter::once(begin(16, 64 << 20)).chain((0..5).map(|_| Frame::More(lane, part.clone()))).collect();
    // Half a window of it is credited, as soon as the driver gives room for that: here it does not.
    check_violation(1, &flood, "more than was credited");
    check_violation(0, &[Frame::Credit(vec![(lane, 1)])], "credit for what was not sent");
    // What neither side has said that it knows.
    check_violation(0, &[Frame::Gossip(part)], "out of its place");
    check_violation(0, &[Frame::Leave], "out of its place");
}

#[test]
fn a_handshake_that_is_sent_again_over_another_connection_changes_nothing() {
    let now = Timestamp::from_nanos(1);
    let mut endpoint = Endpoint::new("b", 1, 7, Config::default());
    let hello = frame_bytes(&Frame::Hello(Hello { dial: 3, ..Hello::new("a", 2, 7, &Config::default()) }));
    for connection in [1, 2].map(ConnectionId::Accepted) {
        assert!(endpoint.handle_accepted(now, connection, identity("a")));
        endpoint.handle_writable(now, connection, StreamId::CONTROL, 4096);
        endpoint.handle_received(now, connection, StreamId::CONTROL, &hello);
    }
    let events = events(&mut endpoint);
    assert!(matches!(&events[1], Event::Up { incarnation: 2, .. }), "{events:?}");
    assert_eq!(events[2..], [Event::Refused { certificate: "a".to_owned(), refusal: Refusal::Stale }]);
}

#[test]
fn too_many_that_do_not_say_who_they_are_are_closed_at_the_limit() {
    let now = Timestamp::from_nanos(1);
    let mut endpoint = Endpoint::new("b", 1, 7, Config { handshakes_max: 2, ..Config::default() });
    let accept = |endpoint: &mut Endpoint, at, number| {
        endpoint.handle_accepted(at, ConnectionId::Accepted(number), identity("x"))
    };
    assert!(accept(&mut endpoint, now, 1) && accept(&mut endpoint, now, 2));
    assert!(!accept(&mut endpoint, now, 3));
    let later = endpoint.poll_timeout().expect("they do not wait for ever");
    endpoint.handle_timeout(later);
    assert!(accept(&mut endpoint, later, 4));
}

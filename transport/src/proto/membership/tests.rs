//! Machines that hand each other their packets; the time between is that of a network.

use super::machine::{MemberChange, Membership, REVIVALS_AHEAD};
use super::packet::{GossipError, GossipPacket};
use super::{MemberId, MembershipConfig};
use bytes::{BufMut, Bytes};
use foca::{Codec, Header, Member, Message, PostcardCodec, State};
use proptest::prelude::*;
use rusm_core::{MemberStatus, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const TRIP: Duration = Duration::from_millis(5);

struct World {
    now: Timestamp,
    members: Vec<Membership>,
    /// Who hears nothing and says nothing.
    dead: BTreeSet<usize>,
    associations: BTreeSet<(usize, usize)>,
    /// Who cannot reach each other.
    cut: BTreeSet<(usize, usize)>,
    /// Packets are lost, and associations stay.
    deaf: bool,
    /// What arrives when.
    under_way: BTreeMap<(Timestamp, u64), (usize, usize, Bytes)>,
    sent: u64,
    /// How many of these were lists of all that a member knows.
    rosters: usize,
    /// What each has learnt of which other, in order.
    learnt: Vec<(usize, String, Option<MemberStatus>)>,
}

fn id(node: &str, incarnation: u32) -> MemberId {
    MemberId { node: node.into(), incarnation, revival: 0, address: format!("{node}:7400").into() }
}

fn membership(node: &str, incarnation: u32, config: &MembershipConfig) -> Membership {
    let mut seed = [0; 32];
    seed[..node.len()].copy_from_slice(node.as_bytes());
    Membership::new(id(node, incarnation), config, seed, Timestamp::default())
}

impl World {
    fn new(number: usize, config: &MembershipConfig) -> Self {
        Self {
            now: Timestamp::default(),
            members: (0..number).map(|i| membership(&name(i), 1, config)).collect(),
            dead: BTreeSet::new(),
            associations: BTreeSet::new(),
            cut: BTreeSet::new(),
            deaf: false,
            under_way: BTreeMap::new(),
            sent: 0,
            rosters: 0,
            learnt: Vec::new(),
        }
    }

    /// All dial the first one, and nobody knows of anyone else.
    fn join_the_first(&mut self) {
        for member in 1..self.members.len() {
            self.members[member].handle_seed(self.now, &name(0));
        }
    }

    fn run(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            for member in 0..self.members.len() {
                self.take(member);
            }
            let alive = (0..self.members.len()).filter(|member| !self.dead.contains(member));
            let timeout = alive.map(|member| self.members[member].poll_timeout()).min();
            let arrival = self.under_way.keys().next().map(|(at, _)| *at);
            let next = [timeout, arrival].into_iter().flatten().min().unwrap_or(until);
            if next > until {
                self.now = until;
                return;
            }
            self.now = self.now.max(next);
            if arrival.is_some_and(|at| at <= self.now) {
                let (_, (from, to, packet)) = self.under_way.pop_first().expect("one arrives");
                if !self.deaf && !self.dead.contains(&to) && self.associations.contains(&pair(from, to)) {
                    self.members[to].handle_packet(self.now, &name(from), &packet).expect("a packet of a member");
                }
            } else {
                for member in (0..self.members.len()).filter(|member| !self.dead.contains(member)) {
                    if self.members[member].poll_timeout() <= self.now {
                        self.members[member].handle_timeout(self.now);
                    }
                }
            }
        }
    }

    fn take(&mut self, member: usize) {
        while let Some(node) = self.members[member].poll_dial() {
            let other = number(&node);
            if !self.dead.contains(&member) && !self.dead.contains(&other) {
                self.connect(member, other);
            }
        }
        while let Some((node, packet)) = self.members[member].poll_packet() {
            self.sent += 1;
            let header: Header<MemberId> = PostcardCodec.decode_header(&mut &packet[..]).expect("a packet");
            self.rosters += usize::from(header.message == Message::Feed);
            self.under_way.insert((self.now + TRIP, self.sent), (member, number(&node), packet));
        }
        while let Some(MemberChange { member: of, status }) = self.members[member].poll_change() {
            self.learnt.push((member, of.node.to_string(), status));
        }
    }

    fn connect(&mut self, one: usize, other: usize) {
        if !self.cut.contains(&pair(one, other)) && self.associations.insert(pair(one, other)) {
            for (own, other) in [(one, other), (other, one)] {
                let incarnation = self.members[other].own().incarnation;
                self.members[own].handle_connected(self.now, &name(other), incarnation);
            }
        }
    }

    fn disconnect(&mut self, one: usize, other: usize) {
        if self.associations.remove(&pair(one, other)) {
            self.members[one].handle_disconnected(self.now, &name(other));
            self.members[other].handle_disconnected(self.now, &name(one));
        }
    }

    fn cut(&mut self, one: usize, other: usize) {
        self.cut.insert(pair(one, other));
        self.disconnect(one, other);
    }

    fn die(&mut self, member: usize) {
        self.dead.insert(member);
        for other in 0..self.members.len() {
            self.disconnect(member, other);
        }
    }

    fn knows(&self, member: usize, of: usize) -> Option<MemberStatus> {
        self.members[member].members().find(|known| *known.member.node == *name(of)).and_then(|known| known.status)
    }

    #[track_caller]
    fn assert_all_know_all(&self) {
        for member in (0..self.members.len()).filter(|member| !self.dead.contains(member)) {
            for of in (0..self.members.len()).filter(|of| *of != member && !self.dead.contains(of)) {
                let known = self.knows(member, of);
                assert_eq!(known, Some(MemberStatus::Up), "{} of {} at {:?}", name(member), name(of), self.now);
                assert!(self.associations.contains(&pair(member, of)), "{} and {}", name(member), name(of));
            }
        }
    }
}

fn name(member: usize) -> String {
    format!("m{member:03}")
}

fn number(name: &str) -> usize {
    name[1..].parse().expect("a member's name")
}

fn pair(one: usize, other: usize) -> (usize, usize) {
    (one.min(other), one.max(other))
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn members_that_all_join_one_learn_of_each_other_and_dial_each_other() {
    let mut world = World::new(20, &MembershipConfig::default());
    world.join_the_first();
    world.run(secs(5));
    world.assert_all_know_all();
    let addresses: BTreeSet<&str> = world.members[7].members().map(|known| &*known.member.address).collect();
    assert_eq!(addresses.len(), 19, "each with the place where it can be dialled");
}

#[test]
fn only_strangers_ask_for_all_that_the_other_knows() {
    let mut world = World::new(40, &MembershipConfig::default());
    world.join_the_first();
    world.run(secs(10));
    world.assert_all_know_all();
    // The first and the 39 that have joined it ask each other; of the other 741 pairs hardly anybody has to.
    assert!((39..=3 * 39).contains(&world.rosters), "{} rosters", world.rosters);
    // All that were given up at once have other names, and tell some of it.
    world.rosters = 0;
    all_give_each_other_up(&mut world);
    world.run(secs(4));
    assert_all_know_all_by_their_present_names(&world);
    assert!(world.rosters <= 5 * 40, "{} rosters", world.rosters);
}

#[test]
fn who_could_not_be_dialled_is_dialled_again_some_times_and_then_with_all_others() {
    let config = MembershipConfig { announce_interval: secs(600), ..MembershipConfig::default() };
    let mut own = membership("a", 1, &config);
    let mut dialled = Vec::new();
    own.handle_seed(Timestamp::default(), "b");
    while let Some(now) = Some(own.poll_timeout()).filter(|at| *at < Timestamp::default() + secs(400)) {
        own.handle_timeout(now);
        while let Some(node) = own.poll_dial() {
            dialled.push(now.since(Timestamp::default()).as_secs());
            own.handle_disconnected(now, &node);
        }
    }
    let waits: Vec<u64> = dialled.windows(2).map(|two| two[1] - two[0]).collect();
    let bounds = [1..3, 2..5, 4..9, 8..17];
    assert_eq!(waits.len(), bounds.len(), "{dialled:?}");
    assert!(waits.iter().zip(&bounds).all(|(wait, bounds)| bounds.contains(wait)), "{dialled:?}");

    // Once there was an association it begins anew.
    let now = Timestamp::default() + secs(400);
    own.handle_connected(now, "b", 1);
    own.handle_disconnected(now, "b");
    assert!(own.poll_timeout() < now + secs(1));
}

#[test]
fn a_member_that_dies_is_suspected_before_it_is_given_up() {
    let mut world = World::new(5, &MembershipConfig::default());
    world.join_the_first();
    world.run(secs(10));
    world.learnt.clear();
    world.die(3);
    world.run(secs(20));
    for member in [0, 1, 2, 4] {
        let of_dead = world.learnt.iter().filter(|(by, of, _)| *by == member && *of == name(3));
        let statuses: Vec<_> = of_dead.map(|(_, _, status)| *status).collect();
        assert_eq!(statuses, [Some(MemberStatus::Suspect), Some(MemberStatus::Down)], "by {}", name(member));
    }
    world.assert_all_know_all();
}

#[test]
fn two_that_cannot_reach_each_other_stay_up_for_everybody_while_a_third_reaches_both() {
    let mut world = World::new(4, &MembershipConfig::default());
    world.join_the_first();
    world.run(secs(10));
    world.learnt.clear();
    world.cut(1, 2);
    world.run(secs(60));
    assert!(world.learnt.iter().all(|(_, _, status)| *status != Some(MemberStatus::Down)), "{:?}", world.learnt);
}

#[test]
fn halves_that_have_given_each_other_up_come_together_again() {
    let mut world = World::new(8, &MembershipConfig::default());
    world.join_the_first();
    world.run(secs(10));
    for one in 0..4 {
        (4..8).for_each(|other| world.cut(one, other));
    }
    world.run(secs(60));
    assert_eq!(world.knows(0, 7), Some(MemberStatus::Down));
    assert_eq!(world.knows(7, 0), Some(MemberStatus::Down));
    world.cut.clear();
    world.run(secs(15));
    world.assert_all_know_all();
}

#[test]
fn a_member_that_comes_back_as_another_life_takes_its_own_place() {
    let config = MembershipConfig::default();
    let mut world = World::new(4, &config);
    world.join_the_first();
    world.run(secs(10));
    world.die(2);
    world.members[2] = membership(&name(2), 2, &config);
    world.dead.remove(&2);
    let now = world.now;
    world.members[2].handle_seed(now, &name(0));
    world.run(secs(10));
    world.assert_all_know_all();
    for member in [0, 1, 3] {
        let known = world.members[member].members().find(|known| *known.member.node == *name(2)).expect("it is known");
        assert_eq!(known.member.incarnation, 2);
    }
    assert_eq!(world.members[0].members().count(), 3, "one entry for each name");
}

#[test]
fn a_member_that_says_that_it_leaves_is_down_at_once_everywhere() {
    let mut world = World::new(5, &MembershipConfig::default());
    world.join_the_first();
    world.run(secs(10));
    let now = world.now;
    world.members[0].handle_left(now, &name(4));
    world.die(4);
    world.run(secs(1));
    for member in 0..4 {
        assert_eq!(world.knows(member, 4), Some(MemberStatus::Down));
    }
}

#[test]
fn who_is_down_is_forgotten_in_the_end() {
    let config = MembershipConfig { forget_after: secs(60), ..MembershipConfig::default() };
    let mut world = World::new(3, &config);
    world.join_the_first();
    world.run(secs(10));
    world.die(2);
    world.run(secs(120));
    assert_eq!(world.knows(0, 2), None);
    assert_eq!(world.members[0].members().count(), 1);
    assert!(world.learnt.contains(&(0, name(2), None)));
}

#[test]
fn two_that_hear_of_each_other_and_were_told_that_the_other_is_gone_get_over_it() {
    let mut world = World::new(3, &MembershipConfig::default());
    world.join_the_first();
    world.run(secs(10));
    let ids: Vec<MemberId> = world.members.iter().map(|member| member.own().clone()).collect();
    for (own, gone) in [(1, 2), (2, 1)] {
        let now = world.now;
        let rumour = packet_of(&ids[0], &ids[own], Message::Gossip, &ids[gone..=gone], State::Down);
        world.members[own].handle_packet(now, &name(0), &rumour).expect("a packet");
    }
    assert_eq!((world.knows(1, 2), world.knows(2, 1)), (Some(MemberStatus::Down), Some(MemberStatus::Down)));
    world.run(secs(15));
    world.assert_all_know_all();
    assert!(world.members[1].own().revival > 0 && world.members[2].own().revival > 0);
}

/// Each is told by every other one that it was given up, before it hears of anybody's new name.
fn all_give_each_other_up(world: &mut World) {
    let ids: Vec<MemberId> = world.members.iter().map(|member| member.own().clone()).collect();
    let now = world.now;
    for (own, id) in ids.iter().enumerate() {
        for (from, by) in ids.iter().enumerate().filter(|(from, _)| *from != own) {
            let given_up = packet_of(by, id, Message::TurnUndead, &[], State::Alive);
            world.members[own].handle_packet(now, &name(from), &given_up).expect("a packet");
        }
    }
    assert!(world.members.iter().all(|member| member.own().revival == 1));
}

#[track_caller]
fn assert_all_know_all_by_their_present_names(world: &World) {
    world.assert_all_know_all();
    for own in &world.members {
        for other in world.members.iter().filter(|other| other.own() != own.own()) {
            let known = own.members().find(|known| known.member.node == other.own().node).map(|known| &known.member);
            assert_eq!(known, Some(other.own()), "by {}", own.own().node);
        }
    }
}

#[test]
fn members_that_have_all_given_each_other_up_at_once_learn_each_others_new_names() {
    let mut world = World::new(3, &MembershipConfig::default());
    world.join_the_first();
    world.run(secs(10));
    all_give_each_other_up(&mut world);
    world.run(secs(1));
    assert_all_know_all_by_their_present_names(&world);
}

#[test]
fn they_do_so_as_well_when_what_they_said_first_was_lost() {
    let mut world = World::new(3, &MembershipConfig::default());
    world.join_the_first();
    world.run(secs(10));
    all_give_each_other_up(&mut world);
    world.deaf = true;
    world.run(secs(1));
    world.deaf = false;
    world.run(secs(15));
    assert_all_know_all_by_their_present_names(&world);
    // Who is asked for signs of life is noticed when it dies.
    world.die(2);
    world.run(secs(20));
    assert_eq!((world.knows(0, 2), world.knows(1, 2)), (Some(MemberStatus::Down), Some(MemberStatus::Down)));
}

#[test]
fn a_member_that_is_heard_of_and_still_suspected_is_told_and_contradicts() {
    let config = MembershipConfig { suspect_for: secs(600), ..MembershipConfig::default() };
    let mut world = World::new(3, &config);
    world.join_the_first();
    world.run(secs(10));
    // Long enough that nobody passes the news on any more.
    world.deaf = true;
    world.run(secs(60));
    assert_eq!(world.knows(0, 1), Some(MemberStatus::Suspect));
    world.deaf = false;
    world.run(secs(15));
    world.assert_all_know_all();
}

/// A packet of `from` that tells that these are up.
fn packet(from: &MemberId, to: &MemberId, told: &[MemberId]) -> Vec<u8> {
    packet_of(from, to, Message::Gossip, told, State::Alive)
}

fn packet_of(from: &MemberId, to: &MemberId, message: Message<MemberId>, told: &[MemberId], state: State) -> Vec<u8> {
    let header = Header { src: from.clone(), src_incarnation: 0, dst: to.clone(), message };
    let told = told.iter().map(|member| Member::new(member.clone(), 0, state)).collect();
    GossipPacket { header, told }.encode().into()
}

/// What the member `liar` makes up about `of`, to `to`.
fn make_up(world: &mut World, liar: usize, to: usize, of: MemberId, state: State) {
    let packet = packet_of(world.members[liar].own(), world.members[to].own(), Message::Gossip, &[of], state);
    let now = world.now;
    world.members[to].handle_packet(now, &name(liar), &packet).expect("a packet");
}

#[test]
fn what_is_made_up_about_one_that_is_heard_of_counts_for_nothing() {
    let mut world = World::new(3, &MembershipConfig::default());
    world.join_the_first();
    world.run(secs(10));
    for (life, revival) in [(65, 0), (u32::MAX, u32::MAX), (1, u32::MAX), (1, REVIVALS_AHEAD + 1)] {
        for state in [State::Down, State::Suspect] {
            for to in [0, 1] {
                make_up(&mut world, 2, to, MemberId { revival, ..id(&name(1), life) }, state);
            }
        }
    }
    let sent = world.sent;
    world.run(secs(30));
    world.assert_all_know_all();
    assert_eq!(world.members[1].own().revival, 0);
    assert!(world.sent - sent < 1_000, "they go on about it: {}", world.sent - sent);
}

#[test]
fn what_was_made_up_before_one_is_heard_of_is_forgotten_then() {
    for state in [State::Down, State::Suspect] {
        let mut world = World::new(3, &MembershipConfig::default());
        world.cut.insert(pair(0, 1));
        world.members[2].handle_seed(world.now, &name(0));
        world.members[1].handle_seed(world.now, &name(2));
        world.run(secs(10));
        make_up(&mut world, 2, 0, id(&name(1), 65), state);
        assert_ne!(world.knows(0, 1), Some(MemberStatus::Up));
        world.cut.clear();
        world.connect(0, 1);
        world.run(secs(30));
        world.assert_all_know_all();
    }
}

#[test]
fn who_was_given_up_by_a_later_name_takes_the_one_behind_it() {
    let mut world = World::new(3, &MembershipConfig::default());
    world.join_the_first();
    world.run(secs(10));
    make_up(&mut world, 2, 0, MemberId { revival: REVIVALS_AHEAD, ..id(&name(1), 1) }, State::Down);
    assert_eq!(world.knows(0, 1), Some(MemberStatus::Down));
    world.run(secs(10));
    world.assert_all_know_all();
    assert_eq!(world.members[1].own().revival, REVIVALS_AHEAD + 1);
}

#[test]
fn what_is_said_of_other_names_of_its_own_a_member_does_not_pass_on() {
    let mut world = World::new(2, &MembershipConfig::default());
    world.join_the_first();
    world.run(secs(10));
    for (life, revival) in [(0, 0), (0, 9), (2, 0)] {
        make_up(&mut world, 1, 0, MemberId { revival, ..id(&name(0), life) }, State::Down);
    }
    assert_eq!(world.knows(0, 0), None);
    while let Some((_, packet)) = world.members[0].poll_packet() {
        let packet = GossipPacket::decode(&packet).expect("a packet of a member");
        assert!(packet.told.iter().all(|member| *member.id().node != *name(0)), "{packet:?}");
    }
    world.run(secs(10));
    assert_eq!(world.members[0].own().revival, 0);
    world.assert_all_know_all();
}

#[test]
fn who_is_given_up_again_and_again_takes_no_new_name_each_time() {
    let mut world = World::new(2, &MembershipConfig::default());
    world.join_the_first();
    world.run(secs(1));
    let (other, from) = (world.members[1].own().clone(), world.now);
    while world.now < from + secs(1) {
        let (now, own) = (world.now, world.members[0].own().clone());
        let packet = packet_of(&other, &own, Message::TurnUndead, &[], State::Down);
        world.members[0].handle_packet(now, &name(1), &packet).expect("a packet");
        world.now = now + TRIP;
    }
    let revival = world.members[0].own().revival;
    assert!((2..=10).contains(&revival), "{revival} names in a second");
}

#[test]
fn a_packet_counts_in_its_senders_name_and_life_and_up_to_the_limit_of_members() {
    let config = MembershipConfig { members_max: 5, ..MembershipConfig::default() };
    let now = Timestamp::default();
    let check = |node: &str, bytes: &[u8], expected: Result<(), GossipError>, known: usize| {
        let mut own = membership("a", 1, &config);
        own.handle_connected(now, "b", 1);
        assert_eq!(own.handle_packet(now, node, bytes), expected);
        assert_eq!(own.members().count(), known);
    };
    let (a, b) = (id("a", 1), id("b", 1));
    let others: Vec<MemberId> = (0..6).map(|i| id(&format!("o{i}"), 1)).collect();
    check("b", &packet(&b, &a, &others[..4]), Ok(()), 5);
    check("b", &packet(&b, &a, &others[..5]), Err(GossipError::TooMany), 0);
    check("b", &packet(&id("c", 1), &a, &[]), Err(GossipError::Foreign), 0);
    check("b", &packet(&id("b", 2), &a, &[]), Err(GossipError::Foreign), 0);
    check("b", &packet(&a, &a, &[]), Err(GossipError::Foreign), 0);
    check("b", &packet(&b, &a, &[id("", 1)]), Err(GossipError::Malformed), 0);
    check("b", &packet(&b, &a, &[id(&"n".repeat(256), 1)]), Err(GossipError::Malformed), 0);
    check("b", &[0xff; 40], Err(GossipError::Malformed), 0);
    let mut longer = packet(&b, &a, &[]);
    longer.push(0);
    check("b", &longer, Err(GossipError::Malformed), 0);
    // Nobody has an association with this one any more: what is left of it is dropped.
    check("c", &packet(&id("c", 1), &a, &[]), Ok(()), 0);
}

/// What somebody may send who has a certificate and no good intentions: any kind of message, about anybody, in any state.
fn any_message() -> impl Strategy<Value = Message<MemberId>> {
    let member = any_member();
    prop_oneof![
        any::<u8>().prop_map(Message::Ping),
        any::<u8>().prop_map(Message::Ack),
        (member.clone(), any::<u8>()).prop_map(|(target, probe_number)| Message::PingReq { target, probe_number }),
        (member.clone(), any::<u8>()).prop_map(|(origin, probe_number)| Message::IndirectPing { origin, probe_number }),
        (member.clone(), any::<u8>()).prop_map(|(target, probe_number)| Message::IndirectAck { target, probe_number }),
        (member, any::<u8>()).prop_map(|(origin, probe_number)| Message::ForwardedAck { origin, probe_number }),
        Just(Message::Announce),
        Just(Message::Feed),
        Just(Message::Gossip),
        Just(Message::Broadcast),
        Just(Message::TurnUndead),
    ]
}

fn any_member() -> impl Strategy<Value = MemberId> + Clone {
    let number = prop_oneof![0u32..3, Just(u32::MAX)];
    ("[abc]", number.clone(), number).prop_map(|(node, incarnation, revival)| MemberId {
        node: node.as_str().into(),
        incarnation,
        revival,
        address: "".into(),
    })
}

fn any_told() -> impl Strategy<Value = Member<MemberId>> {
    let state = prop_oneof![Just(State::Alive), Just(State::Suspect), Just(State::Down)];
    let number = prop_oneof![0u16..3, Just(u16::MAX)];
    (any_member(), number, state).prop_map(|(member, number, state)| Member::new(member, number, state))
}

proptest! {
    #[test]
    fn no_packet_makes_a_machine_panic_and_it_goes_on(
        packets in prop::collection::vec(
            (any_member(), any::<u16>(), any_member(), any_message(), prop::collection::vec(any_told(), 0..4),
                prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..2), 0u64..3000),
            1..30,
        ),
    ) {
        let mut now = Timestamp::default();
        let mut own = membership("a", 1, &MembershipConfig::default());
        own.handle_connected(now, "b", 1);
        for (src, src_incarnation, dst, message, told, changes, ms) in packets {
            let header = Header { src, src_incarnation, dst, message };
            let mut bytes = Vec::new();
            PostcardCodec.encode_header(&header, &mut bytes).expect("into memory");
            if header.message != Message::Announce {
                bytes.put_u16(u16::try_from(told.len()).expect("few"));
                for member in &told {
                    PostcardCodec.encode_member(member, &mut bytes).expect("into memory");
                }
            }
            for (place, value) in changes {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
            let _ = own.handle_packet(now, "b", &bytes);
            now = now + Duration::from_millis(ms);
            while own.poll_timeout() <= now {
                own.handle_timeout(now);
            }
            while own.poll_packet().is_some() {}
        }
        // Of whoever says something sensible it learns all the same.
        let there = own.members().find(|known| *known.member.node == *"b").map_or(0, |known| known.member.revival);
        let b = MemberId { revival: there, ..id("b", 1) };
        prop_assert_eq!(own.handle_packet(now, "b", &packet(&b, &own.own().clone(), &[id("z", 1)])), Ok(()));
    }
}

#[test]
fn a_packet_on_the_wire() {
    let told = [id("c", 3), id("d", 1)];
    let hex: Vec<String> = packet(&id("a", 1), &id("b", 2), &told).iter().map(|byte| format!("{byte:02x}")).collect();
    insta::assert_snapshot!(hex.join(" "));
}

#[test]
fn what_a_machine_does_follows_from_its_seed() {
    let run = || {
        let mut world = World::new(6, &MembershipConfig::default());
        world.join_the_first();
        world.run(secs(30));
        world.die(4);
        world.run(secs(30));
        (world.sent, world.learnt)
    };
    assert_eq!(run(), run());
}

#[test]
#[should_panic(expected = "probe_timeout")]
fn times_outside_their_bounds_are_refused() {
    let config = MembershipConfig { probe_timeout: Duration::from_millis(501), ..MembershipConfig::default() };
    drop(membership("a", 1, &config));
}

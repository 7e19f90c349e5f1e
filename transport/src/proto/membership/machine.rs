use super::config::MembershipConfig;
use super::member::{MemberId, MemberName};
use super::packet::{GossipError, GossipPacket, status};
use super::schedule::Schedule;
use bytes::Bytes;
use foca::{AccumulatingRuntime, Foca, Member, Message, NoCustomBroadcast, PostcardCodec, State, Timer};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use rusm_core::{MemberStatus, NodeId, Timestamp};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// How long a node waits, at most, before it dials a member that it has just heard of: not all at the same moment. The one with
/// the greater name waits as long again, as the other dials as well when it has heard of it too.
const DIAL_WITHIN: Duration = Duration::from_millis(250);

/// How long a node waits, at least, before it dials a member again that it could not connect to: it had too many in their handshake, as
/// when many start at once. The next time twice as long, and so on.
const DIAL_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How often it does so; then that is left to the announcements.
const DIAL_AGAIN_MAX: u8 = 4;

/// How far the news of a member that this one hears of may be ahead of what is known of it, counted in times that it was given up.
pub(super) const REVIVALS_AHEAD: u32 = 64;

/// How long a member keeps a name, at least, when others say that they have given it up: two that do not agree on it would
/// otherwise go on about it as fast as packets travel.
const RENAMED_AT_MOST_EVERY: Duration = Duration::from_millis(100);

/// How long a member that nobody has told of may say who it is before it is asked, for all that it knows.
const GREET_AFTER: Duration = Duration::from_millis(100);

type Library = Foca<MemberId, PostcardCodec, ChaCha8Rng, NoCustomBroadcast>;
type Effects = AccumulatingRuntime<MemberId>;

/// Who is a member of the cluster: the machine of one node. It passes news on, asks members for signs of life, and says whom to
/// dial, as all members are to have an association with each other.
///
/// Members that two halves of a split have given up come back by the dialling: a handshake says that somebody lives, and both
/// sides then tell each other all they know.
///
/// What happens comes in by the `handle_` methods, with the time; afterwards [`poll_packet`](Self::poll_packet),
/// [`poll_change`](Self::poll_change) and [`poll_dial`](Self::poll_dial) until they give nothing, and
/// [`handle_timeout`](Self::handle_timeout) at [`poll_timeout`](Self::poll_timeout) at the latest. Source: Das, Gupta,
/// Motivala, "SWIM", with its suspicion; the extensions are foca's.
pub struct Membership {
    foca: Library,
    effects: Effects,
    random: ChaCha8Rng,
    config: MembershipConfig,
    timers: BTreeMap<(Timestamp, u64), Timer<MemberId>>,
    timers_made: u64,
    /// When those are forgotten that are down.
    removals: Schedule<MemberId>,
    known: BTreeMap<NodeId, MemberChange>,
    /// Who there is an association with, and in which life.
    connected: BTreeMap<MemberName, u32>,
    /// Whom to dial soon.
    dial_at: Schedule<()>,
    /// How often a dial has failed, of those that are not connected.
    failed: BTreeMap<MemberName, u8>,
    /// Whom to ask who it is, in which life.
    greet_at: Schedule<u32>,
    announce_at: Timestamp,
    /// This member has another name since it was given up, and nobody has called it by that yet.
    renamed: bool,
    /// Not given another name before.
    keeps_name_until: Timestamp,
    /// Whom to dial even when nobody has told of them.
    seeds: BTreeSet<MemberName>,
    packets: VecDeque<(MemberName, Bytes)>,
    changes: VecDeque<MemberChange>,
    dials: VecDeque<MemberName>,
}

/// What is known of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberChange {
    /// Who.
    pub member: MemberId,
    /// What the members say of it; none when it is forgotten.
    pub status: Option<MemberStatus>,
}

impl std::fmt::Debug for Membership {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Membership").field("own", self.own()).field("known", &self.known).finish_non_exhaustive()
    }
}

impl Membership {
    /// The membership of `own`, who knows nobody. What it draws follows from `seed`.
    ///
    /// # Panics
    /// When a value of `config` is outside its bounds, or the member's name is.
    pub fn new(own: MemberId, config: &MembershipConfig, seed: [u8; 32], now: Timestamp) -> Self {
        config.check().unwrap_or_else(|error| panic!("{error}"));
        assert!(own.is_valid(), "a member has a name and an address of limited length");
        let mut random = ChaCha8Rng::from_seed(seed);
        let mut of_foca = [0; 32];
        random.fill_bytes(&mut of_foca);
        let foca = Foca::new(own, config.foca(), ChaCha8Rng::from_seed(of_foca), PostcardCodec);
        Self {
            foca,
            effects: AccumulatingRuntime::new(),
            random,
            config: config.clone(),
            timers: BTreeMap::new(),
            timers_made: 0,
            removals: Schedule::default(),
            known: BTreeMap::new(),
            connected: BTreeMap::new(),
            dial_at: Schedule::default(),
            failed: BTreeMap::new(),
            greet_at: Schedule::default(),
            announce_at: now + config.announce_interval,
            renamed: false,
            keeps_name_until: now,
            seeds: BTreeSet::new(),
            packets: VecDeque::new(),
            changes: VecDeque::new(),
            dials: VecDeque::new(),
        }
    }

    /// Who this member is.
    pub fn own(&self) -> &MemberId {
        self.foca.identity()
    }

    /// What is known of the others, by their nodes' numbers.
    pub fn members(&self) -> impl Iterator<Item = &MemberChange> {
        self.known.values()
    }

    /// A node of that name is to be a member: it is dialled until it answers.
    pub fn handle_seed(&mut self, now: Timestamp, node: &str) {
        let name = MemberName::from(node);
        if name != self.own().node && self.seeds.insert(name.clone()) {
            self.dial_at.set_first(&name, now, ());
        }
    }

    /// An association with a node that gossips has begun. Both sides say who they are, and whoever knew nothing of the other asks for
    /// all that that knows. Where everybody knows everybody nobody asks: what a thousand members tell each other on a thousand
    /// connections each would be the same thing a million times.
    pub fn handle_connected(&mut self, now: Timestamp, node: &str, incarnation: u32) {
        let name = MemberName::from(node);
        self.connected.insert(name.clone(), incarnation);
        self.dial_at.remove(node);
        self.failed.remove(node);
        match self.known.get(&name.id()).filter(|known| known.member.incarnation == incarnation) {
            Some(MemberChange { member, status: Some(MemberStatus::Up) }) => {
                let packet = GossipPacket::news(self.own(), member, Vec::new());
                self.packets.push_back((name, packet.encode()));
            }
            None if self.foca.num_members() > 0 => self.greet_at.set(&name, now + GREET_AFTER, incarnation),
            _ => self.greet(now, &name, incarnation),
        }
    }

    /// Says to a node that there is an association with who this member is, and asks for all that it knows. Nothing else is taken
    /// by who has another name by now.
    fn greet(&mut self, now: Timestamp, node: &MemberName, incarnation: u32) {
        // Whom others know in this life is called by that name; to a life that nobody has told of any will do.
        let told = self.known.get(&node.id()).map(|known| known.member.clone());
        let told = told.filter(|member| member.incarnation == incarnation);
        let member =
            told.unwrap_or_else(|| MemberId { node: node.clone(), incarnation, revival: 0, address: "".into() });
        self.act(now, |foca, effects| foca.announce(member, effects));
    }

    /// Greets a node if there is still an association with that life of it, and it has not said who it is.
    fn greet_a_stranger(&mut self, now: Timestamp, node: &MemberName, incarnation: u32) {
        let is_up =
            |known: &MemberChange| known.status == Some(MemberStatus::Up) && known.member.incarnation == incarnation;
        let said = self.known.get(&node.id()).is_some_and(is_up);
        if !said && self.connected.get(node) == Some(&incarnation) {
            self.greet(now, node, incarnation);
        }
    }

    /// The association with a node is over, or none could be made.
    pub fn handle_disconnected(&mut self, now: Timestamp, node: &str) {
        match self.connected.remove_entry(node) {
            Some((node, _)) => self.dial_soon(now, &node),
            None => self.dial_again(now, &MemberName::from(node)),
        }
    }

    /// A node has said, over an association with it, that it leaves.
    pub fn handle_left(&mut self, now: Timestamp, node: &str) {
        let Some(known) = self.known.get(&NodeId::of_name(node)) else { return };
        if self.connected.remove(node) == Some(known.member.incarnation) {
            let down = Member::down(known.member.clone());
            self.with(now, |foca, effects| foca.apply_many(std::iter::once(down), true, effects));
        }
    }

    /// A packet that came over an association.
    ///
    /// # Errors
    /// It was not taken. Nothing has changed.
    pub fn handle_packet(&mut self, now: Timestamp, node: &str, packet: &[u8]) -> Result<(), GossipError> {
        let Some(incarnation) = self.connected.get(node).copied() else { return Ok(()) };
        let mut said = GossipPacket::decode(packet)?;
        let header = &said.header;
        if *header.src.node != *node || header.src.incarnation != incarnation || *node == *self.own().node {
            return Err(GossipError::Foreign);
        }
        if header.message == Message::TurnUndead && now < self.keeps_name_until {
            return Ok(());
        }
        let later = said.members().filter_map(|member| self.later_name(member)).max();
        let number = said.told.len();
        said.told.retain(|member| !self.is_untrue(member.id()));
        let without = if said.told.len() < number { said.encode() } else { Bytes::new() };
        let packet = if said.told.len() < number { &without } else { packet };
        let GossipPacket { header, told } = said;
        let heard = told.iter().map(Member::id).chain([&header.src]);
        let heard: BTreeSet<NodeId> = heard.map(|member| member.node.id()).collect();
        let new = heard.iter().filter(|id| !self.known.contains_key(*id) && **id != self.own().node.id()).count();
        if self.known.len() + new > usize::from(self.config.members_max) {
            return Err(GossipError::TooMany);
        }
        self.renamed &= header.dst != *self.own();
        let before = self.own().revival;
        // What is said of a member becomes what is known of it, or nothing does.
        let alive = Member::alive(header.src);
        let is_news = told.iter().chain([&alive]).any(|member| self.is_news(member));
        self.act(now, |foca, effects| foca.handle_data(packet, effects));
        if is_news || self.own().revival != before {
            self.compare_those(now, |id| heard.contains(&id));
        }
        if let Some(revival) = later
            && now >= self.keeps_name_until
        {
            let own = MemberId { revival: revival.saturating_add(1), ..self.own().clone() };
            self.act(now, |foca, effects| foca.change_identity(own, effects));
        }
        if self.own().revival != before {
            self.renamed = true;
            self.keeps_name_until = now + RENAMED_AT_MOST_EVERY;
            self.introduce(now);
        }
        Ok(())
    }

    /// Whether that cannot be, or need not be passed on: of itself, and of whom it hears, a member knows which life it is. What others
    /// make up about a later one nobody could ever contradict. Who was started again says so itself.
    fn is_untrue(&self, member: &MemberId) -> bool {
        let own = self.own();
        if member.node == own.node {
            return member != own;
        }
        let Some(life) = self.connected.get(&member.node) else { return false };
        let known = self.known.get(&member.node.id()).filter(|known| known.member.incarnation == *life);
        let revival = known.map_or(0, |known| known.member.revival);
        (member.incarnation, member.revival) > (*life, revival.saturating_add(REVIVALS_AHEAD))
    }

    /// By which later name of this life others know this member, when that is one: it takes the one behind it. Who gave it up by that
    /// name believes no earlier one, and to come by all of them would take a minute.
    fn later_name(&self, member: &MemberId) -> Option<u32> {
        let own = self.own();
        let is_later = member.revival > own.revival && member.revival - own.revival <= REVIVALS_AHEAD;
        let is_this = member.node == own.node && member.incarnation == own.incarnation;
        (is_this && is_later).then_some(member.revival)
    }

    /// Forgets that lives are over that cannot have been, which it was told before it heard of those members itself, and asks them who
    /// they are.
    fn forget_the_untrue(&mut self, now: Timestamp) {
        let down = self.known.values().filter(|known| known.status == Some(MemberStatus::Down));
        let untrue: Vec<MemberId> =
            down.map(|known| &known.member).filter(|member| self.is_untrue(member)).cloned().collect();
        for member in untrue {
            let heard_of = self.connected.get_key_value(&member.node).map(|(node, life)| (node.clone(), *life));
            self.with(now, |foca, effects| foca.handle_timer(Timer::RemoveDown(member), effects));
            if let Some((node, life)) = heard_of {
                self.greet_at.set(&node, now + GREET_AFTER, life);
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn poll_timeout(&self) -> Timestamp {
        let timers = self.timers.keys().next().map(|(at, _)| *at);
        let others = [timers, self.removals.first(), self.dial_at.first(), self.greet_at.first()];
        others.into_iter().flatten().fold(self.announce_at, Timestamp::min)
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        while let Some(timer) = self.timers.first_entry().filter(|timer| timer.key().0 <= now) {
            let timer = timer.remove();
            // These only send.
            let quiet = matches!(
                timer,
                Timer::PeriodicGossip(_) | Timer::PeriodicAnnounce(_) | Timer::SendIndirectProbe { .. }
            );
            self.act(now, |foca, effects| foca.handle_timer(timer, effects));
            if !quiet {
                self.compare(now);
            }
        }
        while let Some((_, member)) = self.removals.take_due(now) {
            self.with(now, |foca, effects| foca.handle_timer(Timer::RemoveDown(member), effects));
        }
        while let Some((node, incarnation)) = self.greet_at.take_due(now) {
            self.greet_a_stranger(now, &node, incarnation);
        }
        while let Some((node, ())) = self.dial_at.take_due(now) {
            if !self.connected.contains_key(&node) {
                self.dials.push_back(node);
            }
        }
        if now >= self.announce_at {
            self.announce(now);
        }
    }

    /// Dials some of those that there is no association with.
    fn announce(&mut self, now: Timestamp) {
        if self.renamed {
            self.introduce(now);
        }
        self.forget_the_untrue(now);
        self.tell_the_wronged(now);
        let alone = self
            .known
            .values()
            .map(|known| &known.member.node)
            .chain(&self.seeds)
            .filter(|node| !self.connected.contains_key(*node));
        let mut alone: Vec<MemberName> = alone.cloned().collect::<BTreeSet<_>>().into_iter().collect();
        for _ in 0..self.config.announce_max {
            if alone.is_empty() {
                break;
            }
            let chosen = self.below(alone.len() as u64) as usize;
            self.dials.push_back(alone.swap_remove(chosen));
        }
        // Between three and five quarters of the interval: those that were started together do not stay in step.
        let interval = self.config.announce_interval;
        let spread = self.below((interval / 2).as_nanos() as u64);
        self.announce_at = now + interval * 3 / 4 + Duration::from_nanos(spread);
    }

    /// Whether there is to be an association with that node, and none is.
    fn is_wanted(&self, node: &MemberName) -> bool {
        let known = self.known.get(&node.id()).map(|known| known.status);
        let known = known.map_or_else(|| self.seeds.contains(node), |status| status != Some(MemberStatus::Down));
        known && !self.connected.contains_key(node)
    }

    fn dial_soon(&mut self, now: Timestamp, node: &MemberName) {
        if self.is_wanted(node) {
            let first = self.own().node < *node;
            let wait = if first { Duration::ZERO } else { DIAL_WITHIN };
            let at = now + wait + Duration::from_nanos(self.below(DIAL_WITHIN.as_nanos() as u64));
            self.dial_at.set_first(node, at, ());
        }
    }

    /// A dial has failed.
    fn dial_again(&mut self, now: Timestamp, node: &MemberName) {
        if !self.is_wanted(node) {
            return;
        }
        let failed = self.failed.entry(node.clone()).or_default();
        if *failed < DIAL_AGAIN_MAX {
            let wait = DIAL_AGAIN_AFTER * (1 << *failed);
            *failed += 1;
            let at = now + wait + Duration::from_nanos(self.below(wait.as_nanos() as u64));
            self.dial_at.set_first(node, at, ());
        }
    }

    /// Tells some of those that it hears of that this member has another name; they pass it on. Those that give each other up at once
    /// all get another one, and what they tell each other goes to names that nobody has any more.
    fn introduce(&mut self, now: Timestamp) {
        let mut connected: Vec<(MemberName, u32)> =
            self.connected.iter().map(|(node, incarnation)| (node.clone(), *incarnation)).collect();
        for _ in 0..self.config.announce_max {
            if connected.is_empty() {
                break;
            }
            let chosen = self.below(connected.len() as u64) as usize;
            let (node, incarnation) = connected.swap_remove(chosen);
            self.greet(now, &node, incarnation);
        }
    }

    /// Tells some of those that this member hears of what the members say of them all the same: if both sides have given each other
    /// up, neither asks the other for a sign of life, and whom nobody has told that it is suspected does not contradict.
    fn tell_the_wronged(&mut self, now: Timestamp) {
        let heard = |member: &MemberId| self.connected.get(&member.node) == Some(&member.incarnation);
        let members = self.foca.iter_membership_state();
        let wronged = members.filter(|member| member.state() != State::Alive && heard(member.id()));
        let wronged: Vec<Member<MemberId>> = wronged.take(self.config.announce_max.into()).cloned().collect();
        for member in wronged {
            if member.state() == State::Down {
                self.act(now, |foca, effects| foca.announce(member.id().clone(), effects));
            } else {
                let to = member.id().clone();
                let packet = GossipPacket::news(self.own(), &to, vec![member]);
                self.packets.push_back((to.node, packet.encode()));
            }
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random.next_u64() % bound.max(1)
    }

    /// The next packet, and for whom: it goes over the association with that node, or is lost when there is none.
    pub fn poll_packet(&mut self) -> Option<(MemberName, Bytes)> {
        self.packets.pop_front()
    }

    /// The next member of which something else is known than before.
    pub fn poll_change(&mut self) -> Option<MemberChange> {
        self.changes.pop_front()
    }

    /// The next node to dial.
    pub fn poll_dial(&mut self) -> Option<MemberName> {
        self.dials.pop_front()
    }

    /// Lets the library do something, takes in what comes of it, and says what is known now.
    fn with(&mut self, now: Timestamp, act: impl FnOnce(&mut Library, &mut Effects) -> Result<(), foca::Error>) {
        self.act(now, act);
        self.compare(now);
    }

    /// Lets the library do something that changes nothing of what is known of the members, or is compared by the caller: that
    /// takes as long as there are members.
    fn act(&mut self, now: Timestamp, act: impl FnOnce(&mut Library, &mut Effects) -> Result<(), foca::Error>) {
        // Packets were read before they come here; what is left are probes that were overtaken by other news, and say so.
        if let Err(error) = act(&mut self.foca, &mut self.effects) {
            tracing::debug!(own = &*self.own().node, "gossip: {error}");
        }
        while let Some((member, packet)) = self.effects.to_send() {
            self.packets.push_back((member.node, packet));
        }
        while let Some((after, timer)) = self.effects.to_schedule() {
            if let Timer::RemoveDown(member) = timer {
                self.removals.set(&member.node.clone(), now + after, member);
            } else {
                self.timers_made += 1;
                self.timers.insert((now + after, self.timers_made), timer);
            }
        }
        while self.effects.to_notify().is_some() {}
    }

    /// Whether something else is known of that member.
    fn is_news(&self, member: &Member<MemberId>) -> bool {
        let known = self.known.get(&member.id().node.id());
        known.is_none_or(|known| known.status != Some(status(member)) || known.member != *member.id())
    }

    /// Says what is known now and was not before.
    fn compare(&mut self, now: Timestamp) {
        self.compare_those(now, |_| true);
    }

    /// The same, of nobody but those.
    fn compare_those(&mut self, now: Timestamp, may_have_changed: impl Fn(NodeId) -> bool) {
        let state = self.foca.iter_membership_state();
        let there = state.len();
        let changed = state.filter(|member| may_have_changed(member.id().node.id()) && self.is_news(member));
        let changed: Vec<MemberChange> =
            changed.map(|member| MemberChange { member: member.id().clone(), status: Some(status(member)) }).collect();
        for change in changed {
            self.known.insert(change.member.node.id(), change.clone());
            self.dial_soon(now, &change.member.node);
            self.changes.push_back(change);
        }
        if there < self.known.len() {
            let state = self.foca.iter_membership_state();
            let there: BTreeSet<NodeId> = state.map(|member| member.id().node.id()).collect();
            let gone = self.known.extract_if(.., |id, _| !there.contains(id));
            self.changes.extend(gone.map(|(_, known)| MemberChange { status: None, ..known }));
        }
    }
}

//! The event log of a run, read back: who did what, when, and what led to it.

use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// The lane of whoever runs the simulation: scripts, faults, checkers.
const OUTSIDE: usize = 0;

/// The slot that the pid of nobody has: in whose name the outside of a node acts.
const NOBODY: &str = "4294967295.0";

/// What a page shows of a run.
#[derive(Debug, Default, Serialize)]
pub(super) struct Trace {
    pub(super) hosts: Vec<String>,
    pub(super) lanes: Vec<Lane>,
    pub(super) events: Vec<Event>,
    pub(super) bands: Vec<Band>,
    /// Where the run failed.
    pub(super) failure: Option<usize>,
    /// Events that were left out, because there were too many.
    pub(super) left_out: usize,
}

/// A process, a host's own doings, or the outside.
#[derive(Debug, Serialize)]
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) host: Option<usize>,
    /// Nanoseconds.
    pub(super) born: u64,
    pub(super) died: Option<u64>,
}

/// What kind of a mark an event has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mark {
    Spawned,
    Exited,
    Sent,
    Handled,
    Name,
    Supervisor,
    Note,
    Fault,
    Network,
    Disk,
    Failure,
}

#[derive(Debug, Serialize)]
pub(super) struct Event {
    /// Nanoseconds.
    pub(super) at: u64,
    pub(super) lane: usize,
    pub(super) mark: Mark,
    pub(super) text: String,
    /// Events that happened before it and led to it: the one before in its lane or poll, and what it answers.
    pub(super) causes: Vec<usize>,
    /// Of a signal: the event at its other end.
    pub(super) peer: Option<usize>,
}

/// A fault, from its begin to its end.
#[derive(Debug, Serialize)]
pub(super) struct Band {
    pub(super) from: usize,
    pub(super) to: Option<usize>,
    pub(super) text: String,
    /// The hosts that it hits; none for all.
    pub(super) hosts: Vec<usize>,
}

/// Reads a log. Of more than `events_max` events the first are left out: what led to a failure is late.
pub(super) fn read(log: &[u8], events_max: usize) -> Trace {
    let mut reader = Reader::default();
    reader.lane("outside", None, 0);
    for line in String::from_utf8_lossy(log).lines() {
        reader.line(line);
    }
    reader.finish(events_max)
}

/// Of a process that lived shortly, how many events there are at most.
const SHORT_EVENTS_MAX: usize = 12;

/// `<0.7>` of `a <0.7>`.
fn name_of_pid(lane: &str) -> &str {
    lane.find('<').map_or(lane, |start| &lane[start..])
}

#[derive(Default)]
struct Reader {
    trace: Trace,
    /// Lanes of processes, by host, life and place; of hosts, by their number alone.
    lanes: BTreeMap<String, usize>,
    lives: Vec<u32>,
    last_of_lane: BTreeMap<usize, usize>,
    last_of_task: BTreeMap<u64, usize>,
    task: Option<u64>,
    woken_by: Option<usize>,
    last_of_poll: Option<usize>,
    under_way: BTreeMap<(usize, usize), VecDeque<usize>>,
    bands: BTreeMap<usize, usize>,
    boots: BTreeMap<usize, usize>,
    now: u64,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let mut words = line.splitn(3, ' ');
        let (Some(at), Some(kind)) = (words.next().and_then(|at| at.parse().ok()), words.next()) else { return };
        let rest = words.next().unwrap_or_default();
        self.now = at;
        match kind {
            "poll" => {
                let (task, woken_by) = rest.split_once(' ').unwrap_or((rest, "0"));
                self.poll(task.parse().ok(), woken_by.parse().unwrap_or_default());
            }
            "timer" | "call" => self.poll(None, 0),
            "host" => self.host(rest),
            "spawned" => self.spawned(rest),
            "exited" => self.exited(rest),
            "sent" => self.sent(rest),
            "handled" => self.handled(rest),
            "registered" | "unregistered" => self.of_process(rest, Mark::Name, |name| format!("{kind} {name}")),
            "supervisor" => self.of_process(rest, Mark::Supervisor, |what| format!("supervisor: {what}")),
            "note" if rest.contains('<') => self.of_process(rest, Mark::Note, str::to_owned),
            "fault-begins" => self.fault_begins(rest),
            "fault-ends" => self.fault_ends(rest),
            "crash" => self.crashed(rest),
            "boot" => self.booted(rest),
            "failed" => {
                let event = self.event(OUTSIDE, Mark::Failure, rest.to_owned(), Vec::new());
                self.trace.failure.get_or_insert(event);
            }
            "fault" | "heal" | "full-speed" | "resume" | "corrupted" => {
                self.event(OUTSIDE, Mark::Fault, format!("{kind} {rest}"), Vec::new());
            }
            "listen" | "connect" | "connected" | "refused" | "reset" | "links-open" | "links-refused" => {
                self.event(OUTSIDE, Mark::Network, format!("{kind} {rest}"), Vec::new());
            }
            "disk-error" | "disk-full" | "disk-crash" | "disk-gone" | "disk-lie" | "disk-rot" => self.disk(kind, rest),
            // What happens all the time and says little.
            "spawn" | "done" | "packet" | "packet-twice" | "arrive" | "deliver" | "links-packet" | "links-twice"
            | "disk-read" | "disk-write" | "disk-sync" | "disk-resize" | "mend" | "unclog" | "loss" | "delay"
            | "reorder" | "duplicate" | "network-heal" | "accepting" | "options" => {}
            kind => {
                self.event(OUTSIDE, Mark::Note, format!("{kind} {rest}"), Vec::new());
            }
        }
    }

    /// Another task runs: what it does follows from what it did before, and from what the task did that woke it.
    fn poll(&mut self, task: Option<u64>, woken_by: u64) {
        self.task = task;
        self.last_of_poll = None;
        self.woken_by = self.last_of_task.get(&woken_by).copied();
    }

    fn host(&mut self, rest: &str) {
        if let Some((_, name)) = rest.split_once(' ') {
            self.trace.hosts.push(name.to_owned());
            self.lives.push(1);
        }
    }

    fn lane(&mut self, name: &str, host: Option<usize>, born: u64) -> usize {
        self.trace.lanes.push(Lane { name: name.to_owned(), host, born, died: None });
        self.trace.lanes.len() - 1
    }

    /// The lane of a process of the present life of its host: `1<0.7>`.
    fn process(&mut self, pid: &str) -> usize {
        let Some((host, place)) = pid.trim_end_matches('>').split_once('<') else { return OUTSIDE };
        if place == NOBODY {
            return OUTSIDE;
        }
        let host: usize = host.parse().unwrap_or_default();
        let life = self.lives.get(host).copied().unwrap_or(1);
        let key = format!("{host}/{life}/{place}");
        if let Some(lane) = self.lanes.get(&key) {
            return *lane;
        }
        let of_life = if life > 1 { format!(" life {life}") } else { String::new() };
        let name = format!("{} <{place}>{of_life}", self.trace.hosts.get(host).map_or("?", String::as_str));
        let lane = self.lane(&name, Some(host), self.now);
        self.lanes.insert(key, lane);
        lane
    }

    fn event(&mut self, lane: usize, mark: Mark, text: String, mut causes: Vec<usize>) -> usize {
        let index = self.trace.events.len();
        // Scripts share a lane and do not lead to each other: there, only the task counts.
        if lane != OUTSIDE || self.task.is_none() {
            causes.extend(self.last_of_lane.get(&lane));
        }
        match self.last_of_poll {
            Some(before) => causes.push(before),
            None => {
                causes.extend(self.task.and_then(|task| self.last_of_task.get(&task)));
                causes.extend(self.woken_by.take());
            }
        }
        causes.sort_unstable();
        causes.dedup();
        self.trace.events.push(Event { at: self.now, lane, mark, text, causes, peer: None });
        self.last_of_lane.insert(lane, index);
        self.last_of_poll = Some(index);
        if let Some(task) = self.task {
            self.last_of_task.insert(task, index);
        }
        index
    }

    fn of_process(&mut self, rest: &str, mark: Mark, text: impl FnOnce(&str) -> String) {
        let (pid, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let lane = self.process(pid);
        self.event(lane, mark, text(rest), Vec::new());
    }

    fn spawned(&mut self, rest: &str) {
        let mut words = rest.splitn(3, ' ');
        let (pid, parent, label) =
            (words.next().unwrap_or_default(), words.next().unwrap_or("-"), words.next().unwrap_or_default());
        let lane = self.process(pid);
        self.trace.lanes[lane].born = self.now;
        if !label.is_empty() {
            self.trace.lanes[lane].name.push_str(&format!(" {label}"));
        }
        let mut causes = Vec::new();
        let text = if parent == "-" {
            let host = self.trace.lanes[lane].host.unwrap_or_default();
            causes.extend(self.boots.get(&host));
            format!("spawned {label}")
        } else {
            let parent = self.process(parent);
            causes.extend(self.last_of_lane.get(&parent));
            format!("spawned {label} by {}", self.trace.lanes[parent].name)
        };
        self.event(lane, Mark::Spawned, text, causes);
    }

    fn exited(&mut self, rest: &str) {
        let (pid, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let lane = self.process(pid);
        self.trace.lanes[lane].died = Some(self.now);
        self.event(lane, Mark::Exited, format!("exited: {}", reason.trim()), Vec::new());
        self.under_way.retain(|(_, to), _| *to != lane);
    }

    fn sent(&mut self, rest: &str) {
        let words: Vec<&str> = rest.splitn(3, ' ').collect();
        let [from, to, kind] = words.as_slice() else { return };
        let (from, to) = (self.process(from), self.process(to));
        let text = format!("sent {kind} to {}", self.trace.lanes[to].name);
        let event = self.event(from, Mark::Sent, text, Vec::new());
        self.under_way.entry((from, to)).or_default().push_back(event);
    }

    fn handled(&mut self, rest: &str) {
        let words: Vec<&str> = rest.splitn(3, ' ').collect();
        let [from, to, kind] = words.as_slice() else { return };
        let (from, to) = (self.process(from), self.process(to));
        let sent = self.under_way.get_mut(&(from, to)).and_then(VecDeque::pop_front);
        let text = format!("handled {kind} of {}", self.trace.lanes[from].name);
        let event = self.event(to, Mark::Handled, text, sent.into_iter().collect());
        self.trace.events[event].peer = sent;
        if let Some(sent) = sent {
            self.trace.events[sent].peer = Some(event);
        }
    }

    fn fault_begins(&mut self, rest: &str) {
        let (number, text) = rest.split_once(' ').unwrap_or((rest, ""));
        let event = self.event(OUTSIDE, Mark::Fault, format!("fault: {text}"), Vec::new());
        let named = |(_, host): &(usize, &String)| text.split([' ', ',']).any(|word| word == host.as_str());
        let hosts = self.trace.hosts.iter().enumerate().filter(named).map(|(index, _)| index).collect();
        let band = Band { from: event, to: None, text: text.to_owned(), hosts };
        self.trace.bands.push(band);
        self.bands.insert(number.parse().unwrap_or_default(), self.trace.bands.len() - 1);
    }

    fn fault_ends(&mut self, rest: &str) {
        let Some(band) = self.bands.remove(&rest.trim().parse().unwrap_or_default()) else { return };
        let text = format!("fault over: {}", self.trace.bands[band].text);
        let event = self.event(OUTSIDE, Mark::Fault, text, vec![self.trace.bands[band].from]);
        self.trace.bands[band].to = Some(event);
    }

    fn number_of(&self, host: &str) -> Option<usize> {
        self.trace.hosts.iter().position(|name| name == host)
    }

    fn crashed(&mut self, host: &str) {
        self.event(OUTSIDE, Mark::Fault, format!("crash {host}"), Vec::new());
        let Some(host) = self.number_of(host) else { return };
        self.lives[host] += 1;
        for lane in self.trace.lanes.iter_mut().filter(|lane| lane.host == Some(host)) {
            lane.died.get_or_insert(self.now);
        }
        self.under_way.clear();
    }

    fn booted(&mut self, host: &str) {
        let event = self.event(OUTSIDE, Mark::Fault, format!("boot {host}"), Vec::new());
        if let Some(host) = self.number_of(host) {
            self.boots.insert(host, event);
        }
    }

    fn disk(&mut self, kind: &str, rest: &str) {
        let (host, text) = rest.split_once(' ').unwrap_or((rest, ""));
        let Ok(host) = host.parse::<usize>() else { return };
        let key = format!("{host}");
        let lane = match self.lanes.get(&key) {
            Some(lane) => *lane,
            None => {
                let name = format!("{} disk", self.trace.hosts.get(host).map_or("?", String::as_str));
                let lane = self.lane(&name, Some(host), self.now);
                self.lanes.insert(key, lane);
                lane
            }
        };
        self.event(lane, Mark::Disk, format!("{kind} {text}"), Vec::new());
    }

    /// Processes without a label that lived shortly, such as each call from outside is one, take turns in a few lanes.
    fn share_lanes(&mut self) {
        let mut counts = vec![0; self.trace.lanes.len()];
        self.trace.events.iter().for_each(|event| counts[event.lane] += 1);
        // For each shared lane: its host, and when its last process died.
        let mut shared: Vec<(usize, u64, usize)> = Vec::new();
        let mut moved: BTreeMap<usize, (usize, String)> = BTreeMap::new();
        for (lane, count) in counts.into_iter().enumerate() {
            let Lane { host: Some(host), born, died: Some(died), ref name } = self.trace.lanes[lane] else { continue };
            if count == 0 || count > SHORT_EVENTS_MAX || !name.ends_with('>') {
                continue;
            }
            let free = shared.iter_mut().find(|(of, last, _)| *of == host && *last < born);
            let into = match free {
                Some((_, last, into)) => {
                    *last = died;
                    *into
                }
                None => {
                    let number = shared.iter().filter(|(of, ..)| *of == host).count() + 1;
                    let name =
                        format!("{} short-lived {number}", self.trace.hosts.get(host).map_or("?", String::as_str));
                    let into = self.lane(&name, Some(host), born);
                    shared.push((host, died, into));
                    into
                }
            };
            moved.insert(lane, (into, name_of_pid(&self.trace.lanes[lane].name).to_owned()));
            self.trace.lanes[into].died = Some(died);
        }
        for event in &mut self.trace.events {
            if let Some((into, pid)) = moved.get(&event.lane) {
                event.lane = *into;
                event.text = format!("{pid} {}", event.text);
            }
        }
    }

    fn finish(mut self, events_max: usize) -> Trace {
        let left_out = self.trace.events.len().saturating_sub(events_max);
        if left_out > 0 {
            self.trace.events.drain(..left_out);
            let moved = |index: usize| index.checked_sub(left_out);
            for event in &mut self.trace.events {
                event.causes = event.causes.iter().filter_map(|cause| moved(*cause)).collect();
                event.peer = event.peer.and_then(moved);
            }
            for band in &mut self.trace.bands {
                band.from = moved(band.from).unwrap_or(0);
                band.to = band.to.map(|to| moved(to).unwrap_or(0));
            }
            self.trace.failure = self.trace.failure.and_then(moved);
            self.trace.left_out = left_out;
        }
        self.share_lanes();
        // A lane in which nothing happens that is shown says nothing.
        let mut used = vec![false; self.trace.lanes.len()];
        used[OUTSIDE] = true;
        self.trace.events.iter().for_each(|event| used[event.lane] = true);
        let mut place = Vec::new();
        let mut kept: Vec<usize> = (0..used.len()).filter(|lane| used[*lane]).collect();
        kept.sort_by_key(|lane| (self.trace.lanes[*lane].host, *lane));
        place.resize(used.len(), 0);
        kept.iter().enumerate().for_each(|(new, old)| place[*old] = new);
        let mut lanes: Vec<Option<Lane>> = self.trace.lanes.drain(..).map(Some).collect();
        self.trace.lanes = kept.iter().filter_map(|lane| lanes[*lane].take()).collect();
        self.trace.events.iter_mut().for_each(|event| event.lane = place[event.lane]);
        self.trace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
0 host 0 outside
0 host 1 a
10 poll 1
10 spawned 1<0.1> - keeper
20 poll 2
20 sent 1<4294967295.0> 1<0.1> message
25 deliver 1<4294967295.0> 1<0.1> message
30 poll 1
30 handled 1<4294967295.0> 1<0.1> message
30 exited 1<0.1> boom no reason
40 poll 3
40 fault-begins 0 40ns crash a all for 10ns
40 crash a
50 poll 3
50 fault-ends 0
50 boot a
60 poll 9
60 spawned 1<0.1> - keeper
70 poll 2 9
70 failed property broken: p: why
";

    #[test]
    fn signals_lead_from_lane_to_lane_and_lives_have_lanes_of_their_own() {
        let trace = read(LOG.as_bytes(), 1000);
        let lanes: Vec<&str> = trace.lanes.iter().map(|lane| lane.name.as_str()).collect();
        assert_eq!(lanes, ["outside", "a <0.1> keeper", "a <0.1> life 2 keeper"]);
        let handled = trace.events.iter().position(|event| event.mark == Mark::Handled).expect("it is handled");
        let sent = trace.events[handled].peer.expect("it was sent");
        assert_eq!((trace.events[sent].mark, trace.events[sent].peer), (Mark::Sent, Some(handled)));
        assert!(trace.events[handled].causes.contains(&sent));
        assert_eq!(trace.lanes[1].died, Some(30));
    }

    #[test]
    fn a_failure_follows_from_what_its_script_did_and_no_other() {
        let trace = read(LOG.as_bytes(), 1000);
        let failure = trace.failure.expect("it failed");
        let causes: Vec<&str> = trace.events[failure].causes.iter().map(|cause| &*trace.events[*cause].text).collect();
        // What woke it counts too.
        assert_eq!(causes, ["sent message to a <0.1> keeper", "spawned keeper"]);
    }

    #[test]
    fn a_fault_is_a_band_and_a_new_life_follows_from_its_boot() {
        let trace = read(LOG.as_bytes(), 1000);
        let band = &trace.bands[0];
        assert_eq!((band.text.as_str(), band.hosts.as_slice()), ("40ns crash a all for 10ns", &[1][..]));
        assert_eq!(trace.events[band.to.expect("it ended")].at, 50);
        let reborn = trace.events.iter().rfind(|event| event.mark == Mark::Spawned).expect("it came back");
        assert!(reborn.causes.iter().any(|cause| trace.events[*cause].text == "boot a"));
    }

    #[test]
    fn the_latest_events_are_kept() {
        let trace = read(LOG.as_bytes(), 4);
        assert_eq!((trace.events.len(), trace.left_out), (4, 6));
        assert_eq!(trace.failure, Some(3));
        assert!(trace.events.iter().flat_map(|event| &event.causes).all(|cause| *cause < 4));
    }
}

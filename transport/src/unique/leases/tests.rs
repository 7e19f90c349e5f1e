//! The leases, compared with a list of all that there ever were.

use super::*;
use crate::unique::codec::{decode, encode};
use proptest::prelude::*;

const TTL: u32 = 5_000;
const NAMES: u8 = 3;
const KEEPERS: u8 = 3;

fn pid(node: &str, index: u32) -> Pid {
    Pid { node: NodeId::of_name(node), incarnation: 1, index, serial: 0, random: 7 }
}

fn process(number: u8) -> Holder {
    pid("a", number.into()).into()
}

/// Who holds for a keeper.
fn holder_of(keeper: u8) -> Holder {
    process(100 + keeper)
}

fn acquire(name: &str, keeper: u8, seen: u64) -> Command {
    Command::Acquire { name: name.into(), holder: holder_of(keeper), keeper: process(keeper), ttl_ms: TTL, seen }
}

fn renew(name: &str, keeper: u8, token: u64) -> Command {
    Command::Renew { name: name.into(), keeper: process(keeper), token: FencingToken(token) }
}

fn release(name: &str, keeper: u8, token: u64) -> Command {
    Command::Release { name: name.into(), keeper: process(keeper), token: FencingToken(token) }
}

/// To another process of the keeper's node.
fn pass(name: &str, keeper: u8, token: u64) -> Command {
    let (name, holder) = (name.into(), passed_by(keeper));
    Command::Pass { name, keeper: process(keeper), token: FencingToken(token), holder }
}

fn passed_by(keeper: u8) -> Holder {
    process(200 + keeper)
}

fn expire(name: &str, token: u64, renewals: u64) -> Command {
    Command::Expire { name: name.into(), token: FencingToken(token), renewals }
}

/// Carries out commands as entries from 1 on, and compares what came of each.
fn check(steps: &[(Command, Outcome)]) -> Leases {
    let mut leases = Leases::default();
    for (number, (command, expected)) in steps.iter().enumerate() {
        assert_eq!(leases.apply(number as u64 + 1, command), *expected, "entry {}: {command}", number + 1);
    }
    leases
}

#[test]
fn a_name_is_one_keepers_until_its_lease_has_ended() {
    let granted = |token| Outcome::Granted(FencingToken(token));
    let leases = check(&[
        (acquire("ledger", 1, 0), granted(1)),
        (acquire("ledger", 2, 0), Outcome::Taken(holder_of(1), FencingToken(1))),
        (acquire("mailer", 2, 0), granted(3)),
        (renew("ledger", 1, 1), Outcome::Renewed),
        (renew("ledger", 2, 1), Outcome::NotHeld),
        (renew("ledger", 1, 3), Outcome::NotHeld),
        (release("ledger", 2, 1), Outcome::NotHeld),
        (release("ledger", 1, 1), Outcome::Done),
        (release("ledger", 1, 1), Outcome::NotHeld),
        (renew("ledger", 1, 1), Outcome::NotHeld),
        (acquire("ledger", 2, 8), granted(11)),
    ]);
    assert_eq!(leases.held("ledger").map(|held| held.token), Some(FencingToken(11)));
    assert_eq!(leases.iter().count(), 2);
}

#[test]
fn a_lease_that_was_renewed_meanwhile_does_not_end_with_its_former_time() {
    check(&[
        (acquire("ledger", 1, 0), Outcome::Granted(FencingToken(1))),
        (renew("ledger", 1, 1), Outcome::Renewed),
        (expire("ledger", 1, 0), Outcome::NotHeld),
        // What arrives twice lets the lease begin anew too: whoever asked reckons from then.
        (acquire("ledger", 1, 0), Outcome::Granted(FencingToken(1))),
        (expire("ledger", 1, 1), Outcome::NotHeld),
        (expire("ledger", 1, 2), Outcome::Done),
        (expire("ledger", 1, 2), Outcome::NotHeld),
    ]);
}

#[test]
fn a_lease_may_be_anothers_of_the_same_node_and_that_is_a_change() {
    let leases = check(&[
        (acquire("ledger", 1, 0), Outcome::Granted(FencingToken(1))),
        (pass("ledger", 2, 1), Outcome::NotHeld),
        (pass("ledger", 1, 1), Outcome::Done),
        // It has arrived twice.
        (acquire("ledger", 1, 0), Outcome::Granted(FencingToken(1))),
        (acquire("ledger", 2, 0), Outcome::Taken(passed_by(1), FencingToken(1))),
        (renew("ledger", 1, 1), Outcome::Renewed),
    ]);
    assert_eq!(leases.held("ledger").map(|held| held.holder), Some(passed_by(1)));
    assert_eq!(leases.changed_at("ledger"), 3);
}

#[test]
fn a_request_that_arrives_again_after_its_lease_has_ended_gets_no_other() {
    check(&[
        (acquire("ledger", 1, 0), Outcome::Granted(FencingToken(1))),
        (release("ledger", 1, 1), Outcome::Done),
        (acquire("ledger", 1, 0), Outcome::Ended(3)),
        (acquire("ledger", 1, 3), Outcome::Granted(FencingToken(4))),
    ]);
}

#[test]
fn of_as_many_names_as_are_kept_it_is_known_when_their_lease_ended_and_of_one_more_that_it_did() {
    let mut leases = Leases::default();
    let mut index = 0;
    let mut end_one_more = |leases: &mut Leases, number: usize| {
        let name = format!("name {number}");
        leases.apply(index + 1, &acquire(&name, 1, index));
        assert_eq!(leases.apply(index + 2, &release(&name, 1, index + 1)), Outcome::Done);
        index += 2;
        index
    };
    for number in 0..ENDED_MAX {
        end_one_more(&mut leases, number);
    }
    assert_eq!((leases.changed_at("name 0"), leases.changed_at("never held")), (2, 0));
    let last = end_one_more(&mut leases, ENDED_MAX);
    assert_eq!((leases.changed_at("name 0"), leases.changed_at("never held")), (2, 2));
    assert_eq!((leases.changed_at("name 1"), leases.ended.len(), leases.names_by_end.len()), (4, ENDED_MAX, ENDED_MAX));
    // Also of a name that is forgotten no late request gets a lease.
    assert_eq!(leases.apply(last + 1, &acquire("name 0", 1, 1)), Outcome::Ended(last + 1));
    assert_eq!(leases.apply(last + 2, &acquire("name 0", 1, 2)), Outcome::Granted(FencingToken(last + 2)));
}

#[test]
fn a_node_asks_only_for_its_own_processes_names_of_a_length_and_times_within_bounds() {
    let of = |name: &str, ttl_ms| Command::Acquire {
        name: name.into(),
        holder: holder_of(1),
        keeper: process(1),
        ttl_ms,
        seen: 0,
    };
    let check = |command: &Command, by: &str, why: Option<&str>| {
        let refused = command.refused(NodeId::of_name(by));
        assert_eq!(refused.is_some(), why.is_some(), "{command} by {by}: {refused:?}");
        assert!(why.is_none_or(|why| refused.is_some_and(|refused| refused.contains(why))), "{refused:?}");
    };
    check(&of("ledger", 2_000), "a", None);
    check(&of("ledger", 1_999), "a", Some("2 seconds"));
    check(&of("ledger", 3_600_000), "a", None);
    check(&of("ledger", 3_600_001), "a", Some("1 hour"));
    check(&of(&"n".repeat(255), 2_000), "a", None);
    check(&of(&"n".repeat(256), 2_000), "a", Some("255 bytes"));
    check(&of("", 2_000), "a", Some("255 bytes"));
    check(&of("ledger", 2_000), "b", Some("another node"));
    check(&renew("ledger", 1, 1), "a", None);
    check(&renew("ledger", 1, 1), "b", Some("another node"));
    check(&release("ledger", 1, 1), "b", Some("another node"));
    check(&pass("ledger", 1, 1), "a", None);
    check(&pass("ledger", 1, 1), "b", Some("another node"));
    check(&expire("ledger", 1, 0), "a", Some("only a voter"));
    let foreign = Command::Acquire {
        name: "ledger".into(),
        holder: pid("b", 1).into(),
        keeper: process(1),
        ttl_ms: TTL,
        seen: 0,
    };
    check(&foreign, "a", Some("another node"));
}

/// One lease, of all that there ever were.
#[derive(Clone, Copy, Debug)]
struct Was {
    name: u8,
    keeper: u8,
    token: u64,
    renewals: u64,
    /// By which entry it was passed on.
    passed: Option<u64>,
    ended: Option<u64>,
}

impl Was {
    fn holder(&self) -> Holder {
        if self.passed.is_some() { passed_by(self.keeper) } else { holder_of(self.keeper) }
    }
}

/// All leases that there ever were, the last of a name behind its former ones.
#[derive(Default)]
struct Model(Vec<Was>);

impl Model {
    fn last(&mut self, name: u8) -> Option<&mut Was> {
        self.0.iter_mut().rfind(|was| was.name == name)
    }

    fn held(&mut self, name: u8) -> Option<&mut Was> {
        self.last(name).filter(|was| was.ended.is_none())
    }

    fn apply(&mut self, index: u64, step: &Step) -> Outcome {
        let (name, keeper) = (step.name, step.keeper);
        match step.what {
            What::Acquire { seen } => match self.last(name) {
                Some(was) if was.ended.is_none() && was.keeper == keeper => {
                    was.renewals += 1;
                    Outcome::Granted(FencingToken(was.token))
                }
                Some(was) if was.ended.is_none() => Outcome::Taken(was.holder(), FencingToken(was.token)),
                Some(was) if was.ended > Some(seen) => Outcome::Ended(index),
                _ => {
                    self.0.push(Was { name, keeper, token: index, renewals: 0, passed: None, ended: None });
                    Outcome::Granted(FencingToken(index))
                }
            },
            What::Renew { token } => match self.held(name) {
                Some(was) if was.keeper == keeper && was.token == token => {
                    was.renewals += 1;
                    Outcome::Renewed
                }
                _ => Outcome::NotHeld,
            },
            What::Pass { token } => match self.held(name) {
                Some(was) if was.keeper == keeper && was.token == token => {
                    was.passed = Some(index);
                    Outcome::Done
                }
                _ => Outcome::NotHeld,
            },
            What::Release { token } => self.end(index, name, |was| was.keeper == keeper && was.token == token),
            What::Expire { token, renewals } => {
                self.end(index, name, |was| was.token == token && was.renewals == renewals)
            }
        }
    }

    fn end(&mut self, index: u64, name: u8, ends: impl Fn(&Was) -> bool) -> Outcome {
        match self.held(name) {
            Some(was) if ends(was) => {
                was.ended = Some(index);
                Outcome::Done
            }
            _ => Outcome::NotHeld,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Step {
    name: u8,
    keeper: u8,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Acquire { seen: u64 },
    Renew { token: u64 },
    Release { token: u64 },
    Expire { token: u64, renewals: u64 },
    Pass { token: u64 },
}

impl Step {
    fn command(&self) -> Command {
        let name = name_of(self.name);
        match self.what {
            What::Acquire { seen } => acquire(&name, self.keeper, seen),
            What::Renew { token } => renew(&name, self.keeper, token),
            What::Release { token } => release(&name, self.keeper, token),
            What::Expire { token, renewals } => expire(&name, token, renewals),
            What::Pass { token } => pass(&name, self.keeper, token),
        }
    }
}

fn name_of(name: u8) -> String {
    format!("name {name}")
}

/// What a step is to be, before it is known which leases there are: often the right token, seldom another.
#[derive(Clone, Debug)]
enum Wish {
    Acquire {
        back: u64,
    },
    Renew {
        right: bool,
    },
    Release {
        right: bool,
    },
    Expire {
        right: bool,
        renewals_back: u64,
    },
    Pass {
        right: bool,
    },
    /// What was asked for so many steps ago arrives again.
    Again {
        back: usize,
    },
}

fn wishes() -> impl Strategy<Value = Vec<(u8, u8, Wish)>> {
    let wish = prop_oneof![
        4 => prop_oneof![Just(0), 0u64..12].prop_map(|back| Wish::Acquire { back }),
        3 => any::<bool>().prop_map(|right| Wish::Renew { right }),
        2 => any::<bool>().prop_map(|right| Wish::Release { right }),
        2 => (any::<bool>(), 0u64..2).prop_map(|(right, renewals_back)| Wish::Expire { right, renewals_back }),
        1 => any::<bool>().prop_map(|right| Wish::Pass { right }),
        2 => (1usize..20).prop_map(|back| Wish::Again { back }),
    ];
    prop::collection::vec((0..NAMES, 0..KEEPERS, wish), 0..120)
}

proptest! {
    #[test]
    fn the_leases_are_a_list_of_all_that_there_ever_were(wishes in wishes()) {
        let (mut leases, mut model) = (Leases::default(), Model::default());
        let mut steps: Vec<Step> = Vec::new();
        // By which requests a lease was made.
        let mut granted: Vec<(u8, u8, u64)> = Vec::new();
        for (number, (name, keeper, wish)) in wishes.into_iter().enumerate() {
            let index = number as u64 + 1;
            let last = model.last(name).copied();
            let token = |right: bool| last.map_or(0, |was| was.token) + u64::from(!right);
            let step = match wish {
                Wish::Acquire { back } => Step { name, keeper, what: What::Acquire { seen: (index - 1).saturating_sub(back) } },
                Wish::Renew { right } => Step { name, keeper, what: What::Renew { token: token(right) } },
                Wish::Release { right } => Step { name, keeper, what: What::Release { token: token(right) } },
                Wish::Expire { right, renewals_back } => {
                    let renewals = last.map_or(0, |was| was.renewals).saturating_sub(renewals_back);
                    Step { name, keeper, what: What::Expire { token: token(right), renewals } }
                }
                Wish::Pass { right } => Step { name, keeper, what: What::Pass { token: token(right) } },
                Wish::Again { back } if back <= steps.len() => steps[steps.len() - back],
                Wish::Again { .. } => continue,
            };
            steps.push(step);
            let outcome = leases.apply(index, &step.command());
            prop_assert_eq!(outcome, model.apply(index, &step), "{:?}", step);

            if let (What::Acquire { seen }, true) = (step.what, outcome == Outcome::Granted(FencingToken(index))) {
                let request = (step.name, step.keeper, seen);
                prop_assert!(!granted.contains(&request), "one request made two leases: {:?}", step);
                granted.push(request);
            }
            let tokens: Vec<u64> = model.0.iter().map(|was| was.token).collect();
            prop_assert!(tokens.is_sorted_by(|a, b| a < b), "tokens grow, whatever their names");
            for name in 0..NAMES {
                let held = leases.held(&name_of(name)).map(|held| (held.token.0, held.holder, held.renewals));
                let expected = model.held(name).map(|was| (was.token, was.holder(), was.renewals));
                prop_assert_eq!(held, expected);
                let changed = model.last(name).map_or(0, |was| was.ended.or(was.passed).unwrap_or(was.token));
                prop_assert_eq!(leases.changed_at(&name_of(name)), changed);
            }
            let held = (0..NAMES).filter(|name| model.held(*name).is_some()).count();
            prop_assert_eq!(leases.iter().count(), held);
            // A voter that begins with a snapshot goes on as if it had applied all.
            leases = decode(&encode(&leases)).expect("what is written is read");
        }
    }
}

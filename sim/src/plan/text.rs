use super::{Fault, Plan, PlannedFault, format_duration, parse_duration};
use crate::disk::CrashLoss;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Bytes of a giant message at most.
const GIANT_MAX: u64 = 1 << 30;

/// Why a text is no plan for this run. Nothing ran.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A line is none of a plan.
    #[error("line {line} of the plan, {text:?}: {why}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// The line.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// It does not say when the faults end.
    #[error("the plan has no line `heal TIME`, which says when all faults end")]
    NoHeal,
    /// A fault names a host that is not there.
    #[error("the plan's `{fault}` names the host {host:?}, which is not there; there are {hosts}")]
    NoSuchHost {
        /// The line.
        fault: String,
        /// The host.
        host: String,
        /// Those that are there.
        hosts: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = format_duration;
        match self {
            Self::Kill { host, which } => write!(f, "kill {host} #{which}"),
            Self::Exit { host, which } => write!(f, "exit {host} #{which}"),
            Self::Starve { host, which } => write!(f, "starve {host} #{which}"),
            Self::SlowSignals { host, extra } => write!(f, "slow-signals {host} {}", time(*extra)),
            Self::Trap { host, which } => write!(f, "trap {host} #{which}"),
            Self::Loop { host, which } => write!(f, "loop {host} #{which}"),
            Self::Grow { host, which } => write!(f, "grow {host} #{which}"),
            Self::GiantMessage { host, which, bytes } => write!(f, "giant {host} #{which} {bytes}B"),
            Self::SlowGuest { host, which, percent } => write!(f, "slow-guest {host} #{which} {percent}%"),
            Self::Reset { which } => write!(f, "reset #{which}"),
            Self::SlowConnection { which, extra } => write!(f, "slow-connection #{which} {}", time(*extra)),
            Self::Corrupt { which } => write!(f, "corrupt #{which}"),
            Self::Refuse { host } => write!(f, "refuse {host}"),
            Self::Cut { from, to } => write!(f, "cut {from} {to}"),
            Self::Partition { left, right } => write!(f, "partition {} {}", left.join(","), right.join(",")),
            Self::Ring { hosts } => write!(f, "ring {}", hosts.join(",")),
            Self::Clog { host } => write!(f, "clog {host}"),
            Self::Swizzle { hosts } => write!(f, "swizzle {}", hosts.join(",")),
            Self::Loss { percent } => write!(f, "loss {percent}%"),
            Self::Delay { extra } => write!(f, "delay {}", time(*extra)),
            Self::Reorder { percent } => write!(f, "reorder {percent}%"),
            Self::Duplicate { percent } => write!(f, "duplicate {percent}%"),
            Self::Lie { host, percent } => write!(f, "lie {host} {percent}%"),
            Self::Crash { host, loss } => write!(f, "crash {host} {}", loss_name(*loss)),
            Self::PowerCut { host, loss, which } => write!(f, "power-cut {host} {} #{which}", loss_name(*loss)),
            Self::Pause { host } => write!(f, "pause {host}"),
            Self::Slow { host, percent } => write!(f, "slow {host} {percent}%"),
            Self::Drift { host, ppm } => write!(f, "drift {host} {ppm}ppm"),
            Self::Jump { host, nanos } => {
                let sign = if *nanos < 0 { '-' } else { '+' };
                write!(f, "jump {host} {sign}{}", time(Duration::from_nanos(nanos.unsigned_abs())))
            }
            Self::Expiry { host } => write!(f, "expire {host}"),
            Self::DiskErrors { host, percent } => write!(f, "disk-errors {host} {percent}%"),
            Self::DiskFull { host } => write!(f, "disk-full {host}"),
            Self::DiskSlow { host, extra } => write!(f, "disk-slow {host} {}", time(*extra)),
            Self::ForgottenSyncs { host } => write!(f, "disk-forgets {host}"),
            Self::MisdirectedWrite { host } => write!(f, "disk-misdirects {host}"),
            Self::BitRot { host, which } => write!(f, "disk-rots {host} #{which}"),
        }
    }
}

impl fmt::Display for PlannedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", format_duration(self.at), self.fault)?;
        if self.lasts.is_zero() { Ok(()) } else { write!(f, " for {}", format_duration(self.lasts)) }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for planned in &self.faults {
            writeln!(f, "{planned}")?;
        }
        writeln!(f, "heal {}", format_duration(self.heal_at))
    }
}

impl FromStr for Plan {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        let mut faults = Vec::new();
        let mut heal_at = None;
        for (index, whole) in text.lines().enumerate() {
            let line = whole.split("//").next().unwrap_or_default().trim();
            let words: Vec<&str> = line.split_whitespace().collect();
            let read = match words.as_slice() {
                [] => continue,
                ["heal", at] => time(at).map(|at| heal_at = Some(at)),
                words => planned(words).map(|planned| faults.push(planned)),
            };
            read.map_err(|why| PlanError::Line { line: index + 1, text: line.to_owned(), why })?;
        }
        faults.sort_by_key(|planned| planned.at);
        Ok(Self { faults, heal_at: heal_at.ok_or(PlanError::NoHeal)? })
    }
}

fn planned(words: &[&str]) -> Result<PlannedFault, String> {
    let (at, rest) = words.split_first().ok_or("it is empty")?;
    let at = time(at)?;
    let (lasts, rest) = match rest {
        [rest @ .., "for", lasts] => (time(lasts)?, rest),
        rest => (Duration::ZERO, rest),
    };
    let owned = |text: &str| text.to_owned();
    let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
    let fault = match *rest {
        ["kill", host, which] => Fault::Kill { host: owned(host), which: number(which)? },
        ["exit", host, which] => Fault::Exit { host: owned(host), which: number(which)? },
        ["starve", host, which] => Fault::Starve { host: owned(host), which: number(which)? },
        ["slow-signals", host, extra] => Fault::SlowSignals { host: owned(host), extra: time(extra)? },
        ["trap", host, which] => Fault::Trap { host: owned(host), which: number(which)? },
        ["loop", host, which] => Fault::Loop { host: owned(host), which: number(which)? },
        ["grow", host, which] => Fault::Grow { host: owned(host), which: number(which)? },
        ["giant", host, which, bytes] => {
            let bytes = suffixed(bytes, "B")?;
            if bytes > GIANT_MAX {
                return Err(format!("{bytes} bytes are too many: no message is longer than {GIANT_MAX}"));
            }
            Fault::GiantMessage { host: owned(host), which: number(which)?, bytes }
        }
        ["slow-guest", host, which, percent] => {
            Fault::SlowGuest { host: owned(host), which: number(which)?, percent: suffixed(percent, "%")? }
        }
        ["reset", which] => Fault::Reset { which: number(which)? },
        ["slow-connection", which, extra] => Fault::SlowConnection { which: number(which)?, extra: time(extra)? },
        ["corrupt", which] => Fault::Corrupt { which: number(which)? },
        ["refuse", host] => Fault::Refuse { host: owned(host) },
        ["cut", from, to] => Fault::Cut { from: owned(from), to: owned(to) },
        ["partition", left, right] => Fault::Partition { left: list(left), right: list(right) },
        ["ring", hosts] => Fault::Ring { hosts: list(hosts) },
        ["clog", host] => Fault::Clog { host: owned(host) },
        ["swizzle", hosts] => Fault::Swizzle { hosts: list(hosts) },
        ["loss", percent] => Fault::Loss { percent: suffixed(percent, "%")? },
        ["delay", extra] => Fault::Delay { extra: time(extra)? },
        ["reorder", percent] => Fault::Reorder { percent: suffixed(percent, "%")? },
        ["duplicate", percent] => Fault::Duplicate { percent: suffixed(percent, "%")? },
        ["lie", host, percent] => Fault::Lie { host: owned(host), percent: suffixed(percent, "%")? },
        ["crash", host, loss] => Fault::Crash { host: owned(host), loss: loss_of(loss)? },
        ["power-cut", host, loss, which] => {
            Fault::PowerCut { host: owned(host), loss: loss_of(loss)?, which: number(which)? }
        }
        ["pause", host] => Fault::Pause { host: owned(host) },
        ["slow", host, percent] => Fault::Slow { host: owned(host), percent: suffixed(percent, "%")? },
        ["drift", host, ppm] => Fault::Drift { host: owned(host), ppm: suffixed(ppm, "ppm")? },
        ["jump", host, by] => Fault::Jump { host: owned(host), nanos: signed(by)? },
        ["expire", host] => Fault::Expiry { host: owned(host) },
        ["disk-errors", host, percent] => Fault::DiskErrors { host: owned(host), percent: suffixed(percent, "%")? },
        ["disk-full", host] => Fault::DiskFull { host: owned(host) },
        ["disk-slow", host, extra] => Fault::DiskSlow { host: owned(host), extra: time(extra)? },
        ["disk-forgets", host] => Fault::ForgottenSyncs { host: owned(host) },
        ["disk-misdirects", host] => Fault::MisdirectedWrite { host: owned(host) },
        ["disk-rots", host, which] => Fault::BitRot { host: owned(host), which: number(which)? },
        [name, ..] => return Err(format!("there is no fault {name:?} with these fields")),
        [] => return Err("a fault is missing behind the time".to_owned()),
    };
    Ok(PlannedFault { at, fault, lasts })
}

fn time(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| format!("{text:?} is no time: write 250ms, 2s, 40us or 7ns"))
}

fn number(text: &str) -> Result<u64, String> {
    let number = text.strip_prefix('#').and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| format!("{text:?} does not name one of many: write #7"))
}

fn suffixed<T: FromStr>(text: &str, suffix: &str) -> Result<T, String> {
    let number = text.strip_suffix(suffix).and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| format!("{text:?} is no number with {suffix} behind it"))
}

fn signed(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?} is no step of time: write +5s or -300ms");
    let (sign, rest) = match text.split_at_checked(1).ok_or_else(wrong)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return Err(wrong()),
    };
    let nanos = parse_duration(rest).and_then(|by| i64::try_from(by.as_nanos()).ok());
    nanos.map(|nanos| sign * nanos).ok_or_else(wrong)
}

fn loss_name(loss: CrashLoss) -> &'static str {
    match loss {
        CrashLoss::All => "all",
        CrashLoss::Tail => "tail",
        CrashLoss::Sectors => "sectors",
        CrashLoss::Disk => "disk",
    }
}

fn loss_of(text: &str) -> Result<CrashLoss, String> {
    match text {
        "all" => Ok(CrashLoss::All),
        "tail" => Ok(CrashLoss::Tail),
        "sectors" => Ok(CrashLoss::Sectors),
        "disk" => Ok(CrashLoss::Disk),
        other => Err(format!("{other:?} is no loss: all, tail, sectors or disk")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{FaultKind, Field};
    use std::collections::BTreeSet;

    #[test]
    fn every_fault_is_read_as_it_is_written() {
        let field = Field::of_hosts(["a", "b", "c", "d", "e"], FaultKind::ALL);
        let mut kinds = BTreeSet::new();
        for seed in 0..400 {
            let plan = Plan::draw(seed, &field);
            kinds.extend(plan.faults.iter().map(|planned| planned.fault.kind()));
            assert_eq!(plan.to_string().parse(), Ok(plan));
        }
        assert_eq!(kinds, FaultKind::ALL.into());
    }

    #[test]
    fn a_wrong_line_is_named() {
        let check = |text: &str, expected: &str| {
            let error = text.parse::<Plan>().expect_err("it is wrong").to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(
            "5ms kill a\nheal 1s",
            "line 1 of the plan, \"5ms kill a\": there is no fault \"kill\" with these fields",
        );
        check("heal 1s\n\nsoon kill a #1", "line 3 of the plan, \"soon kill a #1\": \"soon\" is no time");
        check("1s jump a 5s\nheal 2s", "no step of time");
        check("1s jump a +99999999999999s\nheal 2s", "no step of time");
        check("1s crash a everything\nheal 2s", "\"everything\" is no loss");
        check("1s giant a #1 9999999999999B\nheal 2s", "no message is longer than 1073741824");
        check("1s loss 5\nheal 2s", "\"5\" is no number with %");
        check("1s kill a #x\nheal 2s", "does not name one of many");
        check("1s\nheal 2s", "a fault is missing");
        check("1s kill a #1", "no line `heal TIME`");
    }

    #[test]
    fn a_host_that_is_not_there_is_named() {
        let plan: Plan = "1s cut a z for 1s // both ways?\nheal 2s".parse().expect("a plan");
        assert_eq!(plan.check(["a", "z"]), Ok(()));
        let error = plan.check(["a", "b"]).expect_err("z is not there").to_string();
        assert_eq!(
            error,
            "the plan's `1000ms cut a z for 1000ms` names the host \"z\", which is not there; there are a, b"
        );
    }
}

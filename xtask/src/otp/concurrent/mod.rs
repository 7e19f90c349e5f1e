//! Programs whose processes act at the same time.
//!
//! The programs that real Erlang has judged take one step at a time and wait for rest, which hides races. Here each
//! process has a script, and all scripts run at once. What OTP leaves open then, it leaves open: the [`model`] says of an
//! outcome whether some order of events that the rules permit leads to it. Programs are drawn by proptest, run in the
//! simulator under many schedules and on two threads, and no outcome may be one that the model does not know.
//!
//! More of them: `PROPTEST_CASES=20000 cargo test --release -p xtask concurrent`.

mod model;
mod outcome;
mod program;
mod run;
#[cfg(test)]
mod tests;

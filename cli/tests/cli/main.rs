//! The real `rusm`, as a person or a script runs it.

#![expect(clippy::disallowed_methods, reason = "tests of the command line never run in the simulator")]

mod build;
mod cluster;
mod help;
mod operator;
mod ps;
mod run;
mod serve;
mod sim;
mod support;

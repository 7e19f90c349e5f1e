//! The node's log. A line carries the pid and the component of the process that wrote it.

use std::fmt;

use crate::bindings::actor::rusm::actor::process as host;

pub use host::LogLevel;

/// Writes one line.
pub fn write(level: LogLevel, message: impl fmt::Display) {
    host::log(level, &message.to_string());
}

/// Writes a line for those who look for a fault: hidden unless asked for.
#[macro_export]
macro_rules! debug { ($($arg:tt)*) => { $crate::log::write($crate::log::LogLevel::Debug, format_args!($($arg)*)) } }

/// Writes a line about what normally happens.
#[macro_export]
macro_rules! info { ($($arg:tt)*) => { $crate::log::write($crate::log::LogLevel::Info, format_args!($($arg)*)) } }

/// Writes a line about what should not happen and was dealt with.
#[macro_export]
macro_rules! warn { ($($arg:tt)*) => { $crate::log::write($crate::log::LogLevel::Warn, format_args!($($arg)*)) } }

/// Writes a line about what went wrong.
#[macro_export]
macro_rules! error { ($($arg:tt)*) => { $crate::log::write($crate::log::LogLevel::Error, format_args!($($arg)*)) } }

/// From now on a panic's message goes to the log before the process ends.
pub(crate) fn log_panics() {
    std::panic::set_hook(Box::new(|panic| write(LogLevel::Error, panic)));
}

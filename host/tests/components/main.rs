//! Real components as processes, in the real engine.

mod actor;
mod command;
mod denied;
mod limits;
mod loading;
mod simulation;
mod supervision;
mod support;

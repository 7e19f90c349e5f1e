//! Real components as processes, in the real engine.

mod actor;
mod cluster;
mod command;
mod denied;
mod limits;
mod loading;
mod simulation;
mod supervision;
mod support;

//! Real components as processes, in the real engine.

mod actor;
mod cluster;
mod command;
mod denied;
mod groups;
mod limits;
mod loading;
mod nodes;
mod simulation;
mod supervision;
mod support;
mod unique;

//! A node of this machine: started with its app, asked and told by operators, drained and stopped.

mod answers;
mod elsewhere;
mod member;
mod named;
mod run;
mod start;
mod unique;

pub(crate) use run::run;
pub(crate) use start::{Membership, Options};

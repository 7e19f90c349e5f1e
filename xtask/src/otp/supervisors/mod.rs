//! Supervision programs: a tree of the core's supervisors, and what happens to it event by event.

mod build;
mod driver;
mod holder;
mod log;
mod order;
mod outcome;
mod tree;
mod worker;

use super::program::programs;
use super::world::World;

/// Runs all programs of a file and returns their outcomes.
pub(crate) fn outcomes(text: &str, world: World) -> anyhow::Result<String> {
    let mut jobs = Vec::new();
    let mut ids = Vec::new();
    for program in programs(text, "supprogram")? {
        let id = program.id.clone();
        let program = tree::parse(&program).map_err(|error| error.context(format!("program {id}")))?;
        jobs.push(move |context| driver::run(context, program, world));
        ids.push(id);
    }
    let outcomes = ids.iter().zip(world.run_all(jobs)?);
    Ok(outcomes.map(|(id, outcome)| format!("program {id}\n{outcome}end\n")).collect())
}

//! Signal programs: processes that do what they are told, one step after the other.

mod actor;
mod driver;
mod operation;
mod places;
mod seen;

use super::program::programs;
use super::world::World;

/// Runs all programs of a file and returns their outcomes.
pub(crate) fn outcomes(text: &str, world: World) -> anyhow::Result<String> {
    let mut jobs = Vec::new();
    let mut ids = Vec::new();
    for program in programs(text, "program")? {
        let id = program.id.clone();
        let steps = operation::parse(&program).map_err(|error| error.context(format!("program {id}")))?;
        jobs.push(move |context| driver::run(context, steps, world));
        ids.push(id);
    }
    let outcomes = ids.iter().zip(world.run_all(jobs)?);
    Ok(outcomes.map(|(id, outcome)| format!("program {id}\n{outcome}end\n")).collect())
}

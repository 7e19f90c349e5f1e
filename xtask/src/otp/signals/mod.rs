//! Signal programs: processes that do what they are told, one step after the other.

mod actor;
mod driver;
mod operation;
mod seen;

use super::program::programs;
use super::world::World;

/// Runs all programs of a file and returns their outcomes.
pub(crate) fn outcomes(text: &str, world: World) -> anyhow::Result<String> {
    let mut outcomes = String::new();
    for program in programs(text, "program")? {
        let id = program.id.clone();
        let steps = operation::parse(&program).map_err(|error| error.context(format!("program {id}")))?;
        let outcome = world.run(move |context| driver::run(context, steps, world))?;
        outcomes.push_str(&format!("program {id}\n{outcome}end\n"));
    }
    Ok(outcomes)
}

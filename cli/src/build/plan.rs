//! What is to be built, from the manifest.

use super::typescript::World;
use anyhow::{Result, bail};
use rusm_host::manifest::{Code, Language, Manifest, Target as RouteTarget};
use std::path::PathBuf;

/// Everything of an app that has a source.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// In the order of their names, the scenario last.
    pub(super) targets: Vec<Target>,
}

/// One component.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Its name, for people.
    pub(super) name: String,
    /// Where it goes, below the app's directory.
    pub(super) wasm: PathBuf,
    pub(super) recipe: Recipe,
}

/// How a component is made. Paths are below the app's directory.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Recipe {
    Rust { folder: PathBuf },
    TypeScript { entry: PathBuf, world: World },
}

impl Recipe {
    pub(super) fn language(&self) -> &'static str {
        match self {
            Self::Rust { .. } => "Rust",
            Self::TypeScript { .. } => "TypeScript",
        }
    }
}

impl Plan {
    pub(super) fn of(manifest: &Manifest) -> Result<Self> {
        let mut targets = Vec::new();
        for component in manifest.components.values() {
            let Code::Source { path, language } = &component.code else { continue };
            let recipe = match language {
                Language::Rust => Recipe::Rust { folder: path.clone() },
                Language::TypeScript => {
                    let world = world_of(manifest, &component.name)?;
                    Recipe::TypeScript { entry: path.clone(), world }
                }
            };
            targets.push(Target { name: component.name.clone(), wasm: component.wasm_path(), recipe });
        }
        if let Some(sim) = &manifest.sim {
            let recipe = Recipe::Rust { folder: sim.scenario.clone() };
            targets.push(Target { name: "scenario".to_owned(), wasm: sim.wasm_path(), recipe });
        }
        Ok(Self { targets })
    }
}

/// A component in TypeScript is what its route needs; one without a route is an actor.
fn world_of(manifest: &Manifest, component: &str) -> Result<World> {
    let mut found: Option<(World, String)> = None;
    for route in manifest.routes.iter().filter(|route| route.target.component() == component) {
        let world = match route.target {
            RouteTarget::Websocket(_) => World::WebsocketProcess,
            RouteTarget::Events(_) => World::EventStreamProcess,
            RouteTarget::Http(_) => bail!(
                "component {component}: the route {} wants an HTTP handler, which cannot be written in TypeScript yet. \
                 Write it in Rust, or serve a `websocket` or `events` route with it",
                route.path
            ),
        };
        match &found {
            Some((other, path)) if *other != world => bail!(
                "component {component}: the routes {path} and {} want different things of it. \
                 Use one component for each",
                route.path
            ),
            Some(_) => {}
            None => found = Some((world, route.path.to_string())),
        }
    }
    Ok(found.map_or(World::Actor, |(world, _)| world))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The targets of an app with the folder `rusty` and the file `script.ts`, or the error.
    fn check(manifest: &str, expected: Result<&[(&str, &str, Recipe)], &str>) {
        let app = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(app.path().join("rusty")).expect("a folder");
        std::fs::write(app.path().join("rusty/Cargo.toml"), "").expect("a file");
        std::fs::write(app.path().join("script.ts"), "").expect("a file");
        let text = format!("[app]\nname = \"app\"\n{manifest}");
        let manifest = Manifest::parse(&app.path().join("rusm.toml"), &text).expect("a manifest without problems");
        match (Plan::of(&manifest), expected) {
            (Ok(plan), Ok(expected)) => {
                let found: Vec<_> =
                    plan.targets.iter().map(|target| (target.name.as_str(), &*target.wasm, &target.recipe)).collect();
                let expected: Vec<_> =
                    expected.iter().map(|(name, wasm, recipe)| (*name, Path::new(*wasm), recipe)).collect();
                assert_eq!(found, expected);
            }
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (found, expected) => panic!("found {found:?}, expected {expected:?}"),
        }
    }

    fn script(world: World) -> Recipe {
        Recipe::TypeScript { entry: "script.ts".into(), world }
    }

    #[test]
    fn sources_are_built_and_ready_components_are_not() {
        let manifest = "[component.a]\nsource = \"rusty\"\n[component.b]\nsource = \"script.ts\"\n\
                        [component.c]\nwasm = \"script.ts\"\n[sim]\nscenario = \"rusty\"";
        let rust = || Recipe::Rust { folder: "rusty".into() };
        check(
            manifest,
            Ok(&[
                ("a", "build/a.wasm", rust()),
                ("b", "build/b.wasm", script(World::Actor)),
                ("scenario", "build/sim/scenario.wasm", rust()),
            ]),
        );
    }

    #[test]
    fn a_route_says_what_a_script_is() {
        let manifest =
            |kind: &str| format!("[component.a]\nsource = \"script.ts\"\n[[route]]\npath = \"/a\"\n{kind} = \"a\"\n");
        check(&manifest("events"), Ok(&[("a", "build/a.wasm", script(World::EventStreamProcess))]));
        check(&manifest("websocket"), Ok(&[("a", "build/a.wasm", script(World::WebsocketProcess))]));
        check(&manifest("http"), Err("the route /a wants an HTTP handler"));
        let two = manifest("events") + "[[route]]\npath = \"/b\"\nwebsocket = \"a\"\n";
        check(&two, Err("the routes /a and /b want different things"));
    }
}

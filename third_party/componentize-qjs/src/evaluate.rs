//! Evaluates the user's module inside the linked component and takes the snapshot.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, ResourceTable, ResourceType};
use wasmtime::{Config, Engine, OptLevel, Result, Store, bail};
use wasmtime_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};
use wasmtime_wasi::random::Deterministic;
use wasmtime_wasi::{
    HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView,
};
use wasmtime_wizer::Wizer;

use crate::snapshot::State;
use crate::{ComponentizeOpts, Modules, ScriptError};

/// What the module prints while it is evaluated, at most.
const OUTPUT_BYTES_MAX: usize = 10_000;

/// What the runtime imports only while it evaluates.
const LOADER: &str = "local:init/module-loader";

pub(crate) struct Ctx {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Ctx {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// A clock that stands still at the epoch: what is read at build time is part of the snapshot.
struct Still;

impl HostWallClock for Still {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl HostMonotonicClock for Still {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        0
    }
}

/// The inner result is the script's: what it threw.
pub(crate) async fn evaluate(
    linked: &[u8],
    shim: &str,
    opts: &ComponentizeOpts<'_>,
) -> Result<Result<Vec<u8>, ScriptError>> {
    let stdout = MemoryOutputPipe::new(OUTPUT_BYTES_MAX);
    let stderr = MemoryOutputPipe::new(OUTPUT_BYTES_MAX);
    let wasi = WasiCtxBuilder::new()
        .stdin(MemoryInputPipe::new(Vec::new()))
        .stdout(stdout.clone())
        .stderr(stderr.clone())
        .wall_clock(Still)
        .monotonic_clock(Still)
        .secure_random(Deterministic::new(vec![0]))
        .insecure_random(Deterministic::new(vec![0]))
        .insecure_random_seed(0)
        .build();

    let mut config = Config::new();
    config.wasm_component_model(true);
    config.cranelift_opt_level(OptLevel::None);
    let engine = Engine::new(&config)?;
    let mut store = Store::new(
        &engine,
        Ctx {
            wasi,
            table: ResourceTable::new(),
        },
    );

    let wizer = Wizer::new();
    let (cx, instrumented) = wizer.instrument_component(linked)?;
    let component = Component::new(&engine, &instrumented)?;

    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    define_host_imports_as_traps(&mut linker, &component)?;
    register_module_loader(&mut linker, &opts.modules)?;

    let instance = linker.instantiate_async(&mut store, &component).await?;
    type Arguments<'a> = (&'a str, &'a str, Option<&'a str>, bool);
    let init =
        instance.get_typed_func::<Arguments<'_>, (Result<(), String>,)>(&mut store, "init")?;
    let result = init
        .call_async(&mut store, (shim, opts.source, Some(opts.entry), false))
        .await;
    let result = result.map_or_else(
        |trap| Err(trap.root_cause().to_string()),
        |(result,)| result,
    );
    if let Err(message) = result {
        let printed = [stdout.contents(), stderr.contents()].concat();
        return Ok(Err(ScriptError {
            message,
            printed: String::from_utf8_lossy(&printed).into_owned(),
        }));
    }
    Ok(Ok(wizer
        .snapshot_component(
            &cx,
            &mut State {
                store: &mut store,
                instance,
            },
        )
        .await?))
}

/// What the host will offer cannot be called yet. `define_unknown_imports_as_traps` is not for this: it would also define
/// the resources of WASI, under the component's own version of it, apart from those that `wasmtime-wasi` has defined.
fn define_host_imports_as_traps(linker: &mut Linker<Ctx>, component: &Component) -> Result<()> {
    let engine = component.engine();
    for (name, import) in component.component_type().imports(engine) {
        let from_wasi = name.starts_with("wasi:") && !name.starts_with("wasi:keyvalue/");
        let ComponentItem::ComponentInstance(interface) = import.ty else {
            continue;
        };
        if from_wasi || name == LOADER {
            continue;
        }
        let mut instance = linker.instance(name)?;
        for (item, export) in interface.exports(engine) {
            match export.ty {
                ComponentItem::ComponentFunc(_) => {
                    let text = format!(
                        "{name}#{item} is called while the module is evaluated: there is no host yet"
                    );
                    instance.func_new(item, move |_, _, _, _| bail!("{text}"))?;
                }
                ComponentItem::Resource(_) => {
                    instance.resource(item, ResourceType::host::<()>(), |_, _| Ok(()))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn register_module_loader(linker: &mut Linker<Ctx>, modules: &Arc<dyn Modules>) -> Result<()> {
    let mut loader = linker.instance(LOADER)?;
    let resolver = modules.clone();
    loader.func_wrap(
        "resolve",
        move |_, (referrer, specifier): (String, String)| {
            Ok((resolver.resolve(&referrer, &specifier),))
        },
    )?;
    let modules = modules.clone();
    loader.func_wrap("load", move |_, (name,): (String,)| {
        Ok((modules.load(&name),))
    })?;
    Ok(())
}

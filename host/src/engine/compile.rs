use super::Engine;
use rusm_core::seam::Seams;
use std::time::Duration;
use wasmtime::component::Component;

/// Bytes that a component may have. A JavaScript engine inside one takes 1 to 12 MB.
pub const COMPONENT_BYTES_MAX: usize = 64 << 20;

/// How long one component may compile. 12 MB take 15 s; hostile code of 17 kB was seen to take over 100 s.
pub const COMPILE_TIME_MAX: Duration = Duration::from_secs(300);

/// Why bytes are not a component that can run. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// More than [`COMPONENT_BYTES_MAX`].
    #[error(
        "it has {0} bytes, at most {COMPONENT_BYTES_MAX} can be loaded: build it with optimisations, without debug information"
    )]
    TooLarge(usize),
    /// Not Wasm at all.
    #[error("it is not WebAssembly: name a component, as `cargo build --target wasm32-wasip2` makes one")]
    NotWasm,
    /// A core module.
    #[error(
        "it is a core WebAssembly module, not a component: build it with `cargo build --target wasm32-wasip2`, or make a component \
         of it with `wasm-tools component new`"
    )]
    CoreModule,
    /// Broken, or it uses what this engine does not have.
    #[error("it is a broken component: {0}")]
    Invalid(String),
    /// Longer than [`COMPILE_TIME_MAX`].
    #[error("it was still being compiled after {} s, and was given up", COMPILE_TIME_MAX.as_secs())]
    TooSlow,
}

impl Engine {
    /// Compiles a component away from the tasks, or takes it from the cache.
    ///
    /// A compilation cannot be stopped: one that is given up goes on in its thread until it is done.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub async fn compile(&self, seams: &Seams, wasm: bytes::Bytes) -> Result<Component, CompileError> {
        check_kind(&wasm)?;
        let (done, compiled) = tokio::sync::oneshot::channel();
        let engine = self.clone();
        seams.executor.spawn_blocking(Box::new(move || {
            // Nobody waits any more when the time was up.
            let _ = done.send(engine.compile_here(&wasm));
        }));
        let deadline = seams.clock.sleep_until(seams.clock.now() + COMPILE_TIME_MAX);
        match futures_util::future::select(compiled, deadline).await {
            futures_util::future::Either::Left((compiled, _)) => {
                compiled.unwrap_or_else(|_| Err(CompileError::Invalid("the compiler panicked".to_owned())))
            }
            futures_util::future::Either::Right(_) => Err(CompileError::TooSlow),
        }
    }

    /// Compiles a component on this thread, or takes it from the cache. It may take minutes.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn compile_here(&self, wasm: &[u8]) -> Result<Component, CompileError> {
        check_kind(wasm)?;
        if let Some(cached) = self.0.cache.as_ref().and_then(|cache| cache.load(&self.0.wasmtime, wasm)) {
            return Ok(cached);
        }
        let component = Component::from_binary(&self.0.wasmtime, wasm).map_err(|error| invalid(&error))?;
        if let Some(cache) = &self.0.cache {
            cache.store(&component, wasm);
        }
        Ok(component)
    }
}

fn invalid(error: &wasmtime::Error) -> CompileError {
    CompileError::Invalid(format!("{error:#}"))
}

/// Looks at the first bytes: what is no component never reaches the compiler.
fn check_kind(wasm: &[u8]) -> Result<(), CompileError> {
    const CORE: [u8; 4] = [1, 0, 0, 0];
    if wasm.len() > COMPONENT_BYTES_MAX {
        return Err(CompileError::TooLarge(wasm.len()));
    }
    match wasm.strip_prefix(b"\0asm") {
        None => Err(CompileError::NotWasm),
        Some(rest) if rest.starts_with(&CORE) => Err(CompileError::CoreModule),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wasm: &[u8], expected: Result<(), CompileError>) {
        assert_eq!(check_kind(wasm), expected);
    }

    #[test]
    fn what_is_no_component_is_told_apart_before_it_is_compiled() {
        check(b"", Err(CompileError::NotWasm));
        check(b"\x7fELF", Err(CompileError::NotWasm));
        check(b"\0asm\x01\0\0\0", Err(CompileError::CoreModule));
        check(b"\0asm\x0d\0\x01\0", Ok(()));
    }

    #[test]
    fn the_size_is_limited() {
        let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
        wasm.resize(COMPONENT_BYTES_MAX, 0);
        check(&wasm, Ok(()));
        wasm.push(0);
        check(&wasm, Err(CompileError::TooLarge(COMPONENT_BYTES_MAX + 1)));
    }
}

//! Puts the modules of the TypeScript SDK into the binary, so that `rusm build` works anywhere.

#![expect(clippy::disallowed_methods, reason = "a build script reads the sources")]

use std::fmt::Write as _;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = std::env::var("CARGO_MANIFEST_DIR")?;
    let sdk = Path::new(&here).join("../sdk/ts/src").canonicalize()?;
    println!("cargo::rerun-if-changed={}", sdk.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&sdk)? {
        let name = entry?.file_name().into_string().map_err(|name| format!("{name:?} is not UTF-8"))?;
        if name.ends_with(".ts") && !name.ends_with(".d.ts") {
            names.push(name);
        }
    }
    names.sort();
    let mut code =
        String::from("/// Name and source of each module of the SDK.\nconst SDK_MODULES: &[(&str, &str)] = &[\n");
    for name in names {
        let path = sdk.join(&name);
        writeln!(code, "    ({name:?}, include_str!({path:?})),")?;
    }
    code.push_str("];\n");
    std::fs::write(Path::new(&std::env::var("OUT_DIR")?).join("sdk_modules.rs"), code)?;
    Ok(())
}

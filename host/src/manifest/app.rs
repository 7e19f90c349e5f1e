use super::name::check_name_value;
use super::section::Section;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Where an app listens when neither its manifest nor the command says.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// The table `[app]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSettings {
    /// The app's name, and its node's. Required.
    pub name: String,
    /// Where it serves its routes. Port 0 takes a free one. Default [`DEFAULT_LISTEN`].
    pub listen: SocketAddr,
}

/// The table `[sim]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimSettings {
    /// The scenario component's source folder, below the app's directory.
    pub scenario: PathBuf,
}

impl AppSettings {
    /// The defaults stand where something is wrong: the report says so.
    pub(super) fn read(root: &mut Section<'_, '_>) -> Self {
        let missing = "Give the app a name: name = \"my-app\"";
        let mut settings = Self { name: String::new(), listen: DEFAULT_LISTEN };
        let Some(mut section) = root.section("app") else {
            root.problem(0..0, "app.name", "is missing", "Begin with [app] and name = \"my-app\"");
            return settings;
        };
        if let Some(name) = section.required_string("name", missing) {
            check_name_value(&name, "name", &section);
            settings.name = name.into_inner();
        }
        if let Some(listen) = section.string("listen") {
            match listen.get_ref().parse() {
                Ok(address) => settings.listen = address,
                Err(_) => section.problem(
                    listen.span(),
                    "listen",
                    format!("{:?} is no address", listen.get_ref()),
                    "Write an IP address and a port, as in \"127.0.0.1:8080\"",
                ),
            }
        }
        section.finish();
        settings
    }
}

impl SimSettings {
    /// Where the compiled scenario lies, below the app's directory.
    pub fn wasm_path(&self) -> PathBuf {
        Path::new("build").join("sim").join("scenario.wasm")
    }

    pub(super) fn read(root: &mut Section<'_, '_>, directory: &Path) -> Option<Self> {
        let mut section = root.section("sim")?;
        let scenario = section.required_string("scenario", "Name the folder of the scenario component");
        if let Some(scenario) = &scenario
            && !directory.join(scenario.get_ref()).is_dir()
        {
            let what = format!("there is no folder {:?}", scenario.get_ref());
            section.problem(scenario.span(), "scenario", what, "Name the folder of the scenario component");
        }
        section.finish();
        Some(Self { scenario: scenario?.into_inner().into() })
    }
}

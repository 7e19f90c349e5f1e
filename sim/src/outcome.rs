use std::fmt;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every property held.
    Passed,
    /// One did not.
    Broken {
        /// Which: the name that a checker or a scenario gave it, or one of the simulator's own.
        property: String,
        /// Why.
        detail: String,
    },
    /// Nothing was ready and nothing was going to happen, or what must end in a bounded time did not.
    Stalled(String),
    /// A node did not start, the scenario itself failed, or a task or process panicked.
    Crashed(String),
}

impl Outcome {
    /// A property does not hold.
    pub fn broken(property: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Broken { property: property.into(), detail: detail.into() }
    }

    /// What two runs have in common that fail in the same way, whatever the seed made of the details: the kind, and of
    /// a broken property its name. Numbers in it are left out, as they are pids and times.
    pub fn signature(&self) -> String {
        let text = match self {
            Self::Passed => "passed".to_owned(),
            Self::Broken { property, .. } => format!("broken {property}"),
            Self::Stalled(_) => "stalled".to_owned(),
            Self::Crashed(why) => format!("crashed {}", why.lines().next().unwrap_or_default()),
        };
        text.chars().filter(|c| !c.is_ascii_digit()).collect()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Broken { property, detail } => write!(f, "property broken: {property}: {detail}"),
            Self::Stalled(why) => write!(f, "stalled: {why}"),
            Self::Crashed(why) => write!(f, "crashed: {why}"),
        }
    }
}

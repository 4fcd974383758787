//! The flags that say what a plan is made for, and the same flags as they are typed again.

use clap::Args;

use super::view::layout::typed;
use crate::address::Address;
use crate::address::pattern::Pattern;
use crate::plan::{Aim, Mode};

/// What a plan is made for.
#[derive(Args)]
pub(crate) struct Aiming {
    /// Try the failed migrations of this batch again; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    retry: Vec<Address>,
    /// Delete this and make it anew, although nothing asks for it; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    replace: Vec<Address>,
    #[command(flatten)]
    choosing: Choosing,
}

/// What of the configuration a plan is about.
#[derive(Args)]
pub(crate) struct Choosing {
    /// Only this resource or module, and what it needs; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    target: Vec<Pattern>,
    /// Not this resource or module, nor what needs it; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    exclude: Vec<Pattern>,
}

impl Aiming {
    /// The aim of a plan in this direction.
    pub(crate) fn aim(&self, mode: Mode) -> Aim {
        Aim {
            retry: self.retry.iter().cloned().collect(),
            replace: self.replace.iter().cloned().collect(),
            ..self.choosing.aim(mode)
        }
    }
}

impl Choosing {
    /// The aim of a plan in this direction.
    pub(crate) fn aim(&self, mode: Mode) -> Aim {
        Aim {
            targets: self.target.iter().cloned().collect(),
            excludes: self.exclude.iter().cloned().collect(),
            ..Aim::of(mode)
        }
    }
}

/// A command with the flags of an aim, as it is typed.
pub(crate) fn again(command: &str, aim: &Aim) -> String {
    let Aim {
        mode: _,
        retry,
        replace,
        targets,
        excludes,
    } = aim;
    let flags = retry
        .iter()
        .map(|address| ("retry", address.to_string()))
        .chain(replace.iter().map(|address| ("replace", address.to_string())))
        .chain(targets.iter().map(|pattern| ("target", pattern.to_string())))
        .chain(excludes.iter().map(|pattern| ("exclude", pattern.to_string())));
    let flags = flags.map(|(flag, value)| format!(" --{flag} {}", typed(value)));
    std::iter::once(command.to_owned()).chain(flags).collect()
}

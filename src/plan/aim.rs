//! What a plan is made for, as its flags say. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Mode;
use crate::address::Address;
use crate::address::pattern::Pattern;

/// What a plan is made for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aim {
    /// Apply, destroy, or only remember.
    pub mode: Mode,
    /// Batches whose failed migrations are tried again.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub retry: BTreeSet<Address>,
    /// Resources that are deleted and made anew although nothing asks for it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub replace: BTreeSet<Address>,
    /// These alone, and what they need; everything, where none are named.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub targets: BTreeSet<Pattern>,
    /// Not these, nor what needs them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub excludes: BTreeSet<Pattern>,
}

impl Aim {
    /// Everything, in this direction.
    pub fn of(mode: Mode) -> Self {
        Self {
            mode,
            ..Self::default()
        }
    }

    /// Whether nothing of the configuration is left out.
    pub fn is_whole(&self) -> bool {
        self.targets.is_empty() && self.excludes.is_empty()
    }
}

//! Which units of a state an argument means: one unit, a resource with all of its units, a module. It reads no state itself.

use std::collections::BTreeSet;
use std::str::FromStr;

use crate::address::pattern::Pattern;
use crate::address::{AddressError, UnitAddress};
use crate::cli::error::CommandError;
use crate::cli::lookout::covers;
use crate::prior::Prior;

/// A unit, a resource or a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    /// One unit, named with its part.
    Unit(UnitAddress),
    /// A resource or a module; without a key, all of its instances.
    Pattern(Pattern),
}

impl FromStr for Chosen {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.parse::<UnitAddress>() {
            Ok(unit) if unit.part.is_some() => Ok(Self::Unit(unit)),
            Ok(_) | Err(_) => text.parse().map(Self::Pattern),
        }
    }
}

impl std::fmt::Display for Chosen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unit(unit) => unit.fmt(f),
            Self::Pattern(pattern) => pattern.fmt(f),
        }
    }
}

impl Chosen {
    pub(super) fn covers(&self, unit: &UnitAddress) -> bool {
        match self {
            Self::Unit(address) => covers(address, unit),
            Self::Pattern(pattern) => pattern.covers(&unit.resource),
        }
    }
}

/// The units that are meant, in address order; all of them where nothing is named.
///
/// # Errors
/// When an argument means nothing that is remembered.
pub(super) fn units(chosen: &[Chosen], prior: &Prior) -> Result<Vec<UnitAddress>, CommandError> {
    let all = || prior.iter().map(|(unit, _)| unit);
    if let Some(nothing) = chosen.iter().find(|one| !all().any(|unit| one.covers(unit))) {
        return Err(CommandError::NothingThere {
            what: "remembered unit, resource or module",
            address: nothing.to_string(),
            known: known(nothing, all()),
        });
    }
    let is_meant = |unit: &&UnitAddress| chosen.is_empty() || chosen.iter().any(|one| one.covers(unit));
    Ok(all().filter(is_meant).cloned().collect())
}

/// What could have been meant, named as precisely as what was.
fn known<'a>(wanted: &Chosen, units: impl Iterator<Item = &'a UnitAddress>) -> Vec<String> {
    let names: BTreeSet<String> = match wanted {
        Chosen::Unit(_) => units.map(ToString::to_string).collect(),
        Chosen::Pattern(_) => units.map(|unit| unit.resource.to_string()).collect(),
    };
    names.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_means_all_its_instances_and_units_and_a_unit_itself() {
        let covers = |chosen: &str, unit: &str| -> bool {
            let chosen: Chosen = chosen.parse().unwrap();
            chosen.covers(&unit.parse().unwrap())
        };
        for (chosen, unit, expected) in [
            ("vnet_peering.a", "vnet_peering.a#forward", true),
            ("vnet_peering.a", "vnet_peering.a[\"x\"]#forward", true),
            ("vnet_peering.a[\"x\"]", "vnet_peering.a[\"y\"]#forward", false),
            ("vnet_peering.a#forward", "vnet_peering.a#forward", true),
            ("vnet_peering.a#forward", "vnet_peering.a#reverse", false),
            ("module.m", "module.m.vnet_peering.a#reverse", true),
            ("module.m", "vnet_peering.a#reverse", false),
        ] {
            assert_eq!(covers(chosen, unit), expected, "{chosen} and {unit}");
        }
    }
}

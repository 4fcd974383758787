//! Memory follows objects: where a declared object is remembered under another address, its record gets the new one before
//! anything is done, as if a `moved` block said so. Otherwise there would be moments in which nobody remembers it, and a run
//! that ends in one would take our own for somebody else's. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::diff;
use super::{Inputs, Statements};
use crate::address::UnitAddress;
use crate::arm::ArmId;
use crate::prior::Prior;

/// The memory with every object under the address that stands for it now, and all that gets another name by that.
pub(super) fn objects(inputs: &Inputs<'_>) -> Option<(Prior, Statements)> {
    let steps = permutation(inputs);
    if steps.is_empty() {
        return None;
    }
    let mut prior = inputs.prior.clone();
    prior.permute(&steps);
    let mut statements = inputs.statements.clone();
    let said = std::mem::take(&mut statements.moves);
    let origin = |unit: &UnitAddress| said.get(unit).unwrap_or(unit).clone();
    let mut moves: BTreeMap<UnitAddress, UnitAddress> =
        steps.iter().map(|(from, to)| (to.clone(), origin(from))).collect();
    for (to, from) in &said {
        let moves_on = steps.iter().any(|(left, _)| left == to);
        if !moves_on {
            moves.entry(to.clone()).or_insert_with(|| from.clone());
        }
    }
    moves.retain(|to, from| to != from);
    statements.moves = moves;
    Some((prior, statements))
}

/// Which record goes from where to where. An address that is taken gives what it remembers to the address that became free:
/// what is remembered there stands for nothing declared, and leaves from there.
fn permutation(inputs: &Inputs<'_>) -> Vec<(UnitAddress, UnitAddress)> {
    let mut remembered: HashMap<&ArmId, &UnitAddress> = HashMap::new();
    for (unit, memory) in inputs
        .prior
        .iter()
        .filter(|(_, memory)| memory.record.attempts.is_empty())
    {
        if let Some(id) = &memory.record.id {
            remembered.insert(id, unit);
        }
    }
    let mut steps: BTreeMap<UnitAddress, UnitAddress> = BTreeMap::new();
    let mut taken: BTreeMap<UnitAddress, UnitAddress> = BTreeMap::new();
    for (unit, id) in diff::declared_objects(inputs) {
        let Some(before) = remembered.get(&id).filter(|before| **before != unit) else {
            continue;
        };
        let already = inputs.prior.get(unit).and_then(|memory| memory.record.id.as_ref()) == Some(&id);
        if !already && !steps.contains_key(*before) {
            steps.insert((*before).clone(), unit.clone());
            taken.insert(unit.clone(), (*before).clone());
        }
    }
    let displaced: BTreeSet<UnitAddress> = taken
        .keys()
        .filter(|unit| inputs.prior.get(unit).is_some() && !steps.contains_key(*unit))
        .cloned()
        .collect();
    for unit in displaced {
        let mut free = &unit;
        while let Some(before) = taken.get(free) {
            free = before;
        }
        steps.insert(unit.clone(), free.clone());
    }
    steps.into_iter().collect()
}

//! What of a configuration a plan is about: `--target`, `--exclude`, `--replace`. What is left out is listed. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::aim::Aim;
use super::work::{Direction, Work, Works};
use super::{Inputs, Mode};
use crate::address::pattern::Pattern;
use crate::address::{Address, UnitAddress};

/// Takes out of the works what the plan is not about, and answers with it.
pub(super) fn choose(inputs: &Inputs<'_>, works: &mut Works) -> Vec<UnitAddress> {
    if inputs.aim.is_whole() {
        return Vec::new();
    }
    let needs = Needs::of(inputs, &works.list);
    let chosen = needs.chosen(inputs.aim);
    let (list, left): (Vec<Work>, Vec<Work>) = std::mem::take(&mut works.list)
        .into_iter()
        .partition(|work| chosen.contains(&work.unit.resource));
    works.list = list;
    works.losses.retain(|loss| chosen.contains(&loss.address));
    works.drift.retain(|drift| chosen.contains(&drift.unit.resource));
    works
        .findings
        .retain(|finding| finding.address.as_ref().is_none_or(|address| chosen.contains(address)));
    left.into_iter()
        .filter(|work| work.change.is_some())
        .map(|work| work.unit)
        .collect()
}

/// What has to happen before what: resources as they are declared, and those that leave after what needs them.
struct Needs<'a> {
    all: BTreeSet<&'a Address>,
    before: BTreeMap<&'a Address, BTreeSet<&'a Address>>,
}

impl<'a> Needs<'a> {
    fn of(inputs: &'a Inputs<'_>, works: &'a [Work]) -> Self {
        let mut needs = Self {
            all: BTreeSet::new(),
            before: BTreeMap::new(),
        };
        for declaration in inputs.graph.iter() {
            needs.all.insert(&declaration.address);
            // Nothing has to be there for what is destroyed.
            if inputs.aim.mode == Mode::Destroy {
                continue;
            }
            for need in inputs.graph.needs(&declaration.address) {
                needs.before.entry(&declaration.address).or_default().insert(&need.on);
            }
        }
        let leaves = |work: &&Work| work.direction == Direction::Down;
        let makes_room = |work: &&Work| leaves(work) || !work.removals.is_empty();
        let leaving: BTreeSet<&Address> = works
            .iter()
            .filter(makes_room)
            .map(|work| &work.unit.resource)
            .collect();
        for work in works.iter().filter(leaves) {
            needs.all.insert(&work.unit.resource);
            let remembered = inputs.prior.get(&work.unit);
            let needed = remembered.iter().flat_map(|remembered| &remembered.record.needs);
            // What stays does not wait for those to leave that needed it.
            for need in needed.filter(|need| leaving.contains(&need.resource)) {
                needs
                    .before
                    .entry(&need.resource)
                    .or_default()
                    .insert(&work.unit.resource);
            }
        }
        needs
    }

    fn chosen(&self, aim: &Aim) -> BTreeSet<Address> {
        let covers =
            |patterns: &BTreeSet<Pattern>, address: &Address| patterns.iter().any(|pattern| pattern.covers(address));
        let mut chosen: BTreeSet<&Address> = if aim.targets.is_empty() {
            self.all.clone()
        } else {
            let named = self.all.iter().copied().filter(|address| covers(&aim.targets, address));
            reach(named, |at| self.before.get(at).into_iter().flatten().copied())
        };
        let after = self.after();
        let excluded = self
            .all
            .iter()
            .copied()
            .filter(|address| covers(&aim.excludes, address));
        let excluded = reach(excluded, |at| after.get(at).into_iter().flatten().copied());
        chosen.retain(|address| !excluded.contains(address));
        chosen.into_iter().cloned().collect()
    }

    fn after(&self) -> BTreeMap<&'a Address, BTreeSet<&'a Address>> {
        let mut after: BTreeMap<&Address, BTreeSet<&Address>> = BTreeMap::new();
        for (late, early) in &self.before {
            for early in early {
                after.entry(early).or_default().insert(late);
            }
        }
        after
    }
}

/// Everything that can be reached, the beginnings among it.
fn reach<'a, I: Iterator<Item = &'a Address>>(
    from: impl Iterator<Item = &'a Address>,
    next: impl Fn(&'a Address) -> I,
) -> BTreeSet<&'a Address> {
    let mut open: Vec<&Address> = from.collect();
    let mut seen: BTreeSet<&Address> = open.iter().copied().collect();
    while let Some(at) = open.pop() {
        open.extend(next(at).filter(|address| seen.insert(address)));
    }
    seen
}

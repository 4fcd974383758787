//! What is held back: nothing new is built on a batch whose migration failed, in this run or in a later one. Pure.

use std::collections::BTreeSet;

use crate::address::{Address, typed};

use super::action::Action;
use super::work::{Work, Works};
use super::{Finding, Inputs};
use crate::diagnostic::Severity;
use crate::diagnostic::code::{HELD_BACK, STUCK};

/// Takes out of the works what waits, directly or by way of others, for a batch that has not arrived, and says so.
pub(super) fn back(inputs: &Inputs<'_>, works: &mut Works) {
    let stuck: BTreeSet<Address> = works
        .findings
        .iter()
        .filter(|finding| finding.code == STUCK)
        .filter_map(|finding| finding.address.clone())
        .collect();
    if stuck.is_empty() {
        return;
    }
    let (held, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut works.list)
        .into_iter()
        .map(|work| (waits_for(inputs, &work, &stuck), work))
        .partition(|(on, _)| on.is_some());
    works.list = rest.into_iter().map(|(_, work)| work).collect();
    let findings = held.into_iter().filter_map(|(on, work)| Some(finding(&work, &on?)));
    works.findings.extend(findings);
}

/// The failed batch that a work would build on. What runs already goes on.
fn waits_for(inputs: &Inputs<'_>, work: &Work, stuck: &BTreeSet<Address>) -> Option<Address> {
    match work.change.as_ref()?.action {
        Action::Create | Action::Update | Action::Replace | Action::Adopt => {}
        Action::Delete | Action::Forget | Action::Remember | Action::Advance(_) => return None,
    }
    let mut seen = BTreeSet::new();
    let mut open: Vec<&Address> = vec![&work.unit.resource];
    while let Some(at) = open.pop() {
        for need in inputs.graph.needs(at) {
            if stuck.contains(&need.on) && need.on != work.unit.resource {
                return Some(need.on.clone());
            }
            if seen.insert(&need.on) {
                open.push(&need.on);
            }
        }
    }
    None
}

fn finding(work: &Work, on: &Address) -> Finding {
    Finding {
        code: HELD_BACK,
        severity: Severity::Warning,
        summary: format!("{} is held back: it waits for {on}, which has not arrived", work.unit),
        detail: Some(format!(
            "It follows once that has: `pgferry apply --retry {}`",
            typed(on)
        )),
        remedy: None,
        address: Some(work.unit.resource.clone()),
    }
}

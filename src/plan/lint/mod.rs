//! Checks of a plan: one file per rule, all run, all findings in one list. Pure.

mod endpoint;
mod firewall;
mod overlap;
mod priority;

use super::work::Works;
use super::{Finding, Inputs, Mode};

/// One rule.
struct Rule {
    run: fn(&Inputs<'_>) -> Vec<Finding>,
}

/// Every rule.
static RULES: &[Rule] = &[
    Rule { run: overlap::run },
    Rule { run: firewall::run },
    Rule { run: priority::run },
    Rule { run: endpoint::run },
];

/// What all rules find, with what batches had to say.
pub fn findings(inputs: &Inputs<'_>, works: &Works) -> Vec<Finding> {
    let mut found = works.findings.clone();
    if inputs.aim.mode == Mode::Apply {
        found.extend(RULES.iter().flat_map(|rule| (rule.run)(inputs)));
    }
    found.sort_by(|a, b| (b.severity, &a.address, &a.code).cmp(&(a.severity, &b.address, &b.code)));
    found
}

//! What is cut over without anybody being asked again: production moves there. In every rendering that people read.

use std::collections::BTreeMap;

use crate::address::Address;
use crate::arm::ArmId;
use crate::cli::view::layout::count;
use crate::cli::view::time::length;
use crate::plan::{Gate, Plan};

/// One migration that is cut over by itself.
pub(super) struct Cutover<'a> {
    /// The migration's unit.
    pub(super) unit: String,
    /// Its databases.
    pub(super) databases: &'a [String],
    /// The name of the server that they move into.
    pub(super) target: String,
    /// When, as what follows "once".
    pub(super) once: String,
}

/// All of them, in the order of the plan.
pub(super) fn all(plan: &Plan) -> Vec<Cutover<'_>> {
    let cutovers = plan.cutovers().map(|(unit, gate)| Cutover {
        unit: unit.to_string(),
        databases: &gate.databases,
        target: gate
            .migration
            .parent()
            .as_ref()
            .map(ArmId::name)
            .unwrap_or_default()
            .to_owned(),
        once: once(gate),
    });
    cutovers.collect()
}

/// What a gate waits for.
fn once(gate: &Gate) -> String {
    let lag = match gate.max_lag.as_secs() {
        0 => "no database lags behind".to_owned(),
        _ => format!("no database lags behind by more than {}", length(gate.max_lag)),
    };
    let lag = match gate.samples {
        0 | 1 => lag,
        samples => format!("{lag}, in {samples} readings in a row"),
    };
    match &gate.window {
        None => lag,
        Some(window) => format!("{lag}, within {window}"),
    }
}

/// A line for each batch and condition: its migrations, and what they wait for.
pub(super) fn by_batch(plan: &Plan) -> Vec<String> {
    let mut alike: BTreeMap<(&Address, String), (Vec<String>, usize)> = BTreeMap::new();
    for (unit, gate) in plan.cutovers() {
        let (parts, databases) = alike.entry((&unit.resource, once(gate))).or_default();
        *databases += gate.databases.len();
        parts.push(unit.part.as_ref().map_or_else(String::new, |part| format!("#{part}")));
    }
    let lines = alike.into_iter().map(|((batch, once), (parts, databases))| {
        format!(
            "{batch} {} ({}), once {once}",
            parts.join(" "),
            count(databases, "database")
        )
    });
    lines.collect()
}

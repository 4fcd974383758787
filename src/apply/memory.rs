//! What is remembered beside the steps of a plan: names that records get before its first step, and outputs that are kept
//! after its last. It makes no call to Azure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pgferry_state::{Edit, RecordKey};
use serde_json::Value as Json;

use super::error::{ApplyError, Moved};
use super::journal::lock_as;
use super::observer::Observer;
use super::{Interrupt, Options, Ports};
use crate::address::UnitAddress;
use crate::plan::{Output, Plan};
use crate::prior::OUTPUT_PREFIX;

/// How long output values wait for the state at least, by the wall's clock: what they tell of is done, and somebody who writes
/// does so for moments.
const OUTPUT_PATIENCE: Duration = Duration::from_secs(30);

/// The key of a unit's record.
///
/// # Errors
/// When an address is too long for one, or holds control characters.
pub fn record_key(unit: &UnitAddress) -> Result<RecordKey, ApplyError> {
    unit.to_string().parse().map_err(|source| ApplyError::Key {
        unit: unit.clone(),
        source,
    })
}

/// A record that gets another name.
struct Renaming {
    /// The unit that it was the record of.
    unit: UnitAddress,
    from: RecordKey,
    to: RecordKey,
}

/// Remembers under their new names what a plan moves, all at once, and answers with the revisions that the records got; with
/// nothing where it was asked to stop before it wrote.
///
/// # Errors
/// When the state is locked for longer than it is waited for or cannot be written, or one of the records is no longer as the
/// plan knows it.
pub async fn rename(
    ports: &Ports<'_>,
    options: &Options,
    plan: &Plan,
    interrupt: &Interrupt,
    observer: &dyn Observer,
) -> Result<Option<Vec<(UnitAddress, u64)>>, ApplyError> {
    if plan.moves.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let holder = ports.caller.holder(None, ports.wall.now());
    let held = tokio::select! {
        biased;
        () = interrupt.wait() => return Ok(None),
        held = lock_as(ports, holder, options.lock_timeout, observer) => held?,
    };
    let snapshot = held.snapshot().await?;
    let mut renamings = Vec::with_capacity(plan.moves.len());
    let mut changed = Vec::new();
    for moved in &plan.moves {
        let (from, to) = (record_key(&moved.from)?, record_key(&moved.to)?);
        let found = snapshot.records.get(&from).map(|record| record.revision.get());
        if found != plan.base.records.get(&moved.to).copied() {
            changed.push(moved.from.clone());
        }
        let unit = moved.from.clone();
        renamings.push(Renaming { unit, from, to });
    }
    if !changed.is_empty() {
        held.release().await?;
        return Err(ApplyError::Moved(Moved::Records(changed)));
    }
    let committed = held.commit(in_order(renamings)?).await?;
    held.release().await?;
    let mut revisions = Vec::new();
    for moved in &plan.moves {
        if let Some(revision) = committed.revisions.get(&record_key(&moved.to)?) {
            revisions.push((moved.to.clone(), revision.get()));
        }
    }
    Ok(Some(revisions))
}

/// A name may be free only once another record has left it; in a circle, one steps aside for a moment.
///
/// # Errors
/// When an address is so long that nothing can be put behind it.
fn in_order(mut renamings: Vec<Renaming>) -> Result<Vec<Edit>, ApplyError> {
    let mut ordered = Vec::with_capacity(renamings.len());
    while !renamings.is_empty() {
        let leaving: BTreeSet<RecordKey> = renamings.iter().map(|renaming| renaming.from.clone()).collect();
        let (ready, waiting): (Vec<_>, Vec<_>) = renamings
            .into_iter()
            .partition(|renaming| !leaving.contains(&renaming.to));
        let is_circle = ready.is_empty();
        ordered.extend(
            ready
                .into_iter()
                .map(|Renaming { from, to, .. }| Edit::Rename { from, to }),
        );
        renamings = waiting;
        if let (true, Some(Renaming { unit, from, .. })) = (is_circle, renamings.first_mut()) {
            let aside: RecordKey = format!("{from}#aside").parse().map_err(|source| ApplyError::Key {
                unit: unit.clone(),
                source,
            })?;
            ordered.push(Edit::Rename {
                from: std::mem::replace(from, aside.clone()),
                to: aside,
            });
        }
    }
    Ok(ordered)
}

/// Keeps output values for `pgferry output`: known ones that may be seen. What was kept of the others is forgotten. Where that
/// is what was kept already, nothing is written.
///
/// # Errors
/// When the state is locked for longer than it is waited for, or cannot be written.
pub async fn keep_outputs(
    ports: &Ports<'_>,
    options: &Options,
    kept: &BTreeMap<String, Json>,
    outputs: &BTreeMap<String, Output>,
    observer: &dyn Observer,
) -> Result<(), ApplyError> {
    let wanted = |name: &String| match outputs.get(name) {
        Some(Output::Value(value)) => Some(value),
        Some(Output::Sensitive | Output::Unknown) | None => None,
    };
    let mut edits = Vec::new();
    for name in outputs.keys().filter(|name| wanted(name) != kept.get(*name)) {
        if let Some(value) = wanted(name) {
            edits.push(Edit::Put {
                key: output_key(name)?,
                document: value.clone(),
            });
        }
    }
    for name in kept.keys().filter(|name| wanted(name).is_none()) {
        edits.push(Edit::Remove { key: output_key(name)? });
    }
    if edits.is_empty() {
        return Ok(());
    }
    edits.insert(0, Edit::Bind(ports.caller.binding()));
    let holder = ports.caller.holder(None, ports.wall.now());
    let patience = options.lock_timeout.max(OUTPUT_PATIENCE);
    let held = lock_as(ports, holder, patience, observer).await?;
    held.commit(edits).await?;
    Ok(held.release().await?)
}

fn output_key(name: &str) -> Result<RecordKey, ApplyError> {
    format!("{OUTPUT_PREFIX}{name}")
        .parse()
        .map_err(|source| ApplyError::OutputKey {
            name: name.to_owned(),
            source,
        })
}

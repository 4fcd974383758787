//! What a plan says of windows: when they open, and that they do not open in time. Pure; the present instant is an input.

use jiff::Timestamp;

use super::Finding;
use super::step::Opens;
use crate::address::UnitAddress;
use crate::arm::migration::{Migration, MigrationMode, MigrationOption, end_of_life};
use crate::diagnostic::Severity;
use crate::diagnostic::code::WINDOW;
use crate::kind::database_batch::Batch;
use crate::window::Window;

/// Whether migrations of a batch end with a cutover.
fn is_cut_over(batch: &Batch) -> bool {
    batch.mode == MigrationMode::Online && batch.option != MigrationOption::Validate
}

/// When a migration may start, at the earliest; `None` where it never may.
fn begins(batch: &Batch, now: Timestamp) -> Option<Timestamp> {
    batch.window.as_ref().map_or(Some(now), |window| window.opens(now))
}

/// When windows open that are closed now.
pub(super) fn notes(batch: &Batch, now: Timestamp) -> Vec<String> {
    let begins = begins(batch, now);
    let later = |window: &Window, from: Timestamp, what: &str| {
        let opens = window.opens(from).filter(|opens| *opens > from)?;
        Some(format!(
            "{what} {} at the earliest, when its window opens",
            window.local(opens)
        ))
    };
    let start = batch.window.as_ref().and_then(|window| later(window, now, "it starts"));
    let cutover = batch.cutover.window.as_ref().filter(|_| is_cut_over(batch));
    let cutover = cutover.and_then(|window| later(window, begins?, "it is cut over"));
    start.into_iter().chain(cutover).collect()
}

/// When the window of a running migration's cutover opens, where that is closed now.
pub(super) fn note_of_running(batch: &Batch, migration: &Migration, opens: Opens, now: Timestamp) -> Option<String> {
    let window = window_of_running(batch, migration).filter(|_| opens == Opens::ByItself)?;
    let at = window.opens(now).filter(|at| *at > now)?;
    Some(format!(
        "it is cut over {} at the earliest, when its window opens",
        window.local(at)
    ))
}

/// Why a migration cannot be started, or would die before its cutover.
pub(super) fn of_start(batch: &Batch, unit: &UnitAddress, now: Timestamp) -> Option<Finding> {
    let Some(begins) = begins(batch, now) else {
        let window = batch.window.as_ref()?;
        return Some(never(unit, window, now, "be started", "of the batch"));
    };
    let window = batch.cutover.window.as_ref().filter(|_| is_cut_over(batch))?;
    let Some(opens) = window.opens(begins) else {
        return Some(never(unit, window, now, "be cut over", "in its `cutover` block"));
    };
    let dies = end_of_life(begins)?;
    (opens >= dies).then(|| Finding {
        code: WINDOW,
        severity: Severity::Error,
        summary: format!("{unit} would end before its cutover: Azure gives a migration up 168 h after its start"),
        detail: Some(format!(
            "Started {}, it would end by {}, and the window of its cutover opens {}. Write a `not_before` into the batch that \
             is less than 168 h before that, or open the window of the cutover earlier.",
            window.local(begins),
            window.local(dies),
            window.local(opens)
        )),
        remedy: None,
        address: Some(unit.resource.clone()),
    })
}

/// Why a running migration cannot be cut over in time.
pub(super) fn of_running(
    batch: &Batch,
    unit: &UnitAddress,
    migration: &Migration,
    opens: Opens,
    now: Timestamp,
) -> Option<Finding> {
    let window = window_of_running(batch, migration)?;
    let Some(at) = window.opens(now) else {
        let found = never(unit, window, now, "be cut over", "in its `cutover` block");
        return Some(match opens {
            Opens::ByItself => found,
            // A person may do it all the same.
            Opens::ByHand | Opens::ByApproval => Finding {
                severity: Severity::Warning,
                ..found
            },
        });
    };
    let dies = migration.deadline().filter(|dies| at >= *dies)?;
    Some(Finding {
        code: WINDOW,
        severity: Severity::Warning,
        summary: format!("{unit} ends before the window of its cutover opens"),
        detail: Some(format!(
            "Azure gives it up {}, and the window opens {}. Open it earlier in the `cutover` block, or cut it over by hand.",
            window.local(dies),
            window.local(at)
        )),
        remedy: None,
        address: Some(unit.resource.clone()),
    })
}

/// The window of a cutover that is still to come.
fn window_of_running<'a>(batch: &'a Batch, migration: &Migration) -> Option<&'a Window> {
    let is_to_come = migration.mode == MigrationMode::Online
        && migration.option != MigrationOption::Validate
        && !migration.is_cutting_over();
    batch.cutover.window.as_ref().filter(|_| is_to_come)
}

fn never(unit: &UnitAddress, window: &Window, now: Timestamp, what: &str, place: &str) -> Finding {
    let over = window.not_after.filter(|over| *over <= now);
    let (summary, why) = match over {
        Some(over) => (
            format!("{unit} may not {what} any more: its window lies in the past"),
            format!("`not_after` was {}.", window.local(over)),
        ),
        None => (
            format!("{unit} can never {what}: its window does not open"),
            format!("Nothing is left of it: {window}."),
        ),
    };
    Finding {
        code: WINDOW,
        severity: Severity::Error,
        summary,
        detail: Some(format!(
            "{why} Change `not_before` and `not_after` {place}, its hours or `calendar`; or leave it alone this time with \
             `--exclude`."
        )),
        remedy: None,
        address: Some(unit.resource.clone()),
    }
}

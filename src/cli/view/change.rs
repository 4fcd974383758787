//! The changes of one resource that is a thing: what happens to it, why, and its fields, aligned.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::layout::{hang, pad, pad_left};
use super::value::Spelling;
use crate::cli::color::{ADD, ADVANCE, CHANGE, DIM, REMOVE, STRONG, paint};
use crate::plan::action::{Phase, Shown};
use crate::plan::{Action, Change, FieldChange, Output, Plan, Reason};
use anstyle::Style;

/// How much a change weighs for whoever decides about it; the gravest is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// Its resource loses something that cannot be had back.
    Loses,
    /// Something is deleted, be it to be made anew.
    Deletes,
    /// A migration is cut over.
    CutsOver,
    /// Something is changed in place.
    Changes,
    /// Something is no longer looked after.
    Forgets,
    /// Something new comes.
    Creates,
    /// A migration is watched.
    Watches,
    /// Only our memory changes.
    Remembers,
}

impl Weight {
    /// Of an action alone.
    pub(crate) fn of(action: &Action) -> Self {
        match action {
            Action::Delete | Action::Replace => Self::Deletes,
            Action::Advance(Phase::Cutover) => Self::CutsOver,
            Action::Update => Self::Changes,
            Action::Forget => Self::Forgets,
            Action::Create => Self::Creates,
            Action::Advance(Phase::Watch | Phase::Answer) => Self::Watches,
            Action::Remember | Action::Adopt => Self::Remembers,
        }
    }

    /// Whether it is named for as long as anything is.
    pub(crate) fn is_grave(self) -> bool {
        self <= Self::CutsOver
    }
}

/// The changes of one resource, with the weight of the gravest.
#[derive(Clone, Copy)]
pub(crate) struct Group<'a> {
    /// Of the gravest.
    pub(crate) weight: Weight,
    /// Its units.
    pub(crate) changes: &'a [Change],
}

/// The changes by resource, the gravest resources first. Those of one weight stay in the order of their addresses, and so do
/// the units of each.
pub(crate) fn by_weight(plan: &Plan) -> Vec<Group<'_>> {
    let losses = plan.losses.iter().filter(|loss| !loss.is_only_possible());
    let losing: BTreeSet<_> = losses.map(|loss| &loss.address).collect();
    let cut_over: BTreeSet<_> = plan.cutovers().map(|(unit, _)| unit).collect();
    let weight = |change: &Change| match Weight::of(&change.action) {
        weight if cut_over.contains(&change.unit) => weight.min(Weight::CutsOver),
        weight => weight,
    };
    let groups = plan.changes.chunk_by(|a, b| a.unit.resource == b.unit.resource);
    let mut groups: Vec<Group<'_>> = groups
        .map(|changes| {
            let loses = changes
                .first()
                .is_some_and(|first| losing.contains(&first.unit.resource));
            let gravest = changes.iter().map(weight).min();
            Group {
                weight: if loses {
                    Weight::Loses
                } else {
                    gravest.unwrap_or(Weight::Remembers)
                },
                changes,
            }
        })
        .collect();
    groups.sort_by_key(|group| group.weight);
    groups
}

/// How an action is shown.
pub(crate) struct Sign {
    /// In front of a unit.
    pub(crate) symbol: &'static str,
    /// Its colour.
    pub(crate) style: Style,
    /// In the legend.
    pub(crate) legend: &'static str,
    /// Behind a unit's address.
    pub(crate) will: &'static str,
}

/// How an action is shown.
pub(crate) fn sign(action: &Action) -> Sign {
    let sign = |symbol, style, legend, will| Sign {
        symbol,
        style,
        legend,
        will,
    };
    match action {
        Action::Create => sign("+", ADD, "create", "will be created"),
        Action::Update => sign("~", CHANGE, "update in place", "will be updated in place"),
        Action::Replace => sign("-/+", REMOVE, "delete and create anew", "must be replaced"),
        Action::Delete => sign("-", REMOVE, "delete", "will be deleted"),
        Action::Forget => sign(".", DIM, "forget", "will be forgotten"),
        Action::Remember => sign("<=", ADVANCE, "remember as it is", "will be remembered as it is now"),
        Action::Adopt => sign("=", ADVANCE, "adopt", "will be adopted"),
        Action::Advance(Phase::Watch) => sign(">", ADVANCE, "advance", "will be watched"),
        Action::Advance(Phase::Answer) => sign(">", ADVANCE, "advance", "will be answered and watched"),
        Action::Advance(Phase::Cutover) => sign(">", ADVANCE, "advance", "will be watched and cut over"),
    }
}

/// Why, as what follows "because".
pub(crate) fn because(reason: &Reason) -> &str {
    match reason {
        Reason::Absent => "it is declared and not there",
        Reason::Declared => "it is declared otherwise than it is",
        Reason::Drifted => "somebody changed it since the last apply",
        Reason::AlreadyThere => "it is there, as declared",
        Reason::NotDeclared => "it is no longer declared",
        Reason::Destroy => "a destroy was asked for",
        Reason::Gone => "somebody deleted it",
        Reason::Unfinished => "it is on its way",
        Reason::Retry => "its last attempt did not succeed",
        Reason::Repair(text) | Reason::Because(text) => text,
    }
}

/// The end of a sentence; the heading of a destroy has said why everything goes.
fn why(reason: &Reason) -> String {
    match reason {
        Reason::Destroy => String::new(),
        Reason::Absent
        | Reason::Declared
        | Reason::Drifted
        | Reason::AlreadyThere
        | Reason::NotDeclared
        | Reason::Gone
        | Reason::Unfinished
        | Reason::Retry
        | Reason::Repair(_)
        | Reason::Because(_) => format!(", because {}", because(reason)),
    }
}

/// Writes the units of one resource, which stand together and are not empty. Units that show no field take one line each.
pub(crate) fn resource(text: &mut String, changes: &[Change], spelling: &Spelling<'_>, columns: usize) {
    let mut rest = changes;
    while let Some(first) = rest.first() {
        let alike = rest
            .iter()
            .take_while(|change| {
                change.action == first.action
                    && change.reason == first.reason
                    && has_fields(change) == has_fields(first)
            })
            .count();
        let (group, others) = rest.split_at(alike);
        if has_fields(first) {
            block(text, group, spelling, columns);
        } else {
            lines(text, group, columns);
        }
        rest = others;
    }
}

/// Whether a change takes more than a line.
pub(crate) fn has_fields(change: &Change) -> bool {
    !change.fields.is_empty() || found(change).is_some()
}

/// The id of what goes or becomes ours, as a field: by it a reviewer finds the object in Azure.
fn found(change: &Change) -> Option<FieldChange> {
    let id = change.id.as_ref()?.as_str();
    let (before, after) = match change.action {
        Action::Delete => (Some(id.into()), None),
        Action::Adopt => (None, Some(Shown::Value(id.into()))),
        Action::Create | Action::Update | Action::Replace | Action::Forget | Action::Remember | Action::Advance(_) => {
            return None;
        }
    };
    Some(FieldChange {
        attribute: "id".to_owned(),
        before,
        after,
        forces_replacement: false,
    })
}

/// Units that are done in the same way and for the same reason, under one heading.
fn block(text: &mut String, group: &[Change], spelling: &Spelling<'_>, columns: usize) {
    let Some(first) = group.first() else { return };
    let sign = sign(&first.action);
    let heading = format!(
        "{STRONG}{}{STRONG:#} {}{}",
        subject(group),
        sign.will,
        why(&first.reason)
    );
    text.push_str(&hang("  # ", "  # ", &heading, columns));
    for change in group {
        let _ = writeln!(text, "{} {}", lead(&sign), change.unit);
        let told: Vec<FieldChange> = found(change).into_iter().chain(change.fields.iter().cloned()).collect();
        fields(
            text,
            &told,
            Frame {
                action: &change.action,
                spelling,
                columns,
            },
        );
        for note in &change.notes {
            text.push_str(&hang("      # ", "      # ", note, columns));
        }
    }
    text.push('\n');
}

/// Symbols end in one column: `-/+` begins two columns earlier than `+`.
pub(crate) fn lead(sign: &Sign) -> String {
    pad_left(&paint(sign.style, sign.symbol), 3)
}

fn lines(text: &mut String, group: &[Change], columns: usize) {
    for change in group {
        let sign = sign(&change.action);
        let mut sentence = format!("{STRONG}{}{STRONG:#} {}{}", change.unit, sign.will, why(&change.reason));
        for note in &change.notes {
            sentence.push_str("; ");
            sentence.push_str(note);
        }
        text.push_str(&hang(&format!("{} ", lead(&sign)), "    ", &sentence, columns));
    }
}

/// `vnet_peering.a#forward`, or `vnet_peering.a (forward, reverse)`.
fn subject(group: &[Change]) -> String {
    match group {
        [] => String::new(),
        [only] => only.unit.to_string(),
        [first, ..] => {
            let parts: Vec<&str> = group
                .iter()
                .filter_map(|change| Some(change.unit.part.as_ref()?.as_str()))
                .collect();
            format!("{} ({})", first.unit.resource, parts.join(", "))
        }
    }
}

/// Within what fields are shown.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) action: &'a Action,
    pub(crate) spelling: &'a Spelling<'a>,
    pub(crate) columns: usize,
}

/// Writes fields, their `=` in one column.
pub(crate) fn fields(text: &mut String, fields: &[FieldChange], frame: Frame<'_>) {
    let names = fields
        .iter()
        .map(|field| field.attribute.chars().count())
        .max()
        .unwrap_or_default();
    for change in fields {
        field(text, change, &symbol(change), Margin { indent: 6, names }, frame);
    }
}

/// Writes outputs as they will be, their `=` in one column; those that stay as they are have no sign.
pub(crate) fn outputs(text: &mut String, plan: &Plan, spelling: &Spelling<'_>, columns: usize) {
    let shown = |output: &Output| match output {
        Output::Value(value) => Shown::Value(value.clone()),
        Output::Sensitive => Shown::Sensitive,
        Output::Unknown => Shown::Unknown,
    };
    let names: BTreeSet<&String> = plan.outputs.keys().chain(plan.outputs_before.keys()).collect();
    let margin = Margin {
        indent: 2,
        names: names.iter().map(|name| name.chars().count()).max().unwrap_or_default(),
    };
    let frame = Frame {
        action: &Action::Update,
        spelling,
        columns,
    };
    for name in names {
        let before = plan.outputs_before.get(name);
        let change = FieldChange {
            attribute: name.clone(),
            before: before.cloned().flatten(),
            after: plan.outputs.get(name).map(shown),
            forces_replacement: false,
        };
        let sign = match before {
            Some(_) => symbol(&change),
            None => " ".to_owned(),
        };
        field(text, &change, &sign, margin, frame);
    }
}

/// Whether a field comes, goes or changes.
fn symbol(change: &FieldChange) -> String {
    let (symbol, style) = match (&change.before, &change.after) {
        (None | Some(serde_json::Value::Null), Some(_)) => ("+", ADD),
        (Some(_), None) => ("-", REMOVE),
        (Some(_), Some(_)) | (None, None) => ("~", CHANGE),
    };
    paint(style, symbol)
}

/// What stands before the `=` of a field: so many columns, the sign, and a name of so many.
#[derive(Clone, Copy)]
struct Margin {
    indent: usize,
    names: usize,
}

fn field(text: &mut String, change: &FieldChange, symbol: &str, margin: Margin, frame: Frame<'_>) {
    let Margin { indent, names } = margin;
    let Frame {
        action,
        spelling,
        columns,
    } = frame;
    let forced = match (change.forces_replacement, action) {
        // Only of a migration: what it brought stays, and another one is made.
        (true, Action::Create) => format!("  {CHANGE}# forces new attempt{CHANGE:#}"),
        (true, _) => format!("  {REMOVE}# forces replacement{REMOVE:#}"),
        (false, _) => String::new(),
    };
    let lead = format!("{:indent$}{symbol} {} = ", "", pad(&change.attribute, names));
    let room = columns.saturating_sub(names + indent + 5);
    let several_lines = |text: &mut String, lines: &[String]| several_lines(text, &lead, &forced, lines, indent + 2);
    let after = change.after.as_ref().map(|after| shown(after, spelling));
    let long = |value: &serde_json::Value| spelling.is_long(value, room);
    match (&change.before, &change.after) {
        (Some(before), Some(Shown::Value(after))) if long(before) || long(after) => {
            several_lines(text, &spelling.difference(before, after));
        }
        (None, Some(Shown::Value(after))) if long(after) => {
            several_lines(text, &spelling.lines(after));
        }
        // It goes with all that it is: that nothing follows needs no word.
        (Some(before), None) if *action == Action::Delete => {
            several_lines(text, &spelling.several(before, room));
        }
        (Some(before), _) if !before.is_null() => {
            let before = spelling.inline(before);
            let after = after.unwrap_or_else(|| "null".into());
            let one_line = before.chars().count() + after.chars().count() + 4 <= room;
            let gap = if one_line {
                " ".to_owned()
            } else {
                format!("\n{:1$}", "", names + indent + 2)
            };
            let _ = writeln!(text, "{lead}{before}{gap}{CHANGE}->{CHANGE:#} {after}{forced}");
        }
        (_, _) => {
            let _ = writeln!(text, "{lead}{}{forced}", after.unwrap_or_else(|| "null".into()));
        }
    }
}

fn several_lines(text: &mut String, lead: &str, forced: &str, lines: &[String], indent: usize) {
    for (at, line) in lines.iter().enumerate() {
        let _ = match at {
            0 => writeln!(text, "{lead}{}{forced}", line.trim_start()),
            _ => writeln!(text, "{:indent$}{line}", ""),
        };
    }
}

/// A declared value as it may be shown.
pub(crate) fn shown(value: &Shown, spelling: &Spelling<'_>) -> String {
    match value {
        Shown::Value(value) => spelling.inline(value),
        Shown::Sensitive => "(sensitive value)".into(),
        Shown::Unknown => format!("{DIM}(known after apply){DIM:#}"),
    }
}

//! A plan for people: what could be lost first, then what checks say, what others changed, what would be done and why, and
//! one line that counts.

pub(crate) mod annotations;
mod cutovers;
pub(crate) mod dot;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod markdown;
pub(crate) mod mermaid;
pub(crate) mod picture;
pub(crate) mod problem;
pub(crate) mod sarif;
pub(crate) mod schedule;
pub(crate) mod svg;
pub(crate) mod xml;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use jiff::Timestamp;

use self::problem::Places;
use super::batch::{Page, Steps, batch};
use super::change::{Frame, Group, by_weight, fields, lead, resource, shown, sign};
use super::layout::{clean, count, hang, listed, pad};
use super::time::{between, instant, length};
use super::value::{Ids, Spelling};
use crate::arm::SubscriptionId;
use crate::block::Verdict;
use crate::cli::calling::Calling;
use crate::cli::color::{ADVANCE, DIM, ERROR, GOOD, REMOVE, STRONG, WARNING, paint};
use crate::config::amend::literal;
use crate::diagnostic::Severity;
use crate::kind::database_batch;
use crate::plan::action::{Drift, Loss, Outcome, Shown};
use crate::plan::{Action, Change, Checked, Finding, FromSnapshot, Memory, Mode, Output, Plan};

/// The contract of `plan --json`.
pub(crate) const JSON_SCHEMA: &str = include_str!("../../../schemas/pgferry/plan-json.json");

/// How many requests planning took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reads(pub(crate) u64);

/// How much of a plan is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// What a reviewer reads.
    Review,
    /// Whole ids, and drift field by field.
    Everything,
}

/// A plan, shown.
pub(crate) struct PlanView<'a> {
    /// The plan.
    pub(crate) plan: &'a Plan,
    /// How commands are called.
    pub(crate) calling: &'a Calling,
    /// Where resources are declared.
    pub(crate) places: &'a Places,
    /// What it took.
    pub(crate) reads: Option<Reads>,
    /// The moment from which the age of a snapshot is counted; nothing where the text must not change with time.
    pub(crate) now: Option<Timestamp>,
    /// How much of it.
    pub(crate) detail: Detail,
    /// How wide.
    pub(crate) columns: usize,
}

impl PlanView<'_> {
    /// What others changed, as text with styles: a plan that only remembers it, of which nothing is done.
    pub(crate) fn render_drift(&self) -> String {
        let mut text = String::new();
        self.findings(&mut text);
        match self.plan.changes.is_empty() {
            true => self.nothing(&mut text),
            false => self.changes_under(&mut text, "Others made these changes:"),
        }
        self.left_out(&mut text);
        self.requests(&mut text);
        text
    }

    /// As text with styles.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        self.source(&mut text);
        self.losses(&mut text);
        self.findings(&mut text);
        text.push_str(&checks(&self.plan.checks, self.columns));
        self.count_problems(&mut text);
        // Where it is the plan, it stands among the changes.
        if self.plan.mode != Mode::Refresh {
            self.drift(&mut text);
        }
        self.moves(&mut text);
        if self.plan.changes.is_empty() {
            self.nothing(&mut text);
        } else {
            self.changes(&mut text);
        }
        text.push_str(&schedule::text(self.plan, self.columns));
        self.left_out(&mut text);
        if !self.plan.changes.is_empty() && self.plan.mode == Mode::Apply && has_outputs(self.plan) {
            text.push_str("Outputs after apply:\n\n");
            self.outputs(&mut text);
            text.push('\n');
        }
        self.cutovers(&mut text);
        if !self.plan.changes.is_empty() {
            self.summary(&mut text);
        }
        self.requests(&mut text);
        text
    }

    fn spelling(&self) -> Spelling<'_> {
        Spelling {
            home: &self.plan.base.subscription,
            ids: match self.detail {
                Detail::Review => Ids::Short,
                Detail::Everything => Ids::Whole,
            },
        }
    }

    /// What a plan was made from that was not made from Azure.
    fn source(&self, text: &mut String) {
        let Some(snapshot) = &self.plan.base.snapshot else {
            return;
        };
        let first = format!("{WARNING}NOT LIVE{WARNING:#}  ");
        let sentence = provenance(snapshot, self.now).join(" ");
        text.push_str(&hang(&first, "          ", &sentence, self.columns));
        text.push('\n');
    }

    fn losses(&self, text: &mut String) {
        let (possible, certain): (Vec<&Loss>, Vec<&Loss>) =
            self.plan.losses.iter().partition(|loss| loss.is_only_possible());
        self.losses_under(
            text,
            &format!("{ERROR}WILL BE LOST: {}{ERROR:#}", certain.len()),
            &certain,
        );
        let heading = format!("{WARNING}NOT THERE NOW, AND NOT KEPT: {}{WARNING:#}", possible.len());
        self.losses_under(text, &heading, &possible);
    }

    fn losses_under(&self, text: &mut String, heading: &str, losses: &[&Loss]) {
        if losses.is_empty() {
            return;
        }
        let _ = writeln!(text, "{heading}\n");
        let mut alike: BTreeMap<_, Vec<&Loss>> = BTreeMap::new();
        for loss in losses {
            alike
                .entry((&loss.address, &loss.how, &loss.consent))
                .or_default()
                .push(loss);
        }
        for ((address, how, consent), losses) in alike {
            let (consent, way_out) = match consent {
                Some(consent) => (format!("accepted ({consent})"), None),
                None => (paint(ERROR, "NOT ACCEPTED"), Some(to_accept(losses.iter().copied()))),
            };
            let sentence = format!("{STRONG}{address}{STRONG:#}: {how}, {consent}");
            text.push_str(&hang("  ", "  ", &sentence, self.columns));
            for loss in losses {
                let _ = writeln!(text, "    {REMOVE}!{REMOVE:#} {}", clean(&loss.what));
            }
            if let Some(way_out) = way_out {
                let sentence = format!("to accept it, the batch says: {way_out}");
                text.push_str(&hang("    ", "    ", &sentence, self.columns));
            }
        }
        text.push('\n');
    }

    fn findings(&self, text: &mut String) {
        for finding in &self.plan.findings {
            self.finding(text, finding);
        }
    }

    /// What a plan ends with 7 for, and what not.
    fn count_problems(&self, text: &mut String) {
        let (findings, checks) = (self.plan.findings.len(), self.plan.failed_checks().count());
        let refusing = self.plan.blocking().count();
        if findings + checks > 1 {
            let _ = writeln!(
                text,
                "Checks: {} failed, {}\n",
                refusing + checks,
                count(findings - refusing, "warning")
            );
        }
    }

    fn finding(&self, text: &mut String, finding: &Finding) {
        let (word, style) = match finding.severity {
            Severity::Error => ("error", ERROR),
            Severity::Warning => ("warning", WARNING),
        };
        let first = format!("{style}{word}[{}]{style:#}: ", finding.code);
        let further = pad("", super::layout::width(&first));
        text.push_str(&hang(&first, &further, &clean(&finding.summary), self.columns));
        if let Some(address) = &finding.address {
            let place = self.places.of_address(address);
            let place = place.map(|place| format!(" ({}:{})", place.file, place.line));
            let _ = writeln!(text, "  in {address}{}", place.unwrap_or_default());
        }
        if let Some(detail) = &finding.detail {
            text.push_str(&hang("  ", "  ", &clean(&self.calling.in_text(detail)), self.columns));
        }
        if let Some(remedy) = &finding.remedy {
            text.push_str("  this would mend it:\n\n");
            for line in remedy.lines() {
                let _ = writeln!(text, "      {line}");
            }
        }
        text.push('\n');
    }

    fn drift(&self, text: &mut String) {
        let drift = &self.plan.drift;
        if drift.is_empty() {
            return;
        }
        let _ = writeln!(text, "Changed by others since the last apply ({}):\n", drift.len());
        for drift in drift {
            self.drifted(text, drift);
        }
        text.push('\n');
    }

    /// One line a unit with one field, where not every detail is wanted; otherwise a line for each of its fields.
    fn drifted(&self, text: &mut String, drift: &Drift) {
        let spelling = self.spelling();
        let (action, what) = match drift.outcome {
            Outcome::Deleted => (Action::Delete, " is gone"),
            Outcome::Changed => (Action::Update, ""),
        };
        let first = format!("{} ", lead(&sign(&action)));
        let single = match (drift.fields.as_slice(), self.detail) {
            ([field], Detail::Review) => match (&field.before, &field.after) {
                (Some(before), Some(after)) => Some(format!(
                    "{}: {} = {} -> {}",
                    drift.unit,
                    field.attribute,
                    spelling.inline(before),
                    shown(after, &spelling)
                )),
                (_, _) => None,
            },
            (_, _) => None,
        };
        if let Some(sentence) = single {
            text.push_str(&hang(&first, "    ", &sentence, self.columns));
            return;
        }
        text.push_str(&hang(&first, "    ", &format!("{}{what}", drift.unit), self.columns));
        let frame = Frame {
            action: &action,
            spelling: &spelling,
            columns: self.columns,
        };
        fields(text, &drift.fields, frame);
    }

    /// What has another name, in Terraform's words.
    fn moves(&self, text: &mut String) {
        let moves = &self.plan.moves;
        if moves.is_empty() {
            return;
        }
        let _ = writeln!(
            text,
            "Remembered under another name; nothing changes in Azure by that:\n"
        );
        for group in moves.chunk_by(|a, b| a.to.resource == b.to.resource) {
            let within = group.iter().filter(|moved| moved.from.resource == moved.to.resource);
            let mut sentences: Vec<String> = within
                .map(|moved| format!("what was {} is {} now", moved.from, moved.to))
                .collect();
            let other = group.iter().find(|moved| moved.from.resource != moved.to.resource);
            sentences.extend(other.map(|moved| format!("{} has moved to {}", moved.from.resource, moved.to.resource)));
            for sentence in sentences {
                text.push_str(&hang("  # ", "    ", &sentence, self.columns));
            }
        }
        text.push('\n');
    }

    fn nothing(&self, text: &mut String) {
        let is_stuck = self.plan.stuck().next().is_some();
        let changes_outputs = self.plan.mode == Mode::Apply && self.plan.changes_outputs();
        if changes_outputs && !is_stuck {
            text.push_str("Only outputs change:\n\n");
            return self.outputs(text);
        }
        if !is_stuck && self.plan.losses.iter().any(|loss| loss.consent.is_none()) {
            let sentence =
                "Nothing is done while a loss is not accepted: what is said of it above tells how to accept it.";
            let first = format!("{WARNING}No changes.{WARNING:#} ");
            text.push_str(&hang(&first, "", sentence, self.columns));
            return;
        }
        let sentence = match (self.plan.mode, self.plan.kept, self.plan.findings.is_empty()) {
            (Mode::Destroy, _, _) if !self.plan.left_out.is_empty() => {
                "All that there is to delete is left out.".to_owned()
            }
            (Mode::Destroy, _, _) => "Nothing is remembered, so there is nothing to delete.".to_owned(),
            (Mode::Refresh, _, _) => "Nobody changed what pgferry remembers.".to_owned(),
            (Mode::Apply, 0, true) => "The configuration declares nothing to do.".to_owned(),
            (Mode::Apply, 0, false) => "Nothing can be done.".to_owned(),
            (Mode::Apply, 1, _) => "The one declared object is as it should be.".to_owned(),
            (Mode::Apply, kept, _) => format!("All {kept} declared objects and migrations are as they should be."),
        };
        if is_stuck {
            let sentence = "Nothing is done by itself while a migration has not succeeded: what is said of it above tells how to go on.";
            let what = match changes_outputs {
                true => "No changes but of outputs.",
                false => "No changes.",
            };
            text.push_str(&hang(
                &format!("{WARNING}{what}{WARNING:#} "),
                "",
                sentence,
                self.columns,
            ));
            if changes_outputs {
                text.push('\n');
                self.outputs(text);
            }
            return;
        }
        let first = format!("{GOOD}No changes.{GOOD:#} ");
        text.push_str(&hang(&first, "", &sentence, self.columns));
    }

    fn changes(&self, text: &mut String) {
        let heading = match self.plan.mode {
            Mode::Apply => "pgferry will do the following:",
            Mode::Destroy => "pgferry will take down what it made, and forget the rest:",
            Mode::Refresh => "Others made these changes; pgferry will remember them and change nothing in Azure:",
        };
        self.changes_under(text, heading);
    }

    fn changes_under(&self, text: &mut String, heading: &str) {
        let plan = self.plan;
        let _ = writeln!(text, "{heading}\n");
        let _ = writeln!(text, "{}\n", legend(&plan.changes));
        let spelling = self.spelling();
        let steps = Steps::of(plan);
        let mut one_liners_before = false;
        for Group { changes: group, .. } in by_weight(plan) {
            let is_batch = group.first().is_some_and(is_batch);
            let is_block = is_batch || group.iter().any(super::change::has_fields);
            if is_block && one_liners_before {
                text.push('\n');
            }
            one_liners_before = !is_block;
            if is_batch {
                let page = Page {
                    steps: &steps,
                    calling: self.calling,
                    columns: self.columns,
                };
                batch(text, group, &page, &spelling);
            } else {
                resource(text, group, &spelling, self.columns);
            }
        }
        if one_liners_before {
            text.push('\n');
        }
    }

    fn outputs(&self, text: &mut String) {
        let spelling = Spelling {
            home: &self.plan.base.subscription,
            ids: Ids::Whole,
        };
        super::change::outputs(text, self.plan, &spelling, self.columns);
    }

    fn cutovers(&self, text: &mut String) {
        for line in cutovers::by_batch(self.plan) {
            let first = format!("{ADVANCE}Cuts over by itself:{ADVANCE:#} ");
            text.push_str(&hang(&first, "  ", &line, self.columns));
        }
    }

    fn summary(&self, text: &mut String) {
        let tally = self.plan.tally();
        let mut parts = vec![
            format!("{} to add", tally.add),
            format!("{} to change", tally.change),
            format!("{} to destroy", tally.destroy),
        ];
        let more = [
            (tally.adopt, "adopt"),
            (tally.forget, "forget"),
            (tally.remember, "remember"),
            (tally.advance, "advance"),
        ];
        parts.extend(
            more.iter()
                .filter(|(number, _)| *number > 0)
                .map(|(number, word)| format!("{number} to {word}")),
        );
        parts.extend(counted_losses(self.plan));
        let counted = format!("{STRONG}Plan:{STRONG:#} {}.", parts.join(", "));
        text.push_str(&hang("", "  ", &counted, self.columns));
    }

    fn left_out(&self, text: &mut String) {
        let left_out = &self.plan.left_out;
        if left_out.is_empty() {
            return;
        }
        let units: Vec<String> = left_out.iter().map(ToString::to_string).collect();
        let sentence = format!(
            "{} {}",
            paint(WARNING, "Left out, and not as declared:"),
            listed(&units)
        );
        text.push_str(&hang("", "  ", &sentence, self.columns));
        text.push('\n');
    }

    fn requests(&self, text: &mut String) {
        let writes = self.plan.steps.iter().filter(|step| is_write(&step.op)).count();
        let mut sentence = match (self.reads, &self.plan.base.snapshot) {
            (Some(Reads(reads)), _) => {
                let reads = usize::try_from(reads).unwrap_or(usize::MAX);
                format!("{} so far", count(reads, "read"))
            }
            (None, Some(_)) => "not asked".to_owned(),
            (None, None) => return,
        };
        if writes > 0 {
            let _ = write!(sentence, "; {} to come", count(writes, "write"));
        }
        let _ = writeln!(text, "{DIM}Azure: {sentence}.{DIM:#}");
    }
}

/// What is said of a plan that was made from a snapshot: when that was taken, how old it is, and what follows from it.
pub(crate) fn provenance(snapshot: &FromSnapshot, now: Option<Timestamp>) -> Vec<String> {
    let FromSnapshot {
        taken,
        complete,
        memory,
    } = snapshot;
    let mut sentences = Vec::new();
    let age = |taken: Timestamp| match now {
        Some(now) => format!(", {} ago", length(Duration::from_secs(between(taken, now).as_secs()))),
        None => String::new(),
    };
    sentences.push(match taken {
        Some(taken) => format!(
            "Made from a snapshot of Azure, taken {}{}; Azure was not asked.",
            instant(*taken),
            age(*taken)
        ),
        None => "Made from a list of ARM objects that does not say how old it is; Azure was not asked.".to_owned(),
    });
    if *complete {
        sentences.push("What it does not hold was taken not to exist.".to_owned());
    }
    match memory {
        Memory::Snapshot => {}
        Memory::State => sentences.push("What is remembered comes from the state on this machine.".to_owned()),
        Memory::Nowhere => sentences.push(
            "The state was not read, as if nothing were remembered: what it would delete, forget or find changed by others \
             is not told."
                .to_owned(),
        ),
    }
    sentences
}

/// The argument with which a batch accepts losses that it does not accept yet.
pub(crate) fn to_accept<'a>(mut losses: impl ExactSizeIterator<Item = &'a Loss>) -> String {
    /// More names hide what is to be written.
    const NAMED: usize = 8;
    let members = match losses.len() {
        ..=NAMED => losses
            .map(|loss| {
                format!(
                    "{} = \"{}\"",
                    literal(&serde_json::Value::from(clean(&loss.what))),
                    loss.accepted_by()
                )
            })
            .collect::<Vec<_>>()
            .join(", "),
        _ => {
            let word = losses.next().map_or("overwrite", Loss::accepted_by);
            format!("DATABASE = \"{word}\"")
        }
    };
    format!("accept_loss = {{ {members} }}")
}

/// How much is lost, as the end of a count.
pub(crate) fn counted_losses(plan: &Plan) -> Option<String> {
    let losses: Vec<&Loss> = plan.losses.iter().filter(|loss| !loss.is_only_possible()).collect();
    let refused = losses.iter().filter(|loss| loss.consent.is_none()).count();
    match (losses.len(), refused) {
        (0, _) => None,
        (all, 0) => Some(format!("{all} to be lost")),
        (all, refused) if all == refused => Some(format!("{all} to be lost, not accepted")),
        (all, refused) => Some(format!("{all} to be lost, {refused} of them not accepted")),
    }
}

/// What has to be said or mended before apply takes a plan; nothing where it takes it as it stands.
pub(crate) fn missing(plan: &Plan) -> Vec<String> {
    let mut unconsented: BTreeMap<_, Vec<&Loss>> = BTreeMap::new();
    for loss in plan.losses.iter().filter(|loss| loss.consent.is_none()) {
        unconsented.entry(&loss.address).or_default().push(loss);
    }
    let mut missing: Vec<String> = unconsented
        .into_iter()
        .map(|(address, losses)| format!("{address} does not say {}", to_accept(losses.into_iter())))
        .collect();
    let codes: BTreeSet<String> = plan.blocking().map(|finding| finding.code.to_string()).collect();
    if !codes.is_empty() {
        let codes: Vec<String> = codes.into_iter().collect();
        missing.push(format!("what {} found is not mended", listed(&codes)));
    }
    missing
}

/// Checks that do not hold or cannot be judged yet.
pub(crate) fn checks(checks: &[Checked], columns: usize) -> String {
    let mut text = String::new();
    for check in checks {
        let (word, said) = match check.verdict {
            Verdict::Holds => continue,
            Verdict::Fails => (paint(WARNING, "check failed"), clean(&check.message)),
            Verdict::Unknown => (paint(DIM, "check"), "this is only known after apply".to_owned()),
        };
        let first = format!("{word}: ");
        let further = pad("", super::layout::width(&first));
        let sentence = format!("{}: {said}", check.name);
        text.push_str(&hang(&first, &further, &sentence, columns));
        if let Some(place) = &check.place {
            let _ = writeln!(text, "  at {}", clean(place));
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// Whether there is, or was, an output.
fn has_outputs(plan: &Plan) -> bool {
    !plan.outputs.is_empty() || !plan.outputs_before.is_empty()
}

/// Output values under a heading, their `=` in one column.
pub(crate) fn outputs(outputs: &BTreeMap<String, Output>, home: &SubscriptionId, heading: &str) -> String {
    let spelling = Spelling { home, ids: Ids::Whole };
    let names = outputs
        .keys()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or_default();
    let mut text = heading.to_owned();
    for (name, output) in outputs {
        let value = match output {
            Output::Value(value) => Shown::Value(value.clone()),
            Output::Sensitive => Shown::Sensitive,
            Output::Unknown => Shown::Unknown,
        };
        let lines = match &value {
            Shown::Value(value) => spelling.lines(value),
            Shown::Sensitive | Shown::Unknown => vec![shown(&value, &spelling)],
        };
        let _ = writeln!(text, "  {} = {}", pad(name, names), lines.join("\n  "));
    }
    text
}

fn is_write(op: &crate::plan::Op) -> bool {
    use crate::plan::Op;
    match op {
        Op::Put { .. } | Op::Start { .. } | Op::Delete { .. } | Op::Cutover { .. } => true,
        Op::Await(_) | Op::Gate(_) | Op::Note => false,
    }
}

fn is_batch(change: &Change) -> bool {
    change.unit.resource.kind().as_str() == database_batch::NAME
}

/// The symbols that occur, each with its meaning.
fn legend(changes: &[Change]) -> String {
    let mut known: Vec<(&str, String)> = Vec::new();
    for change in changes {
        let sign = sign(&change.action);
        if !known.iter().any(|(symbol, _)| *symbol == sign.symbol) {
            known.push((
                sign.symbol,
                format!("{} {}", paint(sign.style, sign.symbol), sign.legend),
            ));
        }
    }
    const ORDER: [&str; 7] = ["-/+", "-", "~", "+", ">", "=", "."];
    known.sort_by_key(|(symbol, _)| ORDER.iter().position(|ordered| ordered == symbol));
    let words: Vec<String> = known.into_iter().map(|(_, words)| words).collect();
    format!("  {}", words.join("   "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::view::samples::{change, declared, differing, first_apply, network, plan, unit};
    use crate::diagnostic::code;
    use crate::plan::action::Phase;
    use crate::plan::{FieldChange, Reason};
    use serde_json::json;

    fn shown(plan: &Plan) -> String {
        let view = PlanView {
            plan,
            calling: &Calling::of(std::path::Path::new("."), &[]),
            places: &problem::samples::troubled().1,
            reads: Some(Reads(14)),
            now: None,
            detail: Detail::Review,
            columns: 80,
        };
        anstream::adapter::strip_str(&view.render()).to_string()
    }

    #[test]
    fn a_first_apply_shows_migrations_in_their_order() {
        let plan = first_apply();
        let text = shown(&plan);
        insta::assert_snapshot!(text, @r#"
        pgferry will do the following:

          + create

          # database_batch.wave1: 10 databases in 2 migrations to start, because they
          # are declared and have not arrived
          + database_batch.wave1
              + mode           = "online"
              + option         = "validate_and_migrate"
              + source         = "10.1.0.4:5432@migrator"
              + target         = "pg-erp-prod"
              + runtime_server = "pg-runtime"
              + cutover        = "manual"
              after  vnet_peering.hub_runtime: it connects vnet-hub and vnet-runtime, on
                       the way from the source to the runtime server
            + #1  wave1m1r1, 8 databases
                  billing, crm, documents, erp, finance, humanresources, invoices,
                  journal
                  stops before its cutover, until you type
                    pgferry cutover 'database_batch.wave1#1'
            + #2  wave1m2r1, 2 databases
                  ledger, stock
                  stops before its cutover, until you type
                    pgferry cutover 'database_batch.wave1#2'
                  waits for #1: one active migration per target

          # vnet_peering.hub_runtime (forward, reverse) will be created, because it is
          # declared and not there
          + vnet_peering.hub_runtime#forward
              + remote_network        = rg-net/vnet-runtime
              + allow_gateway_transit = true
          + vnet_peering.hub_runtime#reverse
              + remote_network      = rg-net/vnet-hub
              + use_remote_gateways = true

        Schedule, in turns; `#` is what the end hangs on:

          pg-erp-prod 0                                  2 turns
            wave1m1r1 |####################                    |
            wave1m2r1 |                    ####################|

          Hangs on: vnet_peering.hub_runtime#reverse > database_batch.wave1#1 > #2.
          Estimate: unknown. No migration from the same source to the same target in the
            same mode has ended before, and how large databases are is unknown.
          Before that: 2 changes of other objects, whose time is unknown.
          Deadlines: Azure gives a migration up 168 h after its start.

        Plan: 4 to add, 0 to change, 0 to destroy.
        Azure: 14 reads so far; 4 writes to come.
        "#);
        assert!(
            text.lines().all(|line| super::super::layout::width(line) <= 80),
            "wider than 80 columns:\n{text}"
        );
    }

    #[test]
    fn what_is_ready_for_its_cutover_or_goes_on_as_it_was_begun_is_shown_as_it_is() {
        let mut plan = first_apply();
        let running = &mut plan.changes[0];
        running.action = Action::Advance(crate::plan::action::Phase::Watch);
        running.reason = Reason::Unfinished;
        running.fields.retain(|field| field.attribute == "databases");
        running.fields.extend([
            declared("mode", json!("Online")),
            declared("no_longer_declared", json!(["journal"])),
            declared("cutover", json!("ready")),
        ]);
        for field in &mut plan.changes[1].fields {
            if field.attribute == "mode" {
                field.after = Some(crate::plan::action::Shown::Value(json!("Offline")));
            }
        }
        let text = shown(&plan);
        let batch = text.split("# vnet_peering").next().unwrap();
        insta::assert_snapshot!(batch, @r#"
        pgferry will do the following:

          + create   > advance

          # database_batch.wave1: 9 databases, and 1 that is no longer declared, in 2
          # migrations, 1 to start and 1 on the way
          + database_batch.wave1
              + option         = "validate_and_migrate"
              + source         = "10.1.0.4:5432@migrator"
              + target         = "pg-erp-prod"
              + runtime_server = "pg-runtime"
              after  vnet_peering.hub_runtime: it connects vnet-hub and vnet-runtime, on
                       the way from the source to the runtime server
            > #1  8 databases, ready for its cutover
                  billing, crm, documents, erp, finance, humanresources, invoices,
                  journal
                  no longer declared, and moved all the same: journal
                  mode = "Online"
                  waits for its cutover, until you type
                    pgferry cutover 'database_batch.wave1#1'
            + #2  wave1m2r1, 2 databases
                  ledger, stock
                  mode = "Offline"
                  stops before its cutover, until you type
                    pgferry cutover 'database_batch.wave1#2'
                  waits for #1: one active migration per target
                  # because they are declared and have not arrived
        "#);
    }

    #[test]
    fn an_update_shows_before_and_after() {
        let forced = FieldChange {
            forces_replacement: true,
            ..differing("remote_network", json!(network("vnet-a")), json!(network("vnet-b")))
        };
        let long: Vec<String> = (0..12).map(|at| format!("10.0.{at}.0/24")).collect();
        let mut longer = long.clone();
        longer.push("10.9.0.0/16".into());
        let changes = vec![
            change(
                "dns_link.zone#hub",
                Action::Update,
                Reason::Drifted,
                vec![
                    differing("registration_enabled", json!(true), json!(false)),
                    differing(
                        "tags",
                        json!({ "owner": "dba" }),
                        json!({ "owner": "dba", "wave": "1" }),
                    ),
                ],
            ),
            change(
                "vnet_peering.hub#forward",
                Action::Replace,
                Reason::Declared,
                vec![forced, differing("prefixes", json!(long), json!(longer))],
            ),
        ];
        insta::assert_snapshot!(shown(&plan(changes, Vec::new())), @r#"
        pgferry will do the following:

          -/+ delete and create anew   ~ update in place

          # vnet_peering.hub#forward must be replaced, because it is declared otherwise
          # than it is
        -/+ vnet_peering.hub#forward
              ~ remote_network = rg-net/vnet-a -> rg-net/vnet-b  # forces replacement
              ~ prefixes       = [
                    # (10 unchanged lines)
                    "10.0.10.0/24",
                    "10.0.11.0/24",
                +   "10.9.0.0/16",
                  ]

          # dns_link.zone#hub will be updated in place, because somebody changed it
          # since the last apply
          ~ dns_link.zone#hub
              ~ registration_enabled = true -> false
              ~ tags                 = { owner = "dba" }
                                    -> { owner = "dba", wave = "1" }

        Plan: 1 to add, 1 to change, 1 to destroy.
        Azure: 14 reads so far.
        "#);
    }

    #[test]
    fn a_new_generation_says_what_forces_it() {
        let mut plan = first_apply();
        for change in plan.changes.iter_mut().filter(|change| change.action == Action::Create) {
            change.fields.push(FieldChange {
                forces_replacement: true,
                ..differing("generation", json!(1), json!(2))
            });
        }
        assert!(
            shown(&plan).contains("  ~ generation     = 1 -> 2  # forces new attempt\n"),
            "{}",
            shown(&plan)
        );
    }

    #[test]
    fn what_is_deleted_is_shown_with_what_it_was() {
        let gone = |attribute: &str, before| FieldChange {
            after: None,
            before: Some(before),
            ..declared(attribute, json!(null))
        };
        let fields = vec![
            gone("remote_network", json!(network("b"))),
            gone("text", json!("x\ny\n")),
        ];
        let mut peering = change("vnet_peering.p#forward", Action::Delete, Reason::NotDeclared, fields);
        let id = format!("{}/virtualNetworkPeerings/a-to-b", network("a"));
        peering.id = Some(id.parse().unwrap());
        let text = shown(&plan(vec![peering], Vec::new()));
        let (_, told) = text.split_once("  # ").unwrap();
        insta::assert_snapshot!(told, @r#"
        vnet_peering.p#forward will be deleted, because it is no longer declared
          - vnet_peering.p#forward
              - id             = rg-net/a/a-to-b
              - remote_network = rg-net/b
              - text           = <<-EOT
                  x
                  y
                EOT

        Plan: 0 to add, 0 to change, 1 to destroy.
        Azure: 14 reads so far.
        "#);
    }

    #[test]
    fn outputs_that_change_are_shown_with_what_they_were() {
        let created = change("dns_zone.z", Action::Create, Reason::Absent, Vec::new());
        let mut plan = plan(vec![created], Vec::new());
        plan.outputs = BTreeMap::from([
            ("same".to_owned(), Output::Value(json!("v"))),
            ("count".to_owned(), Output::Value(json!(2))),
            ("text".to_owned(), Output::Value(json!("a\nB\nc\n"))),
            ("later".to_owned(), Output::Unknown),
        ]);
        plan.outputs_before = BTreeMap::from([
            ("count".to_owned(), Some(json!(1))),
            ("text".to_owned(), Some(json!("a\nb\nc\n"))),
            ("gone".to_owned(), Some(json!(true))),
            ("later".to_owned(), None),
        ]);
        let text = shown(&plan);
        let (_, told) = text.split_once("Outputs after apply:\n\n").unwrap();
        insta::assert_snapshot!(told, @r#"
          ~ count = 1 -> 2
          - gone  = true -> null
          + later = (known after apply)
            same  = "v"
          ~ text  = <<-EOT
                a
            -   b
            +   B
                c
              EOT

        Plan: 1 to add, 0 to change, 0 to destroy.
        Azure: 14 reads so far.
        "#);
    }

    #[test]
    fn what_takes_one_line_stands_in_one_line() {
        let mut gone = change("database_batch.old#1", Action::Forget, Reason::NotDeclared, Vec::new());
        gone.notes
            .push("a finished migration cannot be deleted; its databases stay on the target".into());
        let changes = vec![
            gone,
            change("dns_link.zone#hub", Action::Delete, Reason::NotDeclared, Vec::new()),
            change("dns_zone.zone", Action::Adopt, Reason::AlreadyThere, Vec::new()),
        ];
        insta::assert_snapshot!(shown(&plan(changes, Vec::new())), @"
        pgferry will do the following:

          - delete   = adopt   . forget

          - dns_link.zone#hub will be deleted, because it is no longer declared

          # database_batch.old: 1 migration to forget, because it is no longer declared
          . database_batch.old
            . #1  will be forgotten
                  # a finished migration cannot be deleted; its databases stay on the
                  # target

          = dns_zone.zone will be adopted, because it is there, as declared

        Plan: 0 to add, 0 to change, 1 to destroy, 1 to adopt, 1 to forget.
        Azure: 14 reads so far.
        ");
    }

    #[test]
    fn losses_and_findings_come_before_everything() {
        let mut plan = plan(
            vec![change(
                "database_batch.wave1#1",
                Action::Advance(Phase::Cutover),
                Reason::Unfinished,
                vec![declared("databases", json!(["erp"]))],
            )],
            Vec::new(),
        );
        let loss = |what: &str, consent: Option<&str>| Loss {
            address: "database_batch.wave1".parse().unwrap(),
            what: what.into(),
            how: "overwritten on the target".into(),
            consent: consent.map(str::to_owned),
        };
        plan.losses = vec![
            loss("crm", Some("accept_loss = \"overwrite\"")),
            loss("documents", None),
        ];
        plan.findings = vec![
            Finding {
                code: code::OVERLAP,
                severity: Severity::Error,
                summary: "vnet-hub and vnet-target overlap: 10.0.0.0/16 and 10.0.4.0/22".into(),
                detail: Some("Networks on a migration's way are peered, and peered networks must not share addresses. One of them needs another address space.".into()),
                remedy: None,
                address: Some("database_batch.wave1".parse().unwrap()),
            },
            Finding {
                code: code::STUCK,
                severity: Severity::Warning,
                summary: "nothing links vnet-hub to the zone of pg-erp-prod".into(),
                detail: None,
                remedy: Some("dns_link \"hub\" {\n  zone     = dns_zone.erp\n  networks = [network.hub]\n}".into()),
                address: None,
            },
        ];
        plan.drift = vec![
            Drift {
                unit: unit("dns_zone.erp"),
                fields: Vec::new(),
                outcome: Outcome::Deleted,
            },
            Drift {
                unit: unit("vnet_peering.hub#forward"),
                fields: vec![differing("allow_gateway_transit", json!(true), json!(false))],
                outcome: Outcome::Changed,
            },
            Drift {
                unit: unit("vnet_peering.hub#reverse"),
                fields: vec![
                    differing("allow_gateway_transit", json!(true), json!(false)),
                    differing("remote_network", json!(network("a")), json!(network("b"))),
                ],
                outcome: Outcome::Changed,
            },
        ];
        insta::assert_snapshot!(shown(&plan), @r#"
        WILL BE LOST: 2

          database_batch.wave1: overwritten on the target, NOT ACCEPTED
            ! documents
            to accept it, the batch says: accept_loss = { "documents" = "overwrite" }
          database_batch.wave1: overwritten on the target, accepted (accept_loss =
          "overwrite")
            ! crm

        error[N001]: vnet-hub and vnet-target overlap: 10.0.0.0/16 and 10.0.4.0/22
          in database_batch.wave1 (live/eu/main.hcl:40)
          Networks on a migration's way are peered, and peered networks must not share
          addresses. One of them needs another address space.

        warning[B001]: nothing links vnet-hub to the zone of pg-erp-prod
          this would mend it:

              dns_link "hub" {
                zone     = dns_zone.erp
                networks = [network.hub]
              }

        Checks: 1 failed, 1 warning

        Changed by others since the last apply (3):

          - dns_zone.erp is gone
          ~ vnet_peering.hub#forward: allow_gateway_transit = true -> false
          ~ vnet_peering.hub#reverse
              ~ allow_gateway_transit = true -> false
              ~ remote_network        = rg-net/a -> rg-net/b

        pgferry will do the following:

          > advance

          # database_batch.wave1: 1 database in 1 migration on the way
          > database_batch.wave1
            > #1  1 database, will be watched and cut over
                  erp

        Plan: 0 to add, 0 to change, 0 to destroy, 1 to advance, 2 to be lost, 1 of them
          not accepted.
        Azure: 14 reads so far.
        "#);
    }

    #[test]
    fn what_changes_places_within_a_resource_is_told_by_its_units() {
        let mut plan = plan(Vec::new(), Vec::new());
        let moved = |from: &str, to: &str| crate::plan::Moved {
            from: unit(from),
            to: unit(to),
        };
        plan.moves = vec![
            moved("dns_zone.a", "dns_zone.b"),
            moved("vnet_peering.p#reverse", "vnet_peering.p#forward"),
            moved("vnet_peering.p#forward", "vnet_peering.p#reverse"),
        ];
        let told = shown(&plan);
        let told: Vec<&str> = told.lines().filter(|line| line.contains('#')).collect();
        assert_eq!(
            told,
            [
                "  # dns_zone.a has moved to dns_zone.b",
                "  # what was vnet_peering.p#reverse is vnet_peering.p#forward now",
                "  # what was vnet_peering.p#forward is vnet_peering.p#reverse now",
            ]
        );
    }

    #[test]
    fn nothing_to_do_is_said_in_one_line() {
        insta::assert_snapshot!(shown(&plan(Vec::new(), Vec::new())), @"
        No changes. All 12 declared objects and migrations are as they should be.
        Azure: 14 reads so far.
        ");
    }

    #[test]
    fn ten_thousand_changes_are_all_shown() {
        let changes = (0..10_000)
            .map(|at| {
                change(
                    &format!("dns_link.zone[\"{at}\"]"),
                    Action::Create,
                    Reason::Absent,
                    vec![
                        declared("network", json!(network("vnet-hub"))),
                        declared("registration_enabled", json!(false)),
                    ],
                )
            })
            .collect();
        let plan = plan(changes, Vec::new());
        assert!(shown(&plan).lines().count() > 40_000);
    }
}

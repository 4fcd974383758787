//! A plan as Markdown for a comment on a pull request: what could be lost first, then what is wrong, what changes, the details, the
//! order. It always fits into a number of bytes: each section has grades from everything down to a count, and the sections that
//! weigh more are served first. What is left out is said. The same plan gives the same text.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::cutovers;
use super::mermaid::{self, Reasons};
use super::picture::Picture;
use super::problem::{Level, Places, Problem, problems};
use super::xml;
use super::{counted_losses, has_outputs, is_batch, provenance, schedule, to_accept};
use crate::arm::Cloud;
use crate::block::Verdict;
use crate::cli::calling::Calling;
use crate::cli::view::batch::{Page, Steps, batch};
use crate::cli::view::change::{Group, Weight, because, by_weight, has_fields, outputs, resource, shown, sign};
use crate::cli::view::layout::{clean, count, shorten};
use crate::cli::view::value::{Ids, Spelling};
use crate::plan::action::{Drift, Loss, Outcome};
use crate::plan::schedule::Schedule;
use crate::plan::{Change, FieldChange, Finding, Mode, Plan, Reason};

/// What a comment on GitHub may hold.
pub(crate) const GITHUB: u64 = 65_536;

/// With less, not even the counts of everything fit.
pub(crate) const LEAST: u64 = 4_096;

/// Larger pictures are refused by the renderers of the forges, or cannot be read.
const MOST_NODES: usize = 100;
const MOST_EDGES: usize = 250;
const MOST_PICTURE: usize = 30_000;

/// The last line is never shortened; a longer command is not repeated in it.
const LONGEST_COMMAND: usize = 1_000;

/// How long a value is in the short form of what others changed.
const LONGEST_VALUE: usize = 40;

/// How much the first lines tell of what has not arrived: they are never shortened.
const STUCK_NAMED: usize = 3;
const STUCK_LENGTH: usize = 100;

/// How wide the texts in details are.
const COLUMNS: usize = 100;

/// What tells this comment from others, so that the next run can find and replace it.
const MARKER: &str = "<!-- pgferry plan -->";

/// How much a section says.
#[derive(Clone, Default)]
struct Piece {
    text: String,
    /// What is not said.
    left_out: Option<String>,
}

impl Piece {
    fn whole(text: String) -> Self {
        Self { text, left_out: None }
    }

    fn without(text: String, left_out: impl Into<String>) -> Self {
        Self {
            text,
            left_out: Some(left_out.into()),
        }
    }

    /// How many bytes it takes, with what is said of what is missing.
    fn cost(&self) -> usize {
        self.text.len()
            + self
                .left_out
                .as_ref()
                .map_or(0, |left_out| left_out.len() + "- \n".len())
    }
}

/// A section in its grades, the fullest first. The last one fits always.
enum Section {
    Grades(Vec<Piece>),
    /// As many items as there is room for.
    Items {
        before: &'static str,
        items: Vec<String>,
        /// How many there are; of those that cannot fit any more, none is written.
        all: usize,
        /// What the items are, for what is said of those left out.
        what: &'static str,
        /// How many bytes the first of them take that nothing of less weight may crowd out.
        grave: usize,
    },
    Table(Table),
}

/// The changes: those that weigh most are named for as long as there is room for any name.
struct Table {
    /// From everything by name to the grave ones by name, and the others counted.
    grades: Vec<Piece>,
    /// The grave ones, one row each.
    grave: Vec<String>,
    /// All of them, counted.
    counts: String,
    /// How many there are.
    all: usize,
}

const TABLE: &str = "| | Unit | Why |\n| --- | --- | --- |\n";

impl Table {
    fn nothing(&self) -> Piece {
        Piece::without(String::new(), format!("all {}", count(self.all, "change")))
    }

    /// The fullest piece that fits. Names of what weighs little leave the room that the details of grave changes wish for.
    fn within(&self, room: usize, wish: usize) -> Piece {
        let lesser = room.saturating_sub(wish.min(room / 2));
        let full = self.grades.iter().find(|piece| piece.cost() <= lesser);
        let least = self.grades.last().filter(|piece| piece.cost() <= room);
        if let Some(piece) = full.or(least) {
            return piece.clone();
        }
        let counted = |left_out: usize, text: String| {
            let what = format!("{} of {} by name", left_out, count(self.all, "change"));
            Piece::without(text, what)
        };
        let frame = TABLE.len() + "\n".len() + self.counts.len();
        let note = counted(self.all, String::new()).cost();
        let mut free = room.saturating_sub(frame + note);
        let mut text = TABLE.to_owned();
        let mut kept = 0;
        for row in &self.grave {
            if row.len() > free {
                break;
            }
            free -= row.len();
            text.push_str(row);
            kept += 1;
        }
        if kept > 0 {
            return counted(self.all - kept, format!("{text}\n{}", self.counts));
        }
        Some(counted(self.all, self.counts.clone()))
            .filter(|piece| piece.cost() <= room)
            .unwrap_or_else(|| self.nothing())
    }
}

impl Section {
    fn least(&self) -> usize {
        match self {
            Self::Grades(grades) => grades.last().map_or(0, Piece::cost),
            Self::Items { items, .. } if items.is_empty() => 0,
            Self::Items { all, what, .. } => none_of(*all, what).cost(),
            Self::Table(table) => table.nothing().cost(),
        }
    }

    /// How much room it wants before names of what weighs little are written.
    fn wish(&self) -> usize {
        match self {
            Self::Items { before, grave, .. } if *grave > 0 => before.len() + grave,
            Self::Items { .. } | Self::Grades(_) | Self::Table(_) => 0,
        }
    }

    /// The fullest piece that fits, beside what others wish for.
    fn within(&self, room: usize, wish: usize) -> Piece {
        match self {
            Self::Table(table) => table.within(room, wish),
            Self::Grades(grades) => {
                let fitting = grades.iter().find(|piece| piece.cost() <= room);
                fitting.or(grades.last()).cloned().unwrap_or_default()
            }
            Self::Items { items, .. } if items.is_empty() => Piece::default(),
            Self::Items {
                before,
                items,
                all,
                what,
                grave: _,
            } => {
                let all = *all;
                let note = none_of(all, what).cost() + all.to_string().len() + " of ".len();
                let frame = before.len();
                if items.len() == all && frame + items.iter().map(String::len).sum::<usize>() <= room {
                    return Piece::whole(format!("{before}{}", items.concat()));
                }
                let mut free = room.saturating_sub(frame + note);
                let mut text = (*before).to_owned();
                let mut kept = 0;
                for item in items {
                    if item.len() <= free {
                        free -= item.len();
                        text.push_str(item);
                        kept += 1;
                    }
                }
                if kept == 0 || room < frame + note {
                    return none_of(all, what);
                }
                Piece::without(text, format!("{what} of {} of {all}", all - kept))
            }
        }
    }
}

fn none_of(all: usize, what: &str) -> Piece {
    Piece::without(String::new(), format!("{what} of all {all}"))
}

/// What all sections are written with.
struct Sheet<'a> {
    plan: &'a Plan,
    calling: &'a Calling,
    problems: Vec<Problem>,
    most: usize,
}

/// The comment, of at most so many bytes. `approval` is the command that does what the plan does, made for the same part.
pub(crate) fn render(plan: &Plan, approval: &str, calling: &Calling, places: &Places, most: u64) -> String {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let sheet = Sheet {
        plan,
        calling,
        problems: problems(plan, calling, places),
        most,
    };
    let head = sheet.head();
    let fingerprint = plan.fingerprint();
    let foot = match (plan.is_refused(), plan.has_changes(), plan.mode) {
        (true, _, _) => {
            format!("Fingerprint `{fingerprint}`. As it stands it is refused: what is in the way stands above.\n")
        }
        (false, true, Mode::Apply | Mode::Refresh) if approval.len() <= LONGEST_COMMAND => {
            format!(
                "Fingerprint `{fingerprint}`: {} carries out this and nothing else.\n",
                code(approval)
            )
        }
        (false, true, Mode::Apply | Mode::Refresh) => {
            format!(
                "Fingerprint `{fingerprint}`: `--approved {fingerprint}` with the flags of this plan carries it out.\n"
            )
        }
        (false, true, Mode::Destroy) => format!(
            "Fingerprint `{fingerprint}`: {} takes it down after it has shown this and asked, or `apply FILE` where the plan is \
             kept in one.\n",
            code(approval)
        ),
        (false, false, _) => format!("Fingerprint `{fingerprint}`\n"),
    };
    let left_out = format!("\nLeft out, to stay within {most} bytes; `pgferry plan` shows it:\n\n");
    // By weight; they stand in this order, too.
    let sections = [
        sheet.losses(),
        sheet.cutovers(),
        sheet.problems(),
        sheet.taken_out(),
        sheet.changes(),
        sheet.moves(),
        sheet.drift(),
        sheet.details(),
        sheet.schedule(),
        sheet.picture(),
        sheet.outputs(),
    ];
    let mut room = most.saturating_sub(head.len() + foot.len() + left_out.len());
    let mut text = head;
    let mut notes = Vec::new();
    let wish = sections.iter().map(Section::wish).sum();
    for (at, section) in sections.iter().enumerate() {
        let later: usize = sections.iter().skip(at + 1).map(Section::least).sum();
        let piece = section.within(room.saturating_sub(later), wish);
        room = room.saturating_sub(piece.cost());
        text.push_str(&piece.text);
        notes.extend(piece.left_out);
    }
    text.push_str(&foot);
    if !notes.is_empty() {
        text.push_str(&left_out);
        for note in notes {
            let _ = writeln!(text, "- {note}");
        }
    }
    text
}

/// The comment where there is no plan: what is wrong, as much of it as fits.
pub(crate) fn without_plan(problems: &[Problem], most: u64) -> String {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let errors = problems.iter().filter(|problem| problem.level == Level::Error).count();
    let head = format!(
        "{MARKER}\n## pgferry plan: failed\n\n**There is no plan**: {} in the way.\n\n",
        count(errors, "problem")
    );
    let left_out = format!("\nLeft out, to stay within {most} bytes; `pgferry plan` shows it:\n\n");
    let room = most.saturating_sub(head.len() + left_out.len());
    let whole: String = problems.iter().map(told_whole).collect();
    if whole.len() <= room {
        return head + &whole;
    }
    let lines = Section::Items {
        before: "",
        items: problems.iter().map(told).collect(),
        all: problems.len(),
        what: "what is wrong, by place",
        grave: 0,
    };
    let details = "- what to do about it\n";
    let piece = lines.within(room.saturating_sub(details.len()), 0);
    let more = piece.left_out.map(|note| format!("- {note}\n"));
    format!("{head}{}{left_out}{details}{}", piece.text, more.unwrap_or_default())
}

/// A problem in one line.
fn told(problem: &Problem) -> String {
    let subject = problem.subject.as_ref().map(|subject| format!(" {}:", code(subject)));
    let place = problem
        .place
        .as_ref()
        .map(|place| format!(" ({})", code(&place.to_string())));
    format!(
        "- {} `{}`{} {}{}\n",
        word(problem),
        problem.rule,
        subject.unwrap_or_default(),
        prose(&problem.summary),
        place.unwrap_or_default()
    )
}

/// A problem with all that is said of it.
fn told_whole(problem: &Problem) -> String {
    let detail = problem.detail.as_ref().map(|detail| format!("\n  {}\n", prose(detail)));
    let remedy = problem
        .remedy
        .as_ref()
        .map(|hcl| format!("\n{}", indented(&fenced("hcl", hcl))));
    [told(problem), detail.unwrap_or_default(), remedy.unwrap_or_default()].concat()
}

/// How bad a problem is. A `check` block that does not hold stops no apply, and ends the command with 7 all the same.
fn word(problem: &Problem) -> &'static str {
    match (problem.level, problem.rule.as_str()) {
        (Level::Error, _) => "**error**",
        (Level::Warning, Problem::CHECK) => "**failed**",
        (Level::Warning | Level::Note, _) => "warning",
    }
}

impl Sheet<'_> {
    /// One sentence that counts, and whether it can be applied.
    fn head(&self) -> String {
        let plan = self.plan;
        let tally = plan.tally();
        let counts = [
            (tally.add, "to add"),
            (tally.change, "to change"),
            (tally.destroy, "to destroy"),
            (tally.adopt, "to adopt"),
            (tally.forget, "to forget"),
            (tally.remember, "to remember"),
            (tally.advance, "to advance"),
        ];
        let always = 3;
        let parts: Vec<String> = counts
            .iter()
            .enumerate()
            .filter(|(at, (number, _))| *at < always || *number > 0)
            .map(|(_, (number, word))| format!("{number} {word}"))
            .collect();
        let (does, outputs) = (
            !plan.changes.is_empty() || !plan.moves.is_empty(),
            plan.changes_outputs(),
        );
        let mut title = match (does, outputs, plan.mode) {
            (false, true, Mode::Apply) => "only outputs change".to_owned(),
            (false, _, _) => "no changes".to_owned(),
            (true, _, Mode::Apply) => parts.join(", "),
            (true, _, Mode::Destroy) => format!("destroy: {}", parts.join(", ")),
            (true, _, Mode::Refresh) => format!("refresh only: {}", parts.join(", ")),
        };
        if let Some(losses) = counted_losses(plan) {
            let _ = write!(title, ", {losses}");
        }
        // What is declared and not reached by it belongs to what it is, however little it does.
        let (stuck, left) = (plan.stuck().count(), plan.left_behind().count());
        let more = [
            (stuck, format!("{} not arrived", count(stuck, "migration"))),
            (left, format!("{} left behind", count(left, "migration"))),
            (self.failed(), format!("{} failed", count(self.failed(), "check"))),
        ];
        for (_, words) in more.iter().filter(|(number, _)| *number > 0) {
            let _ = write!(title, ", {words}");
        }
        let mut text = format!("{MARKER}\n## pgferry plan: {title}\n\n");
        match plan.base.cloud {
            Cloud::Simulator => text.push_str("**SIMULATED**: against the simulator; nothing real is touched.\n\n"),
            // Staging reads like production but for this.
            cloud @ (Cloud::Public | Cloud::UsGovernment | Cloud::China) => {
                let subscription = plan.base.subscription.as_str();
                let _ = writeln!(text, "Azure `{cloud}`, subscription `{subscription}`.\n");
            }
        }
        if let Some(snapshot) = &plan.base.snapshot {
            // Without an age: the same plan is the same text.
            let _ = writeln!(text, "**NOT LIVE**: {}\n", provenance(snapshot, None).join(" "));
        }
        let stuck: Vec<&Finding> = plan.stuck().collect();
        for finding in stuck.iter().take(STUCK_NAMED) {
            let summary = prose(&shorten(&finding.summary, STUCK_LENGTH));
            let _ = writeln!(text, "**Not arrived**: {summary}.\n");
        }
        if stuck.len() > STUCK_NAMED {
            let _ = writeln!(text, "And {} more.\n", stuck.len() - STUCK_NAMED);
        }
        let refusals = self
            .problems
            .iter()
            .filter(|problem| problem.level == Level::Error)
            .count();
        if refusals > 0 {
            let _ = writeln!(
                text,
                "**Cannot be applied**: {} in the way.\n",
                count(refusals, "problem")
            );
        }
        text
    }

    /// What checks count as failed: what stops an apply, and `check` blocks that do not hold.
    fn failed(&self) -> usize {
        self.plan.blocking().count() + self.plan.failed_checks().count()
    }

    fn losses(&self) -> Section {
        let losses = &self.plan.losses;
        if losses.is_empty() {
            return Section::Grades(Vec::new());
        }
        let refused = losses.iter().filter(|loss| loss.consent.is_none()).count();
        let heading = match losses.iter().filter(|loss| loss.is_only_possible()).count() {
            0 => format!("### Will be lost: {}\n\n", losses.len()),
            possible if possible == losses.len() => format!("### Not there now, and not kept: {possible}\n\n"),
            possible => format!(
                "### Will be lost: {}; not there now, and not kept: {possible}\n\n",
                losses.len() - possible
            ),
        };
        let mut alike: BTreeMap<_, Vec<&Loss>> = BTreeMap::new();
        for loss in losses {
            alike
                .entry((&loss.address, &loss.how, &loss.consent))
                .or_default()
                .push(loss);
        }
        let (mut lines, mut names, mut counts) = (heading.clone(), heading.clone(), heading.clone());
        for ((address, how, consent), losses) in alike {
            let consent = match consent {
                Some(consent) => format!("accepted ({})", code(consent)),
                None => format!(
                    "**NOT ACCEPTED** (to accept it: {})",
                    code(&to_accept(losses.iter().copied()))
                ),
            };
            let line = format!("- {}: {}, {consent}", code(&address.to_string()), prose(how));
            let _ = write!(
                lines,
                "{line}\n{}",
                losses
                    .iter()
                    .map(|loss| format!("  - {}\n", code(&loss.what)))
                    .collect::<String>()
            );
            let listed: Vec<String> = losses.iter().map(|loss| code(&loss.what)).collect();
            let _ = writeln!(names, "{line}: {}", listed.join(", "));
            let _ = writeln!(counts, "{line}: {}", losses.len());
        }
        let total = format!("{heading}{refused} of them are **NOT ACCEPTED**.\n\n");
        Section::Grades(vec![
            Piece::whole(lines + "\n"),
            Piece::whole(names + "\n"),
            Piece::without(counts + "\n", "the names of what is lost: too many for any comment"),
            Piece::without(total, "what is lost by name and resource: too much for any comment"),
        ])
    }

    fn cutovers(&self) -> Section {
        let cutovers = cutovers::all(self.plan);
        if cutovers.is_empty() {
            return Section::Grades(vec![Piece::default()]);
        }
        let databases: usize = cutovers.iter().map(|cutover| cutover.databases.len()).sum();
        let counts = format!(
            "{}, {}",
            count(cutovers.len(), "migration"),
            count(databases, "database")
        );
        let heading = format!("### Cuts over by itself: {counts}\n\nNobody is asked again.\n\n");
        let (mut lines, mut short) = (heading.clone(), heading.clone());
        for cutover in &cutovers {
            let line = format!(
                "- {} into {}, once {}",
                code(&cutover.unit),
                code(&cutover.target),
                prose(&cutover.once)
            );
            let names: Vec<String> = cutover.databases.iter().map(|name| code(name)).collect();
            let _ = writeln!(lines, "{line}: {}", names.join(", "));
            let _ = writeln!(short, "{line}: {}", count(names.len(), "database"));
        }
        Section::Grades(vec![
            Piece::whole(lines + "\n"),
            Piece::without(short + "\n", "the databases that are cut over"),
            Piece::without(heading, "what is cut over, by name"),
        ])
    }

    fn problems(&self) -> Section {
        let found: Vec<&Problem> = self
            .problems
            .iter()
            .filter(|problem| problem.rule != Problem::LOSS)
            .collect();
        let open = self
            .plan
            .checks
            .iter()
            .filter(|check| check.verdict == Verdict::Unknown)
            .count();
        let open = match open {
            0 => String::new(),
            open => format!("{} can only be judged after apply.\n\n", count(open, "check")),
        };
        if found.is_empty() {
            return Section::Grades(vec![Piece::whole(open)]);
        }
        let failed = self.failed();
        let heading = format!(
            "### Checks: {failed} failed, {}\n\n",
            count(found.len().saturating_sub(failed), "warning")
        );
        let every = |one: &dyn Fn(&Problem) -> String| {
            let lines: String = found.iter().map(|problem| one(problem)).collect();
            format!("{heading}{lines}\n{open}")
        };
        let mut rules: BTreeMap<(bool, &str, &str), usize> = BTreeMap::new();
        for problem in &found {
            let is_warning = problem.level != Level::Error;
            *rules.entry((is_warning, &problem.rule, word(problem))).or_default() += 1;
        }
        let rules: String = rules
            .into_iter()
            .map(|((_, rule, word), number)| format!("- {word} `{rule}`: {number}\n"))
            .collect();
        Section::Grades(vec![
            Piece::whole(every(&told_whole)),
            Piece::without(every(&told), "the details of what checks found"),
            Piece::without(format!("{heading}{rules}\n{open}"), "what checks found, one by one"),
        ])
    }

    /// What would change, too, and is not what the plan was made for.
    fn taken_out(&self) -> Section {
        let units = &self.plan.left_out;
        if units.is_empty() {
            return Section::Grades(vec![Piece::default()]);
        }
        let heading = format!(
            "**In part**: {} would change, too, and {} taken out of this plan by `--target` or `--exclude`",
            count(units.len(), "unit"),
            if units.len() == 1 { "is" } else { "are" }
        );
        let names: Vec<String> = units.iter().map(|unit| code(&unit.to_string())).collect();
        Section::Grades(vec![
            Piece::whole(format!("{heading}: {}.\n\n", names.join(", "))),
            Piece::without(format!("{heading}.\n\n"), "what was taken out, by name"),
        ])
    }

    /// The table, the gravest first: by unit; the grave ones by unit and the others by resource, or by kind; then as many of the
    /// grave ones as there is room for. At last only the heading counts.
    fn changes(&self) -> Section {
        let changes = &self.plan.changes;
        if changes.is_empty() {
            return Section::Grades(vec![Piece::default()]);
        }
        let groups = by_weight(self.plan);
        let (grave, others) = groups.split_at(groups.partition_point(|group| group.weight.is_grave()));
        let rows =
            |groups: &[Group<'_>]| -> Vec<String> { groups.iter().flat_map(|group| group.changes).map(row).collect() };
        let (grave_rows, other_rows) = (rows(grave), rows(others));
        let named = match grave_rows.is_empty() {
            true => String::new(),
            false => format!("{TABLE}{}\n", grave_rows.concat()),
        };
        let mut grades = vec![Piece::whole(format!(
            "{TABLE}{}{}\n",
            grave_rows.concat(),
            other_rows.concat()
        ))];
        if !others.is_empty() {
            let rest = match grave_rows.is_empty() {
                true => format!("all {}", count(changes.len(), "change")),
                false => format!(
                    "{} that lose, delete and cut over nothing",
                    count(other_rows.len(), "change")
                ),
            };
            let resources = counted(others, "Resource", |change| change.unit.resource.to_string());
            let kinds = counted(others, "Kind", kind);
            grades.push(Piece::without(
                format!("{named}{resources}"),
                format!("the units and reasons of {rest}"),
            ));
            grades.push(Piece::without(
                format!("{named}{kinds}"),
                format!("the resources of {rest}"),
            ));
        }
        Section::Table(Table {
            grades,
            grave: grave_rows,
            counts: counted(&groups, "Kind", kind),
            all: changes.len(),
        })
    }

    fn moves(&self) -> Section {
        let moves = &self.plan.moves;
        if moves.is_empty() {
            return Section::Grades(vec![Piece::default()]);
        }
        let heading = "Remembered under another name; nothing changes in Azure by that";
        let mut text = format!("{heading}:\n\n");
        for moved in moves {
            let (from, to) = (code(&moved.from.to_string()), code(&moved.to.to_string()));
            let _ = writeln!(text, "- {from} has moved to {to}");
        }
        let counts = format!("{heading}: {}.\n\n", count(moves.len(), "unit"));
        Section::Grades(vec![
            Piece::whole(text + "\n"),
            Piece::without(counts, "what has moved, by name"),
        ])
    }

    fn drift(&self) -> Section {
        let drift = &self.plan.drift;
        if drift.is_empty() {
            return Section::Grades(vec![Piece::default()]);
        }
        let title = format!("Changed by others since the last apply ({})", drift.len());
        let mut fields = String::from("| Unit | Attribute | Was | Is |\n| --- | --- | --- | --- |\n");
        let (mut short, mut units) = (String::new(), String::new());
        for drift in drift {
            let unit = code(&drift.unit.to_string());
            let what = match drift.outcome {
                Outcome::Changed => {
                    let names: Vec<String> = drift.fields.iter().map(|field| code(&field.attribute)).collect();
                    format!("has another {}", names.join(", "))
                }
                Outcome::Deleted => "is gone".to_owned(),
            };
            let _ = writeln!(units, "- {unit} {what}");
            let _ = match drift.outcome {
                Outcome::Changed => writeln!(short, "- {unit}: {}", self.in_short(drift)),
                Outcome::Deleted => writeln!(short, "- {unit} {what}"),
            };
            self.drifted(&mut fields, drift);
        }
        let summary = xml::text(&title);
        Section::Grades(vec![
            Piece::whole(folded(&summary, &fields)),
            Piece::without(folded(&summary, &short), "the whole values that others changed"),
            Piece::without(folded(&summary, &units), "the values that others changed"),
            Piece::without(format!("{title}.\n\n"), "what others changed, by name"),
        ])
    }

    /// The fields of a unit that others changed, in one line, long values cut off.
    fn in_short(&self, drift: &Drift) -> String {
        let spelling = self.spelling();
        let value = |text: String| code(&shorten(&text, LONGEST_VALUE));
        let field = |field: &FieldChange| {
            let before = field.before.as_ref().map(|before| value(spelling.inline(before)));
            let after = field.after.as_ref().map(|after| value(plain(&shown(after, &spelling))));
            format!(
                "{} {} → {}",
                code(&field.attribute),
                before.unwrap_or_default(),
                after.unwrap_or_default()
            )
        };
        let fields: Vec<String> = drift.fields.iter().map(field).collect();
        fields.join(", ")
    }

    fn drifted(&self, rows: &mut String, drift: &Drift) {
        let spelling = self.spelling();
        let unit = named(&drift.unit.to_string());
        if drift.outcome == Outcome::Deleted {
            let _ = writeln!(rows, "| {unit} | | | gone |");
        }
        for field in &drift.fields {
            let before = field.before.as_ref().map(|value| named(&spelling.inline(value)));
            let after = field
                .after
                .as_ref()
                .map(|value| named(&plain(&shown(value, &spelling))));
            let _ = writeln!(
                rows,
                "| {unit} | {} | {} | {} |",
                named(&field.attribute),
                before.unwrap_or_default(),
                after.unwrap_or_default()
            );
        }
    }

    fn spelling(&self) -> Spelling<'_> {
        Spelling {
            home: &self.plan.base.subscription,
            ids: Ids::Short,
        }
    }

    /// Each resource as it is shown on a terminal, folded. What the table has said already is not said again.
    fn details(&self) -> Section {
        let steps = Steps::of(self.plan);
        let page = Page {
            steps: &steps,
            calling: self.calling,
            columns: COLUMNS,
        };
        let says_more = |change: &Change| has_fields(change) || !change.notes.is_empty();
        let groups = by_weight(self.plan).into_iter();
        let mut items = Vec::new();
        let (mut all, mut used, mut grave) = (0, 0, 0);
        for Group { weight, changes } in groups.filter(|group| group.changes.iter().any(says_more)) {
            all += 1;
            if used <= self.most {
                let item = self.detail(changes, &page);
                used += item.len();
                if weight.is_grave() {
                    grave += item.len();
                }
                items.push(item);
            }
        }
        Section::Items {
            before: "### Details\n\n",
            items,
            all,
            what: "the details",
            grave,
        }
    }

    fn detail(&self, group: &[Change], page: &Page<'_>) -> String {
        let mut text = String::new();
        if group.first().is_some_and(is_batch) {
            batch(&mut text, group, page, &self.spelling());
        } else {
            resource(&mut text, group, &self.spelling(), COLUMNS);
        }
        let address = group
            .first()
            .map(|change| change.unit.resource.to_string())
            .unwrap_or_default();
        let mut signs: Vec<&str> = group.iter().map(|change| sign(&change.action).will).collect();
        signs.dedup();
        let what = match signs.as_slice() {
            [will] => (*will).to_owned(),
            _ => count(group.len(), "unit"),
        };
        let summary = format!("<code>{}</code> {}", xml::text(&address), xml::text(&what));
        let lines: Vec<String> = plain(&text).trim_end().lines().map(sign_first).collect();
        folded(&summary, &fenced("diff", &lines.join("\n")))
    }

    /// What runs after what: what waits for the same in one box, with reasons and without; by resource.
    fn picture(&self) -> Section {
        let is_readable = |picture: &Picture| picture.nodes.len() <= MOST_NODES && picture.edges.len() <= MOST_EDGES;
        let units = Picture::condensed(self.plan);
        if units.edges.is_empty() {
            return Section::Grades(vec![Piece::default()]);
        }
        let piece = |picture: &Picture, reasons| {
            let text = mermaid::render(picture, reasons);
            (text.len() <= MOST_PICTURE).then(|| folded("The order", &fenced("mermaid", text.trim_end())))
        };
        let mut grades = Vec::new();
        if is_readable(&units) {
            grades.extend(piece(&units, Reasons::Shown).map(Piece::whole));
            grades.extend(piece(&units, Reasons::LeftOut).map(|text| Piece::without(text, "the reasons of the order")));
        }
        let resources = Picture::of_resources(self.plan);
        if is_readable(&resources) {
            let note = "the order of the units of one resource";
            grades.extend(piece(&resources, Reasons::LeftOut).map(|text| Piece::without(text, note)));
        }
        grades.push(Piece::without(String::new(), "the picture of the order"));
        Section::Grades(grades)
    }

    /// When its migrations run.
    fn schedule(&self) -> Section {
        let Some(schedule) = Schedule::of(self.plan) else {
            return Section::Grades(vec![Piece::default()]);
        };
        let facts: String = schedule::facts(&schedule)
            .iter()
            .map(|fact| format!("- {}\n", prose(fact)))
            .collect();
        let bars: usize = schedule.lanes.iter().map(|lane| lane.bars.len()).sum();
        let mut grades = Vec::new();
        if bars <= MOST_NODES {
            let chart = fenced("mermaid", schedule::gantt(&schedule).trim_end());
            grades.push(Piece::whole(folded("The schedule", &format!("{facts}\n{chart}"))));
        }
        grades.push(Piece::without(
            folded("The schedule", &facts),
            "the chart of the schedule",
        ));
        grades.push(Piece::without(String::new(), "the schedule"));
        Section::Grades(grades)
    }

    fn outputs(&self) -> Section {
        let plan = self.plan;
        let is_told = !plan.changes.is_empty() || plan.changes_outputs();
        if !is_told || !has_outputs(plan) || plan.mode == Mode::Destroy {
            return Section::Grades(vec![Piece::default()]);
        }
        let mut text = String::new();
        outputs(&mut text, plan, &self.spelling(), COLUMNS);
        let lines: Vec<String> = plain(&text).trim_end().lines().map(sign_first).collect();
        let lines = fenced("diff", &lines.join("\n"));
        let whole = match plan.changes.is_empty() {
            true => format!("### Outputs\n\n{lines}\n"),
            false => folded("Outputs after apply", &lines),
        };
        Section::Grades(vec![Piece::whole(whole), Piece::without(String::new(), "the outputs")])
    }
}

/// A change in the table.
fn row(change: &Change) -> String {
    let sign = sign(&change.action);
    let unit = named(&change.unit.to_string());
    let because = match (&change.reason, is_batch(change)) {
        (Reason::Absent, true) => "its databases are declared and have not arrived",
        (reason, _) => because(reason),
    };
    let because = cell(&prose(because));
    format!("| `{}` {} | {unit} | {because} |\n", sign.symbol, sign.legend)
}

fn kind(change: &Change) -> String {
    change.unit.resource.kind().as_str().to_owned()
}

/// A table that counts actions by something, the gravest first.
fn counted(groups: &[Group<'_>], title: &str, by: impl Fn(&Change) -> String) -> String {
    let mut numbers: BTreeMap<(Weight, String, &str, &str), usize> = BTreeMap::new();
    for change in groups.iter().flat_map(|group| group.changes) {
        let sign = sign(&change.action);
        let key = (Weight::of(&change.action), by(change), sign.symbol, sign.legend);
        *numbers.entry(key).or_default() += 1;
    }
    let mut text = format!("| | {title} | Units |\n| --- | --- | --- |\n");
    for ((_, name, symbol, legend), number) in numbers {
        let _ = writeln!(text, "| `{symbol}` {legend} | {} | {number} |", named(&name));
    }
    text + "\n"
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// Text of ours or of a user as text: nothing in it formats, links, or calls people. What stands between backticks is code.
fn prose(text: &str) -> String {
    let pieces: Vec<&str> = text.split('`').collect();
    if pieces.len().is_multiple_of(2) {
        return escaped(text);
    }
    let written = pieces.iter().enumerate().map(|(at, piece)| match at % 2 {
        0 => escaped(piece),
        _ => code(piece),
    });
    written.collect()
}

pub(crate) fn escaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '\n' => result.push(' '),
            '&' => result.push_str("&amp;"),
            '<' => result.push_str("&lt;"),
            '>' => result.push_str("&gt;"),
            '@' => result.push_str("&#64;"),
            // A number behind it would become a link to an issue.
            '#' => result.push_str("&#35;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '|' | '!' | '$' => {
                result.push('\\');
                result.push(c);
            }
            c => result.push(c),
        }
    }
    result
}

/// Within backticks, whatever is in it.
fn code(text: &str) -> String {
    let text = clean(text).replace('\n', " ");
    if text.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    let is_edged = text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']);
    let space = if is_edged { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Within a cell of a table, where a bar ends the cell even between backticks.
pub(crate) fn cell(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars() {
        if c == '|' && before != '\\' {
            result.push('\\');
        }
        result.push(c);
        before = c;
    }
    result
}

/// A name or value as code in a cell. Readers disagree on what a backslash before a bar is there, so one with a bar is written without.
fn named(text: &str) -> String {
    match text.contains('|') {
        true => format!("<code>{}</code>", escaped(text).replace("\\|", "&#124;")),
        false => code(text),
    }
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

/// A block of code that nothing in it ends.
pub(crate) fn fenced(language: &str, text: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}\n")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

fn folded(summary: &str, text: &str) -> String {
    format!("<details><summary>{summary}</summary>\n\n{text}\n</details>\n\n")
}

/// A line with its sign in the first column, where a difference is coloured by it. What is changed has another sign there.
fn sign_first(line: &str) -> String {
    let text = line.trim_start();
    let indent = line.len() - text.len();
    let (sign, rest) = match text.split_once(' ') {
        Some(("+", rest)) => ("+", rest),
        Some(("-", rest)) => ("-", rest),
        Some(("~", rest)) => ("!", rest),
        Some(("-/+", rest)) => ("!", rest),
        Some(_) | None => return format!("  {line}"),
    };
    format!("{sign} {:indent$}{rest}", "")
}

#[cfg(test)]
mod tests {
    use super::super::problem::samples;
    use super::*;
    use crate::block::Verdict;
    use crate::cli::view::samples::{change, declared, differing, first_apply, network, plan, unit};
    use crate::diagnostic::{Severity, code};
    use crate::plan::{Action, Checked, Moved, Output};
    use proptest::prelude::*;
    use serde_json::json;

    fn rendered(plan: &Plan, most: u64) -> String {
        render(
            plan,
            &format!("pgferry apply --approved {} --target a.b", plan.fingerprint()),
            &Calling::of(std::path::Path::new("."), &[]),
            &Places::default(),
            most,
        )
    }

    /// Fingerprints have tests of their own.
    fn unmarked(plan: &Plan, text: String) -> String {
        text.replace(&plan.fingerprint().to_string(), "FINGERPRINT")
    }

    fn large(changes: usize) -> Plan {
        let one = |at: usize| {
            let (action, reason) = match at % 3 {
                0 => (Action::Create, Reason::Absent),
                1 => (Action::Update, Reason::Drifted),
                _ => (Action::Delete, Reason::NotDeclared),
            };
            let fields = match at % 3 {
                0 => vec![declared("network", json!(network("b")))],
                2 => Vec::new(),
                _ => vec![differing("network", json!(network("a")), json!(network("b")))],
            };
            change(&format!("dns_link.zone[\"{at:06}\"]#hub"), action, reason, fields)
        };
        plan((0..changes).map(one).collect(), Vec::new())
    }

    #[test]
    fn a_first_apply_fits_whole() {
        insta::assert_snapshot!(unmarked(&first_apply(), rendered(&first_apply(), GITHUB)), @r#"
        <!-- pgferry plan -->
        ## pgferry plan: 4 to add, 0 to change, 0 to destroy

        Azure `public`, subscription `11111111-0000-0000-0000-000000000000`.

        | | Unit | Why |
        | --- | --- | --- |
        | `+` create | `database_batch.wave1#1` | its databases are declared and have not arrived |
        | `+` create | `database_batch.wave1#2` | its databases are declared and have not arrived |
        | `+` create | `vnet_peering.hub_runtime#forward` | it is declared and not there |
        | `+` create | `vnet_peering.hub_runtime#reverse` | it is declared and not there |

        ### Details

        <details><summary><code>database_batch.wave1</code> will be created</summary>

        ```diff
            # database_batch.wave1: 10 databases in 2 migrations to start, because they are declared and have
            # not arrived
        +   database_batch.wave1
        +       mode           = "online"
        +       option         = "validate_and_migrate"
        +       source         = "10.1.0.4:5432@migrator"
        +       target         = "pg-erp-prod"
        +       runtime_server = "pg-runtime"
        +       cutover        = "manual"
                after  vnet_peering.hub_runtime: it connects vnet-hub and vnet-runtime, on the way from the
                         source to the runtime server
        +     #1  wave1m1r1, 8 databases
                    billing, crm, documents, erp, finance, humanresources, invoices, journal
                    stops before its cutover, until you type
                      pgferry cutover 'database_batch.wave1#1'
        +     #2  wave1m2r1, 2 databases
                    ledger, stock
                    stops before its cutover, until you type
                      pgferry cutover 'database_batch.wave1#2'
                    waits for #1: one active migration per target
        ```

        </details>

        <details><summary><code>vnet_peering.hub_runtime</code> will be created</summary>

        ```diff
            # vnet_peering.hub_runtime (forward, reverse) will be created, because it is declared and not
            # there
        +   vnet_peering.hub_runtime#forward
        +       remote_network        = rg-net/vnet-runtime
        +       allow_gateway_transit = true
        +   vnet_peering.hub_runtime#reverse
        +       remote_network      = rg-net/vnet-hub
        +       use_remote_gateways = true
        ```

        </details>

        <details><summary>The schedule</summary>

        - Hangs on: vnet\_peering.hub\_runtime&#35;reverse &gt; database\_batch.wave1&#35;1 &gt; &#35;2.
        - Estimate: unknown. No migration from the same source to the same target in the same mode has ended before, and how large databases are is unknown.
        - Before that: 2 changes of other objects, whose time is unknown.
        - Deadlines: Azure gives a migration up 168 h after its start.

        ```mermaid
        gantt
          dateFormat YYYY-MM-DD HH:mm:ss
          axisFormat turn %-j
          tickInterval 1day
          section pg-erp-prod
          wave1m1r1 :crit, 2000-01-01 00:00:00, 86400s
          wave1m2r1 :crit, 2000-01-02 00:00:00, 86400s
        ```

        </details>

        <details><summary>The order</summary>

        ```mermaid
        flowchart LR
          n0["database#95;batch.wave1 (#35;1, #35;2)<br/>start ×2, watch ×2"]:::advance
          n1["vnet#95;peering.hub#95;runtime (#35;forward, #35;reverse)<br/>create ×2"]:::add
          n1 -->|"it connects vnet-hub and vnet-runtime, on the way from the …"| n0
          classDef add fill:#e6f4ea,stroke:#1a7f37,color:#1f2328
          classDef advance fill:#e3effd,stroke:#0b5cad,color:#1f2328
        ```

        </details>

        Fingerprint `FINGERPRINT`: `pgferry apply --approved FINGERPRINT --target a.b` carries out this and nothing else.
        "#);
    }

    #[test]
    fn losses_and_problems_come_first() {
        let (mut plan, places) = samples::troubled();
        plan.changes.clear();
        plan.steps.clear();
        plan.moves = vec![Moved {
            from: unit("dns_zone.a"),
            to: unit("dns_zone.b"),
        }];
        plan.left_out = vec![unit("dns_zone.later")];
        plan.drift = vec![
            Drift {
                unit: unit("dns_zone.erp"),
                fields: Vec::new(),
                outcome: Outcome::Deleted,
            },
            Drift {
                unit: unit("vnet_peering.hub#forward"),
                fields: vec![differing("note", json!("a|b"), json!("c"))],
                outcome: Outcome::Changed,
            },
        ];
        let calling = Calling::of(std::path::Path::new("."), &[]);
        insta::assert_snapshot!(unmarked(&plan, render(&plan, "", &calling, &places, GITHUB)), @r#"
        <!-- pgferry plan -->
        ## pgferry plan: 0 to add, 0 to change, 0 to destroy, 2 to be lost, 1 of them not accepted, 1 migration left behind, 2 checks failed

        Azure `public`, subscription `11111111-0000-0000-0000-000000000000`.

        **Cannot be applied**: 2 problems in the way.

        ### Will be lost: 2

        - `database_batch.wave1`: overwritten on the target, **NOT ACCEPTED** (to accept it: `accept_loss = { "docs & <files>" = "overwrite" }`)
          - `docs & <files>`
        - `database_batch.wave1`: overwritten on the target, accepted (`accept_loss: crm = "overwrite"`)
          - `crm`

        ### Checks: 2 failed, 1 warning

        - **error** `N001` `database_batch.wave1`: vnet-hub and vnet-target overlap: 10.0.0.0/16, 10.0.4.0/22 (`live/eu/main.hcl:40:1`)

          One of them needs another address space; see `pgferry status`.
        - warning `B002` `database_batch.old`: a batch left the configuration

          ```hcl
          removed {
            from = database_batch.old
          }
          ```
        - **failed** `check` `check.fits`: size 100% is too much (`live/eu/checks.hcl:3:5`)

        1 check can only be judged after apply.

        **In part**: 1 unit would change, too, and is taken out of this plan by `--target` or `--exclude`: `dns_zone.later`.

        Remembered under another name; nothing changes in Azure by that:

        - `dns_zone.a` has moved to `dns_zone.b`

        <details><summary>Changed by others since the last apply (2)</summary>

        | Unit | Attribute | Was | Is |
        | --- | --- | --- | --- |
        | `dns_zone.erp` | | | gone |
        | `vnet_peering.hub#forward` | `note` | <code>"a&#124;b"</code> | `"c"` |

        </details>

        Fingerprint `FINGERPRINT`. As it stands it is refused: what is in the way stands above.
        "#);
    }

    /// Whoever reads the title alone must not take a plan for harmless that is not.
    #[test]
    fn the_title_says_what_is_not_reached() {
        let mut plan = plan(Vec::new(), Vec::new());
        let title = |plan: &Plan| rendered(plan, GITHUB).lines().nth(1).unwrap_or_default().to_owned();
        assert_eq!(title(&plan), "## pgferry plan: no changes");
        plan.findings = vec![Finding {
            code: code::STUCK,
            severity: Severity::Warning,
            summary: "database_batch.wave1#1 failed and is not tried again by itself".to_owned(),
            detail: None,
            remedy: None,
            address: None,
        }];
        plan.checks = samples::troubled().0.checks;
        plan.outputs
            .insert("text".to_owned(), Output::Value(json!("a\nB\nc\n")));
        plan.outputs_before.insert("text".to_owned(), Some(json!("a\nb\nc\n")));
        plan.outputs_before.insert("gone".to_owned(), Some(json!("x ``` <b>")));
        insta::assert_snapshot!(unmarked(&plan, rendered(&plan, GITHUB)), @r#"
        <!-- pgferry plan -->
        ## pgferry plan: only outputs change, 1 migration not arrived, 1 check failed

        Azure `public`, subscription `11111111-0000-0000-0000-000000000000`.

        **Not arrived**: database\_batch.wave1&#35;1 failed and is not tried again by itself.

        ### Checks: 1 failed, 1 warning

        - warning `B001` database\_batch.wave1&#35;1 failed and is not tried again by itself
        - **failed** `check` `check.fits`: size 100% is too much (`checks.hcl:3:5`)

        1 check can only be judged after apply.

        ### Outputs

        ````diff
        -   gone = "x ``` <b>" -> null
        !   text = <<-EOT
                  a
        -       b
        +       B
                  c
                EOT
        ````

        Fingerprint `FINGERPRINT`: `pgferry apply --approved FINGERPRINT --target a.b` carries out this and nothing else.
        "#);
    }

    #[test]
    fn where_there_is_no_plan_it_says_why() {
        let (plan, places) = samples::troubled();
        let calling = Calling::of(std::path::Path::new("."), &[]);
        let found = problems(&plan, &calling, &places);
        insta::assert_snapshot!(without_plan(&found, GITHUB), @"
        <!-- pgferry plan -->
        ## pgferry plan: failed

        **There is no plan**: 2 problems in the way.

        - **error** `loss` `database_batch.wave1`: docs &amp; &lt;files&gt; would be lost: overwritten on the target (`live/eu/main.hcl:40:1`)

          Nothing in the configuration accepts this loss, so the plan cannot be applied.
        - **error** `N001` `database_batch.wave1`: vnet-hub and vnet-target overlap: 10.0.0.0/16, 10.0.4.0/22 (`live/eu/main.hcl:40:1`)

          One of them needs another address space; see `pgferry status`.
        - warning `B002` `database_batch.old`: a batch left the configuration

          ```hcl
          removed {
            from = database_batch.old
          }
          ```
        - **failed** `check` `check.fits`: size 100% is too much (`live/eu/checks.hcl:3:5`)
        ");
        let many: Vec<Problem> = std::iter::repeat_n(found, 100).flatten().collect();
        assert!(without_plan(&many, LEAST).len() <= usize::try_from(LEAST).unwrap());
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let text = rendered(&large(1_000), GITHUB);
        let (_, left_out) = text.split_once("Left out").unwrap();
        insta::assert_snapshot!(left_out, @"
        , to stay within 65536 bytes; `pgferry plan` shows it:

        - the units and reasons of 667 changes that lose, delete and cut over nothing
        - the details of 648 of 667
        ");
        let text = rendered(&large(1_000), LEAST);
        let (_, left_out) = text.split_once("Left out").unwrap();
        assert!(left_out.contains(" of 1000 changes by name\n"), "{left_out}");
    }

    #[test]
    fn what_is_deleted_is_named_and_shown_before_what_comes() {
        let mut changes: Vec<Change> = (0..300)
            .map(|at| {
                let fields = vec![declared("network", json!(network("b")))];
                let address = format!("dns_link.zone[\"{at:06}\"]#hub");
                change(&address, Action::Create, Reason::Absent, fields)
            })
            .collect();
        changes.extend((0..3).map(|at| {
            let mut gone = change(
                &format!("vnet_peering.old[\"{at}\"]"),
                Action::Delete,
                Reason::NotDeclared,
                Vec::new(),
            );
            gone.notes.push(format!("it is number {at}"));
            gone
        }));
        let text = rendered(&plan(changes, Vec::new()), 8_000);
        let (table, rest) = text.split_once("### Details").unwrap();
        insta::assert_snapshot!(table, @r#"
        <!-- pgferry plan -->
        ## pgferry plan: 300 to add, 0 to change, 3 to destroy

        Azure `public`, subscription `11111111-0000-0000-0000-000000000000`.

        | | Unit | Why |
        | --- | --- | --- |
        | `-` delete | `vnet_peering.old["0"]` | it is no longer declared |
        | `-` delete | `vnet_peering.old["1"]` | it is no longer declared |
        | `-` delete | `vnet_peering.old["2"]` | it is no longer declared |

        | | Kind | Units |
        | --- | --- | --- |
        | `+` create | `dns_link` | 300 |
        "#);
        for at in 0..3 {
            assert!(rest.contains(&format!("it is number {at}")), "{rest}");
        }
        let (_, left_out) = rest.split_once("Left out").unwrap();
        let note = "- the resources of 300 changes that lose, delete and cut over nothing\n";
        assert!(left_out.contains(note), "{left_out}");
    }

    #[test]
    fn what_is_lost_is_named_before_anything_else_is_shown() {
        let mut plan = large(2_000);
        plan.losses = (0..1_500)
            .map(|at| Loss {
                address: "database_batch.wave1".parse().unwrap(),
                what: format!("database_number_{at:05}"),
                how: "overwritten on the target".to_owned(),
                consent: None,
            })
            .collect();
        let text = rendered(&plan, GITHUB);
        assert!(plan.losses.iter().all(|loss| text.contains(&loss.what)));
        assert!(text.len() <= 65_536);
    }

    #[test]
    fn the_same_plan_is_the_same_text() {
        assert_eq!(rendered(&large(500), 20_000), rendered(&large(500), 20_000));
    }

    #[test]
    fn nothing_in_a_name_formats_links_or_calls() {
        assert_eq!(
            prose("a_b @team #12 <b> [x](y)"),
            "a\\_b &#64;team &#35;12 &lt;b&gt; \\[x\\](y)"
        );
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(cell("`a|b` \\|"), "`a\\|b` \\|");
        assert_eq!(named("a\\|b"), "<code>a\\\\&#124;b</code>");
        assert_eq!(named("a\\b"), "`a\\b`");
        assert_eq!(fenced("hcl", "```"), "````hcl\n```\n````\n");
    }

    #[test]
    fn signs_lead_their_lines() {
        assert_eq!(sign_first("    ~ a = 1"), "!     a = 1");
        assert_eq!(sign_first("      + a = 1"), "+       a = 1");
        assert_eq!(sign_first("      after  x"), "        after  x");
    }

    /// However much there is of whatever.
    #[test]
    fn a_hundred_thousand_changes_fit() {
        let text = rendered(&large(100_000), GITHUB);
        assert!(text.len() <= 65_536);
        assert!(text.contains("33334 to add"), "{text}");
    }

    /// From one change to a hundred thousand, each magnitude as often as the others.
    fn sizes() -> impl Strategy<Value = usize> {
        (0_u32..=4).prop_flat_map(|magnitude| {
            let least = 10_usize.pow(magnitude);
            least..=(10 * least).min(100_000)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn it_always_fits(
            changes in sizes(), losses in 0_usize..2_000, findings in 0_usize..100, moves in 0_usize..100,
            long in 0_usize..3_000, most in LEAST..100_000,
        ) {
            let mut plan = large(changes);
            let word = "wörd`|".repeat(long / 6);
            plan.changes[0].fields.push(declared("long", json!(word)));
            plan.changes[0].notes.push(word.clone());
            plan.losses = (0..losses).map(|at| Loss {
                address: format!("database_batch.wave{}", at % 700).parse().unwrap(),
                what: format!("db{at}"),
                how: "overwritten".to_owned(),
                consent: (at % 2 == 0).then(|| word.clone()),
            }).collect();
            plan.findings = (0..findings).map(|at| Finding {
                code: code::OVERLAP,
                severity: Severity::Warning,
                summary: format!("{at} {word}"),
                detail: Some(word.clone()),
                remedy: Some(word.clone()),
                address: None,
            }).collect();
            plan.moves = (0..moves).map(|at| Moved {
                from: unit(&format!("dns_zone.a{at}")),
                to: unit(&format!("dns_zone.b{at}")),
            }).collect();
            plan.drift = (0..moves).map(|at| Drift {
                unit: unit(&format!("dns_zone.c{at}")),
                fields: vec![differing("a", json!(word), json!(at))],
                outcome: Outcome::Changed,
            }).collect();
            plan.left_out = (0..moves).map(|at| unit(&format!("dns_zone.d{at}"))).collect();
            plan.outputs = (0..moves).map(|at| (format!("o{at}"), Output::Value(json!(word)))).collect();
            plan.checks = (0..moves).map(|at| Checked {
                name: format!("check.c{at}"),
                verdict: Verdict::Unknown,
                message: word.clone(),
                place: None,
            }).collect();
            let text = rendered(&plan, most);
            prop_assert!(text.len() <= usize::try_from(most).unwrap(), "{} of {most}", text.len());
        }
    }
}

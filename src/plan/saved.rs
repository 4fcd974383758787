//! Plans in files: what is approved in one place and carried out in another. A file holds no secret, since a plan cannot; it
//! says for itself what it was made for, and can be read without configuration or credentials.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufWriter;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use thiserror::Error;
use uuid::Uuid;

use super::Plan;
use super::action::{Action, Change, Loss, Reason, Shown};
use super::aim::Aim;
use super::canonical::Fingerprint;
use super::step::{Finds, Op, Step, StepId};
use crate::address::{Address, UnitAddress};
use crate::arm::ArmId;

/// A plan in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// What the file is: always [`Saved::KIND`].
    pub kind: String,
    /// The version of this form.
    pub format: u32,
    /// The program that made it.
    pub program: String,
    /// The file's own name, and that of the one run that may carry it out.
    pub id: Uuid,
    /// When it was made, by the wall's clock.
    pub made: Timestamp,
    /// What it was made for.
    pub aim: Aim,
    /// Where that is declared of which it has something to say, as `main.hcl:3:17`, seen from the configuration's directory.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub places: BTreeMap<Address, String>,
    /// The fingerprint of what it does.
    pub fingerprint: Fingerprint,
    /// The digest of all the rest: of what is shown, too.
    pub digest: String,
    /// The plan.
    pub plan: Plan,
}

/// What every form of the file says of itself.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    kind: Json,
    #[serde(default)]
    format: Json,
}

/// Why a file is no plan that can be used.
#[derive(Debug, Error)]
pub enum SavedError {
    /// It is something else.
    #[error("it is not a plan of pgferry: {0}")]
    NotAPlan(String),
    /// It was made by a newer program.
    #[error("it has form {found}, and this program reads form {}", Saved::FORMAT)]
    Newer {
        /// The form it has.
        found: u64,
    },
    /// It was made by an older program whose plans can no longer be carried out.
    #[error(
        "it has form {found}, which is older than what this program reads ({})",
        Saved::FORMAT
    )]
    Older {
        /// The form it has.
        found: u64,
    },
    /// What it says it does is not what it does, or what it shows is not what it was made with.
    #[error("it was changed after it was made: what it holds has another digest than it says")]
    Changed,
}

impl Saved {
    /// What every such file calls itself.
    pub const KIND: &str = "pgferry-plan";
    /// The version written by this program.
    pub const FORMAT: u32 = 3;

    /// A plan, to be written to a file.
    pub fn new(plan: Plan, aim: Aim, places: BTreeMap<Address, String>, id: Uuid, made: Timestamp) -> Self {
        let mut saved = Self {
            kind: Self::KIND.to_owned(),
            format: Self::FORMAT,
            program: concat!("pgferry ", env!("CARGO_PKG_VERSION")).to_owned(),
            id,
            made,
            aim,
            places,
            fingerprint: plan.fingerprint(),
            digest: String::new(),
            plan,
        };
        saved.digest = saved.found_digest();
        saved
    }

    /// The digest of everything but the digest: SHA-256 over its JSON, in hexadecimal digits. Whoever changes a file can make
    /// it anew: it is against damage.
    fn found_digest(&self) -> String {
        let mut hash = BufWriter::new(Sha256::new());
        let whole = (
            &self.program,
            self.id,
            self.made,
            &self.aim,
            &self.places,
            &self.fingerprint,
            &self.plan,
        );
        // A digest is made of large pieces faster than of the millions that a plan is written in.
        serde_json::to_writer(&mut hash, &whole).expect("a plan has text keys only, so it is always JSON");
        let hash = hash.into_inner().expect("a digest takes whatever it is given");
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The file.
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string(self).expect("a plan has text keys only, so it is always JSON");
        text.push('\n');
        text
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it is no plan, of another form, or was changed by hand.
    pub fn read(bytes: &[u8]) -> Result<Self, SavedError> {
        let not_a_plan = |error: serde_json::Error| SavedError::NotAPlan(error.to_string());
        let head: Head = serde_json::from_slice(bytes).map_err(not_a_plan)?;
        let (Some(Self::KIND), Some(found)) = (head.kind.as_str(), head.format.as_u64()) else {
            return Err(SavedError::NotAPlan(format!("its `kind` is not `{}`", Self::KIND)));
        };
        match found.cmp(&u64::from(Self::FORMAT)) {
            std::cmp::Ordering::Greater => return Err(SavedError::Newer { found }),
            std::cmp::Ordering::Less => return Err(SavedError::Older { found }),
            std::cmp::Ordering::Equal => {}
        }
        let saved: Self = serde_json::from_slice(bytes).map_err(not_a_plan)?;
        if saved.plan.fingerprint() != saved.fingerprint || saved.found_digest() != saved.digest {
            return Err(SavedError::Changed);
        }
        Ok(saved)
    }
}

/// A unit that a plan would deal with otherwise if it were made now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// The unit; nothing where it is about losses or names.
    pub unit: Option<UnitAddress>,
    /// What has moved.
    pub cause: Cause,
    /// A unit of the plan that needs this one, which the plan found in order and would leave as it is.
    pub needed_by: Option<UnitAddress>,
}

/// Why a plan is no longer what it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Its record in the state was written.
    Record,
    /// The object in Azure was changed, made or deleted.
    Azure,
    /// The object is gone from Azure.
    Gone,
    /// The object in Azure is put again or made anew, though it looks as declared. Why, in words.
    Because(String),
    /// The configuration or a variable says something else.
    Configuration,
    /// The flags leave it out.
    LeftOut,
    /// Nothing is left to do for it.
    Idle,
    /// There was nothing to do for it.
    New,
    /// The file shows something else than what is done.
    Shown,
}

/// Where a plan made now parts from one that was made before: in the units that the earlier one deals with, and in those
/// that these need. What else there is to do by now is another plan's.
pub fn departures(then: &Plan, now: &Plan) -> Vec<Departure> {
    let (before, after) = (then.deeds(), now.deeds());
    let units = units_of(then);
    let (shown_then, shown_now) = (shown(then), shown(now));
    let mut found = Vec::new();
    for (unit, deeds) in &before {
        let cause = if after.get(unit) != Some(deeds) || seen_of(then, unit) != seen_of(now, unit) {
            cause(then, now, unit)
        // Somebody agreed to what the file shows.
        } else if shown_then.get(unit) != shown_now.get(unit) {
            Cause::Shown
        } else {
            continue;
        };
        found.push(Departure {
            unit: Some(unit.clone()),
            cause,
            needed_by: None,
        });
    }
    // A unit of which the earlier plan only brought the memory up to date.
    let only_remembered = |unit: &&UnitAddress| units.contains(unit) && !before.contains_key(*unit);
    found.extend(after.keys().filter(only_remembered).map(|unit| Departure {
        unit: Some(unit.clone()),
        cause: cause_now(now, unit),
        needed_by: None,
    }));
    found.extend(lacking(&units, now).into_iter().map(|(unit, needed_by)| Departure {
        unit: Some(unit.clone()),
        cause: cause_now(now, unit),
        needed_by: Some(needed_by.clone()),
    }));
    let terms = |plan: &Plan| plan.terms().iter().map(Json::to_string).collect::<BTreeSet<_>>();
    if !terms(then).is_subset(&terms(now)) {
        found.push(Departure {
            unit: None,
            cause: Cause::Configuration,
            needed_by: None,
        });
    }
    // Nobody agreed to lose what the earlier one does not tell.
    if now
        .losses
        .iter()
        .any(|loss| !then.losses.contains(loss) && is_lost_by(now, &units, loss))
    {
        found.push(Departure {
            unit: None,
            cause: Cause::Shown,
            needed_by: None,
        });
    }
    found
}

/// Whether one of these units does what loses this: a loss belongs to a batch, of which a plan may deal with a part.
fn is_lost_by(plan: &Plan, units: &BTreeSet<&UnitAddress>, loss: &Loss) -> bool {
    let mut steps = plan.steps.iter().filter(|step| step.unit.resource == loss.address);
    steps.any(|step| {
        units.contains(&step.unit)
            && match &step.op {
                Op::Start { writes, .. } => writes.contains(&loss.what),
                Op::Await(watched) => watched.databases.contains(&loss.what),
                Op::Put { .. } | Op::Delete { .. } | Op::Gate(_) | Op::Cutover { .. } | Op::Note => false,
            }
    })
}

/// Where a plan made now is not the same as one that was made before, in all that the two do.
pub fn differences(then: &Plan, now: &Plan) -> Vec<Departure> {
    let mut found = departures(then, now);
    let told: BTreeSet<UnitAddress> = found.iter().filter_map(|departure| departure.unit.clone()).collect();
    let before = then.deeds();
    let new = now
        .deeds()
        .into_keys()
        .filter(|unit| !before.contains_key(unit) && !told.contains(unit));
    found.extend(new.map(|unit| Departure {
        cause: match cause_now(now, &unit) {
            Cause::Configuration => Cause::New,
            cause => cause,
        },
        unit: Some(unit),
        needed_by: None,
    }));
    let terms = |plan: &Plan| plan.terms().iter().map(Json::to_string).collect::<BTreeSet<_>>();
    if terms(then) != terms(now) && found.iter().all(|departure| departure.unit.is_some()) {
        found.push(Departure {
            unit: None,
            cause: Cause::Configuration,
            needed_by: None,
        });
    }
    found
}

/// What a plan shows of what it does to a unit: what happens, to which object, and the values that are written or remembered.
type Face<'a> = (&'a Action, Option<&'a ArmId>, Vec<(&'a str, Option<&'a Shown>)>);

/// What a plan shows of each unit. How far a migration has come by now is not its to say.
fn shown(plan: &Plan) -> BTreeMap<&UnitAddress, Face<'_>> {
    let is_fixed = |change: &&Change| !matches!(change.action, Action::Advance(_));
    plan.changes
        .iter()
        .filter(is_fixed)
        .map(|change| {
            let fields = change.fields.iter();
            let values = fields.map(|field| (field.attribute.as_str(), field.after.as_ref()));
            (&change.unit, (&change.action, change.id.as_ref(), values.collect()))
        })
        .collect()
}

/// The units that a plan deals with.
fn units_of(plan: &Plan) -> BTreeSet<&UnitAddress> {
    let changed = plan.changes.iter().map(|change| &change.unit);
    plan.steps.iter().map(|step| &step.unit).chain(changed).collect()
}

/// What a plan changes beside these units and has to change before one of them, directly or over others, each with such a
/// one. What is only remembered stands in nobody's way.
fn lacking<'a>(units: &BTreeSet<&UnitAddress>, now: &'a Plan) -> BTreeMap<&'a UnitAddress, &'a UnitAddress> {
    let steps: BTreeMap<StepId, &Step> = now.steps.iter().map(|step| (step.id, step)).collect();
    let mut lacking = BTreeMap::new();
    let mut visited = BTreeSet::new();
    for kept in now.steps.iter().filter(|step| units.contains(&step.unit)) {
        let mut open = vec![kept];
        while let Some(step) = open.pop() {
            for other in hangs_on(step, &steps) {
                if units.contains(&other.unit) || !visited.insert(other.id) {
                    continue;
                }
                if other.op != Op::Note {
                    lacking.entry(&other.unit).or_insert(&kept.unit);
                }
                open.push(other);
            }
        }
    }
    lacking
}

/// What must have been done before a step can be. Behind what queues it only waits for its turn; behind a deletion it waits
/// for the room.
fn hangs_on<'a>(step: &'a Step, steps: &BTreeMap<StepId, &'a Step>) -> impl Iterator<Item = &'a Step> {
    let find = |id: &StepId| steps.get(id).copied();
    let room = step.behind.iter().filter_map(find);
    let room = room.filter(|other| matches!(other.op, Op::Delete { .. }));
    step.after.keys().filter_map(find).chain(room)
}

/// A plan made now, without the units that an earlier one does not deal with: nobody has agreed to those. Its order and what
/// guards each call are of now, and not from a file that anybody may have written in.
pub fn cut_to(then: &Plan, mut now: Plan) -> Plan {
    let units = units_of(then);
    let resources: BTreeSet<&Address> = units.iter().map(|unit| &unit.resource).collect();
    let lost = now.losses.iter();
    let lost = lost.filter(|loss| then.losses.contains(loss) || is_lost_by(&now, &units, loss));
    let lost: Vec<Loss> = lost.cloned().collect();
    let (mut steps, others): (Vec<Step>, Vec<Step>) =
        now.steps.into_iter().partition(|step| units.contains(&step.unit));
    let others: BTreeMap<StepId, Step> = others.into_iter().map(|step| (step.id, step)).collect();
    for step in &mut steps {
        wait_past(step, &others);
    }
    now.steps = steps;
    now.changes.retain(|change| units.contains(&change.unit));
    now.outlooks.retain(|unit, _| units.contains(unit));
    now.moves.retain(|moved| then.moves.contains(moved));
    now.losses = lost;
    now.findings.retain(|finding| {
        finding
            .address
            .as_ref()
            .is_none_or(|address| resources.contains(address))
    });
    now
}

/// Lets a step wait for what these others wait for, in place of them.
fn wait_past(step: &mut Step, others: &BTreeMap<StepId, Step>) {
    while let Some(other) = step.after.keys().find_map(|id| others.get(id)) {
        step.after.remove(&other.id);
        for (id, because) in &other.after {
            step.after.entry(*id).or_insert_with(|| because.clone());
        }
        step.behind.extend(&other.behind);
    }
    while let Some(other) = step.behind.iter().find_map(|id| others.get(id)) {
        step.behind.remove(&other.id);
        step.behind.extend(other.after.keys().chain(&other.behind));
    }
}

fn cause(then: &Plan, now: &Plan, unit: &UnitAddress) -> Cause {
    let record = |plan: &Plan| plan.base.records.get(unit).copied();
    // A unit that is no longer touched has no record in the plan, whether or not it has one in the state.
    let is_touched = now.steps.iter().any(|step| step.unit == *unit);
    if is_touched && record(then) != record(now) {
        return Cause::Record;
    }
    if !is_touched && now.changes.iter().all(|change| change.unit != *unit) {
        return match now.left_out.contains(unit) {
            true => Cause::LeftOut,
            false => Cause::Idle,
        };
    }
    // What is remembered as others made it is theirs to change.
    let is_theirs = |change: &Change| change.unit == *unit && change.action == Action::Remember;
    if is_touched && seen_of(then, unit) == seen_of(now, unit) && !now.changes.iter().any(is_theirs) {
        Cause::Configuration
    } else {
        Cause::Azure
    }
}

/// Why a plan deals with a unit that an earlier one had nothing to do with.
fn cause_now(now: &Plan, unit: &UnitAddress) -> Cause {
    let change = now.changes.iter().find(|change| change.unit == *unit);
    match change.map(|change| &change.reason) {
        Some(Reason::Gone) => Cause::Gone,
        Some(Reason::Repair(what) | Reason::Because(what)) => Cause::Because(what.clone()),
        Some(Reason::Drifted | Reason::AlreadyThere | Reason::Unfinished) => Cause::Azure,
        Some(Reason::Absent | Reason::Declared | Reason::NotDeclared | Reason::Destroy) => Cause::Configuration,
        Some(Reason::Retry) | None => Cause::Configuration,
    }
}

/// What a plan found of a unit's object, and where it goes on from there.
fn seen_of<'a>(plan: &'a Plan, unit: &UnitAddress) -> Vec<Option<&'a Finds>> {
    let steps = plan.steps.iter().filter(|step| step.unit == *unit);
    steps
        .map(|step| match &step.op {
            Op::Put { finds, .. } | Op::Delete { finds, .. } => Some(finds),
            Op::Start { .. } | Op::Await(_) | Op::Gate(_) | Op::Cutover { .. } | Op::Note => None,
        })
        .collect()
}

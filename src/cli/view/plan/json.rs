//! A plan in Terraform's JSON representation of plans (`terraform show -json`, format 1.2), so that what judges Terraform's plans
//! judges ours: every member that Terraform has means what it means there, and what is ours stands under `pgferry`.
//!
//! - A unit is a resource: `type` is its kind, `name` its label, `index` its key; units of one resource differ in `address` alone,
//!   which ends in `#PART`.
//! - Actions: `create`, `update`, `delete`, `["delete", "create"]` and `forget` are Terraform's. What is adopted changes nothing in
//!   Azure and is `["no-op"]`; a migration that is moved on (watched, answered or cut over) is `["update"]`. Reasons that
//!   Terraform has no word for begin with the name of the action, as in `adopt_because_already_there`.
//! - A plan knows the whole of what changes and nothing of what stays: units that stay are counted under `pgferry.kept`, and stand
//!   in no list. Of what goes, `before` is no more than what the plan tells.
//! - Sensitive values are null, and marked in the masks. There is no `timestamp`: the same plan is the same text.
//! - Outputs are compared with the values that the last apply kept. Sensitive ones are kept nowhere, and so always a `no-op`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value as Json, json};

use super::is_write;
use super::picture::does;
use super::problem::Places;
use super::schedule;
use crate::address::{InstanceKey, ModulePath, Part, UnitAddress};
use crate::block::Verdict;
use crate::cli::calling::Calling;
use crate::cli::view::change::because;
use crate::diagnostic::Severity;
use crate::plan::action::{Drift, Outcome, Phase, Shown};
use crate::plan::step::Remember;
use crate::plan::{Action, Change, Checked, FieldChange, Finding, Mode, Output, Plan, Reason, Step};

/// The version of Terraform's form.
const FORMAT: &str = "1.2";

/// The release of Terraform whose form this is. Some readers take nothing for a plan that does not name one.
const TERRAFORM: &str = "1.11.4";

/// The version of what stands under `pgferry`.
const OURS: u32 = 1;

/// The document. It is made while it is written, element by element: a large plan is never there twice.
pub(crate) struct Document<'a> {
    /// The plan.
    pub(crate) plan: &'a Plan,
    /// How commands are called.
    pub(crate) calling: &'a Calling,
    /// Where resources are declared.
    pub(crate) places: &'a Places,
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let plan = self.plan;
        let remembered = remembered(plan);
        let previous: BTreeMap<&UnitAddress, &UnitAddress> =
            plan.moves.iter().map(|moved| (&moved.to, &moved.from)).collect();
        let changed: HashSet<&UnitAddress> = plan.changes.iter().map(|change| &change.unit).collect();
        let values = |change: &Change| Values::of(change, remembered.get(&change.unit).copied());
        let changes = || {
            let changes = plan.changes.iter();
            let changes =
                changes.map(|change| resource_change(change, values(change), previous.get(&change.unit).copied()));
            let only_moved = plan.moves.iter().filter(|moved| !changed.contains(&moved.to));
            changes.chain(only_moved.map(|moved| {
                let mut object = resource(&moved.to);
                object.insert("previous_address".to_owned(), moved.from.to_string().into());
                object.insert("change".to_owned(), Values::default().into_change(&["no-op"]));
                Json::Object(object)
            }))
        };
        let after = |change: &Change| {
            let values = values(change);
            Some((values.after?, values.after_sensitive))
        };
        let before = |change: &Change| {
            let values = values(change);
            Some((values.before?, values.before_sensitive))
        };
        let outputs = plan.outputs.iter();
        let outputs: Map<_, _> = outputs
            .map(|(name, output)| (name.clone(), planned_output(output)))
            .collect();
        let planned = Module::of(plan, is_there_afterwards);
        let prior = Module::of(plan, was_there_before);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("applyable", &is_applicable(plan))?;
        map.serialize_entry("checks", &checks(&plan.checks))?;
        map.serialize_entry("complete", &plan.left_out.is_empty())?;
        map.serialize_entry("configuration", &json!({ "root_module": {} }))?;
        map.serialize_entry("errored", &false)?;
        map.serialize_entry("format_version", FORMAT)?;
        map.serialize_entry("output_changes", &output_changes(plan))?;
        map.serialize_entry("pgferry", &Ours(self))?;
        map.serialize_entry(
            "planned_values",
            &Valued {
                outputs: Some(&outputs),
                root: InModule {
                    address: None,
                    module: &planned,
                    values: &after,
                },
            },
        )?;
        map.serialize_entry(
            "prior_state",
            &Prior(InModule {
                address: None,
                module: &prior,
                values: &before,
            }),
        )?;
        // Terraform leaves them out where they are empty.
        let attributes = relevant_attributes(plan);
        if !attributes.is_empty() {
            map.serialize_entry("relevant_attributes", &attributes)?;
        }
        map.serialize_entry("resource_changes", &Made(changes))?;
        if !plan.drift.is_empty() {
            map.serialize_entry("resource_drift", &Made(|| plan.drift.iter().map(drift)))?;
        }
        map.serialize_entry("terraform_version", TERRAFORM)?;
        map.end()
    }
}

/// A list whose elements are made while it is written.
struct Made<F>(F);

impl<F: Fn() -> I, I: Iterator<Item = Json>> Serialize for Made<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// The declared fields of each unit once its steps are done.
fn remembered(plan: &Plan) -> HashMap<&UnitAddress, &BTreeMap<String, Json>> {
    let mut remembered = HashMap::new();
    for step in &plan.steps {
        match &step.then {
            Remember::Record(record) => remembered.insert(&step.unit, &record.fields),
            Remember::Unchanged | Remember::Forget => None,
        };
    }
    remembered
}

fn is_applicable(plan: &Plan) -> bool {
    // Where only outputs change, apply keeps their values.
    let does_something = !plan.is_empty() || plan.has_changes();
    !plan.is_refused() && does_something
}

fn was_there_before(action: &Action) -> bool {
    *action != Action::Create
}

fn is_there_afterwards(action: &Action) -> bool {
    !matches!(action, Action::Delete | Action::Forget)
}

/// A unit before and after, with the masks.
#[derive(Default)]
struct Values {
    before: Option<Map<String, Json>>,
    after: Option<Map<String, Json>>,
    after_unknown: Map<String, Json>,
    before_sensitive: Map<String, Json>,
    after_sensitive: Map<String, Json>,
    replace_paths: Vec<Json>,
}

impl Values {
    /// `remembered` are all declared fields as they will be; a change has only those that differ, unless it creates.
    fn of(change: &Change, remembered: Option<&BTreeMap<String, Json>>) -> Self {
        let (has_before, has_after) = (was_there_before(&change.action), is_there_afterwards(&change.action));
        let mut values = Self::default();
        let fields = remembered.into_iter().flatten();
        let base: Map<String, Json> = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
        let mut before = base.clone();
        let mut after = base;
        for field in &change.fields {
            values.take(field, &mut before, &mut after);
        }
        match &change.id {
            Some(id) => {
                before.insert("id".to_owned(), id.as_str().into());
                after.insert("id".to_owned(), id.as_str().into());
            }
            None if has_after => {
                values.after_unknown.insert("id".to_owned(), true.into());
            }
            None => {}
        }
        values.before = has_before.then_some(before);
        values.after = has_after.then_some(after);
        values
    }

    fn take(&mut self, field: &FieldChange, before: &mut Map<String, Json>, after: &mut Map<String, Json>) {
        let name = || field.attribute.clone();
        let is_secret = field.after == Some(Shown::Sensitive);
        if is_secret {
            before.insert(name(), Json::Null);
            self.before_sensitive.insert(name(), true.into());
        } else {
            before.insert(name(), field.before.clone().unwrap_or_default());
        }
        match &field.after {
            Some(Shown::Value(value)) => {
                after.insert(name(), value.clone());
            }
            Some(Shown::Sensitive) => {
                after.insert(name(), Json::Null);
                self.after_sensitive.insert(name(), true.into());
            }
            Some(Shown::Unknown) => {
                after.remove(&field.attribute);
                self.after_unknown.insert(name(), true.into());
            }
            None => {
                after.insert(name(), Json::Null);
            }
        }
        if field.forces_replacement {
            self.replace_paths.push(json!([field.attribute]));
        }
    }

    fn into_change(self, actions: &[&str]) -> Json {
        // Where there is no value, Terraform's mask is `false`.
        let mask = |value: &Option<Map<String, Json>>, mask| match value {
            Some(_) => Json::Object(mask),
            None => false.into(),
        };
        let mut change = json!({
            "actions": actions,
            "after_unknown": self.after_unknown,
            "before_sensitive": mask(&self.before, self.before_sensitive),
            "after_sensitive": mask(&self.after, self.after_sensitive),
            "before": self.before,
            "after": self.after,
        });
        // What forces another attempt of a migration replaces nothing.
        let is_replaced = actions.contains(&"delete") && !self.replace_paths.is_empty();
        if let (Json::Object(members), true) = (&mut change, is_replaced) {
            members.insert("replace_paths".to_owned(), self.replace_paths.into());
        }
        change
    }
}

/// What Terraform says of every resource.
fn resource(unit: &UnitAddress) -> Map<String, Json> {
    let resource = &unit.resource;
    let mut object = Map::new();
    let mut insert = |name: &str, value: Json| object.insert(name.to_owned(), value);
    insert("address", unit.to_string().into());
    insert("mode", "managed".into());
    insert("type", resource.kind().as_str().into());
    insert("name", resource.label().as_str().into());
    insert("provider_name", "pgferry".into());
    if let Some(key) = resource.key() {
        insert("index", InstanceKey::as_str(key).into());
    }
    if !resource.module().is_root() {
        insert("module_address", resource.module().to_string().into());
    }
    object
}

fn resource_change(change: &Change, values: Values, previous: Option<&UnitAddress>) -> Json {
    let mut object = resource(&change.unit);
    if let Some(previous) = previous {
        object.insert("previous_address".to_owned(), previous.to_string().into());
    }
    if let Some(reason) = action_reason(change) {
        object.insert("action_reason".to_owned(), reason.into());
    }
    object.insert("change".to_owned(), values.into_change(actions(&change.action)));
    Json::Object(object)
}

fn actions(action: &Action) -> &'static [&'static str] {
    match action {
        Action::Adopt | Action::Remember => &["no-op"],
        Action::Create => &["create"],
        Action::Update | Action::Advance(_) => &["update"],
        Action::Replace => &["delete", "create"],
        Action::Delete => &["delete"],
        Action::Forget => &["forget"],
    }
}

/// Terraform's word for the reason, ours where it has none, nothing where the action says it all.
fn action_reason(change: &Change) -> Option<&'static str> {
    match (&change.action, &change.reason) {
        (Action::Delete, Reason::NotDeclared) => Some("delete_because_no_resource_config"),
        (Action::Replace, _) if change.fields.iter().any(|field| field.forces_replacement) => {
            Some("replace_because_cannot_update")
        }
        (Action::Adopt, _) => Some("adopt_because_already_there"),
        (Action::Remember, _) => Some("remember_because_drifted"),
        (Action::Advance(_), _) => Some("advance_because_unfinished"),
        (Action::Forget, Reason::NotDeclared) => Some("forget_because_no_resource_config"),
        (Action::Update, Reason::Drifted) => Some("update_because_drifted"),
        (Action::Update, Reason::Repair(_)) => Some("update_because_not_well"),
        (Action::Create, Reason::Gone) => Some("create_because_gone"),
        (Action::Create, Reason::Retry) => Some("create_because_retry"),
        (Action::Create, _) if change.fields.iter().any(|field| field.forces_replacement) => {
            Some("create_because_new_generation")
        }
        (Action::Delete | Action::Forget | Action::Update | Action::Create | Action::Replace, _) => None,
    }
}

/// Resources by module, as `planned_values` and `prior_state` nest them.
#[derive(Default)]
struct Module<'a> {
    resources: Vec<&'a Change>,
    children: BTreeMap<String, Module<'a>>,
}

impl<'a> Module<'a> {
    fn of(plan: &'a Plan, is_meant: impl Fn(&Action) -> bool) -> Self {
        let mut root = Self::default();
        for change in plan.changes.iter().filter(|change| is_meant(&change.action)) {
            let mut at = &mut root;
            let mut path = ModulePath::root();
            for step in change.unit.resource.module().steps() {
                path = path.child(step.clone());
                at = at.children.entry(path.to_string()).or_default();
            }
            at.resources.push(change);
        }
        root
    }
}

/// The values of a unit on one side, with their mask.
type OnOneSide<'a> = &'a dyn Fn(&Change) -> Option<(Map<String, Json>, Map<String, Json>)>;

/// A module as it is written.
struct InModule<'a> {
    address: Option<&'a str>,
    module: &'a Module<'a>,
    values: OnOneSide<'a>,
}

impl Serialize for InModule<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Module { resources, children } = self.module;
        let with_values = || {
            resources.iter().filter_map(|change| {
                let (values, sensitive) = (self.values)(change)?;
                let mut object = resource(&change.unit);
                object.remove("module_address");
                object.insert("schema_version".to_owned(), 0.into());
                object.insert("values".to_owned(), Json::Object(values));
                object.insert("sensitive_values".to_owned(), Json::Object(sensitive));
                Some(Json::Object(object))
            })
        };
        let mut map = serializer.serialize_map(None)?;
        if let Some(address) = self.address {
            map.serialize_entry("address", address)?;
        }
        if !children.is_empty() {
            let children = children.iter().map(|(address, module)| Self {
                address: Some(address),
                module,
                values: self.values,
            });
            map.serialize_entry("child_modules", &children.collect::<Vec<_>>())?;
        }
        if !resources.is_empty() {
            map.serialize_entry("resources", &Made(with_values))?;
        }
        map.end()
    }
}

/// `planned_values`, and what `prior_state` holds.
struct Valued<'a> {
    outputs: Option<&'a Map<String, Json>>,
    root: InModule<'a>,
}

impl Serialize for Valued<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(outputs) = self.outputs {
            map.serialize_entry("outputs", outputs)?;
        }
        map.serialize_entry("root_module", &self.root)?;
        map.end()
    }
}

/// `prior_state`.
struct Prior<'a>(InModule<'a>);

impl Serialize for Prior<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("format_version", "1.0")?;
        map.serialize_entry("terraform_version", TERRAFORM)?;
        map.serialize_entry(
            "values",
            &Valued {
                outputs: None,
                root: InModule { ..self.0 },
            },
        )?;
        map.end()
    }
}

/// What somebody else changed: `before` is what we last did, `after` what Azure has.
fn drift(drift: &Drift) -> Json {
    let mut values = Values::default();
    let (mut before, mut after) = (Map::new(), Map::new());
    for field in &drift.fields {
        values.take(field, &mut before, &mut after);
    }
    values.before = Some(before);
    let actions: &[&str] = match drift.outcome {
        Outcome::Changed => {
            values.after = Some(after);
            &["update"]
        }
        Outcome::Deleted => &["delete"],
    };
    let mut object = resource(&drift.unit);
    object.insert("change".to_owned(), values.into_change(actions));
    Json::Object(object)
}

/// Drifted attributes that something is done about.
fn relevant_attributes(plan: &Plan) -> Vec<Json> {
    let changed: HashMap<&UnitAddress, &Change> = plan.changes.iter().map(|change| (&change.unit, change)).collect();
    let mut list = Vec::new();
    for drift in &plan.drift {
        let Some(change) = changed.get(&drift.unit) else {
            continue;
        };
        let is_mended = |name: &str| change.fields.iter().any(|field| field.attribute == name);
        let fields = drift.fields.iter().filter(|field| is_mended(&field.attribute));
        list.extend(fields.map(|field| json!({ "resource": drift.unit.to_string(), "attribute": [field.attribute] })));
    }
    list
}

fn planned_output(output: &Output) -> Json {
    match output {
        Output::Value(value) => json!({ "sensitive": false, "type": type_of(value), "value": value }),
        Output::Sensitive => json!({ "sensitive": true }),
        Output::Unknown => json!({ "sensitive": false }),
    }
}

fn output_changes(plan: &Plan) -> Json {
    if plan.mode == Mode::Destroy {
        return json!({});
    }
    let names: BTreeSet<&String> = plan.outputs.keys().chain(plan.outputs_before.keys()).collect();
    let changes = names.into_iter().map(|name| (name.clone(), output_change(plan, name)));
    changes.collect::<Map<_, _>>().into()
}

fn output_change(plan: &Plan, name: &str) -> Json {
    let kept = plan.outputs_before.get(name);
    let before = kept.cloned().flatten();
    let action = match (&before, plan.outputs.get(name)) {
        (_, None) => "delete",
        (_, Some(Output::Sensitive)) => "no-op",
        (_, Some(Output::Value(_))) if kept.is_none() => "no-op",
        (Some(_), Some(Output::Value(_) | Output::Unknown)) => "update",
        (None, Some(Output::Value(_) | Output::Unknown)) => "create",
    };
    let is_sensitive = plan.outputs.get(name) == Some(&Output::Sensitive);
    let (before, after, is_unknown) = match plan.outputs.get(name) {
        Some(Output::Value(value)) if kept.is_none() => (value.clone(), Some(value.clone()), false),
        Some(Output::Value(value)) => (before.unwrap_or_default(), Some(value.clone()), false),
        Some(Output::Unknown) => (before.unwrap_or_default(), None, true),
        Some(Output::Sensitive) | None => (before.unwrap_or_default(), Some(Json::Null), false),
    };
    let mut change = json!({
        "actions": [action], "before": before, "after_unknown": is_unknown,
        "before_sensitive": is_sensitive, "after_sensitive": is_sensitive,
    });
    // What is not known is missing, as it is in Terraform's.
    if let (Json::Object(members), Some(after)) = (&mut change, after) {
        members.insert("after".to_owned(), after);
    }
    change
}

/// The type of a value as Terraform writes types.
fn type_of(value: &Json) -> Json {
    match value {
        Json::Null => "dynamic".into(),
        Json::Bool(_) => "bool".into(),
        Json::Number(_) => "number".into(),
        Json::String(_) => "string".into(),
        Json::Array(elements) => json!(["tuple", elements.iter().map(type_of).collect::<Vec<_>>()]),
        Json::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.clone(), type_of(value)));
            json!(["object", members.collect::<Map<_, _>>()])
        }
    }
}

/// By check: the worst of its assertions.
fn checks(checks: &[Checked]) -> Vec<Json> {
    let mut by_name: BTreeMap<&str, Vec<&Checked>> = BTreeMap::new();
    for check in checks {
        by_name.entry(&check.name).or_default().push(check);
    }
    by_name
        .into_iter()
        .map(|(name, assertions)| check(name, &assertions))
        .collect()
}

fn check(name: &str, assertions: &[&Checked]) -> Json {
    let failed = || assertions.iter().filter(|check| check.verdict == Verdict::Fails);
    let is_open = assertions.iter().any(|check| check.verdict == Verdict::Unknown);
    let status = match (failed().next(), is_open) {
        (Some(_), _) => "fail",
        (None, true) => "unknown",
        (None, false) => "pass",
    };
    let (module, label) = match name.rsplit_once("check.") {
        Some((module, label)) => (module.trim_end_matches('.'), label),
        None => ("", name),
    };
    let mut address = json!({ "kind": "check", "name": label, "to_display": name });
    let mut instance_address = json!({ "to_display": name });
    if !module.is_empty() {
        for address in [&mut address, &mut instance_address] {
            if let Json::Object(members) = address {
                members.insert("module".to_owned(), module.into());
            }
        }
    }
    let mut instance = json!({ "address": instance_address, "status": status });
    let problems: Vec<Json> = failed().map(|check| json!({ "message": check.message })).collect();
    if let (Json::Object(members), false) = (&mut instance, problems.is_empty()) {
        members.insert("problems".to_owned(), problems.into());
    }
    json!({ "address": address, "status": status, "instances": [instance] })
}

/// What Terraform's form has no place for.
struct Ours<'a>(&'a Document<'a>);

impl Serialize for Ours<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Document { plan, calling, places } = *self.0;
        let actions: HashMap<&UnitAddress, &Action> = plan
            .changes
            .iter()
            .map(|change| (&change.unit, &change.action))
            .collect();
        let steps = || {
            let steps = plan.steps.iter();
            steps.map(|step| self::step(step, actions.get(&step.unit).copied()))
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("cloud", &plan.base.cloud)?;
        map.serialize_entry(
            "findings",
            &Made(|| plan.findings.iter().map(|found| finding(found, calling, places))),
        )?;
        map.serialize_entry("fingerprint", plan.fingerprint().as_str())?;
        map.serialize_entry("format", &OURS)?;
        map.serialize_entry("kept", &plan.kept)?;
        map.serialize_entry("left_out", &plan.left_out)?;
        map.serialize_entry("losses", &plan.losses)?;
        map.serialize_entry("mode", &plan.mode)?;
        map.serialize_entry("moves", &plan.moves)?;
        map.serialize_entry("refused", &plan.is_refused())?;
        map.serialize_entry("schedule", &schedule::document(plan))?;
        map.serialize_entry("snapshot", &plan.base.snapshot)?;
        map.serialize_entry("steps", &Made(steps))?;
        map.serialize_entry("subscription", &plan.base.subscription)?;
        map.serialize_entry("units", &Made(|| plan.changes.iter().map(unit)))?;
        map.serialize_entry("writes", &plan.steps.iter().filter(|step| is_write(&step.op)).count())?;
        map.end()
    }
}

fn finding(finding: &Finding, calling: &Calling, places: &Places) -> Json {
    let place = finding.address.as_ref().and_then(|address| places.of_address(address));
    json!({
        "code": finding.code,
        "severity": match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "summary": finding.summary,
        "detail": finding.detail.as_ref().map(|detail| calling.in_text(detail)),
        "remedy": finding.remedy,
        "address": finding.address,
        "place": place.map(|place| place.to_string()),
    })
}

fn unit(change: &Change) -> Json {
    let (action, phase) = match change.action {
        Action::Adopt => ("adopt", None),
        Action::Create => ("create", None),
        Action::Update => ("update", None),
        Action::Replace => ("replace", None),
        Action::Delete => ("delete", None),
        Action::Forget => ("forget", None),
        Action::Remember => ("remember", None),
        Action::Advance(Phase::Watch) => ("advance", Some("watch")),
        Action::Advance(Phase::Answer) => ("advance", Some("answer")),
        Action::Advance(Phase::Cutover) => ("advance", Some("cutover")),
    };
    json!({
        "address": change.unit,
        "resource": change.unit.resource,
        "part": change.unit.part.as_ref().map(Part::as_str),
        "action": action,
        "phase": phase,
        "because": because(&change.reason),
        "notes": change.notes,
    })
}

fn step(step: &Step, action: Option<&Action>) -> Json {
    let after = step
        .after
        .iter()
        .map(|(id, because)| json!({ "step": id, "because": because }));
    json!({
        "id": step.id,
        "unit": step.unit,
        "does": does(step, action),
        "after": after.collect::<Vec<_>>(),
        "behind": step.behind,
    })
}

#[cfg(test)]
mod tests {
    use super::super::problem::samples;
    use super::*;
    use crate::cli::view::samples::{change, declared, differing, first_apply, network, plan, unit};
    use crate::plan::Moved;
    use std::process::Command;

    fn written(plan: &Plan, places: &Places) -> Json {
        let calling = &Calling::of(std::path::Path::new("."), &[]);
        serde_json::to_value(Document { plan, calling, places }).unwrap()
    }

    fn of(plan: &Plan) -> Json {
        written(plan, &Places::default())
    }

    /// A plan with every action, an unknown and a secret value, drift, moves and outputs.
    fn everything() -> (Plan, Places) {
        let (mut plan, places) = samples::troubled();
        let field = |attribute: &str, after| FieldChange {
            after: Some(after),
            ..declared(attribute, Json::Null)
        };
        let forced = FieldChange {
            forces_replacement: true,
            ..differing("remote_network", json!(network("a")), json!(network("b")))
        };
        let mut more = vec![
            change("dns_zone.seen", Action::Adopt, Reason::AlreadyThere, Vec::new()),
            change(
                "module.eu[\"west\"].module.inner.dns_link.zone[\"x\"]#hub",
                Action::Update,
                Reason::Drifted,
                vec![differing("registration_enabled", json!(true), json!(false))],
            ),
            change(
                "vnet_peering.moved[\"a\"]#forward",
                Action::Replace,
                Reason::Declared,
                vec![forced],
            ),
            change("dns_link.gone#hub", Action::Delete, Reason::NotDeclared, Vec::new()),
            change("database_batch.old#1", Action::Forget, Reason::NotDeclared, Vec::new()),
            change(
                "database_batch.running#1",
                Action::Advance(Phase::Cutover),
                Reason::Unfinished,
                vec![declared("databases", json!(["erp"]))],
            ),
            change(
                "dns_link.new#hub",
                Action::Create,
                Reason::Absent,
                vec![
                    field("zone", Shown::Unknown),
                    field("password", Shown::Sensitive),
                    declared("tags", json!({ "owner": "dba" })),
                ],
            ),
        ];
        more[2].id = Some(network("a").parse().unwrap());
        plan.changes.append(&mut more);
        plan.drift = vec![
            Drift {
                unit: unit("module.eu[\"west\"].module.inner.dns_link.zone[\"x\"]#hub"),
                fields: vec![differing("registration_enabled", json!(false), json!(true))],
                outcome: Outcome::Changed,
            },
            Drift {
                unit: unit("dns_zone.erp"),
                fields: Vec::new(),
                outcome: Outcome::Deleted,
            },
        ];
        plan.moves = vec![Moved {
            from: unit("dns_zone.before"),
            to: unit("dns_zone.after"),
        }];
        plan.outputs = BTreeMap::from([
            ("databases".to_owned(), Output::Value(json!([1, "a", { "b": true }]))),
            ("password".to_owned(), Output::Sensitive),
            ("zone".to_owned(), Output::Unknown),
        ]);
        plan.outputs_before = BTreeMap::from([
            ("databases".to_owned(), Some(json!([1]))),
            ("gone".to_owned(), Some(json!("x"))),
            ("zone".to_owned(), None),
        ]);
        (plan, places)
    }

    fn document_of_everything() -> Json {
        let (plan, places) = everything();
        written(&plan, &places)
    }

    fn find<'a>(document: &'a Json, list: &str, address: &str) -> &'a Json {
        let list = document[list].as_array().unwrap();
        list.iter().find(|entry| entry["address"] == address).unwrap()
    }

    #[test]
    fn policies_find_actions_where_terraform_has_them() {
        let document = document_of_everything();
        let changes = document["resource_changes"].as_array().unwrap().iter();
        let lines: Vec<String> = changes
            .map(|change| {
                format!(
                    "{} {} {}",
                    change["address"], change["change"]["actions"], change["action_reason"]
                )
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        "database_batch.wave1#1" ["create"] null
        "database_batch.wave1#2" ["create"] null
        "vnet_peering.hub_runtime#forward" ["create"] null
        "vnet_peering.hub_runtime#reverse" ["create"] null
        "dns_zone.seen" ["no-op"] "adopt_because_already_there"
        "module.eu[\"west\"].module.inner.dns_link.zone[\"x\"]#hub" ["update"] "update_because_drifted"
        "vnet_peering.moved[\"a\"]#forward" ["delete","create"] "replace_because_cannot_update"
        "dns_link.gone#hub" ["delete"] "delete_because_no_resource_config"
        "database_batch.old#1" ["forget"] "forget_because_no_resource_config"
        "database_batch.running#1" ["update"] "advance_because_unfinished"
        "dns_link.new#hub" ["create"] null
        "dns_zone.after" ["no-op"] null
        "#);
    }

    #[test]
    fn values_come_with_their_masks() {
        let document = document_of_everything();
        let created = &find(&document, "resource_changes", "dns_link.new#hub")["change"];
        insta::assert_snapshot!(format!("{created:#}"), @r#"
        {
          "actions": [
            "create"
          ],
          "after": {
            "password": null,
            "tags": {
              "owner": "dba"
            }
          },
          "after_sensitive": {
            "password": true
          },
          "after_unknown": {
            "id": true,
            "zone": true
          },
          "before": null,
          "before_sensitive": false
        }
        "#);
        let replaced = &find(&document, "resource_changes", "vnet_peering.moved[\"a\"]#forward")["change"];
        assert_eq!(replaced["replace_paths"], json!([["remote_network"]]));
        assert_eq!(replaced["before"]["remote_network"], json!(network("a")));
        assert_eq!(replaced["after"]["id"], json!(network("a")));
    }

    #[test]
    fn modules_are_nested() {
        let document = document_of_everything();
        let inner = document
            .pointer("/planned_values/root_module/child_modules/0/child_modules/0")
            .unwrap();
        insta::assert_snapshot!(format!("{inner:#}"), @r#"
        {
          "address": "module.eu[\"west\"].module.inner",
          "resources": [
            {
              "address": "module.eu[\"west\"].module.inner.dns_link.zone[\"x\"]#hub",
              "index": "x",
              "mode": "managed",
              "name": "zone",
              "provider_name": "pgferry",
              "schema_version": 0,
              "sensitive_values": {},
              "type": "dns_link",
              "values": {
                "registration_enabled": false
              }
            }
          ]
        }
        "#);
    }

    #[test]
    fn outputs_are_told_with_what_was_kept_of_them() {
        let (mut plan, _) = everything();
        plan.outputs.insert("same".to_owned(), Output::Value(json!("v")));
        plan.outputs.insert("new".to_owned(), Output::Value(json!(2)));
        plan.outputs_before.insert("new".to_owned(), None);
        let document = of(&plan);
        let told = |name: &str| {
            let change = &document["output_changes"][name];
            format!(
                "{} {} -> {:?}",
                change["actions"],
                change["before"],
                change.get("after")
            )
        };
        let names = ["databases", "gone", "new", "password", "same", "zone"];
        let lines: Vec<String> = names.iter().map(|name| format!("{name} {}", told(name))).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        databases ["update"] [1] -> Some(Array [Number(1), String("a"), Object {"b": Bool(true)}])
        gone ["delete"] "x" -> Some(Null)
        new ["create"] null -> Some(Number(2))
        password ["no-op"] null -> Some(Null)
        same ["no-op"] "v" -> Some(String("v"))
        zone ["create"] null -> None
        "#);
    }

    #[test]
    fn what_only_changes_outputs_is_applyable() {
        let mut plan = plan(Vec::new(), Vec::new());
        plan.outputs.insert("a".to_owned(), Output::Unknown);
        plan.outputs_before.insert("a".to_owned(), None);
        assert_eq!(of(&plan)["applyable"], false);
        plan.outputs.insert("a".to_owned(), Output::Value(json!(1)));
        assert_eq!(of(&plan)["applyable"], true);
    }

    #[test]
    fn drift_stands_apart() {
        let document = document_of_everything();
        let drifted = find(
            &document,
            "resource_drift",
            "module.eu[\"west\"].module.inner.dns_link.zone[\"x\"]#hub",
        );
        assert_eq!(drifted["change"]["before"], json!({ "registration_enabled": false }));
        assert_eq!(drifted["change"]["after"], json!({ "registration_enabled": true }));
        assert_eq!(
            find(&document, "resource_drift", "dns_zone.erp")["change"]["after"],
            Json::Null
        );
        assert_eq!(
            document["relevant_attributes"][0]["attribute"],
            json!(["registration_enabled"])
        );
    }

    #[test]
    fn what_is_ours_stands_under_one_name() {
        let document = document_of_everything();
        let ours = &document["pgferry"];
        assert_eq!(ours["losses"][1]["what"], "docs & <files>");
        assert_eq!(ours["findings"][0]["place"], "live/eu/main.hcl:40:1");
        assert_eq!(ours["steps"][2]["behind"], json!([1]));
        assert_eq!(ours["writes"], 4);
    }

    #[test]
    fn a_plan_that_would_be_refused_is_not_applyable() {
        assert_eq!(document_of_everything()["applyable"], false);
        assert_eq!(of(&first_apply())["applyable"], true);
        assert_eq!(of(&plan(Vec::new(), Vec::new()))["applyable"], false);
        let mut refused = first_apply();
        refused.findings.push(Finding {
            severity: Severity::Error,
            ..samples::troubled().0.findings[0].clone()
        });
        assert_eq!(of(&refused)["applyable"], false);
    }

    #[test]
    fn documents_follow_the_schema() {
        let schema: Json = serde_json::from_str(super::super::JSON_SCHEMA).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        for document in [
            document_of_everything(),
            of(&first_apply()),
            of(&plan(Vec::new(), Vec::new())),
        ] {
            let errors: Vec<String> = validator
                .iter_errors(&document)
                .map(|error| format!("{} at {}", error, error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{errors:#?}");
        }
    }

    /// The schema forbids what it does not know, so that a new member is a decision.
    #[test]
    fn the_schema_knows_every_member() {
        let schema: Json = serde_json::from_str(super::super::JSON_SCHEMA).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        for place in [
            "",
            "/pgferry",
            "/pgferry/units/0",
            "/pgferry/steps/0",
            "/resource_changes/0",
            "/resource_changes/0/change",
        ] {
            let mut document = document_of_everything();
            let object = document.pointer_mut(place).and_then(Json::as_object_mut).unwrap();
            object.insert("surprise".to_owned(), 1.into());
            assert!(!validator.is_valid(&document), "{place}");
        }
    }

    /// The ways through a document to its values, with their JSON types; elements of a list share one way.
    fn shape(value: &Json, way: &str, into: &mut BTreeSet<String>) {
        match value {
            Json::Null => {}
            Json::Bool(_) => drop(into.insert(format!("{way}: bool"))),
            Json::Number(_) => drop(into.insert(format!("{way}: number"))),
            Json::String(_) => drop(into.insert(format!("{way}: string"))),
            Json::Array(elements) => {
                into.insert(format!("{way}: list"));
                elements
                    .iter()
                    .for_each(|element| shape(element, &format!("{way}[]"), into));
            }
            Json::Object(members) => {
                into.insert(format!("{way}: object"));
                for (name, member) in members {
                    // What stands below these is named by users.
                    let free = [
                        "before",
                        "after",
                        "value",
                        "values",
                        "after_unknown",
                        "before_sensitive",
                        "after_sensitive",
                        "sensitive_values",
                    ];
                    let named_by_users = way.ends_with("outputs") || way.ends_with("output_changes");
                    let name = if named_by_users { "*" } else { name };
                    let is_free = free.contains(&name);
                    if is_free || name == "configuration" || name == "type" {
                        into.insert(format!("{way}/{name}"));
                    } else {
                        shape(member, &format!("{way}/{name}"), into);
                    }
                }
            }
        }
    }

    const TERRAFORM_CONFIGURATION: &str = r#"
resource "terraform_data" "a" {
  input = { x = 1, y = sensitive("s") }
}
resource "terraform_data" "b" {
  for_each         = toset(["x"])
  input            = terraform_data.a.output
  triggers_replace = "v1"
}
output "unknown" {
  value = terraform_data.a.id
}
output "known" {
  value = "v"
}
check "c" {
  assert {
    condition     = terraform_data.b["x"].triggers_replace == "v2"
    error_message = "no"
  }
}
"#;

    /// Every member that Terraform has, but those that the module's words take out, is there and of its type.
    #[test]
    fn the_shape_is_that_of_terraform() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("main.tf"), TERRAFORM_CONFIGURATION).unwrap();
        let terraform = |arguments: &[&str]| {
            let mut command = Command::new("terraform");
            command.current_dir(folder.path()).args(arguments);
            command
                .env("CHECKPOINT_DISABLE", "1")
                .env("TF_IN_AUTOMATION", "1")
                .env_remove("TF_CLI_CONFIG_FILE");
            command.output().ok().map(|output| {
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                output.stdout
            })
        };
        // Where there is none on the path, the schema alone has to do.
        let Some(_) = terraform(&["init", "-input=false", "-no-color"]) else {
            return;
        };
        let _ = terraform(&["plan", "-input=false", "-out=plan"]).unwrap();
        let theirs: Json = serde_json::from_slice(&terraform(&["show", "-json", "plan"]).unwrap()).unwrap();
        let (mut expected, mut found) = (BTreeSet::new(), BTreeSet::new());
        shape(&theirs, "", &mut expected);
        shape(&document_of_everything(), "", &mut found);
        let not_ours = |way: &&String| {
            let left_out = ["/timestamp: string", "/prior_state/values/outputs"];
            left_out.iter().any(|left_out| way.starts_with(left_out))
        };
        let missing: Vec<&String> = expected.difference(&found).filter(|way| !not_ours(way)).collect();
        assert!(missing.is_empty(), "{missing:#?}\nof\n{theirs:#}");
    }
}

//! From a raw block to its instances: `for_each`, `enabled`, attributes and nested blocks, meta-arguments.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::address::{Address, InstanceKey, KindName, Label};
use crate::block::{
    Attribute, Block, Body, Condition, Inner, Lifecycle, Literal, Meta, Nested, Timeouts, Verdict, Wording,
};
use crate::config::declare::{Named, Site, unknown_argument};
use crate::config::dynamic;
use crate::config::fold::Folding;
use crate::config::forms;
use crate::config::parse::{RawAttribute, RawBlock, RawBody};
use crate::config::scope::{Here, Instance, ResourceValue, Room, resource_value};
use crate::diagnostic::{Diagnostic, Span};
use crate::lang::Marks;
use crate::lang::code;
use crate::lang::convert;
use crate::lang::eval::{Evaluator, Frame, Frames, shown};
use crate::lang::expr::{Expr, Node, Reference, StepNode};
use crate::lang::participants::written;
use crate::lang::value::{Shape, Type, Value};
use crate::lang::vault;
use crate::length::Length;

/// Blocks that every resource takes and no kind sees.
const META_BLOCKS: [&str; 2] = ["lifecycle", "timeouts"];

/// Evaluates all instances of a block and keeps those that are enabled. What its module waits for, they all wait for.
pub(super) fn evaluate(
    folding: &mut Folding<'_, '_>,
    block: &RawBlock,
    inherited: &[(Address, Span)],
) -> ResourceValue {
    let (Ok(kind), Some(Ok(label))) = (
        block.kind.value.parse::<KindName>(),
        block.labels.first().map(|label| label.value.parse::<Label>()),
    ) else {
        return ResourceValue::Failed;
    };
    refuse_count(folding, block);
    refuse_providers(folding, block);
    let room = folding.room;
    let module = &room.path;
    let address = |key: Option<InstanceKey>| Address::new(module.clone(), kind.clone(), label.clone(), key);
    let Some(for_each) = block.body.attribute("for_each") else {
        let here = Here::new(room, Site::PLAIN);
        return ResourceValue::Single(instance(folding, block, here, address(None), inherited));
    };
    let here = Here::new(room, Site::PLAIN);
    let (elements, literal) = here.traced(|| for_each_elements(folding, &here, for_each));
    let Some(elements) = elements else {
        return ResourceValue::Failed;
    };
    let used = here.used();
    let mut instances = BTreeMap::new();
    for (key, value) in elements {
        let here = Here::new(room, Site::PLAIN).with_each(Value::text(key.clone()), value, literal);
        for (address, span) in &used {
            here.note_used(address, *span);
        }
        let address = address(Some(InstanceKey::new(&key)));
        instances.insert(key, instance(folding, block, here, address, inherited));
    }
    let value = instances.iter().filter_map(|(key, instance)| match instance {
        Instance::Enabled { value, .. } => Some((key.clone(), value.clone())),
        Instance::Disabled(_) | Instance::Failed => None,
    });
    ResourceValue::Keyed {
        value: Value::object(value.collect()),
        instances,
    }
}

/// Arguments of Terraform's resources that are refused on their own.
pub(super) const NOT_OURS: [&str; 2] = ["count", "provider"];

/// What Terraform's blocks have and ours do not: `count` everywhere, more in resources.
pub(super) fn refuse_count(folding: &mut Folding<'_, '_>, block: &RawBlock) {
    if let Some(count) = block.body.attribute("count") {
        folding.found.push(
            Diagnostic::error(code::META_ARGUMENT, "no `count`")
                .at(
                    count.name.span,
                    "there is no `count`: identity never hangs on a position in a list",
                )
                .hint("use `for_each` with a map or a set of strings; `enabled` for zero or one"),
        );
    }
}

fn refuse_providers(folding: &mut Folding<'_, '_>, block: &RawBlock) {
    let refused = Diagnostic::error(code::META_ARGUMENT, "invalid meta-argument");
    if let Some(provider) = block.body.attribute("provider") {
        folding.found.push(
            refused
                .clone()
                .at(
                    provider.name.span,
                    "there are no providers: the kind itself says what is made",
                )
                .hint("what lives elsewhere has a `subscription_id` or `resource_group` of its own"),
        );
    }
    for provisioner in block.body.blocks_of("provisioner") {
        folding.found.push(
            refused
                .clone()
                .at(
                    provisioner.header,
                    "there are no provisioners: nothing but Azure is changed",
                )
                .hint("run commands before or after `pgferry apply`"),
        );
    }
}

fn refuse_for_each(at: &RawAttribute, text: String) -> Diagnostic {
    Diagnostic::error(code::FOR_EACH, "invalid for_each").at(at.expr.span, text)
}

/// For what a meta-argument is made of.
fn refuse_kept(at: &RawAttribute, text: &str) -> Diagnostic {
    Diagnostic::error(code::EPHEMERAL_KEPT, format!("ephemeral `{}`", at.name.value))
        .at(at.expr.span, text)
        .hint("take it from something that is not ephemeral: `ephemeral = true` of a variable marks all that is made of it")
}

/// The keys and values that `for_each` asks for.
pub(super) fn for_each_elements(
    folding: &mut Folding<'_, '_>,
    here: &Here<'_, '_>,
    for_each: &RawAttribute,
) -> Option<BTreeMap<Arc<str>, Value>> {
    let value = folding
        .evaluate(here, |evaluator| evaluator.eval(&for_each.expr))
        .ok()?;
    let refuse = |text: &str| refuse_for_each(for_each, text.to_owned());
    let wanted = "a map, an object or a set of strings is required";
    let problem = match &value.shape {
        _ if value.marks.ephemeral => refuse_kept(
            for_each,
            "the keys become part of addresses, which are kept, so they cannot be ephemeral",
        ),
        _ if value.marks.vaulted => vault::refused(for_each.expr.span),
        _ if value.marks.sensitive => refuse("the keys become part of addresses, so they cannot be sensitive")
            .hint("use `nonsensitive(…)` if the keys may be shown"),
        Shape::Map(entries, _) | Shape::Object(entries) => return Some(entries.as_ref().clone()),
        Shape::Resource(resource) => return Some(resource.attributes.clone()),
        Shape::Set(elements, _) => match set_keys(elements) {
            Ok(keys) => return Some(keys),
            Err(text) => refuse(&text),
        },
        Shape::Null(_) => refuse(&format!("{wanted}, this is null")),
        Shape::Unknown(_) => refuse("this is only known after apply, but addresses must be known before")
            .hint("use keys that stand in the configuration, and let only the values be unknown"),
        Shape::List(..) | Shape::Tuple(_) => {
            refuse(&format!("{wanted}, this is {}", shown(&value))).hint("`toset(…)` makes a set of a list of strings")
        }
        Shape::Bool(_) | Shape::Number(_) | Shape::Text(_) => refuse(&format!("{wanted}, this is {}", shown(&value))),
    };
    folding.found.push(problem);
    None
}

fn set_keys(elements: &[Value]) -> Result<BTreeMap<Arc<str>, Value>, String> {
    let mut keys = BTreeMap::new();
    for element in elements {
        match &element.shape {
            Shape::Text(text) => keys.insert(text.clone(), element.clone()),
            Shape::Null(_) => return Err("the set contains null".to_owned()),
            Shape::Unknown(_) => return Err("the set contains a value that is only known after apply".to_owned()),
            _ => {
                return Err(format!(
                    "the set must contain strings, this one contains {}",
                    shown(element)
                ));
            }
        };
    }
    Ok(keys)
}

fn instance(
    folding: &mut Folding<'_, '_>,
    block: &RawBlock,
    here: Here<'_, '_>,
    address: Address,
    inherited: &[(Address, Span)],
) -> Instance {
    if let Some(enabled) = block.body.attribute("enabled") {
        match is_enabled(folding, &here, enabled) {
            Some(true) => {}
            Some(false) => return Instance::Disabled(enabled.expr.span),
            None => return Instance::Failed,
        }
    }
    let mut writer = Writer {
        address: address.clone(),
        secrets: folding.exports.secrets(address.kind()),
        kinds: folding.exports.kinds(),
        here: &here,
        broken: BTreeSet::new(),
    };
    let body = folding.evaluate(&here, |evaluator| writer.body(evaluator, &block.body, None, Level::Top));
    let mut broken = writer.broken;
    let written = body.attributes.iter();
    let written = written
        .filter(|(_, attribute)| attribute.literal == Literal::Written)
        .map(|(name, _)| name.clone())
        .collect();
    let mut meta = meta(folding, &here, block, &address);
    meta.depends_on.extend(inherited.iter().cloned());
    let mut evaluated = Block {
        address: address.clone(),
        span: block.header,
        body,
        meta,
    };
    broken.extend(misfits(folding, &evaluated));
    let value = resource_value(&evaluated, folding.exports.attributes(&evaluated));
    let here = here.with_self(value.clone());
    evaluated.meta.lifecycle.postconditions = conditions(folding, &here, block, "postcondition", &address);
    let used = here.used().into_iter().filter(|(on, _)| *on != address);
    let used = used.map(|(on, place)| (on, argument_at(&block.body, place)));
    evaluated.meta.references = used.collect();
    folding.blocks.push(evaluated);
    Instance::Enabled {
        address,
        value,
        broken,
        written,
    }
}

/// The argument whose value a place lies in, be it one of a nested block.
fn argument_at(body: &RawBody, place: Span) -> Option<String> {
    let is_within = |span: Span| span.file == place.file && span.start <= place.start && place.end <= span.end;
    let mut attributes = body.attributes.iter();
    match attributes.find(|attribute| is_within(attribute.expr.span)) {
        Some(attribute) => Some(attribute.name.value.to_string()),
        None => body.blocks.iter().find_map(|nested| argument_at(&nested.body, place)),
    }
}

/// The attributes whose type is wrong, which the kind tells: whatever reads them would only tell it once more.
fn misfits(folding: &Folding<'_, '_>, block: &Block) -> Vec<Arc<str>> {
    let problems = folding.exports.problems(block, &[]);
    let wrong = problems.iter().filter(|problem| problem.code == code::CONVERSION);
    let places: Vec<Span> = wrong
        .filter_map(|problem| Some(problem.primary.as_ref()?.span))
        .collect();
    let attributes = block.body.attributes.iter();
    let misfits = attributes.filter(|(_, attribute)| {
        let inner = attribute.wording.named.iter().flatten().map(|inner| inner.span);
        std::iter::once(attribute.span)
            .chain(inner)
            .any(|place| places.contains(&place))
    });
    misfits.map(|(name, _)| name.clone()).collect()
}

pub(super) fn is_enabled(folding: &mut Folding<'_, '_>, here: &Here<'_, '_>, enabled: &RawAttribute) -> Option<bool> {
    let span = enabled.expr.span;
    let truth = folding.evaluate(here, |evaluator| {
        let value = evaluator.eval(&enabled.expr)?;
        evaluator.truth(&value, span)
    });
    let truth = truth.ok()?;
    if truth.marks.ephemeral {
        folding.found.push(refuse_kept(
            enabled,
            "what exists is kept in the state, so it cannot hang on something ephemeral",
        ));
        return None;
    }
    if truth.value.is_none() {
        folding
            .found
            .push(Diagnostic::error(code::META_ARGUMENT, "unknown `enabled`").at(
                span,
                "this is only known after apply, but what exists must be known before",
            ));
    }
    truth.value
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// The body of the resource itself, where meta-arguments stand.
    Top,
    Nested,
}

/// Evaluates bodies of one instance.
struct Writer<'e, 'v, 'r> {
    here: &'e Here<'v, 'r>,
    address: Address,
    /// Attributes that are sensitive whatever their values come from.
    secrets: Vec<&'e str>,
    /// Every kind of resource.
    kinds: Vec<&'e str>,
    broken: BTreeSet<Arc<str>>,
}

/// What an expression, or each element of a list, names where that is an attribute of a resource.
fn named(expr: &Expr, kinds: &[&str]) -> Vec<Option<Inner>> {
    match &expr.node {
        Node::Tuple(elements) => elements.iter().map(|element| inner(element, kinds)).collect(),
        _ => vec![inner(expr, kinds)],
    }
}

fn inner(expr: &Expr, kinds: &[&str]) -> Option<Inner> {
    match &expr.node {
        Node::Wrapped(inside) | Node::Parenthesis(inside) => inner(inside, kinds).map(|inner| Inner {
            span: expr.span,
            ..inner
        }),
        Node::Reference(reference) if kinds.contains(&&*reference.root.value) => {
            let (last, steps) = reference.steps.split_last()?;
            let StepNode::Attribute(attribute) = &last.node else {
                return None;
            };
            let resource = Reference {
                root: reference.root.clone(),
                steps: steps.to_vec(),
            };
            (!steps.is_empty()).then(|| Inner {
                kind: reference.root.value.clone(),
                resource: written(&resource),
                attribute: attribute.clone(),
                span: expr.span,
            })
        }
        _ => None,
    }
}

impl Writer<'_, '_, '_> {
    fn body(&mut self, evaluator: &Evaluator<'_>, raw: &RawBody, frames: Frames<'_>, level: Level) -> Body {
        let mut body = Body {
            span: raw.span,
            attributes: BTreeMap::new(),
            blocks: Vec::new(),
        };
        for attribute in &raw.attributes {
            let name = &attribute.name.value;
            if level == Level::Top && (forms::META.has(name) || NOT_OURS.contains(&&**name)) {
                continue;
            }
            let (value, literal) = self.here.traced(|| evaluator.eval_in(&attribute.expr, frames));
            let mut wording = Wording {
                syntax: attribute.syntax,
                named: named(&attribute.expr, &self.kinds),
            };
            let (value, literal) = match value {
                Ok(value) => (value, literal),
                Err(_) => {
                    if level == Level::Top {
                        self.broken.insert(name.clone());
                    }
                    wording.named = Vec::new();
                    // What it would have come from is not known: a value that could not be read may have stood outside.
                    (Value::unknown(Type::Any), Literal::Derived)
                }
            };
            let secret = match level == Level::Top && self.secrets.contains(&&**name) {
                true => Marks::SENSITIVE,
                false => Marks::NONE,
            };
            body.attributes.insert(
                name.clone(),
                Attribute {
                    name: attribute.name.span,
                    span: attribute.expr.span,
                    value: value.marked(secret),
                    literal,
                    wording,
                },
            );
        }
        for nested in &raw.blocks {
            match &*nested.kind.value {
                kind if level == Level::Top && META_BLOCKS.contains(&kind) => {}
                "provisioner" if level == Level::Top => {}
                "dynamic" => self.dynamic(evaluator, nested, frames, &mut body.blocks),
                _ => {
                    if let Some(label) = nested.labels.first() {
                        let text = format!("`{}` takes no label", nested.kind.value);
                        evaluator.fail(Diagnostic::error(code::LABELS, "wrong labels").at(label.span, text));
                    }
                    body.blocks.push(Nested {
                        name: nested.kind.value.clone(),
                        span: nested.kind.span,
                        body: self.body(evaluator, &nested.body, frames, Level::Nested),
                    });
                }
            }
        }
        body
    }

    /// One block per element of the collection.
    fn dynamic(&mut self, evaluator: &Evaluator<'_>, block: &RawBlock, frames: Frames<'_>, blocks: &mut Vec<Nested>) {
        let Some(parts) = dynamic::parts(evaluator, block) else {
            return;
        };
        let Ok(collection) = evaluator.eval_in(&parts.for_each.expr, frames) else {
            return;
        };
        if collection.marks.ephemeral {
            let text = "how many blocks there are is kept in the state, so it cannot hang on something ephemeral";
            evaluator.fail(refuse_kept(parts.for_each, text));
            return;
        }
        let Ok(elements) = evaluator.walked(&collection, parts.for_each.expr.span) else {
            return;
        };
        let Some(elements) = elements else {
            evaluator.fail(
                refuse_for_each(
                    parts.for_each,
                    "this is only known after apply, but the blocks must be known before".to_owned(),
                )
                .about(&self.address),
            );
            return;
        };
        for (key, value) in elements {
            let element = Value::object(BTreeMap::from([("key".into(), key), ("value".into(), value)]));
            let frame = Frame::new(&parts.iterator.value, &element, frames);
            blocks.push(Nested {
                name: parts.name.value.clone(),
                span: parts.name.span,
                body: self.body(evaluator, &parts.content.body, Some(&frame), Level::Nested),
            });
        }
    }
}

fn meta(folding: &mut Folding<'_, '_>, here: &Here<'_, '_>, block: &RawBlock, address: &Address) -> Meta {
    let depends_on = block.body.attribute("depends_on");
    let depends_on = depends_on
        .map(|depends_on| dependencies(folding, here, depends_on))
        .unwrap_or_default();
    let mut lifecycles = block.body.blocks_of("lifecycle");
    let lifecycle = lifecycles.next().map(|nested| lifecycle(folding, here, nested));
    if let Some(second) = lifecycles.next() {
        folding.found.push(once(block, second));
    }
    conditions(folding, here, block, "precondition", address);
    let mut timeout_blocks = block.body.blocks_of("timeouts");
    let timeouts = timeout_blocks.next().map(|nested| timeouts(folding, here, nested));
    if let Some(second) = timeout_blocks.next() {
        folding.found.push(once(block, second));
    }
    Meta {
        depends_on,
        references: BTreeMap::new(),
        lifecycle: lifecycle.unwrap_or_default(),
        timeouts: timeouts.unwrap_or_default(),
    }
}

fn once(block: &RawBlock, second: &RawBlock) -> Diagnostic {
    let kind = &second.kind;
    let twice = Diagnostic::error(code::META_ARGUMENT, "block given twice")
        .at(kind.span, format!("`{}` may stand once in a block", kind.value));
    match block.body.blocks_of(&kind.value).next() {
        Some(first) => twice.and_at(first.kind.span, "first given here"),
        None => twice,
    }
}

fn refuse_meta(span: Span, text: impl Into<String>) -> Diagnostic {
    Diagnostic::error(code::META_ARGUMENT, "invalid meta-argument").at(span, text)
}

/// The resources that `depends_on` names: instances, all instances of a block, or everything in a module.
pub(super) fn dependencies(
    folding: &mut Folding<'_, '_>,
    here: &Here<'_, '_>,
    depends_on: &RawAttribute,
) -> Vec<(Address, Span)> {
    let Node::Tuple(elements) = &depends_on.expr.node else {
        let text = "a list of references is required, such as `[vnet_peering.hub]`";
        folding.found.push(refuse_meta(depends_on.expr.span, text));
        return Vec::new();
    };
    let mut addresses = Vec::new();
    for element in elements {
        let Node::Reference(reference) = &element.node else {
            folding.found.push(refuse_meta(
                element.span,
                "a reference to a resource is required, without quotes",
            ));
            continue;
        };
        match folding.room.all.named(reference, here.site) {
            Ok(Named::Resource(_)) => {}
            Ok(Named::Call(call)) => {
                let made = made_by(folding, here, reference, call);
                addresses.extend(made.into_iter().map(|address| (address, element.span)));
                continue;
            }
            Ok(Named::Variable(_) | Named::Local(_) | Named::Each(_) | Named::Itself | Named::Path(_)) => {
                folding.found.push(refuse_meta(
                    element.span,
                    "only a resource or a module can be depended on",
                ));
                continue;
            }
            // Reported with the other references.
            Ok(Named::Broken) | Err(_) => continue,
        }
        let attributes = reference
            .steps
            .iter()
            .skip(1)
            .any(|step| !matches!(step.node, StepNode::Index(_)));
        if attributes {
            folding.found.push(refuse_meta(
                element.span,
                "the whole resource is depended on, not an attribute of it",
            ));
            continue;
        }
        let place = Here::new(folding.room, here.site);
        if folding.evaluate(&place, |evaluator| evaluator.eval(element)).is_ok() {
            addresses.extend(place.used().into_keys().map(|address| (address, element.span)));
        }
    }
    addresses
}

/// Everything that a module makes; where the reference has a key, what that instance makes.
fn made_by(folding: &mut Folding<'_, '_>, here: &Here<'_, '_>, reference: &Reference, call: usize) -> Vec<Address> {
    let key = match reference.steps.get(1).map(|step| &step.node) {
        Some(StepNode::Index(key)) => folding.evaluate(here, |evaluator| evaluator.eval(key)).ok(),
        Some(StepNode::Attribute(_) | StepNode::Position(_) | StepNode::Splat(_)) | None => None,
    };
    let rooms = folding.room.called_as(call, key.as_ref().and_then(Value::as_text));
    rooms.into_iter().flat_map(Room::addresses).collect()
}

fn lifecycle(folding: &mut Folding<'_, '_>, here: &Here<'_, '_>, block: &RawBlock) -> Lifecycle {
    let mut lifecycle = Lifecycle::default();
    for attribute in &block.body.attributes {
        let flag = |folding: &mut Folding<'_, '_>| {
            let truth = folding.evaluate(here, |evaluator| {
                let value = evaluator.eval(&attribute.expr)?;
                evaluator.truth(&value, attribute.expr.span)
            });
            let truth = truth.ok()?.value;
            if truth.is_none() {
                folding
                    .found
                    .push(refuse_meta(attribute.expr.span, "this must be known before apply"));
            }
            truth
        };
        match &*attribute.name.value {
            "prevent_destroy" => lifecycle.prevent_destroy = flag(folding),
            "delete_imported" => lifecycle.delete_imported = flag(folding).unwrap_or(false),
            "ignore_changes" => lifecycle.ignore_changes = ignored(folding, attribute),
            "create_before_destroy" | "replace_triggered_by" => folding.found.push(
                refuse_meta(
                    attribute.name.span,
                    format!("there is no `{}` here", attribute.name.value),
                )
                .hint("nothing is replaced without being asked: see `generation` and `prevent_destroy`"),
            ),
            _ => folding.found.push(unknown_argument(
                &attribute.name,
                "lifecycle",
                &forms::LIFECYCLE.names(),
            )),
        }
    }
    for nested in &block.body.blocks {
        if !matches!(&*nested.kind.value, "precondition" | "postcondition") {
            folding
                .found
                .push(unknown_argument(&nested.kind, "lifecycle", &forms::LIFECYCLE.names()));
        }
    }
    lifecycle
}

/// The attributes that `ignore_changes` names.
fn ignored(folding: &mut Folding<'_, '_>, attribute: &RawAttribute) -> Vec<(String, Span)> {
    let name_of = |expr: &Expr| match &expr.node {
        Node::Reference(reference) => {
            let mut name = reference.root.value.to_string();
            for step in &reference.steps {
                match &step.node {
                    StepNode::Attribute(part) => {
                        name.push('.');
                        name.push_str(part);
                    }
                    StepNode::Index(_) | StepNode::Position(_) | StepNode::Splat(_) => return None,
                }
            }
            Some(name)
        }
        Node::Literal(value) => value.as_text().map(str::to_owned),
        _ => None,
    };
    let Node::Tuple(elements) = &attribute.expr.node else {
        let text = "a list of attribute names is required, such as `[tags]`";
        let refused = refuse_meta(attribute.expr.span, text);
        let all = matches!(&attribute.expr.node, Node::Reference(reference) if &*reference.root.value == "all");
        folding.found.push(match all {
            true => refused.hint("there is no `all`: what pgferry should not look after at all needs no block"),
            false => refused,
        });
        return Vec::new();
    };
    let mut names = Vec::new();
    for element in elements {
        match name_of(element) {
            Some(name) => names.push((name, element.span)),
            None => folding
                .found
                .push(refuse_meta(element.span, "the name of an attribute is required")),
        }
    }
    names
}

fn timeouts(folding: &mut Folding<'_, '_>, here: &Here<'_, '_>, block: &RawBlock) -> Timeouts {
    let mut timeouts = Timeouts::default();
    for attribute in &block.body.attributes {
        let place = match &*attribute.name.value {
            "create" => &mut timeouts.create,
            "update" => &mut timeouts.update,
            "delete" => &mut timeouts.delete,
            _ => {
                folding
                    .found
                    .push(unknown_argument(&attribute.name, "timeouts", &forms::TIMEOUTS.names()));
                continue;
            }
        };
        let Ok(value) = folding.evaluate(here, |evaluator| evaluator.eval(&attribute.expr)) else {
            continue;
        };
        match value.as_text().and_then(|text| text.parse().ok()) {
            Some(Length(length)) => *place = Some(length),
            None if value.is_null() => {}
            None => folding.found.push(refuse_meta(
                attribute.expr.span,
                format!(
                    "a duration such as \"30m\" or \"2h\" is required, this is {}",
                    shown(&value)
                ),
            )),
        }
    }
    timeouts
}

/// The conditions of one sort in the `lifecycle` block; what is known not to hold is reported.
fn conditions(
    folding: &mut Folding<'_, '_>,
    here: &Here<'_, '_>,
    block: &RawBlock,
    sort: &str,
    address: &Address,
) -> Vec<Condition> {
    let lifecycles = block.body.blocks_of("lifecycle");
    let blocks: Vec<&RawBlock> = lifecycles
        .flat_map(|lifecycle| lifecycle.body.blocks_of(sort))
        .collect();
    let conditions = blocks
        .into_iter()
        .filter_map(|nested| precondition(folding, here, nested, Some(address)));
    conditions.collect()
}

/// Judges a condition block; what is known not to hold is reported.
pub(super) fn precondition(
    folding: &mut Folding<'_, '_>,
    here: &Here<'_, '_>,
    block: &RawBlock,
    address: Option<&Address>,
) -> Option<Condition> {
    let condition = condition(folding, here, block)?;
    if condition.verdict == Verdict::Fails {
        let diagnostic = Diagnostic::error(code::CONDITION_FAILED, format!("{} does not hold", block.kind.value))
            .at(condition.span, condition.message.clone())
            .with_values(condition.values.clone());
        folding.found.push(match address {
            Some(address) => diagnostic.about(address),
            None => diagnostic,
        });
    }
    Some(condition)
}

/// Evaluates `condition` and `error_message`.
pub(super) fn condition(folding: &mut Folding<'_, '_>, here: &Here<'_, '_>, block: &RawBlock) -> Option<Condition> {
    const ARGUMENTS: [&str; 2] = ["condition", "error_message"];
    for attribute in &block.body.attributes {
        if !ARGUMENTS.contains(&&*attribute.name.value) {
            folding
                .found
                .push(unknown_argument(&attribute.name, &block.kind.value, &ARGUMENTS));
        }
    }
    let attributes = ARGUMENTS.map(|name| block.body.attribute(name));
    for (name, attribute) in ARGUMENTS.iter().zip(&attributes) {
        if attribute.is_none() {
            let text = format!("`{name}` is missing");
            folding
                .found
                .push(Diagnostic::error(code::MISSING_ARGUMENT, "missing argument").at(block.header, text));
        }
    }
    let [Some(condition), Some(message)] = attributes else {
        return None;
    };
    let span = condition.expr.span;
    let (truth, message, values) = folding.evaluate(here, |evaluator| {
        let truth = evaluator
            .eval(&condition.expr)
            .and_then(|value| evaluator.truth(&value, span));
        let fails = truth.as_ref().is_ok_and(|truth| truth.value == Some(false));
        let values = fails.then(|| evaluator.participants(&condition.expr));
        (truth, evaluator.eval(&message.expr), values.unwrap_or_default())
    });
    let (truth, message) = (truth.ok()?, message.ok()?);
    let message = match convert::convert(&message, &Type::String) {
        Ok(text) if text.marks.hide() => format!("the message is {} and not shown", text.marks.word()),
        Ok(text) => text.as_text().unwrap_or("the message is not known yet").to_owned(),
        Err(_) => "the message is not a string".to_owned(),
    };
    Some(Condition {
        verdict: truth.value.into(),
        message,
        span,
        values,
    })
}

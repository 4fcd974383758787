//! What names mean while a configuration is folded: the values so far, which resources each of them stands on, and
//! whether anything but the configuration took part.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::address::Address;
use crate::block::{Block, Literal};
use crate::config::declare::{Declarations, Each, Named, Site};
use crate::config::variables::Inputs;
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::lang::code;
use crate::lang::convert::convert;
use crate::lang::eval::{Evaluator, Frames, Reported, Resolved, Scope, shown};
use crate::lang::expr::{Reference, Step, StepNode};
use crate::lang::files::{FileError, Files};
use crate::lang::value::{Shape, Type, Value};

/// The resources that a value stands on, with the first place that names each.
pub(super) type Used = BTreeMap<Address, Span>;

/// Everything evaluated so far.
pub(super) struct Values<'r> {
    pub(super) all: Declarations<'r>,
    pub(super) inputs: &'r Inputs,
    variables: Vec<Result<Value, Diagnostics>>,
    locals: Vec<OnceCell<Result<LocalValue, Reported>>>,
    resources: Vec<OnceCell<ResourceValue>>,
}

pub(super) struct LocalValue {
    pub(super) value: Value,
    pub(super) used: Used,
    pub(super) literal: Literal,
}

/// What a resource block became.
pub(super) enum ResourceValue {
    /// It has a problem that was noted.
    Failed,
    /// One resource.
    Single(Instance),
    /// One per key.
    Keyed {
        instances: BTreeMap<Arc<str>, Instance>,
        /// All of them that are enabled, as one object.
        value: Value,
    },
}

/// One resource.
pub(super) enum Instance {
    /// `enabled` is false.
    Disabled(Span),
    /// It has a problem that leaves nothing to refer to.
    Failed,
    /// It is there.
    Enabled {
        address: Address,
        value: Value,
        /// Attributes with a problem that was noted.
        broken: BTreeSet<Arc<str>>,
        /// Attributes whose values stand in the configuration.
        written: BTreeSet<Arc<str>>,
    },
}

impl<'r> Values<'r> {
    pub(super) fn new(all: Declarations<'r>, inputs: &'r Inputs) -> Self {
        let cells = |count: usize| (0..count).map(|_| OnceCell::new()).collect();
        Self {
            variables: all.variables.iter().map(|declared| declared.value(inputs)).collect(),
            locals: cells(all.locals.len()),
            resources: (0..all.resources.len()).map(|_| OnceCell::new()).collect(),
            all,
            inputs,
        }
    }

    pub(super) fn variable(&self, at: usize) -> Option<&Result<Value, Diagnostics>> {
        self.variables.get(at)
    }

    /// The problems of all variables.
    pub(super) fn variable_problems(&self) -> impl Iterator<Item = &Diagnostics> {
        self.variables.iter().filter_map(|value| value.as_ref().err())
    }

    pub(super) fn set_local(&self, at: usize, value: Result<LocalValue, Reported>) {
        if let Some(cell) = self.locals.get(at) {
            // Each is evaluated once; a second value would be the same.
            let _ = cell.set(value);
        }
    }

    pub(super) fn set_resource(&self, at: usize, value: ResourceValue) {
        if let Some(cell) = self.resources.get(at) {
            let _ = cell.set(value);
        }
    }

    /// The local values that were evaluated.
    pub(super) fn known_locals(&self) -> BTreeMap<Arc<str>, Value> {
        let names = self.all.locals.iter().enumerate();
        names
            .filter_map(|(at, (name, _))| Some((name.value.clone(), self.local(at)?.value.clone())))
            .collect()
    }

    fn local(&self, at: usize) -> Option<&LocalValue> {
        self.locals.get(at)?.get()?.as_ref().ok()
    }

    fn resource(&self, at: usize) -> Option<&ResourceValue> {
        self.resources.get(at)?.get()
    }
}

/// The names that have a meaning at one place.
pub(super) struct Here<'v, 'r> {
    values: &'v Values<'r>,
    pub(super) site: Site,
    each: Option<(Value, Value)>,
    itself: Option<Value>,
    used: RefCell<Used>,
    /// What took part since somebody last asked.
    literal: Cell<Literal>,
    /// What `each` comes from.
    each_literal: Literal,
}

impl<'v, 'r> Here<'v, 'r> {
    pub(super) fn new(values: &'v Values<'r>, site: Site) -> Self {
        Self {
            values,
            site,
            each: None,
            itself: None,
            used: RefCell::default(),
            literal: Cell::new(Literal::Written),
            each_literal: Literal::Written,
        }
    }

    /// With a meaning for `each`, and what it comes from.
    pub(super) fn with_each(self, key: Value, value: Value, literal: Literal) -> Self {
        let site = Site {
            each: true,
            ..self.site
        };
        Self {
            each: Some((key, value)),
            each_literal: literal,
            site,
            ..self
        }
    }

    /// With a meaning for `self`.
    pub(super) fn with_self(self, value: Value) -> Self {
        let site = Site {
            itself: true,
            ..self.site
        };
        Self {
            itself: Some(value),
            site,
            ..self
        }
    }

    pub(super) fn used(&self) -> Used {
        self.used.borrow().clone()
    }

    pub(super) fn note_used(&self, address: &Address, span: Span) {
        self.used.borrow_mut().entry(address.clone()).or_insert(span);
    }

    /// What `work` makes here, and whether anything but the configuration took part in it.
    pub(super) fn traced<T>(&self, work: impl FnOnce() -> T) -> (T, Literal) {
        let before = self.literal.replace(Literal::Written);
        let result = work();
        let literal = self.literal.replace(before);
        self.note_literal(literal);
        (result, literal)
    }

    fn note_literal(&self, literal: Literal) {
        if literal == Literal::Derived {
            self.literal.set(Literal::Derived);
        }
    }

    fn keyed(
        &self,
        lookup: &Lookup<'_, '_>,
        instances: &BTreeMap<Arc<str>, Instance>,
        value: &Value,
    ) -> Result<Resolved, Reported> {
        let Lookup {
            reference,
            evaluator,
            frames,
        } = *lookup;
        let all = || {
            self.note_literal(Literal::Derived);
            for instance in instances.values() {
                if let Instance::Enabled { address, .. } = instance {
                    self.note_used(address, reference.root.span);
                }
            }
            Ok(Resolved {
                value: value.clone(),
                steps: 1,
            })
        };
        let Some(step) = reference.steps.get(1) else {
            return all();
        };
        let key = match &step.node {
            StepNode::Index(key) => {
                let key = evaluator.eval_in(key, frames)?;
                match convert(&key, &Type::String).map(|key| (key.shape, key.sensitive)) {
                    Ok((Shape::Text(key), sensitive)) => (key, sensitive),
                    Ok((Shape::Unknown(_), sensitive)) => {
                        return all().map(|resolved| Resolved {
                            value: Value::unknown(Type::Any).marked(sensitive),
                            steps: 2.max(resolved.steps),
                        });
                    }
                    _ => {
                        return Err(no_instance(
                            lookup,
                            step,
                            &format!("the key is a string, this is {}", shown(&key)),
                            instances,
                        ));
                    }
                }
            }
            StepNode::Position(_) => {
                return Err(no_instance(
                    lookup,
                    step,
                    "the instances have keys, not numbers",
                    instances,
                ));
            }
            StepNode::Attribute(name) if !instances.contains_key(name) => {
                return Err(no_instance(
                    lookup,
                    step,
                    "this block has `for_each`: a key must choose one of its instances",
                    instances,
                ));
            }
            StepNode::Attribute(_) | StepNode::Splat(_) => return all(),
        };
        let (key, sensitive) = key;
        match instances.get(&key) {
            Some(instance) => {
                let resolved = self.instance(lookup, instance, 2)?;
                Ok(Resolved {
                    value: resolved.value.marked(sensitive),
                    ..resolved
                })
            }
            None => {
                let text = if sensitive {
                    "there is no instance of this key".to_owned()
                } else {
                    format!("there is no instance \"{key}\"")
                };
                let keys = instances.keys().map(AsRef::as_ref);
                Err(evaluator.fail(
                    Diagnostic::error(code::UNKNOWN_REFERENCE, "unknown reference")
                        .at(step.span, text)
                        .suggest(if sensitive { "" } else { &key }, keys),
                ))
            }
        }
    }

    fn instance(&self, lookup: &Lookup<'_, '_>, instance: &Instance, steps: usize) -> Result<Resolved, Reported> {
        let reference = lookup.reference;
        match instance {
            Instance::Failed => Err(Reported::before()),
            Instance::Disabled(enabled) => Err(lookup.evaluator.fail(
                Diagnostic::error(code::DISABLED, "reference to what is not enabled")
                    .at(reference.root.span, "this resource is not enabled, so it has no values")
                    .and_at(*enabled, "false here")
                    .hint("choose by the same condition: `CONDITION ? … : null`, or refer to something else"),
            )),
            Instance::Enabled {
                address,
                value,
                broken,
                written,
            } => {
                let attribute = match reference.steps.get(steps).map(|step| &step.node) {
                    Some(StepNode::Attribute(name)) => Some(name),
                    _ => None,
                };
                if attribute.is_some_and(|name| broken.contains(name)) {
                    return Err(Reported::before());
                }
                if !attribute.is_some_and(|name| written.contains(name)) {
                    self.note_literal(Literal::Derived);
                }
                self.note_used(address, reference.root.span);
                Ok(Resolved {
                    value: value.clone(),
                    steps,
                })
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Lookup<'l, 'e> {
    reference: &'l Reference,
    evaluator: &'l Evaluator<'e>,
    frames: Frames<'l>,
}

fn no_instance(lookup: &Lookup<'_, '_>, step: &Step, text: &str, instances: &BTreeMap<Arc<str>, Instance>) -> Reported {
    let reference = lookup.reference;
    let label = match reference.steps.first().map(|step| &step.node) {
        Some(StepNode::Attribute(label)) => label.as_ref(),
        _ => "",
    };
    let diagnostic = Diagnostic::error(code::UNKNOWN_REFERENCE, "instance without a key").at(step.span, text);
    lookup.evaluator.fail(match instances.keys().next() {
        Some(key) => diagnostic.hint(format!("for example `{}.{label}[\"{key}\"]`", reference.root.value)),
        None => diagnostic,
    })
}

/// A resource without `for_each` has no key.
fn refuse_key(lookup: &Lookup<'_, '_>) -> Result<(), Reported> {
    match lookup.reference.steps.get(1) {
        Some(step) if matches!(step.node, StepNode::Index(_) | StepNode::Position(_)) => Err(lookup.evaluator.fail(
            Diagnostic::error(code::UNKNOWN_REFERENCE, "key on a single resource")
                .at(
                    step.span,
                    "this resource has no `for_each`, so there is nothing to choose from",
                )
                .hint("an attribute follows a dot: `.name`"),
        )),
        Some(_) | None => Ok(()),
    }
}

impl Scope for Here<'_, '_> {
    fn resolve(
        &self,
        reference: &Reference,
        evaluator: &Evaluator<'_>,
        frames: Frames<'_>,
    ) -> Result<Resolved, Reported> {
        let named = match self.values.all.named(reference, self.site) {
            Ok(named) => named,
            // Whoever found the references has said so, except where only some places are looked at.
            Err(diagnostic) if self.site == Site::EARLY => return Err(evaluator.fail(*diagnostic)),
            Err(_) => return Err(Reported::before()),
        };
        let one = |value: Value| Ok(Resolved { value, steps: 1 });
        match named {
            Named::Variable(at) => match at.and_then(|at| self.values.variable(at)) {
                Some(Ok(value)) => {
                    let declared = at.and_then(|at| self.values.all.variables.get(at));
                    if let Some(declared) = declared {
                        self.note_literal(declared.literal(self.values.inputs));
                    }
                    one(value.clone())
                }
                Some(Err(found)) if self.site == Site::EARLY => {
                    found.iter().for_each(|found| {
                        evaluator.fail(found.clone());
                    });
                    Err(Reported::before())
                }
                Some(Err(_)) | None => Err(Reported::before()),
            },
            Named::Local(at) => {
                let local = self.values.local(at).ok_or_else(Reported::before)?;
                for address in local.used.keys() {
                    self.note_used(address, reference.root.span);
                }
                self.note_literal(local.literal);
                one(local.value.clone())
            }
            Named::Each(which) => {
                self.note_literal(self.each_literal);
                match (&self.each, which) {
                    (Some((key, _)), Each::Key) => one(key.clone()),
                    (Some((_, value)), Each::Value) => one(value.clone()),
                    (None, _) => Err(Reported::before()),
                }
            }
            Named::Itself => self
                .itself
                .clone()
                .map_or(Err(Reported::before()), |value| Ok(Resolved { value, steps: 0 })),
            Named::Path("cwd") => one(Value::text(self.values.inputs.cwd.clone())),
            Named::Path(_) => one(Value::text(".")),
            Named::Resource(at) => {
                let lookup = Lookup {
                    reference,
                    evaluator,
                    frames,
                };
                match self.values.resource(at) {
                    None | Some(ResourceValue::Failed) => Err(Reported::before()),
                    Some(ResourceValue::Single(instance)) => {
                        refuse_key(&lookup)?;
                        self.instance(&lookup, instance, 1)
                    }
                    Some(ResourceValue::Keyed { instances, value }) => self.keyed(&lookup, instances, value),
                }
            }
        }
    }
}

/// Files that functions read are no part of the configuration: they may hold what only some may know.
impl Files for Here<'_, '_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.note_literal(Literal::Derived);
        self.values.inputs.door.read(path)
    }

    fn exists(&self, path: &str) -> Result<bool, FileError> {
        self.values.inputs.door.exists(path)
    }

    fn below(&self, directory: &str) -> Result<Vec<String>, FileError> {
        self.values.inputs.door.below(directory)
    }

    fn absolute(&self, path: &str) -> Result<String, FileError> {
        self.values.inputs.door.absolute(path)
    }
}

/// A resource as expressions see it.
pub(super) fn resource_value(block: &Block, computed: BTreeMap<Arc<str>, Value>) -> Value {
    let declared = block.body.attributes.iter();
    let mut attributes: BTreeMap<Arc<str>, Value> = declared
        .map(|(name, attribute)| (name.clone(), attribute.value.clone()))
        .collect();
    attributes.extend(computed);
    Value::new(Shape::Resource(Arc::new(crate::lang::value::Resource {
        address: block.address.clone(),
        attributes,
    })))
}

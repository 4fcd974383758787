//! What names mean while a configuration is folded: the values so far, which resources each of them stands on, and
//! whether anything but the configuration took part.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::address::{Address, ModulePath};
use crate::block::{Block, Literal};
use crate::config::declare::{self, Declarations, Named, Site};
use crate::config::module::ROOT;
use crate::config::variables::Inputs;
use crate::diagnostic::{Diagnostic, Diagnostics, Span, nearest};
use crate::lang::Marks;
use crate::lang::code;
use crate::lang::convert::convert;
use crate::lang::eval::{Evaluator, Frames, Reported, Resolved, Scope, shown};
use crate::lang::expr::{Reference, Step, StepNode};
use crate::lang::files::{FileError, Files};
use crate::lang::value::{Shape, Type, Value};

/// So many keys are listed for whoever names another one.
const MOST_KEYS: usize = 8;

/// The resources that a value stands on, with the first place that names each.
pub(super) type Used = BTreeMap<Address, Span>;

/// One instance of a module with everything evaluated of it so far; the root is one too.
pub(super) struct Room<'r> {
    /// Where it stands.
    pub(super) path: ModulePath,
    /// What its directory declares.
    pub(super) all: &'r Declarations<'r>,
    /// Its directory as seen from the root.
    pub(super) directory: &'r str,
    pub(super) inputs: &'r Inputs,
    /// `each` of the call, for its arguments.
    pub(super) each: Option<Each>,
    variables: Vec<OnceCell<Result<Known, Reported>>>,
    locals: Vec<OnceCell<Result<Known, Reported>>>,
    resources: Vec<OnceCell<ResourceValue>>,
    outputs: Vec<OnceCell<Result<Known, Reported>>>,
    calls: Vec<OnceCell<Called<'r>>>,
    dependencies: Vec<OnceCell<Dependencies>>,
}

/// What `each` is in one instance.
#[derive(Clone)]
pub(super) struct Each {
    pub(super) key: Value,
    pub(super) value: Value,
    /// What both come from.
    pub(super) literal: Literal,
}

/// Resources that must come first, with the place that says so.
pub(super) type Dependencies = Vec<(Address, Span)>;

/// A value, what it stands on, and what it comes from.
#[derive(Clone)]
pub(super) struct Known {
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

/// What the call of a module became.
pub(super) enum Called<'r> {
    /// It has a problem that was noted.
    Failed,
    /// One instance.
    Single(CallInstance<'r>),
    /// One per key.
    Keyed(BTreeMap<Arc<str>, CallInstance<'r>>),
}

/// One instance of a call.
pub(super) enum CallInstance<'r> {
    /// `enabled` is false.
    Disabled(Span),
    /// It has a problem that was noted.
    Failed,
    /// It is there.
    Enabled(Box<Room<'r>>),
}

impl<'r> Room<'r> {
    /// The root, with the values of its variables.
    pub(super) fn root(all: &'r Declarations<'r>, inputs: &'r Inputs) -> (Self, Diagnostics) {
        let room = Self::new(ModulePath::root(), all, ROOT, inputs, None);
        let mut found = Diagnostics::new();
        for (at, declared) in all.variables.iter().enumerate() {
            let value = found.absorb(declared.value(inputs));
            let known = value.map(|value| Known {
                value,
                used: Used::new(),
                literal: declared.literal(inputs),
            });
            room.set_variable(at, known.ok_or_else(Reported::before));
        }
        (room, found)
    }

    /// An instance of a module of which nothing is evaluated yet.
    pub(super) fn new(
        path: ModulePath,
        all: &'r Declarations<'r>,
        directory: &'r str,
        inputs: &'r Inputs,
        each: Option<Each>,
    ) -> Self {
        fn cells<T>(count: usize) -> Vec<OnceCell<T>> {
            std::iter::repeat_with(OnceCell::new).take(count).collect()
        }
        Self {
            path,
            all,
            directory,
            inputs,
            each,
            variables: cells(all.variables.len()),
            locals: cells(all.locals.len()),
            resources: cells(all.resources.len()),
            outputs: cells(all.outputs.len()),
            calls: cells(all.calls.len()),
            dependencies: cells(all.calls.len()),
        }
    }

    // Each is evaluated once; a second value would be the same.

    pub(super) fn set_variable(&self, at: usize, value: Result<Known, Reported>) {
        let _ = self.variables.get(at).map(|cell| cell.set(value));
    }

    pub(super) fn set_local(&self, at: usize, value: Result<Known, Reported>) {
        let _ = self.locals.get(at).map(|cell| cell.set(value));
    }

    pub(super) fn set_resource(&self, at: usize, value: ResourceValue) {
        let _ = self.resources.get(at).map(|cell| cell.set(value));
    }

    /// The local values that were evaluated.
    pub(super) fn known_locals(&self) -> BTreeMap<Arc<str>, Value> {
        let names = self.all.locals.iter().enumerate();
        names
            .filter_map(|(at, (name, _))| Some((name.value.clone(), self.local(at)?.value.clone())))
            .collect()
    }

    pub(super) fn set_output(&self, at: usize, value: Result<Known, Reported>) {
        let _ = self.outputs.get(at).map(|cell| cell.set(value));
    }

    pub(super) fn set_call(&self, at: usize, value: Called<'r>) {
        let _ = self.calls.get(at).map(|cell| cell.set(value));
    }

    pub(super) fn set_dependencies(&self, at: usize, value: Dependencies) {
        let _ = self.dependencies.get(at).map(|cell| cell.set(value));
    }

    pub(super) fn variable(&self, at: usize) -> Option<&Known> {
        known(&self.variables, at)
    }

    fn local(&self, at: usize) -> Option<&Known> {
        known(&self.locals, at)
    }

    fn output(&self, at: usize) -> Option<&Known> {
        known(&self.outputs, at)
    }

    fn resource(&self, at: usize) -> Option<&ResourceValue> {
        self.resources.get(at)?.get()
    }

    fn call(&self, at: usize) -> Option<&Called<'r>> {
        self.calls.get(at)?.get()
    }

    /// What everything in a called module waits for.
    pub(super) fn dependencies(&self, at: usize) -> &[(Address, Span)] {
        let cell = self.dependencies.get(at);
        cell.and_then(OnceCell::get).map_or(&[], Vec::as_slice)
    }

    /// The instances of a module that this one calls.
    pub(super) fn called(&self, at: usize) -> Vec<&Room<'r>> {
        let instances: Vec<&CallInstance<'r>> = match self.call(at) {
            None | Some(Called::Failed) => Vec::new(),
            Some(Called::Single(only)) => vec![only],
            Some(Called::Keyed(instances)) => instances.values().collect(),
        };
        instances.into_iter().filter_map(CallInstance::room).collect()
    }

    /// Whether what a reference leads to has a problem that was noted.
    pub(super) fn has_failed(&self, reference: &Reference) -> bool {
        match self.all.named(reference, Site::PLAIN) {
            Ok(Named::Broken) => true,
            Ok(Named::Resource(at)) => matches!(self.resource(at), None | Some(ResourceValue::Failed)),
            Ok(Named::Call(at)) => match self.call(at) {
                None | Some(Called::Failed) => true,
                Some(Called::Single(_) | Called::Keyed(_)) => self.called(at).iter().any(|room| !room.all.is_whole()),
            },
            Ok(Named::Variable(_) | Named::Local(_) | Named::Each(_) | Named::Itself | Named::Path(_)) | Err(_) => {
                false
            }
        }
    }

    /// The instance of that key; all of them without one.
    pub(super) fn called_as(&self, at: usize, key: Option<&str>) -> Vec<&Room<'r>> {
        match (self.call(at), key) {
            (Some(Called::Keyed(instances)), Some(key)) => {
                instances.get(key).and_then(CallInstance::room).into_iter().collect()
            }
            (Some(Called::Keyed(_) | Called::Single(_) | Called::Failed) | None, _) => self.called(at),
        }
    }

    /// Every resource in it and in the modules that it calls.
    pub(super) fn addresses(&self) -> Vec<Address> {
        let mut addresses = Vec::new();
        let mut rooms = vec![self];
        while let Some(room) = rooms.pop() {
            for value in room.resources.iter().filter_map(OnceCell::get) {
                match value {
                    ResourceValue::Failed => {}
                    ResourceValue::Single(instance) => addresses.extend(instance.address().cloned()),
                    ResourceValue::Keyed { instances, value: _ } => {
                        addresses.extend(instances.values().filter_map(|instance| instance.address().cloned()));
                    }
                }
            }
            rooms.extend((0..room.calls.len()).flat_map(|at| room.called(at)));
        }
        addresses
    }
}

fn known(cells: &[OnceCell<Result<Known, Reported>>], at: usize) -> Option<&Known> {
    cells.get(at)?.get()?.as_ref().ok()
}

impl Instance {
    fn address(&self) -> Option<&Address> {
        match self {
            Self::Enabled { address, .. } => Some(address),
            Self::Disabled(_) | Self::Failed => None,
        }
    }
}

impl<'r> CallInstance<'r> {
    fn room(&self) -> Option<&Room<'r>> {
        match self {
            Self::Enabled(room) => Some(room),
            Self::Disabled(_) | Self::Failed => None,
        }
    }
}

/// The names that have a meaning at one place.
pub(super) struct Here<'v, 'r> {
    room: &'v Room<'r>,
    pub(super) site: Site,
    each: Option<Each>,
    itself: Option<Value>,
    used: RefCell<Used>,
    /// What took part since somebody last asked.
    literal: Cell<Literal>,
}

impl<'v, 'r> Here<'v, 'r> {
    pub(super) fn new(room: &'v Room<'r>, site: Site) -> Self {
        Self {
            room,
            site,
            each: None,
            itself: None,
            used: RefCell::default(),
            literal: Cell::new(Literal::Written),
        }
    }

    /// With a meaning for `each`, and what it comes from.
    pub(super) fn with_each(self, key: Value, value: Value, literal: Literal) -> Self {
        let site = Site {
            each: true,
            ..self.site
        };
        Self {
            each: Some(Each { key, value, literal }),
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

    /// Takes note of everything that a value stands on and comes from.
    fn note(&self, known: &Known, span: Span) {
        self.note_literal(known.literal);
        for address in known.used.keys() {
            self.note_used(address, span);
        }
    }

    /// What a whole instance of a module is: its outputs.
    fn outputs(&self, room: &Room<'_>, span: Span) -> Result<Value, Reported> {
        let mut outputs = BTreeMap::new();
        for (at, block) in room.all.outputs.iter().enumerate() {
            let known = room.output(at).ok_or_else(Reported::before)?;
            self.note(known, span);
            if let Some(label) = block.labels.first() {
                outputs.insert(Arc::clone(&label.value), known.value.clone());
            }
        }
        Ok(Value::object(outputs))
    }

    /// One output of a module where the reference names one, all of them as an object otherwise.
    fn output_of(
        &self,
        lookup: &Lookup<'_, '_>,
        instance: &CallInstance<'_>,
        steps: usize,
    ) -> Result<Resolved, Reported> {
        let reference = lookup.reference;
        let span = reference.root.span;
        let room = match instance {
            CallInstance::Enabled(room) => room,
            CallInstance::Failed => return Err(Reported::before()),
            CallInstance::Disabled(enabled) => {
                return Err(lookup.evaluator.fail(
                    Diagnostic::error(code::DISABLED, "reference to what is not enabled")
                        .at(span, "this module is not enabled, so it has no outputs")
                        .and_at(*enabled, "false here")
                        .hint("choose by the same condition: `CONDITION ? … : null`, or refer to something else"),
                ));
            }
        };
        match reference.steps.get(steps).map(|step| &step.node) {
            Some(StepNode::Attribute(name)) => {
                // That there is such an output was found out before anything was evaluated.
                let output = room.all.output_at(name).and_then(|at| room.output(at));
                let known = output.ok_or_else(Reported::before)?;
                self.note(known, span);
                Ok(Resolved {
                    value: known.value.clone(),
                    steps: steps + 1,
                })
            }
            Some(StepNode::Index(_) | StepNode::Position(_) | StepNode::Splat(_)) | None => Ok(Resolved {
                value: self.outputs(room, span)?,
                steps,
            }),
        }
    }

    /// What a reference to a module means.
    fn called(&self, lookup: &Lookup<'_, '_>, called: &Called<'_>) -> Result<Resolved, Reported> {
        let instances = match called {
            Called::Failed => return Err(Reported::before()),
            Called::Single(instance) => {
                refuse_key(lookup, "this module")?;
                return self.output_of(lookup, instance, 1);
            }
            Called::Keyed(instances) => instances,
        };
        let all = |unknown: bool| {
            let mut objects = BTreeMap::new();
            for (key, instance) in instances {
                match instance {
                    CallInstance::Enabled(room) => {
                        objects.insert(Arc::clone(key), self.outputs(room, lookup.reference.root.span)?);
                    }
                    CallInstance::Disabled(_) => {}
                    CallInstance::Failed => return Err(Reported::before()),
                }
            }
            Ok(match unknown {
                true => Resolved {
                    value: Value::unknown(Type::Any),
                    steps: 2,
                },
                false => Resolved {
                    value: Value::object(objects),
                    steps: 1,
                },
            })
        };
        let Some(step) = lookup.reference.steps.get(1) else {
            return all(false);
        };
        match self.key(lookup, step, instances)? {
            Chosen::All => all(false),
            Chosen::Unknown(marks) => all(true).map(|resolved| Resolved {
                value: resolved.value.marked(marks),
                ..resolved
            }),
            Chosen::One(instance, marks) => self.output_of(lookup, instance, 2).map(|resolved| Resolved {
                value: resolved.value.marked(marks),
                ..resolved
            }),
        }
    }

    /// Which instance a step chooses.
    fn key<'i, I>(
        &self,
        lookup: &Lookup<'_, '_>,
        step: &Step,
        instances: &'i BTreeMap<Arc<str>, I>,
    ) -> Result<Chosen<'i, I>, Reported> {
        let evaluator = lookup.evaluator;
        let refuse = |text: &str| Err(no_instance(lookup, step, text, instances.keys().next()));
        let (key, marks) = match &step.node {
            StepNode::Index(key) => {
                let key = evaluator.eval_in(key, lookup.frames)?;
                match convert(&key, &Type::String).map(|key| (key.shape, key.marks)) {
                    Ok((Shape::Text(key), marks)) => (key, marks),
                    Ok((Shape::Unknown(_), marks)) => return Ok(Chosen::Unknown(marks)),
                    _ => return refuse(&format!("the key is a string, this is {}", shown(&key))),
                }
            }
            StepNode::Position(_) => return refuse("the instances have keys, not numbers"),
            StepNode::Attribute(name) if !instances.contains_key(name) => {
                return refuse("this block has `for_each`: a key must choose one of its instances");
            }
            StepNode::Attribute(_) | StepNode::Splat(_) => return Ok(Chosen::All),
        };
        match instances.get(&key) {
            Some(instance) => Ok(Chosen::One(instance, marks)),
            None => {
                let text = if marks.hide() {
                    "there is no instance of this key".to_owned()
                } else {
                    format!("there is no instance \"{key}\"")
                };
                let keys = instances.keys().map(AsRef::as_ref);
                let missing = Diagnostic::error(code::UNKNOWN_REFERENCE, "unknown reference").at(step.span, text);
                Err(evaluator.fail(match nearest(&key, keys.clone()) {
                    _ if marks.hide() => missing,
                    None if instances.len() <= MOST_KEYS => {
                        let keys: Vec<String> = keys.map(|key| format!("\"{key}\"")).collect();
                        missing.hint(format!("the keys are {}", keys.join(", ")))
                    }
                    _ => missing.suggest(&key, keys),
                }))
            }
        }
    }

    fn keyed(
        &self,
        lookup: &Lookup<'_, '_>,
        instances: &BTreeMap<Arc<str>, Instance>,
        value: &Value,
    ) -> Result<Resolved, Reported> {
        let reference = lookup.reference;
        let all = || {
            self.note_literal(Literal::Derived);
            for address in instances.values().filter_map(Instance::address) {
                self.note_used(address, reference.root.span);
            }
        };
        let whole = || Resolved {
            value: value.clone(),
            steps: 1,
        };
        let Some(step) = reference.steps.get(1) else {
            all();
            return Ok(whole());
        };
        match self.key(lookup, step, instances)? {
            Chosen::All => {
                all();
                Ok(whole())
            }
            Chosen::Unknown(marks) => {
                all();
                Ok(Resolved {
                    value: Value::unknown(Type::Any).marked(marks),
                    steps: 2,
                })
            }
            Chosen::One(instance, marks) => self.instance(lookup, instance, 2).map(|resolved| Resolved {
                value: resolved.value.marked(marks),
                ..resolved
            }),
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

/// What a step chooses of instances with keys.
enum Chosen<'i, I> {
    /// None in particular.
    All,
    /// One that is not known yet, by a key with these marks.
    Unknown(Marks),
    /// This one, by a key with these marks.
    One(&'i I, Marks),
}

fn no_instance(lookup: &Lookup<'_, '_>, step: &Step, text: &str, key: Option<&Arc<str>>) -> Reported {
    let reference = lookup.reference;
    let label = match reference.steps.first().map(|step| &step.node) {
        Some(StepNode::Attribute(label)) => label.as_ref(),
        _ => "",
    };
    let diagnostic = Diagnostic::error(code::UNKNOWN_REFERENCE, "instance without a key").at(step.span, text);
    lookup.evaluator.fail(match key {
        Some(key) => diagnostic.hint(format!("for example `{}.{label}[\"{key}\"]`", reference.root.value)),
        None => diagnostic,
    })
}

/// What has no `for_each` has no key.
fn refuse_key(lookup: &Lookup<'_, '_>, what: &str) -> Result<(), Reported> {
    match lookup.reference.steps.get(1) {
        Some(step) if matches!(step.node, StepNode::Index(_) | StepNode::Position(_)) => Err(lookup.evaluator.fail(
            Diagnostic::error(code::UNKNOWN_REFERENCE, "key on a single resource")
                .at(
                    step.span,
                    format!("{what} has no `for_each`, so there is nothing to choose from"),
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
        let named = match self.room.all.named(reference, self.site) {
            Ok(named) => named,
            // Whoever found the references has said so, except where only some places are looked at.
            Err(diagnostic) if self.site == Site::EARLY => return Err(evaluator.fail(*diagnostic)),
            Err(_) => return Err(Reported::before()),
        };
        let lookup = Lookup {
            reference,
            evaluator,
            frames,
        };
        let one = |value: Value| Ok(Resolved { value, steps: 1 });
        let kept = |known: Option<&Known>| {
            let known = known.ok_or_else(Reported::before)?;
            self.note(known, reference.root.span);
            one(known.value.clone())
        };
        match named {
            Named::Variable(at) => kept(self.room.variable(at)),
            Named::Local(at) => kept(self.room.local(at)),
            Named::Call(at) => self.called(&lookup, self.room.call(at).ok_or_else(Reported::before)?),
            Named::Each(which) => {
                let each = self.each.as_ref().ok_or_else(Reported::before)?;
                self.note_literal(each.literal);
                one(match which {
                    declare::Each::Key => each.key.clone(),
                    declare::Each::Value => each.value.clone(),
                })
            }
            Named::Itself => self
                .itself
                .clone()
                .map_or(Err(Reported::before()), |value| Ok(Resolved { value, steps: 0 })),
            Named::Broken => {
                // What it comes from is not known.
                self.note_literal(Literal::Derived);
                Err(Reported::before())
            }
            Named::Path("cwd") => one(Value::text(self.room.inputs.cwd.clone())),
            Named::Path("module") => one(Value::text(self.room.directory)),
            Named::Path(_) => one(Value::text(ROOT)),
            Named::Resource(at) => match self.room.resource(at) {
                None | Some(ResourceValue::Failed) => Err(Reported::before()),
                Some(ResourceValue::Single(instance)) => {
                    let block = self.room.all.resources.get(at);
                    // Its `count` was refused already; who has one asks for its instances by number.
                    if block.is_some_and(|block| block.body.attribute("count").is_some()) {
                        return Err(Reported::before());
                    }
                    refuse_key(&lookup, "this resource")?;
                    self.instance(&lookup, instance, 1)
                }
                Some(ResourceValue::Keyed { instances, value }) => self.keyed(&lookup, instances, value),
            },
        }
    }
}

/// Files that functions read are no part of the configuration: they may hold what only some may know.
impl Files for Here<'_, '_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.note_literal(Literal::Derived);
        self.room.inputs.door.read(path)
    }

    fn exists(&self, path: &str) -> Result<bool, FileError> {
        self.room.inputs.door.exists(path)
    }

    fn below(&self, directory: &str) -> Result<Vec<String>, FileError> {
        self.room.inputs.door.below(directory)
    }

    fn absolute(&self, path: &str) -> Result<String, FileError> {
        self.room.inputs.door.absolute(path)
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

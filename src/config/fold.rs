//! Evaluates a configuration: variables, locals, resources, outputs in the order of their references, through all modules.
//!
//! It knows no kind: what a kind computes of its attributes comes through [`Exports`].

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::address::KindName;
use crate::address::pattern::Renaming;
use crate::block::{Block, Check, Import, Literal, Removal, Verdict};
use crate::config::call;
use crate::config::check;
use crate::config::declare::{Site, truth, unknown_argument};
use crate::config::forms;
use crate::config::import;
use crate::config::module::Configuration;
use crate::config::parse::{RawAttribute, RawBlock};
use crate::config::references::{Item, Node, References, unknown_names};
use crate::config::resource;
use crate::config::scope::{Called, Each, Here, Known, Room, Used};
use crate::config::statement;
use crate::config::tree::Tree;
use crate::config::variables::Inputs;
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::lang::Marks;
use crate::lang::code;
use crate::lang::eval::{Evaluator, Reported};
use crate::lang::expr::Expr;
use crate::lang::order;
use crate::lang::types::constant;
use crate::lang::value::Value;
use crate::lang::vault;

/// What the kinds know of their resources.
pub trait Exports {
    /// The attributes that follow from the declared ones, such as ids; they stand beside and before the declared ones.
    fn attributes(&self, block: &Block) -> BTreeMap<Arc<str>, Value>;

    /// Every kind of resource.
    fn kinds(&self) -> Vec<&str>;

    /// The attributes of a kind that go to Azure and nowhere else: whatever is read from one of them is sensitive.
    fn secrets(&self, kind: &KindName) -> Vec<&str>;

    /// What is wrong with a block by itself, among all of them: it may be why something that refers to it is wrong.
    fn problems(&self, block: &Block, all: &[Block]) -> Diagnostics;
}

/// A configuration, evaluated.
#[derive(Debug)]
pub struct Folded {
    /// The resources, each after those it refers to.
    pub blocks: Vec<Block>,
    /// The outputs in the order of the files.
    pub outputs: Vec<OutputValue>,
    /// What was named otherwise before.
    pub moves: Vec<Renaming>,
    /// What is no longer looked after.
    pub removals: Vec<Removal>,
    /// What is taken over.
    pub imports: Vec<Import>,
    /// What is wanted to hold.
    pub checks: Vec<Check>,
    /// What somebody should look at.
    pub warnings: Diagnostics,
    /// Variables that nothing uses: harmless to whoever plans, worth a word to whoever writes.
    pub unused: Diagnostics,
}

/// An output.
#[derive(Clone, Debug)]
pub struct OutputValue {
    /// Its name.
    pub name: Arc<str>,
    /// Its value, perhaps not known yet.
    pub value: Value,
    /// What it is for.
    pub description: Option<String>,
    /// Whether it must not be shown.
    pub sensitive: bool,
    /// Its header.
    pub span: Span,
}

/// Evaluates everything.
///
/// # Errors
/// All that is wrong. A problem in one place is reported once and hides none in another.
pub fn fold(configuration: &Configuration, inputs: &Inputs, exports: &dyn Exports) -> Result<Folded, Diagnostics> {
    fold_and(configuration, inputs, exports, None, |_, _| ()).map(|(folded, ())| folded)
}

/// Evaluates the resources of some kinds, and what they refer to.
///
/// # Errors
/// What is wrong with those.
pub fn fold_kinds(
    configuration: &Configuration,
    inputs: &Inputs,
    exports: &dyn Exports,
    kinds: &[&str],
) -> Result<Vec<Block>, Diagnostics> {
    fold_and(configuration, inputs, exports, Some(kinds), |_, _| ()).map(|(folded, ())| folded.blocks)
}

/// Evaluates everything, and then an expression that stands in no block, where an output of the root would stand.
///
/// # Errors
/// All that is wrong with the configuration; in one that holds, what is wrong with the expression.
pub fn ask(
    configuration: &Configuration,
    inputs: &Inputs,
    exports: &dyn Exports,
    expr: &Expr,
) -> Result<Value, Diagnostics> {
    let (folded, answer) = fold_and(configuration, inputs, exports, None, |tree, room| {
        answer(tree, room, expr)
    })?;
    answer.map_err(|found| match found.is_empty() {
        false => found,
        // It reads what a kind refuses.
        true => {
            let problems = folded.blocks.iter();
            let problems = problems.flat_map(|block| {
                exports
                    .problems(block, &folded.blocks)
                    .iter()
                    .cloned()
                    .collect::<Vec<_>>()
            });
            problems.collect()
        }
    })
}

fn answer(tree: &Tree<'_>, room: &Room<'_>, expr: &Expr) -> Result<Value, Diagnostics> {
    let (_, mut found) = unknown_names(tree, expr).or(())?;
    let here = Here::new(room, Site::PLAIN);
    let evaluator = Evaluator::new(&here, &room.inputs.door);
    let value = evaluator.eval(expr);
    found.extend(evaluator.take_found());
    match value {
        Ok(value) => found.or(value).map(|(value, _)| value),
        Err(_) => Err(found),
    }
}

/// Evaluates everything, or the resources of some kinds, and looks at the values once nothing was found wrong.
fn fold_and<T>(
    configuration: &Configuration,
    inputs: &Inputs,
    exports: &dyn Exports,
    kinds: Option<&[&str]>,
    look: impl FnOnce(&Tree<'_>, &Room<'_>) -> T,
) -> Result<(Folded, T), Diagnostics> {
    let mut found = Diagnostics::new();
    let tree = Tree::collect(configuration, &exports.kinds(), &mut found);
    let references = References::collect(&tree, &configuration.root, &mut found);
    let order = references.order(&tree, kinds, &mut found);
    let Some(root) = tree.get(0) else {
        return Err(found);
    };
    let declared = &root.all;
    found.extend(inputs.not_read());
    found.extend(inputs.undeclared(&|name| declared.declares_variable(name), &declared.variable_names()));
    let (room, problems) = Room::root(declared, inputs);
    found.extend(problems);
    let mut folding = Folding {
        room: &room,
        exports,
        found,
        blocks: Vec::new(),
        outputs: BTreeMap::new(),
        checks: Vec::new(),
    };
    for node in order {
        folding.node(&tree, &room, node);
    }
    let (moves, removals, imports) = match kinds {
        None => {
            let (moves, removals) = folding.statements(&tree, &room);
            (moves, removals, folding.imports(&room))
        }
        Some(_) => (Vec::new(), Vec::new(), Vec::new()),
    };
    let Folding {
        mut found,
        blocks,
        outputs,
        checks,
        ..
    } = folding;
    if found.has_errors() && kinds.is_none() {
        for block in &blocks {
            found.extend(exports.problems(block, &blocks));
        }
    }
    let (_, warnings) = found.or(())?;
    let folded = Folded {
        moves,
        removals,
        imports,
        checks,
        blocks,
        outputs: outputs.into_values().collect(),
        warnings,
        unused: references.unused(&tree),
    };
    Ok((folded, look(&tree, &room)))
}

pub(super) struct Folding<'f, 'r> {
    /// The instance of a module in which something is being evaluated.
    pub(super) room: &'f Room<'r>,
    pub(super) exports: &'f dyn Exports,
    pub(super) found: Diagnostics,
    pub(super) blocks: Vec<Block>,
    outputs: BTreeMap<usize, OutputValue>,
    checks: Vec<Check>,
}

/// An instance of a module, and the calls that led to it from the root.
struct Visit<'f, 'r> {
    room: &'f Room<'r>,
    /// Each instance on the way with the number of the call in it, outermost first.
    way: Vec<(&'f Room<'r>, usize)>,
}

impl<'f, 'r> Folding<'f, 'r> {
    /// Evaluates a node in every instance of its module.
    fn node(&mut self, tree: &'r Tree<'r>, root: &'f Room<'r>, node: Node) {
        for visit in visits(tree, root, node.module) {
            self.room = visit.room;
            self.item(tree, &visit, node);
        }
    }

    fn item(&mut self, tree: &'r Tree<'r>, visit: &Visit<'f, 'r>, node: Node) {
        let room = visit.room;
        match node.item {
            Item::Local(at) => self.found.extend(local(room, at, Site::PLAIN)),
            Item::Resource(at) => {
                if let Some(block) = room.all.resources.get(at) {
                    let inherited = visit.way.iter().flat_map(|(room, call)| room.dependencies(*call));
                    let inherited: Vec<_> = inherited.cloned().collect();
                    let value = resource::evaluate(self, block, &inherited);
                    room.set_resource(at, value);
                }
            }
            Item::Output(at) => {
                if let Some(block) = room.all.outputs.get(at) {
                    let output = self.output(block, at);
                    room.set_output(at, output);
                }
            }
            Item::Validation(at) => self.validations(at),
            Item::Variable(at) => {
                if let Some((caller, call)) = visit.way.last() {
                    let value = self.argument(caller, *call, at);
                    room.set_variable(at, value);
                }
            }
            Item::Call(at) => {
                let module = tree.called(node.module, at).and_then(|module| tree.get(module));
                let called = match (room.all.calls.get(at), module) {
                    (Some(block), Some(module)) => call::evaluate(self, block, module),
                    (_, _) => Called::Failed,
                };
                room.set_call(at, called);
            }
            Item::Dependencies(at) => {
                let block = room.all.calls.get(at);
                if let Some(depends_on) = block.and_then(|block| block.body.attribute("depends_on")) {
                    let here = Here::new(room, Site::PLAIN);
                    let dependencies = resource::dependencies(self, &here, depends_on);
                    room.set_dependencies(at, dependencies);
                }
            }
            Item::Check(at) => {
                if let Some(block) = room.all.checks.get(at) {
                    let mut checks = Vec::new();
                    check::evaluate(self, block, &mut checks);
                    self.checks.extend(checks);
                }
            }
            Item::Whole | Item::Import(_) => {}
        }
    }

    /// The `moved` and `removed` blocks of every instance of every module.
    fn statements(&mut self, tree: &'r Tree<'r>, root: &'f Room<'r>) -> (Vec<Renaming>, Vec<Removal>) {
        let (mut moves, mut removals) = (Vec::new(), Vec::new());
        for (module, declared) in tree.modules.iter().enumerate() {
            if declared.all.moved.is_empty() && declared.all.removed.is_empty() {
                continue;
            }
            for visit in visits(tree, root, module) {
                let path = &visit.room.path;
                let moved = declared.all.moved.iter();
                moves.extend(moved.filter_map(|block| self.found.absorb(statement::moved(path, block))));
                let removed = declared.all.removed.iter();
                removals.extend(removed.filter_map(|block| self.found.absorb(statement::removed(path, block))));
            }
        }
        self.found
            .extend(statement::refuse_contradictions(&moves, &self.blocks));
        self.found.extend(statement::refuse_declared(&removals, &self.blocks));
        (moves.into_iter().map(|moved| moved.renaming).collect(), removals)
    }

    /// The `import` blocks of the root.
    fn imports(&mut self, root: &'f Room<'r>) -> Vec<Import> {
        self.room = root;
        let mut imports = Vec::new();
        for block in &root.all.imports {
            import::evaluate(self, block, &mut imports);
        }
        imports
    }

    /// What the call of a module gives one of its variables.
    fn argument(&mut self, caller: &'f Room<'r>, call: usize, at: usize) -> Result<Known, Reported> {
        let room = self.room;
        let declared = room.all.variables.get(at).ok_or_else(Reported::before)?;
        let block = caller.all.calls.get(call).ok_or_else(Reported::before)?;
        let (mut used, mut from) = (Used::new(), Literal::Written);
        let given = match block.body.attribute(&declared.name.value) {
            None => declared.given_by_call(None),
            Some(attribute) => {
                let mut here = Here::new(caller, Site::PLAIN);
                if let Some(Each { key, value, literal }) = &room.each {
                    here = here.with_each(key.clone(), value.clone(), *literal);
                }
                let (value, literal) =
                    here.traced(|| self.evaluate(&here, |evaluator| evaluator.eval(&attribute.expr)));
                let value = value?;
                (used, from) = (here.used(), literal);
                declared.given_by_call(Some((&value, &attribute.expr)))
            }
        };
        let value = self.found.absorb(given).ok_or_else(Reported::before)?;
        let literal = from;
        Ok(Known { value, used, literal })
    }

    /// What `work` makes of a place, with its problems noted.
    pub(super) fn evaluate<T>(&mut self, here: &Here<'_, '_>, work: impl FnOnce(&Evaluator<'_>) -> T) -> T {
        let evaluator = Evaluator::new(here, here);
        let result = work(&evaluator);
        self.found.extend(evaluator.take_found());
        result
    }

    /// Evaluates an output. Those of the root are shown, those of a module are what its caller sees.
    fn output(&mut self, block: &RawBlock, at: usize) -> Result<Known, Reported> {
        let label = block.labels.first().ok_or_else(Reported::before)?;
        for attribute in &block.body.attributes {
            if !forms::OUTPUT.has(&attribute.name.value) {
                let known = forms::OUTPUT.names();
                self.found.push(unknown_argument(&attribute.name, "output", &known));
            }
        }
        let here = Here::new(self.room, Site::PLAIN);
        for nested in &block.body.blocks {
            match &*nested.kind.value {
                "precondition" => {
                    resource::precondition(self, &here, nested, None);
                }
                _ => self
                    .found
                    .push(unknown_argument(&nested.kind, "output", &["precondition"])),
            }
        }
        let constant_of = |name: &str, found: &mut Diagnostics| {
            let attribute = block.body.attribute(name)?;
            found.absorb(constant(&attribute.expr))
        };
        let description = constant_of("description", &mut self.found);
        let flag = |name: &str, found: &mut Diagnostics| {
            let attribute = block.body.attribute(name);
            attribute
                .and_then(|attribute| found.absorb(truth(attribute)))
                .unwrap_or(false)
        };
        let (sensitive, ephemeral) = (flag("sensitive", &mut self.found), flag("ephemeral", &mut self.found));
        let Some(attribute) = block.body.attribute("value") else {
            self.found.push(
                Diagnostic::error(code::MISSING_ARGUMENT, "missing argument")
                    .at(block.header, "an output needs a `value`"),
            );
            return Err(Reported::before());
        };
        if let Some(depends_on) = block.body.attribute("depends_on") {
            for (address, span) in resource::dependencies(self, &here, depends_on) {
                here.note_used(&address, span);
            }
        }
        let (value, literal) = here.traced(|| self.evaluate(&here, |evaluator| evaluator.eval(&attribute.expr)));
        let value = value?;
        let is_root = self.room.path.is_root();
        let marks = Marks {
            sensitive,
            ephemeral,
            ..Marks::NONE
        };
        if let Some(problem) = kept(block, attribute, &value, marks, is_root) {
            self.found.push(problem);
            return Err(Reported::before());
        }
        if is_root && vault::hangs_on_vault(&value) {
            self.found.push(vault::refused(attribute.expr.span));
            return Err(Reported::before());
        }
        if is_root && order::deep_marks(&value).sensitive && !sensitive {
            self.found.push(
                Diagnostic::error(code::SENSITIVE_OUTPUT, "output of a sensitive value")
                    .at(attribute.expr.span, "this is sensitive, but the output does not say so")
                    .hint("add `sensitive = true`, or `nonsensitive(…)` around what may be shown"),
            );
        }
        let value = value.marked(marks);
        if is_root {
            let output = OutputValue {
                name: label.value.clone(),
                value: value.clone(),
                description: description.and_then(|text| text.as_text().map(str::to_owned)),
                sensitive,
                span: block.header,
            };
            self.outputs.insert(at, output);
        }
        Ok(Known {
            value,
            used: here.used(),
            literal,
        })
    }

    fn validations(&mut self, at: usize) {
        let Some(declared) = self.room.all.variables.get(at) else {
            return;
        };
        if self.room.variable(at).is_none() {
            return;
        }
        let here = Here::new(self.room, Site::PLAIN);
        for validation in declared.block.body.blocks_of("validation") {
            let Some(condition) = resource::condition(self, &here, validation) else {
                continue;
            };
            if condition.verdict == Verdict::Fails {
                self.found.push(
                    Diagnostic::error(code::VARIABLE_INVALID, "invalid value for a variable")
                        .at(declared.name.span, condition.message)
                        .and_at(condition.span, "this does not hold")
                        .with_values(condition.values),
                );
            }
        }
    }
}

/// The local values of the root that hang on nothing but variables and each other. Those with a problem are left out.
pub fn constants(configuration: &Configuration, inputs: &Inputs) -> BTreeMap<Arc<str>, Value> {
    let mut found = Diagnostics::new();
    let tree = Tree::collect(configuration, &[], &mut found);
    let references = References::collect(&tree, &configuration.root, &mut found);
    let order = references.order(&tree, None, &mut found);
    let Some(root) = tree.get(0) else {
        return BTreeMap::new();
    };
    let (room, _) = Room::root(&root.all, inputs);
    for node in order.into_iter().filter(|node| node.module == 0) {
        if let Item::Local(at) = node.item {
            // Whether something is wrong is for `fold` to say.
            let _ = local(&room, at, Site::EARLY);
        }
    }
    room.known_locals()
}

/// Every instance of a module that has been found so far.
fn visits<'f, 'r>(tree: &Tree<'r>, root: &'f Room<'r>, module: usize) -> Vec<Visit<'f, 'r>> {
    let mut visits = vec![Visit {
        room: root,
        way: Vec::new(),
    }];
    for caller in tree.callers(module) {
        let inner = visits.into_iter().flat_map(|visit| {
            let rooms = visit.room.called(caller.call);
            rooms.into_iter().map(move |room| {
                let mut way = visit.way.clone();
                way.push((visit.room, caller.call));
                Visit { room, way }
            })
        });
        visits = inner.collect();
    }
    visits
}

/// Evaluates a local value and keeps it. The answer holds its problems.
pub(super) fn local(room: &Room<'_>, at: usize, site: Site) -> Diagnostics {
    let Some((_, expr)) = room.all.locals.get(at) else {
        return Diagnostics::new();
    };
    let here = Here::new(room, site);
    let evaluator = Evaluator::new(&here, &here);
    let (value, literal): (Result<Value, Reported>, Literal) = here.traced(|| evaluator.eval(expr));
    let found = evaluator.take_found();
    let used: Used = here.used();
    let known = value.map(|value| Known { value, used, literal });
    room.set_local(at, known);
    found
}

/// What is wrong with how an output treats what must not be kept. `says` are the marks that its block gives it.
fn kept(block: &RawBlock, attribute: &RawAttribute, value: &Value, says: Marks, is_root: bool) -> Option<Diagnostic> {
    let problem = Diagnostic::error(code::EPHEMERAL_KEPT, "ephemeral output");
    let is = order::deep_marks(value).ephemeral;
    let said = block.body.attribute("ephemeral").filter(|_| says.ephemeral);
    match (said, is) {
        (Some(said), _) if is_root => Some(
            problem
                .at(said.name.span, "outputs of the root are kept in the state, so none is ephemeral")
                .hint("leave it out, and write `value = ephemeralasnull(…)` around what must not be kept"),
        ),
        (Some(said), false) => Some(
            problem
                .at(attribute.expr.span, "this is not ephemeral, but the output says so")
                .and_at(said.name.span, "said here")
                .hint("leave `ephemeral` out: the value may be kept"),
        ),
        (None, true) if is_root => Some(
            problem
                .at(attribute.expr.span, "this is ephemeral, but outputs of the root are kept in the state")
                .hint("write `ephemeralasnull(…)` around what must not be kept, or take `ephemeral = true` from its variable"),
        ),
        (None, true) => Some(
            problem
                .at(attribute.expr.span, "this is ephemeral, but the output does not say so")
                .hint("add `ephemeral = true` to the output"),
        ),
        (Some(_), true) | (None, false) => None,
    }
}

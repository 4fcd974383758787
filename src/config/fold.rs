//! Evaluates a configuration: variables, locals, resources in the order of their references, outputs.
//!
//! It knows no kind: what a kind computes of its attributes comes through [`Exports`].

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::address::KindName;
use crate::block::{Block, Literal};
use crate::config::declare::{Declarations, Node, References, Site, unknown_argument};
use crate::config::forms;
use crate::config::parse::RawBlock;
use crate::config::resource;
use crate::config::scope::{Here, LocalValue, Used, Values};
use crate::config::variables::Inputs;
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::lang::code;
use crate::lang::eval::{Evaluator, Reported};
use crate::lang::expr::Expr;
use crate::lang::order;
use crate::lang::types::constant;
use crate::lang::value::Value;

/// What the kinds know of their resources.
pub trait Exports {
    /// The attributes that follow from the declared ones, such as ids; they stand beside and before the declared ones.
    fn attributes(&self, block: &Block) -> BTreeMap<Arc<str>, Value>;

    /// Every kind of resource.
    fn kinds(&self) -> Vec<&str>;

    /// The attributes of a kind that go to Azure and nowhere else: whatever is read from one of them is sensitive.
    fn secrets(&self, kind: &KindName) -> Vec<&str>;
}

/// A configuration, evaluated.
#[derive(Debug)]
pub struct Folded {
    /// The resources, each after those it refers to.
    pub blocks: Vec<Block>,
    /// The outputs in the order of the files.
    pub outputs: Vec<OutputValue>,
    /// What somebody should look at.
    pub warnings: Diagnostics,
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
pub fn fold(raw: &[RawBlock], inputs: &Inputs, exports: &dyn Exports) -> Result<Folded, Diagnostics> {
    fold_and(raw, inputs, exports, |_| ()).map(|(folded, ())| folded)
}

/// Evaluates everything, and then an expression that stands in no block, where an output would stand.
///
/// # Errors
/// All that is wrong with the configuration; in one that holds, what is wrong with the expression.
pub fn ask(raw: &[RawBlock], inputs: &Inputs, exports: &dyn Exports, expr: &Expr) -> Result<Value, Diagnostics> {
    let (_, answer) = fold_and(raw, inputs, exports, |values| answer(values, expr))?;
    answer
}

fn answer(values: &Values<'_>, expr: &Expr) -> Result<Value, Diagnostics> {
    let mut found = Diagnostics::new();
    expr.references(&mut |reference, _| {
        if let Err(unknown) = values.all.named(reference, Site::PLAIN) {
            found.push(*unknown);
        }
    });
    let (_, mut found) = found.or(())?;
    let here = Here::new(values, Site::PLAIN);
    let evaluator = Evaluator::new(&here, &values.inputs.door);
    let value = evaluator.eval(expr);
    found.extend(evaluator.take_found());
    match value {
        Ok(value) => found.or(value).map(|(value, _)| value),
        Err(_) => Err(found),
    }
}

/// Evaluates everything, and looks at the values once nothing was found wrong.
fn fold_and<T>(
    raw: &[RawBlock],
    inputs: &Inputs,
    exports: &dyn Exports,
    look: impl FnOnce(&Values<'_>) -> T,
) -> Result<(Folded, T), Diagnostics> {
    let (all, mut found) = Declarations::collect(raw, exports.kinds());
    found.extend(inputs.undeclared(&|name| all.declares_variable(name), &all.variable_names()));
    let references = References::collect(&all, &mut found);
    let order = references.order(&all, &mut found);
    let values = Values::new(all, inputs);
    for problems in values.variable_problems() {
        found.extend(problems.clone());
    }
    let mut folding = Folding {
        values: &values,
        exports,
        found,
        blocks: Vec::new(),
        outputs: BTreeMap::new(),
    };
    for node in order {
        folding.node(node);
    }
    let Folding {
        found, blocks, outputs, ..
    } = folding;
    let (_, warnings) = found.or(())?;
    let folded = Folded {
        blocks,
        outputs: outputs.into_values().collect(),
        warnings,
    };
    Ok((folded, look(&values)))
}

pub(super) struct Folding<'f, 'r> {
    pub(super) values: &'f Values<'r>,
    pub(super) exports: &'f dyn Exports,
    pub(super) found: Diagnostics,
    pub(super) blocks: Vec<Block>,
    outputs: BTreeMap<usize, OutputValue>,
}

impl Folding<'_, '_> {
    fn node(&mut self, node: Node) {
        match node {
            Node::Local(at) => self.found.extend(local(self.values, at, Site::PLAIN)),
            Node::Resource(at) => {
                if let Some(block) = self.values.all.resources.get(at) {
                    let value = resource::evaluate(self, block);
                    self.values.set_resource(at, value);
                }
            }
            Node::Output(at) => {
                if let Some(block) = self.values.all.outputs.get(at)
                    && let Some(output) = self.output(block)
                {
                    self.outputs.insert(at, output);
                }
            }
            Node::Validation(at) => self.validations(at),
        }
    }

    /// What `work` makes of a place, with its problems noted.
    pub(super) fn evaluate<T>(&mut self, here: &Here<'_, '_>, work: impl FnOnce(&Evaluator<'_>) -> T) -> T {
        let evaluator = Evaluator::new(here, here);
        let result = work(&evaluator);
        self.found.extend(evaluator.take_found());
        result
    }

    fn output(&mut self, block: &RawBlock) -> Option<OutputValue> {
        let label = block.labels.first()?;
        for attribute in &block.body.attributes {
            if !forms::OUTPUT.has(&attribute.name.value) {
                let known = forms::OUTPUT.names();
                self.found.push(unknown_argument(&attribute.name, "output", &known));
            }
        }
        let here = Here::new(self.values, Site::PLAIN);
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
        let sensitive = constant_of("sensitive", &mut self.found)
            .and_then(|value| value.as_bool())
            .unwrap_or(false);
        let Some(attribute) = block.body.attribute("value") else {
            self.found.push(
                Diagnostic::error(code::MISSING_ARGUMENT, "missing argument")
                    .at(block.header, "an output needs a `value`"),
            );
            return None;
        };
        let value = self.evaluate(&here, |evaluator| evaluator.eval(&attribute.expr)).ok()?;
        if order::deeply_sensitive(&value) && !sensitive {
            self.found.push(
                Diagnostic::error(code::SENSITIVE_OUTPUT, "output of a sensitive value")
                    .at(attribute.expr.span, "this is sensitive, but the output does not say so")
                    .hint("add `sensitive = true`, or `nonsensitive(…)` around what may be shown"),
            );
        }
        Some(OutputValue {
            name: label.value.clone(),
            value: value.marked(sensitive),
            description: description.and_then(|text| text.as_text().map(str::to_owned)),
            sensitive,
            span: block.header,
        })
    }

    fn validations(&mut self, at: usize) {
        let Some(declared) = self.values.all.variables.get(at) else {
            return;
        };
        if !matches!(self.values.variable(at), Some(Ok(_))) {
            return;
        }
        let here = Here::new(self.values, Site::PLAIN);
        for validation in declared.block.body.blocks_of("validation") {
            let Some(condition) = resource::condition(self, &here, validation) else {
                continue;
            };
            if condition.holds == Some(false) {
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

/// The local values that hang on nothing but variables and each other. Those with a problem are left out.
pub fn constants(raw: &[RawBlock], inputs: &Inputs) -> BTreeMap<Arc<str>, Value> {
    let (all, mut found) = Declarations::collect(raw, Vec::new());
    let references = References::collect(&all, &mut found);
    let order = references.order(&all, &mut found);
    let values = Values::new(all, inputs);
    for node in order {
        if let Node::Local(at) = node {
            // Whether something is wrong is for `fold` to say.
            let _ = local(&values, at, Site::EARLY);
        }
    }
    values.known_locals()
}

/// Evaluates a local value and keeps it. The answer holds its problems.
pub(super) fn local(values: &Values<'_>, at: usize, site: Site) -> Diagnostics {
    let Some((_, expr)) = values.all.locals.get(at) else {
        return Diagnostics::new();
    };
    let here = Here::new(values, site);
    let evaluator = Evaluator::new(&here, &here);
    let (value, literal): (Result<Value, Reported>, Literal) = here.traced(|| evaluator.eval(expr));
    let found = evaluator.take_found();
    let used: Used = here.used();
    let local = value.map(|value| LocalValue { value, used, literal });
    values.set_local(at, local);
    found
}

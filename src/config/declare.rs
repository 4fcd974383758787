//! What the blocks of a configuration declare, which of it refers to which, and in what order that can be evaluated.
//! It evaluates nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::config::parse::{RawBlock, RawBody};
use crate::config::variables::{self, Declared};
use crate::diagnostic::{Diagnostic, Diagnostics, Span, nearest};
use crate::lang::code;
use crate::lang::expr::{Expr, Name, Reference, StepNode};

/// Blocks that are no resources.
const PLAIN_BLOCKS: [&str; 5] = ["pgferry", "azure", "variable", "locals", "output"];

/// Blocks of the language that this version does not know yet.
const LATER_BLOCKS: [&str; 5] = ["module", "check", "moved", "removed", "import"];

/// Names of Terraform that have no meaning here, and what to do instead.
const ELSEWHERE: [(&str, &str); 5] = [
    (
        "count",
        "there is no `count`: identity never hangs on a position in a list. Use `for_each` and `each.key`",
    ),
    (
        "data",
        "there are no data sources: a `network` or a `target` without a `server` block reads what exists",
    ),
    (
        "terraform",
        "there are no workspaces: use one directory, or one `*.vars.hcl` file, per environment",
    ),
    (
        "resource",
        "resources are named by kind and label, such as `source.erp`",
    ),
    ("module", "modules are not supported yet by this version"),
];

/// A `local`, a resource, an output or the validations of a variable: what is evaluated as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Node {
    Local(usize),
    Resource(usize),
    Output(usize),
    Validation(usize),
}

/// Everything that is declared.
pub(super) struct Declarations<'r> {
    pub(super) variables: Vec<Declared<'r>>,
    pub(super) locals: Vec<(&'r Name, &'r Expr)>,
    pub(super) resources: Vec<&'r RawBlock>,
    pub(super) outputs: Vec<&'r RawBlock>,
    variable_index: BTreeMap<&'r str, usize>,
    /// Variables whose declaration itself is at fault.
    broken_variables: BTreeSet<&'r str>,
    local_index: BTreeMap<&'r str, usize>,
    resource_index: HashMap<&'r str, BTreeMap<&'r str, usize>>,
    kinds: Vec<&'r str>,
}

/// What the first steps of a reference name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named<'e> {
    /// A variable; nothing when its declaration is at fault.
    Variable(Option<usize>),
    Local(usize),
    Resource(usize),
    Each(Each),
    Itself,
    Path(&'e str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Each {
    Key,
    Value,
}

/// Where an expression stands, which decides what it may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Site {
    pub(super) each: bool,
    pub(super) itself: bool,
    pub(super) resources: bool,
}

impl Site {
    /// Where only variables, locals and resources have a meaning.
    pub(super) const PLAIN: Self = Self {
        each: false,
        itself: false,
        resources: true,
    };
    /// Where resources are not known yet.
    pub(super) const EARLY: Self = Self {
        resources: false,
        ..Self::PLAIN
    };
}

impl<'r> Declarations<'r> {
    /// Sorts the blocks by what they declare. Blocks at fault are reported and left out.
    pub(super) fn collect(raw: &'r [RawBlock], kinds: Vec<&'r str>) -> (Self, Diagnostics) {
        let mut found = Diagnostics::new();
        let mut all = Self {
            variables: Vec::new(),
            locals: Vec::new(),
            resources: Vec::new(),
            outputs: Vec::new(),
            variable_index: BTreeMap::new(),
            broken_variables: BTreeSet::new(),
            local_index: BTreeMap::new(),
            resource_index: HashMap::new(),
            kinds,
        };
        let mut outputs: BTreeMap<&str, Span> = BTreeMap::new();
        for block in raw {
            match &*block.kind.value {
                "pgferry" | "azure" => {}
                "variable" => all.add_variable(block, &mut found),
                "locals" => all.add_locals(block, &mut found),
                "output" => {
                    let problems = single_label(block, "output \"name\"");
                    let label = block.labels.first().unwrap_or(&block.kind);
                    if problems.has_errors() {
                        found.extend(problems);
                    } else if let Some(first) = outputs.insert(&label.value, label.span) {
                        found.push(declared_twice("output", label, first));
                    } else {
                        all.outputs.push(block);
                    }
                }
                kind if all.kinds.contains(&kind) => all.add_resource(block, &mut found),
                kind if LATER_BLOCKS.contains(&kind) => found.push(not_yet(&block.kind, &format!("`{kind}`"))),
                _ => found.push(all.unknown_block(block)),
            }
        }
        (all, found)
    }

    fn add_variable(&mut self, block: &'r RawBlock, found: &mut Diagnostics) {
        let Some(label) = block.labels.first() else {
            found.extend(single_label(block, "variable \"name\""));
            return;
        };
        if let Some(first) = self
            .variable_index
            .get(&*label.value)
            .and_then(|at| self.variables.get(*at))
        {
            found.push(declared_twice("variable", label, first.name.span));
            return;
        }
        match found.absorb(variables::declare(block)) {
            Some(declared) => {
                self.variable_index.insert(&label.value, self.variables.len());
                self.variables.push(declared);
            }
            None => {
                self.broken_variables.insert(&label.value);
            }
        }
    }

    fn add_locals(&mut self, block: &'r RawBlock, found: &mut Diagnostics) {
        if let Some(label) = block.labels.first() {
            found.push(Diagnostic::error(code::LABELS, "wrong labels").at(label.span, "`locals` takes no label"));
        }
        for nested in &block.body.blocks {
            found.push(
                Diagnostic::error(code::UNKNOWN_ARGUMENT, "unknown block")
                    .at(nested.kind.span, "`locals` holds values only: `name = value`"),
            );
        }
        for attribute in &block.body.attributes {
            let name = &*attribute.name.value;
            match self.local_index.get(name).and_then(|at| self.locals.get(*at)) {
                Some((first, _)) => found.push(declared_twice("local value", &attribute.name, first.span)),
                None => {
                    self.local_index.insert(name, self.locals.len());
                    self.locals.push((&attribute.name, &attribute.expr));
                }
            }
        }
    }

    fn add_resource(&mut self, block: &'r RawBlock, found: &mut Diagnostics) {
        let kind = &*block.kind.value;
        let problems = single_label(block, &format!("{kind} \"name\""));
        let Some(label) = block.labels.first().filter(|_| !problems.has_errors()) else {
            found.extend(problems);
            return;
        };
        let index = self.resource_index.entry(kind).or_default();
        match index.get(&*label.value).and_then(|at| self.resources.get(*at)) {
            Some(first) => found.push(declared_twice(kind, label, first.header)),
            None => {
                index.insert(&label.value, self.resources.len());
                self.resources.push(block);
            }
        }
    }

    fn unknown_block(&self, block: &RawBlock) -> Diagnostic {
        let kind = &*block.kind.value;
        let known = self.kinds.iter().copied().chain(PLAIN_BLOCKS).chain(LATER_BLOCKS);
        let diagnostic = Diagnostic::error(code::UNKNOWN_BLOCK, "unknown block");
        match kind {
            "resource" | "data" => diagnostic
                .at(block.kind.span, "there are no providers here")
                .hint("the kind itself is the first word: `source \"erp\" { … }`"),
            "terraform" => diagnostic
                .at(block.kind.span, "settings of the tool stand in a `pgferry` block")
                .hint("did you mean `pgferry`?"),
            "provider" => diagnostic
                .at(
                    block.kind.span,
                    "the subscription and defaults stand in an `azure` block",
                )
                .hint("did you mean `azure`?"),
            kind => diagnostic
                .at(block.kind.span, format!("there is no block `{kind}`"))
                .suggest(kind, known),
        }
    }

    pub(super) fn variable_names(&self) -> Vec<&str> {
        self.variable_index.keys().copied().collect()
    }

    pub(super) fn declares_variable(&self, name: &str) -> bool {
        self.variable_index.contains_key(name) || self.broken_variables.contains(name)
    }

    pub(super) fn is_kind(&self, name: &str) -> bool {
        self.kinds.contains(&name)
    }

    /// What a reference names where it stands.
    pub(super) fn named<'e>(&self, reference: &'e Reference, site: Site) -> Result<Named<'e>, Box<Diagnostic>> {
        let root = &*reference.root.value;
        match root {
            "var" => self.variable(reference),
            "local" => {
                let (name, span) = second(reference, "local.name")?;
                self.local_index.get(name).map(|at| Named::Local(*at)).ok_or_else(|| {
                    unknown(span, format!("there is no local value `{name}`"))
                        .suggest(name, self.local_index.keys().copied())
                        .into()
                })
            }
            "each" => each(reference, site),
            "self" if site.itself => Ok(Named::Itself),
            "self" => Err(
                misplaced(reference.root.span, "`self` only has a meaning in a postcondition")
                    .hint("elsewhere, name the resource by kind and label")
                    .into(),
            ),
            "path" => match second(reference, "path.root")? {
                (name @ ("module" | "root" | "cwd"), _) => Ok(Named::Path(name)),
                (name, span) => Err(unknown(span, format!("there is no `path.{name}`"))
                    .suggest(name, ["module", "root", "cwd"])
                    .into()),
            },
            kind if self.is_kind(kind) => self.resource(reference, kind, site),
            root => Err(self.unknown_root(reference, root).into()),
        }
    }

    fn variable<'e>(&self, reference: &'e Reference) -> Result<Named<'e>, Box<Diagnostic>> {
        let (name, span) = second(reference, "var.name")?;
        match self.variable_index.get(name) {
            Some(at) => Ok(Named::Variable(Some(*at))),
            None if self.broken_variables.contains(name) => Ok(Named::Variable(None)),
            None => Err(unknown(span, format!("there is no variable `{name}`"))
                .suggest(name, self.variable_index.keys().copied())
                .hint(format!("to declare it: variable \"{name}\" {{}}"))
                .into()),
        }
    }

    fn resource<'e>(&self, reference: &'e Reference, kind: &str, site: Site) -> Result<Named<'e>, Box<Diagnostic>> {
        if !site.resources {
            return Err(misplaced(
                reference.root.span,
                "resources are not known yet where this is evaluated",
            )
            .into());
        }
        let (label, span) = second(reference, &format!("{kind}.label"))?;
        let labels = self.resource_index.get(kind);
        if let Some(at) = labels.and_then(|labels| labels.get(label)) {
            return Ok(Named::Resource(*at));
        }
        let diagnostic = unknown(span, format!("there is no `{kind}` of this name"));
        let same = labels.into_iter().flat_map(|labels| labels.keys().copied());
        if let Some(label) = nearest(label, same) {
            return Err(diagnostic.hint(format!("did you mean `{kind}.{label}`?")).into());
        }
        let other = self
            .resource_index
            .iter()
            .find(|(_, labels)| labels.contains_key(label));
        Err(match other {
            Some((kind, _)) => diagnostic.hint(format!("did you mean `{kind}.{label}`?")).into(),
            None => diagnostic.into(),
        })
    }

    fn unknown_root(&self, reference: &Reference, root: &str) -> Diagnostic {
        let span = reference.root.span;
        if let Some((_, instead)) = ELSEWHERE.iter().find(|(name, _)| *name == root) {
            return unknown(span, format!("`{root}` has no meaning here")).hint(*instead);
        }
        let diagnostic = unknown(span, format!("nothing is named `{root}`"));
        if self.variable_index.contains_key(root) {
            return diagnostic.hint(format!("did you mean `var.{root}`?"));
        }
        if self.local_index.contains_key(root) {
            return diagnostic.hint(format!("did you mean `local.{root}`?"));
        }
        let roots = ["var", "local", "each", "path", "self"];
        let near = nearest(root, roots.into_iter().chain(self.kinds.iter().copied()));
        match near {
            Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
            None if reference.steps.is_empty() => {
                diagnostic.hint(format!("to write a text, put it in quotes: \"{root}\""))
            }
            None => diagnostic,
        }
    }
}

/// The name after the first, and its place.
fn second<'e>(reference: &'e Reference, form: &str) -> Result<(&'e str, Span), Box<Diagnostic>> {
    match reference.steps.first().map(|step| (&step.node, step.span)) {
        Some((StepNode::Attribute(name), span)) => Ok((name, span)),
        Some((StepNode::Index(_) | StepNode::Position(_) | StepNode::Splat(_), span)) => {
            Err(unknown(span, format!("a name is required here: `{form}`")).into())
        }
        None => Err(unknown(reference.root.span, format!("a name must follow: `{form}`")).into()),
    }
}

fn each<'e>(reference: &'e Reference, site: Site) -> Result<Named<'e>, Box<Diagnostic>> {
    if !site.each {
        return Err(misplaced(
            reference.root.span,
            "`each` only has a meaning in a block with `for_each`",
        )
        .into());
    }
    match second(reference, "each.key")? {
        ("key", _) => Ok(Named::Each(Each::Key)),
        ("value", _) => Ok(Named::Each(Each::Value)),
        (name, span) => Err(unknown(span, format!("there is no `each.{name}`"))
            .hint("there are `each.key` and `each.value`")
            .into()),
    }
}

fn unknown(span: Span, text: String) -> Diagnostic {
    Diagnostic::error(code::UNKNOWN_REFERENCE, "unknown reference").at(span, text)
}

fn misplaced(span: Span, text: &str) -> Diagnostic {
    Diagnostic::error(code::MISPLACED, "misplaced name").at(span, text)
}

fn declared_twice(what: &str, label: &Name, first: Span) -> Diagnostic {
    Diagnostic::error(code::DUPLICATE_BLOCK, "declared twice")
        .at(label.span, format!("another {what} of this name was declared before"))
        .and_at(first, "first declared here")
}

/// What is wrong with the labels of a block that wants one.
pub(super) fn single_label(block: &RawBlock, form: &str) -> Diagnostics {
    let wrong = |span, text: String| Diagnostics::from(Diagnostic::error(code::LABELS, "wrong labels").at(span, text));
    match block.labels.as_slice() {
        [] => wrong(block.header, format!("a label is missing: `{form} {{ … }}`")),
        [label] if label.value.parse::<crate::address::Label>().is_err() => {
            Diagnostic::error(code::BAD_NAME, "not a name")
                .at(
                    label.span,
                    "a name has letters, digits, `_` and `-`, and starts with a letter or `_`",
                )
                .into()
        }
        [_] => Diagnostics::new(),
        [_, extra, ..] => wrong(extra.span, format!("only one label is allowed: `{form} {{ … }}`")),
    }
}

/// An argument or nested block that does not exist.
pub(super) fn unknown_argument(name: &Name, place: &str, known: &[&str]) -> Diagnostic {
    Diagnostic::error(code::UNKNOWN_ARGUMENT, "unknown argument")
        .at(name.span, format!("`{place}` has no argument of this name"))
        .suggest(&name.value, known.iter().copied())
}

/// Something of the language that this version does not do.
pub(super) fn not_yet(name: &Name, what: &str) -> Diagnostic {
    Diagnostic::error(code::NOT_YET, "not supported yet").at(
        name.span,
        format!("{what} is part of the language, but this version does not support it yet"),
    )
}

/// A reference from one node to another, and its place.
pub(super) type Edge = (Node, Span);

/// Every node with what it refers to.
pub(super) struct References {
    edges: BTreeMap<Node, Vec<Edge>>,
}

impl References {
    /// Follows every expression of every node; what names nothing is reported here, once.
    pub(super) fn collect(all: &Declarations<'_>, found: &mut Diagnostics) -> Self {
        let mut edges = BTreeMap::new();
        for (at, (_, expr)) in all.locals.iter().enumerate() {
            let mut finder = Finder::new(all, found);
            finder.expr(expr, Site::PLAIN);
            edges.insert(Node::Local(at), finder.edges);
        }
        for (at, block) in all.resources.iter().enumerate() {
            let mut finder = Finder::new(all, found);
            finder.resource(&block.body);
            edges.insert(Node::Resource(at), finder.edges);
        }
        for (at, block) in all.outputs.iter().enumerate() {
            let mut finder = Finder::new(all, found);
            finder.body(&block.body, Site::PLAIN, &[]);
            edges.insert(Node::Output(at), finder.edges);
        }
        for (at, declared) in all.variables.iter().enumerate() {
            let mut finder = Finder::new(all, found);
            for validation in declared.block.body.blocks_of("validation") {
                finder.body(&validation.body, Site::PLAIN, &[]);
            }
            edges.insert(Node::Validation(at), finder.edges);
        }
        Self { edges }
    }

    /// The nodes in an order in which each comes after what it refers to. Nodes of a circle are left out; each circle
    /// is reported once.
    pub(super) fn order(&self, all: &Declarations<'_>, found: &mut Diagnostics) -> Vec<Node> {
        let mut order = Vec::with_capacity(self.edges.len());
        let mut marks: BTreeMap<Node, Mark> = BTreeMap::new();
        for start in self.edges.keys() {
            // The path from `start`, with the next edge to follow at each node. A loop and not a recursion: chains
            // may be as long as the configuration.
            let mut path: Vec<(Node, usize)> = Vec::new();
            if !marks.contains_key(start) {
                marks.insert(*start, Mark::OnPath);
                path.push((*start, 0));
            }
            while let Some((node, next)) = path.last_mut() {
                let node = *node;
                let edge = self.edges.get(&node).and_then(|edges| edges.get(*next));
                *next += 1;
                match edge {
                    None => {
                        path.pop();
                        if marks.insert(node, Mark::Done) == Some(Mark::OnPath) {
                            order.push(node);
                        }
                    }
                    Some((target, _)) => match marks.get(target) {
                        None => {
                            marks.insert(*target, Mark::OnPath);
                            path.push((*target, 0));
                        }
                        Some(Mark::Done) => {}
                        Some(Mark::OnPath | Mark::OnCircle) => {
                            let from = path.iter().position(|(node, _)| node == target).unwrap_or(0);
                            let circle: Vec<Node> = path.iter().skip(from).map(|(node, _)| *node).collect();
                            if circle.iter().any(|node| marks.get(node) != Some(&Mark::OnCircle)) {
                                found.push(self.circle(all, &circle));
                            }
                            for node in circle {
                                marks.insert(node, Mark::OnCircle);
                            }
                        }
                    },
                }
            }
        }
        order
    }

    fn circle(&self, all: &Declarations<'_>, circle: &[Node]) -> Diagnostic {
        let names: Vec<String> = circle
            .iter()
            .chain(circle.first())
            .map(|node| all.name(*node))
            .collect();
        let mut diagnostic = Diagnostic::error(code::CYCLE, "reference cycle");
        let next = circle.iter().cycle().skip(1);
        for (at, (node, next)) in circle.iter().zip(next).enumerate() {
            let edges = self.edges.get(node).map(Vec::as_slice).unwrap_or_default();
            let Some((_, span)) = edges.iter().find(|(target, _)| target == next) else {
                continue;
            };
            let text = format!("{} needs {}", all.name(*node), all.name(*next));
            diagnostic = match at {
                0 => diagnostic.at(*span, text),
                _ => diagnostic.and_at(*span, text),
            };
        }
        diagnostic.detail(format!("Each needs the next one's value first: {}.", names.join(" → ")))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    OnPath,
    OnCircle,
    Done,
}

impl Declarations<'_> {
    pub(super) fn name(&self, node: Node) -> String {
        let labelled = |block: Option<&&RawBlock>| {
            block.map(|block| {
                let label = block
                    .labels
                    .first()
                    .map(|label| label.value.clone())
                    .unwrap_or_default();
                format!("{}.{label}", block.kind.value)
            })
        };
        match node {
            Node::Local(at) => self.locals.get(at).map(|(name, _)| format!("local.{}", name.value)),
            Node::Resource(at) => labelled(self.resources.get(at)),
            Node::Output(at) => labelled(self.outputs.get(at)),
            Node::Validation(at) => self
                .variables
                .get(at)
                .map(|declared| format!("var.{}", declared.name.value)),
        }
        .unwrap_or_default()
    }
}

struct Finder<'f, 'r> {
    all: &'f Declarations<'r>,
    found: &'f mut Diagnostics,
    edges: Vec<Edge>,
}

impl<'f, 'r> Finder<'f, 'r> {
    fn new(all: &'f Declarations<'r>, found: &'f mut Diagnostics) -> Self {
        Self {
            all,
            found,
            edges: Vec::new(),
        }
    }

    fn resource(&mut self, body: &RawBody) {
        let site = Site {
            each: body.attribute("for_each").is_some(),
            ..Site::PLAIN
        };
        for attribute in &body.attributes {
            let site = match &*attribute.name.value {
                "for_each" => Site::PLAIN,
                _ => site,
            };
            self.expr(&attribute.expr, site);
        }
        for nested in &body.blocks {
            match &*nested.kind.value {
                "lifecycle" => self.lifecycle(&nested.body, site),
                _ => self.block(nested, site, &[]),
            }
        }
    }

    fn lifecycle(&mut self, body: &RawBody, site: Site) {
        for attribute in &body.attributes {
            // What is ignored is named by attributes of the block itself.
            if &*attribute.name.value != "ignore_changes" {
                self.expr(&attribute.expr, site);
            }
        }
        for nested in &body.blocks {
            let itself = &*nested.kind.value == "postcondition";
            self.body(&nested.body, Site { itself, ..site }, &[]);
        }
    }

    fn block(&mut self, block: &RawBlock, site: Site, bound: &[Arc<str>]) {
        if &*block.kind.value != "dynamic" {
            return self.body(&block.body, site, bound);
        }
        let mut inner = bound.to_vec();
        inner.extend(super::dynamic::iterator(block).map(|name| name.value));
        for attribute in &block.body.attributes {
            match &*attribute.name.value {
                "iterator" => {}
                "labels" => self.bound_expr(&attribute.expr, site, &inner),
                _ => self.bound_expr(&attribute.expr, site, bound),
            }
        }
        for nested in &block.body.blocks {
            self.body(&nested.body, site, &inner);
        }
    }

    fn body(&mut self, body: &RawBody, site: Site, bound: &[Arc<str>]) {
        for attribute in &body.attributes {
            self.bound_expr(&attribute.expr, site, bound);
        }
        for nested in &body.blocks {
            self.block(nested, site, bound);
        }
    }

    fn expr(&mut self, expr: &Expr, site: Site) {
        self.bound_expr(expr, site, &[]);
    }

    /// Follows the references of an expression around which the iterators of `dynamic` blocks are bound.
    fn bound_expr(&mut self, expr: &Expr, site: Site, bound: &[Arc<str>]) {
        expr.references(&mut |reference, span| {
            if bound.contains(&reference.root.value) {
                return;
            }
            match self.all.named(reference, site) {
                Ok(Named::Local(at)) => self.edges.push((Node::Local(at), span)),
                Ok(Named::Resource(at)) => self.edges.push((Node::Resource(at), span)),
                Ok(Named::Variable(_) | Named::Each(_) | Named::Itself | Named::Path(_)) => {}
                Err(diagnostic) => self.found.push(*diagnostic),
            }
        });
    }
}

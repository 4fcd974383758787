//! Which of everything that is declared refers to which, through all modules, and in what order that can be evaluated. It
//! evaluates nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config::declare::{Declarations, Named, Site, unknown, unknown_argument};
use crate::config::parse::{RawBlock, RawBody};
use crate::config::tree::{CALL_ARGUMENTS, Caller, Tree};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::lang::code;
use crate::lang::expr::{self, Expr, Reference, StepNode};

/// What is evaluated as one, in every instance of its module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Node {
    /// The module.
    pub(super) module: usize,
    /// What of it.
    pub(super) item: Item,
}

/// What of a module is evaluated as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Item {
    Local(usize),
    Resource(usize),
    Output(usize),
    /// The validations of a variable.
    Validation(usize),
    /// A variable; for a module, the argument of its call.
    Variable(usize),
    /// Which instances a call of a module has.
    Call(usize),
    /// What everything in a called module waits for.
    Dependencies(usize),
    /// Everything that the module makes.
    Whole,
    /// A check.
    Check(usize),
    /// What an `import` block refers to.
    Import(usize),
}

/// A reference from one node to another, and its place.
pub(super) type Edge = (Node, Span);

/// Every node with what it refers to.
pub(super) struct References {
    edges: BTreeMap<Node, Vec<Edge>>,
    /// Variables that the settings of the root use.
    settings: BTreeSet<usize>,
}

impl References {
    /// Follows every expression of every node; what names nothing is reported here, once.
    pub(super) fn collect(tree: &Tree<'_>, root: &[RawBlock], found: &mut Diagnostics) -> Self {
        let mut references = Self {
            edges: BTreeMap::new(),
            settings: BTreeSet::new(),
        };
        for module in 0..tree.modules.len() {
            references.module(tree, module, found);
        }
        references.settings(tree, root);
        references
    }

    fn module(&mut self, tree: &Tree<'_>, module: usize, found: &mut Diagnostics) {
        let Some(declared) = tree.get(module) else { return };
        let all = &declared.all;
        let callers = tree.callers(module);
        let node = |item| Node { module, item };
        // Nothing of a module is evaluated before its instances are known.
        let after_call = callers
            .last()
            .map(|caller| (caller.node(Item::Call(caller.call)), caller.block.header));
        for (at, (_, expr)) in all.locals.iter().enumerate() {
            let mut finder = Finder::new(tree, module, after_call, found);
            finder.expr(expr, Site::PLAIN);
            self.edges.insert(node(Item::Local(at)), finder.edges);
        }
        let waiting: Vec<Edge> = callers.iter().filter_map(Caller::dependencies).collect();
        for (at, block) in all.resources.iter().enumerate() {
            let mut finder = Finder::new(tree, module, after_call, found);
            finder.resource(&block.body);
            finder.edges.extend(waiting.iter().copied());
            self.edges.insert(node(Item::Resource(at)), finder.edges);
        }
        for (at, block) in all.outputs.iter().enumerate() {
            let mut finder = Finder::new(tree, module, after_call, found);
            finder.output(&block.body);
            self.edges.insert(node(Item::Output(at)), finder.edges);
        }
        for (at, declared) in all.variables.iter().enumerate() {
            let mut finder = Finder::new(tree, module, after_call, found);
            finder.edges.push((node(Item::Variable(at)), declared.name.span));
            for validation in declared.block.body.blocks_of("validation") {
                finder.body(&validation.body, Site::PLAIN, &[]);
            }
            self.edges.insert(node(Item::Validation(at)), finder.edges);
            self.edges
                .insert(node(Item::Variable(at)), after_call.into_iter().collect());
        }
        for (at, block) in all.calls.iter().enumerate() {
            let mut finder = Finder::new(tree, module, after_call, found);
            finder.instances(block);
            self.edges.insert(node(Item::Call(at)), finder.edges);
            let mut finder = Finder::new(tree, module, after_call, found);
            if let Some(depends_on) = block.body.attribute("depends_on") {
                finder.depends_on(&depends_on.expr, Site::PLAIN);
            }
            self.edges.insert(node(Item::Dependencies(at)), finder.edges);
        }
        for (at, block) in all.checks.iter().enumerate() {
            let mut finder = Finder::new(tree, module, after_call, found);
            for assert in block.body.blocks_of("assert") {
                finder.body(&assert.body, Site::PLAIN, &[]);
            }
            self.edges.insert(node(Item::Check(at)), finder.edges);
        }
        for (at, block) in all.imports.iter().enumerate() {
            let mut finder = Finder::new(tree, module, after_call, found);
            finder.import(&block.body);
            self.edges.insert(node(Item::Import(at)), finder.edges);
        }
        let mut whole: Vec<Edge> = after_call.into_iter().collect();
        for (at, block) in all.resources.iter().enumerate() {
            whole.push((node(Item::Resource(at)), block.header));
        }
        for (called, block) in declared.called.iter().zip(&all.calls) {
            if let Some(called) = called {
                let item = Item::Whole;
                whole.push((Node { module: *called, item }, block.header));
            }
        }
        self.edges.insert(node(Item::Whole), whole);
        if let Some(caller) = callers.last() {
            self.arguments(tree, module, caller, found);
        }
    }

    /// The arguments of a call, each an edge of the variable that it gives a value.
    fn arguments(&mut self, tree: &Tree<'_>, module: usize, caller: &Caller<'_>, found: &mut Diagnostics) {
        let Some(declared) = tree.get(module) else { return };
        let label = caller.block.labels.first().map(|label| &*label.value);
        let label = label.unwrap_or_default();
        let body = &caller.block.body;
        let site = Site {
            each: body.attribute("for_each").is_some(),
            ..Site::PLAIN
        };
        for attribute in &body.attributes {
            let name = &*attribute.name.value;
            if CALL_ARGUMENTS.contains(&name) {
                continue;
            }
            if NOT_OURS.contains(&name) {
                if name != "count" && !declared.all.declares_variable(name) {
                    found.push(strange_argument(&attribute.name, label, &declared.all));
                }
                continue;
            }
            let mut finder = Finder::new(tree, caller.module, None, found);
            finder.expr(&attribute.expr, site);
            let edges = finder.edges;
            match declared.all.variable_at(name) {
                Some(at) => {
                    let item = Item::Variable(at);
                    self.edges.entry(Node { module, item }).or_default().extend(edges);
                }
                None if declared.all.declares_variable(name) => {}
                None => found.push(strange_argument(&attribute.name, label, &declared.all)),
            }
        }
        for variable in &declared.all.variables {
            if variable.is_required() && body.attribute(&variable.name.value).is_none() {
                found.push(
                    Diagnostic::error(code::MISSING_ARGUMENT, "missing argument")
                        .at(caller.block.header, format!("`{}` is missing", variable.name.value))
                        .and_at(variable.name.span, "the module declares it here, without a default"),
                );
            }
        }
        for nested in &body.blocks {
            found.push(unknown_argument(&nested.kind, "module", &[]));
        }
    }

    /// Notes which variables the settings use. What is wrong with those is reported where they are evaluated.
    fn settings(&mut self, tree: &Tree<'_>, root: &[RawBlock]) {
        let mut ignored = Diagnostics::new();
        let mut finder = Finder::new(tree, 0, None, &mut ignored);
        for block in root
            .iter()
            .filter(|block| matches!(&*block.kind.value, "pgferry" | "azure" | "preflight"))
        {
            finder.body(&block.body, Site::PLAIN, &[]);
        }
        let used = finder.edges.into_iter().filter_map(|(node, _)| match node.item {
            Item::Variable(at) => Some(at),
            Item::Local(_) | Item::Resource(_) | Item::Output(_) | Item::Validation(_) => None,
            Item::Call(_) | Item::Dependencies(_) | Item::Whole | Item::Check(_) | Item::Import(_) => None,
        });
        self.settings.extend(used);
    }

    /// Variables that nothing uses.
    pub(super) fn unused(&self, tree: &Tree<'_>) -> Diagnostics {
        let mut used: BTreeSet<Node> = BTreeSet::new();
        for (from, edges) in &self.edges {
            let own = match from.item {
                Item::Validation(at) => Some(Node {
                    module: from.module,
                    item: Item::Variable(at),
                }),
                _ => None,
            };
            used.extend(edges.iter().map(|(to, _)| *to).filter(|to| Some(*to) != own));
        }
        let mut found = Diagnostics::new();
        for (module, declared) in tree.modules.iter().enumerate() {
            for (at, variable) in declared.all.variables.iter().enumerate() {
                let item = Item::Variable(at);
                let by_settings = module == 0 && self.settings.contains(&at);
                if !by_settings && !used.contains(&Node { module, item }) {
                    found.push(
                        Diagnostic::warning(code::VARIABLE_UNUSED, "unused variable")
                            .at(variable.name.span, "nothing refers to this variable"),
                    );
                }
            }
        }
        found
    }

    /// The nodes, of these kinds alone where some are named, and what they refer to, in an order in which each comes after
    /// what it refers to. Nodes of a circle are left out; each circle is reported once.
    pub(super) fn order(&self, tree: &Tree<'_>, kinds: Option<&[&str]>, found: &mut Diagnostics) -> Vec<Node> {
        let mut order = Vec::with_capacity(self.edges.len());
        let mut marks: BTreeMap<Node, Mark> = BTreeMap::new();
        let is_wanted =
            |node: &&Node| kinds.is_none_or(|kinds| tree.kind(**node).is_some_and(|kind| kinds.contains(&kind)));
        for start in self.edges.keys().filter(is_wanted) {
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
                                found.push(self.circle(tree, &circle));
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

    fn circle(&self, tree: &Tree<'_>, circle: &[Node]) -> Diagnostic {
        let names: Vec<String> = circle
            .iter()
            .chain(circle.first())
            .map(|node| tree.name(*node))
            .collect();
        let mut diagnostic = Diagnostic::error(code::CYCLE, "reference cycle");
        let next = circle.iter().cycle().skip(1);
        for (at, (node, next)) in circle.iter().zip(next).enumerate() {
            let edges = self.edges.get(node).map(Vec::as_slice).unwrap_or_default();
            let Some((_, span)) = edges.iter().find(|(target, _)| target == next) else {
                continue;
            };
            let text = format!("{} needs {}", tree.name(*node), tree.name(*next));
            diagnostic = match at {
                0 => diagnostic.at(*span, text),
                _ => diagnostic.and_at(*span, text),
            };
        }
        diagnostic
            .detail(format!("Each needs the next one's value first: {}.", names.join(" → ")))
            .hint("take one of these references out: write the value itself there, or move it to a local that all of them name")
    }
}

/// What an expression that stands in the root names and nothing declares.
pub(super) fn unknown_names(tree: &Tree<'_>, expr: &Expr) -> Diagnostics {
    let mut found = Diagnostics::new();
    Finder::new(tree, 0, None, &mut found).expr(expr, Site::PLAIN);
    found
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    OnPath,
    OnCircle,
    Done,
}

impl Caller<'_> {
    fn node(&self, item: Item) -> Node {
        Node {
            module: self.module,
            item,
        }
    }

    /// What everything in the called module waits for, where the call says so.
    fn dependencies(&self) -> Option<Edge> {
        let depends_on = self.block.body.attribute("depends_on")?;
        Some((self.node(Item::Dependencies(self.call)), depends_on.expr.span))
    }
}

impl Tree<'_> {
    /// A node as people name it.
    fn name(&self, node: Node) -> String {
        let prefix = self.prefix(node.module);
        let Some(module) = self.get(node.module) else {
            return prefix;
        };
        let all = &module.all;
        let label = |block: &RawBlock| {
            let label = block.labels.first();
            label.map(|label| label.value.to_string()).unwrap_or_default()
        };
        let labelled = |block: Option<&&RawBlock>| block.map(|block| format!("{}.{}", block.kind.value, label(block)));
        let name = match node.item {
            Item::Local(at) => all.locals.get(at).map(|(name, _)| format!("local.{}", name.value)),
            Item::Resource(at) => labelled(all.resources.get(at)),
            Item::Output(at) => labelled(all.outputs.get(at)),
            Item::Validation(at) | Item::Variable(at) => {
                let declared = all.variables.get(at);
                declared.map(|declared| format!("var.{}", declared.name.value))
            }
            Item::Call(at) | Item::Dependencies(at) => labelled(all.calls.get(at)),
            Item::Check(at) => labelled(all.checks.get(at)),
            Item::Import(_) => Some("import".to_owned()),
            Item::Whole => return prefix.trim_end_matches('.').to_owned(),
        };
        format!("{prefix}{}", name.unwrap_or_default())
    }
}

/// Arguments of a call that are refused whatever they say.
const NOT_OURS: [&str; 3] = ["count", "providers", "version"];

fn strange_argument(name: &expr::Name, label: &str, all: &Declarations<'_>) -> Diagnostic {
    let diagnostic = Diagnostic::error(code::UNKNOWN_ARGUMENT, "unknown argument");
    let instead = match &*name.value {
        "version" => "a directory has no version: the repository has",
        "providers" => "there are no providers: the root's `azure` block holds for all modules",
        _ => {
            return diagnostic
                .at(name.span, format!("the module `{label}` has no variable of this name"))
                .offer(&name.value, all.variable_names().into_iter().chain(CALL_ARGUMENTS));
        }
    };
    diagnostic.at(name.span, instead)
}

struct Finder<'f, 'r> {
    tree: &'f Tree<'r>,
    module: usize,
    all: Option<&'f Declarations<'r>>,
    found: &'f mut Diagnostics,
    edges: Vec<Edge>,
}

impl<'f, 'r> Finder<'f, 'r> {
    fn new(tree: &'f Tree<'r>, module: usize, after: Option<Edge>, found: &'f mut Diagnostics) -> Self {
        Self {
            tree,
            module,
            all: tree.get(module).map(|module| &module.all),
            found,
            edges: after.into_iter().collect(),
        }
    }

    fn resource(&mut self, body: &RawBody) {
        let site = Site {
            each: body.attribute("for_each").is_some(),
            ..Site::PLAIN
        };
        for attribute in &body.attributes {
            match &*attribute.name.value {
                "for_each" => self.expr(&attribute.expr, Site::PLAIN),
                "depends_on" => self.depends_on(&attribute.expr, site),
                // It is refused whatever it says.
                "provider" => {}
                _ => self.expr(&attribute.expr, site),
            }
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
            let Some(all) = self.all else { return };
            match all.named(reference, site) {
                Ok(Named::Variable(at)) => self.edge(Item::Variable(at), span),
                Ok(Named::Local(at)) => self.edge(Item::Local(at), span),
                Ok(Named::Resource(at)) => self.edge(Item::Resource(at), span),
                Ok(Named::Call(at)) => self.call(reference, at, span),
                Ok(Named::Each(_) | Named::Itself | Named::Path(_) | Named::Broken) => {}
                Err(diagnostic) => self.found.push(*diagnostic),
            }
        });
    }

    /// Follows `for_each` and `enabled` of a call.
    fn instances(&mut self, block: &RawBlock) {
        let each = block.body.attribute("for_each").is_some();
        if let Some(for_each) = block.body.attribute("for_each") {
            self.expr(&for_each.expr, Site::PLAIN);
        }
        if let Some(enabled) = block.body.attribute("enabled") {
            self.expr(&enabled.expr, Site { each, ..Site::PLAIN });
        }
    }

    /// Follows an `import` block. Its `to` is an address, of which only the key is evaluated.
    fn import(&mut self, body: &RawBody) {
        let each = body.attribute("for_each").is_some();
        for attribute in &body.attributes {
            match (&*attribute.name.value, &attribute.expr.node) {
                ("to", expr::Node::Reference(reference)) => {
                    for step in &reference.steps {
                        if let StepNode::Index(key) = &step.node {
                            self.expr(key, Site { each, ..Site::PLAIN });
                        }
                    }
                }
                // That there are no providers is told where the block is read.
                ("to" | "provider", _) => {}
                ("for_each", _) => self.expr(&attribute.expr, Site::PLAIN),
                (_, _) => self.expr(&attribute.expr, Site { each, ..Site::PLAIN }),
            }
        }
    }

    fn output(&mut self, body: &RawBody) {
        for attribute in &body.attributes {
            match &*attribute.name.value {
                "depends_on" => self.depends_on(&attribute.expr, Site::PLAIN),
                _ => self.expr(&attribute.expr, Site::PLAIN),
            }
        }
        for nested in &body.blocks {
            self.block(nested, Site::PLAIN, &[]);
        }
    }

    /// Follows a list of what comes first: a module there means everything in it.
    fn depends_on(&mut self, expr: &Expr, site: Site) {
        let expr::Node::Tuple(elements) = &expr.node else {
            return self.expr(expr, site);
        };
        for element in elements {
            match called(self.all, element, site) {
                Some(call) => {
                    self.edge(Item::Call(call), element.span);
                    if let Some(module) = self.tree.called(self.module, call) {
                        let item = Item::Whole;
                        self.edges.push((Node { module, item }, element.span));
                    }
                }
                None => self.expr(element, site),
            }
        }
    }

    fn edge(&mut self, item: Item, span: Span) {
        let module = self.module;
        self.edges.push((Node { module, item }, span));
    }

    /// A reference to a module: to the one output that it names, or to all of them.
    fn call(&mut self, reference: &Reference, call: usize, span: Span) {
        self.edge(Item::Call(call), span);
        let Some(module) = self.tree.called(self.module, call) else {
            return;
        };
        let Some(declared) = self.tree.get(module) else { return };
        let is_keyed = declared
            .caller
            .is_some_and(|caller| caller.block.body.attribute("for_each").is_some());
        match output_of(reference, is_keyed) {
            Some((name, place)) => match declared.all.output_at(name) {
                Some(at) => {
                    let item = Item::Output(at);
                    self.edges.push((Node { module, item }, span));
                }
                None if declared.all.may_have_output(name) => {}
                None => self.found.push(
                    unknown(place, format!("the module has no output `{name}`"))
                        .offer(name, declared.all.output_names()),
                ),
            },
            None => {
                for at in 0..declared.all.outputs.len() {
                    let item = Item::Output(at);
                    self.edges.push((Node { module, item }, span));
                }
            }
        }
    }
}

/// The call of a module that an element of `depends_on` names.
fn called(all: Option<&Declarations<'_>>, element: &Expr, site: Site) -> Option<usize> {
    let expr::Node::Reference(reference) = &element.node else {
        return None;
    };
    match all?.named(reference, site).ok()? {
        Named::Call(call) => Some(call),
        Named::Variable(_) | Named::Local(_) | Named::Resource(_) => None,
        Named::Each(_) | Named::Itself | Named::Path(_) | Named::Broken => None,
    }
}

/// The one output that a reference to a module names, and its place; nothing where the module is meant as a whole.
pub(super) fn output_of(reference: &Reference, is_keyed: bool) -> Option<(&str, Span)> {
    let mut steps = reference.steps.iter().skip(1);
    if is_keyed {
        match &steps.next()?.node {
            StepNode::Index(_) => {}
            StepNode::Attribute(_) | StepNode::Position(_) | StepNode::Splat(_) => return None,
        }
    }
    let step = steps.next()?;
    match &step.node {
        StepNode::Attribute(name) => Some((name, step.span)),
        StepNode::Index(_) | StepNode::Position(_) | StepNode::Splat(_) => None,
    }
}

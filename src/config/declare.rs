//! What the blocks of one directory declare, and what a name means among them. It evaluates nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::config::lost::Lost;
use crate::config::parse::{RawAttribute, RawBlock};
use crate::config::variables::{self, Declared};
use crate::diagnostic::{Diagnostic, Diagnostics, Span, nearest};
use crate::lang::code;
use crate::lang::convert::convert;
use crate::lang::expr::{Expr, Name, Reference, StepNode};
use crate::lang::types::constant;
use crate::lang::value::Type;

/// How many names an error lists.
const MOST_NAMES: usize = 5;

/// Blocks that are no resources.
pub(super) const PLAIN_BLOCKS: [&str; 11] = [
    "pgferry",
    "azure",
    "preflight",
    "variable",
    "locals",
    "output",
    "module",
    "check",
    "moved",
    "removed",
    "import",
];

/// Names of Terraform that have no meaning here, and what to do instead.
const ELSEWHERE: [(&str, &str); 4] = [
    (
        "count",
        "there is no `count`: identity never hangs on a position in a list. Use `for_each` and `each.key`",
    ),
    (
        "data",
        "there are no data sources: a `network`, `target`, `runtime_server` or `security_group` only reads what exists",
    ),
    (
        "terraform",
        "there are no workspaces: use one directory, or one `*.vars.hcl` file, per environment",
    ),
    (
        "resource",
        "resources are named by kind and label, such as `source.erp`",
    ),
];

/// What stands in the place of data sources.
pub(super) const READ_ONLY: &str = "a `network`, `target`, `runtime_server` or `security_group` only reads what exists; `pgferry kinds` lists all kinds";

/// Whose blocks they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// The root's.
    Root,
    /// A module's.
    Module,
}

/// Everything that is declared.
pub(super) struct Declarations<'r> {
    pub(super) variables: Vec<Declared<'r>>,
    pub(super) locals: Vec<(&'r Name, &'r Expr)>,
    pub(super) resources: Vec<&'r RawBlock>,
    pub(super) outputs: Vec<&'r RawBlock>,
    /// Calls of modules.
    pub(super) calls: Vec<&'r RawBlock>,
    pub(super) checks: Vec<&'r RawBlock>,
    pub(super) moved: Vec<&'r RawBlock>,
    pub(super) removed: Vec<&'r RawBlock>,
    pub(super) imports: Vec<&'r RawBlock>,
    variable_index: BTreeMap<&'r str, usize>,
    /// Variables whose declaration itself is at fault.
    broken_variables: BTreeSet<&'r str>,
    local_index: BTreeMap<&'r str, usize>,
    resource_index: HashMap<&'r str, BTreeMap<&'r str, usize>>,
    output_index: BTreeMap<&'r str, usize>,
    call_index: BTreeMap<&'r str, usize>,
    check_index: BTreeMap<&'r str, usize>,
    kinds: Vec<&'r str>,
    /// What may be declared where nobody could read it.
    lost: Lost,
}

/// What the first steps of a reference name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named<'e> {
    Variable(usize),
    Local(usize),
    Resource(usize),
    Call(usize),
    Each(Each),
    Itself,
    Path(&'e str),
    /// Something whose declaration is at fault, which was reported.
    Broken,
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
    pub(super) fn collect(
        (raw, lost): (&'r [RawBlock], &'r Lost),
        kinds: Vec<&'r str>,
        level: Level,
    ) -> (Self, Diagnostics) {
        let mut found = Diagnostics::new();
        let mut all = Self {
            variables: Vec::new(),
            locals: Vec::new(),
            resources: Vec::new(),
            outputs: Vec::new(),
            calls: Vec::new(),
            checks: Vec::new(),
            moved: Vec::new(),
            removed: Vec::new(),
            imports: Vec::new(),
            variable_index: BTreeMap::new(),
            broken_variables: BTreeSet::new(),
            local_index: BTreeMap::new(),
            resource_index: HashMap::new(),
            output_index: BTreeMap::new(),
            call_index: BTreeMap::new(),
            check_index: BTreeMap::new(),
            kinds,
            lost: lost.clone(),
        };
        for block in raw {
            match &*block.kind.value {
                "pgferry" | "azure" | "preflight" if level == Level::Root => {}
                settings @ ("pgferry" | "azure" | "preflight") => found.push(only_in_root(block, settings)),
                "variable" => all.add_variable(block, &mut found),
                "locals" => all.add_locals(block, &mut found),
                "output" => add_once(block, "output", &mut all.output_index, &mut all.outputs, &mut found),
                "check" => add_once(block, "check", &mut all.check_index, &mut all.checks, &mut found),
                "moved" => all.moved.push(block),
                "removed" => all.removed.push(block),
                "import" if level == Level::Root => all.imports.push(block),
                "import" => found.push(only_in_root(block, "import")),
                "module" => add_once(block, "module", &mut all.call_index, &mut all.calls, &mut found),
                kind if all.kinds.contains(&kind) => all.add_resource(block, &mut found),
                _ => {
                    found.push(all.unknown_block(block));
                    if let Some(meant) = all.meant(block) {
                        let label = block.labels.first().map(|label| &*label.value);
                        all.lost.add(meant, label);
                    }
                }
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

    /// What a block was most likely to be whose first word is no kind.
    fn meant(&self, block: &RawBlock) -> Option<&'r str> {
        nearest(&block.kind.value, self.kinds.iter().copied().chain(PLAIN_BLOCKS))
    }

    fn unknown_block(&self, block: &RawBlock) -> Diagnostic {
        let kind = &*block.kind.value;
        let known = self.kinds.iter().copied().chain(PLAIN_BLOCKS);
        let diagnostic = Diagnostic::error(code::UNKNOWN_BLOCK, "unknown block");
        match kind {
            "resource" => {
                diagnostic
                    .at(block.kind.span, "there are no providers here")
                    .hint(match block.labels.as_slice() {
                        [kind, label] if self.is_kind(&kind.value) => {
                            format!(
                                "the kind itself is the first word: `{} \"{}\" {{ … }}`",
                                kind.value, label.value
                            )
                        }
                        _ => "the kind itself is the first word: `source \"erp\" { … }`; `pgferry kinds` lists all"
                            .to_owned(),
                    })
            }
            "data" => diagnostic
                .at(block.kind.span, "there are no data sources")
                .hint(READ_ONLY),
            "ephemeral" => diagnostic
                .at(block.kind.span, "there are no ephemeral resources")
                .hint("`ephemeral = true` stands in a `variable` or in an `output` of a module"),
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

    /// The variable of that name; nothing when its declaration is at fault.
    pub(super) fn variable_at(&self, name: &str) -> Option<usize> {
        self.variable_index.get(name).copied()
    }

    /// The output of that name.
    pub(super) fn output_at(&self, name: &str) -> Option<usize> {
        self.output_index.get(name).copied()
    }

    pub(super) fn output_names(&self) -> impl Iterator<Item = &'r str> {
        self.output_index.keys().copied()
    }

    pub(super) fn declares_variable(&self, name: &str) -> bool {
        self.variable_index.contains_key(name) || self.is_broken_variable(name)
    }

    /// Whether all that its files declare is known.
    pub(super) fn is_whole(&self) -> bool {
        self.lost == Lost::default()
    }

    fn is_broken_variable(&self, name: &str) -> bool {
        self.broken_variables.contains(name) || self.lost.may_declare("variable", name)
    }

    /// Whether an output of that name may stand where nobody could read it.
    pub(super) fn may_have_output(&self, name: &str) -> bool {
        self.lost.may_declare("output", name)
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
                match self.local_index.get(name) {
                    Some(at) => Ok(Named::Local(*at)),
                    None if self.lost.may_have("locals") => Ok(Named::Broken),
                    None => Err(unknown(span, format!("there is no local value `{name}`"))
                        .suggest(name, self.local_index.keys().copied())
                        .into()),
                }
            }
            "module" => self.call(reference, site),
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
            Some(at) => Ok(Named::Variable(*at)),
            None if self.is_broken_variable(name) => Ok(Named::Broken),
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
        if self.lost.may_declare(kind, label) {
            return Ok(Named::Broken);
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
            None => {
                let declared: Vec<String> = labels
                    .into_iter()
                    .flat_map(|labels| labels.keys().map(|label| format!("`{kind}.{label}`")))
                    .take(MOST_NAMES)
                    .collect();
                let hint = |first: &str| format!("{first} {}", declared.join(", "));
                match (declared.len(), labels.map_or(0, |labels| labels.len())) {
                    (0, _) => diagnostic.into(),
                    (shown, all) if shown < all => diagnostic.hint(hint(&format!("{shown} of {all} are"))).into(),
                    (1, _) => diagnostic.hint(hint("declared is")).into(),
                    _ => diagnostic.hint(hint("declared are")).into(),
                }
            }
        })
    }

    fn call<'e>(&self, reference: &'e Reference, site: Site) -> Result<Named<'e>, Box<Diagnostic>> {
        if !site.resources {
            let text = "modules are not known yet where this is evaluated";
            return Err(misplaced(reference.root.span, text).into());
        }
        let (name, span) = second(reference, "module.name")?;
        match self.call_index.get(name) {
            Some(at) => Ok(Named::Call(*at)),
            None if self.lost.may_declare("module", name) => Ok(Named::Broken),
            None => Err(unknown(span, format!("there is no module `{name}`"))
                .suggest(name, self.call_index.keys().copied())
                .into()),
        }
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
        let roots = ["var", "local", "module", "each", "path", "self"];
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

/// Takes up a block whose label stands for it alone.
fn add_once<'r>(
    block: &'r RawBlock,
    what: &str,
    index: &mut BTreeMap<&'r str, usize>,
    list: &mut Vec<&'r RawBlock>,
    found: &mut Diagnostics,
) {
    let problems = single_label(block, &format!("{what} \"name\""));
    let label = block.labels.first().unwrap_or(&block.kind);
    if problems.has_errors() {
        found.extend(problems);
        return;
    }
    match index.get(&*label.value).and_then(|at| list.get(*at)) {
        Some(first) => {
            let first = first.labels.first().unwrap_or(&first.kind);
            found.push(declared_twice(what, label, first.span));
        }
        None => {
            index.insert(&label.value, list.len());
            list.push(block);
        }
    }
}

fn only_in_root(block: &RawBlock, kind: &str) -> Diagnostic {
    let diagnostic = Diagnostic::error(code::MISPLACED, "block in a module").at(
        block.header,
        format!("a module has no `{kind}` block: the root's holds for all"),
    );
    match kind {
        "azure" => diagnostic.hint(
            "for what lives elsewhere, give the module a variable and its resources a `resource_group` or `subscription_id`",
        ),
        _ => diagnostic,
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

pub(super) fn unknown(span: Span, text: String) -> Diagnostic {
    Diagnostic::error(code::UNKNOWN_REFERENCE, "unknown reference").at(span, text)
}

fn misplaced(span: Span, text: &str) -> Diagnostic {
    Diagnostic::error(code::MISPLACED, "misplaced name").at(span, text)
}

fn declared_twice(what: &str, label: &Name, first: Span) -> Diagnostic {
    Diagnostic::error(code::DUPLICATE_BLOCK, "declared twice")
        .at(label.span, format!("another {what} of this name was declared before"))
        .and_at(first, "first declared here")
        .hint("give one of them another name, or take it out")
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

/// What an argument says that is a plain `true` or `false`; as in Terraform a text may say it, too.
pub(super) fn truth(attribute: &RawAttribute) -> Result<bool, Diagnostics> {
    let value = constant(&attribute.expr)?;
    let truth = convert(&value, &Type::Bool).ok().and_then(|truth| truth.as_bool());
    truth.ok_or_else(|| {
        let text = "`true` or `false` is required";
        Diagnostic::error(code::CONVERSION, "wrong type")
            .at(attribute.expr.span, text)
            .into()
    })
}

/// An argument or nested block that does not exist.
pub(super) fn unknown_argument(name: &Name, place: &str, known: &[&str]) -> Diagnostic {
    Diagnostic::error(code::UNKNOWN_ARGUMENT, "unknown argument")
        .at(name.span, format!("`{place}` has no argument of this name"))
        .offer(&name.value, known.iter().copied())
}

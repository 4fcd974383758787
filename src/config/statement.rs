//! `moved` and `removed`: what was named otherwise before, and what is no longer looked after. It changes no memory.

use std::collections::BTreeMap;

use crate::address::pattern::{Pattern, Renaming, ResourcePattern};
use crate::address::{Address, InstanceKey, ModulePath, ModuleStep};
use crate::block::{AtEnd, Block, Removal};
use crate::config::declare::{truth, unknown_argument};
use crate::config::parse::{RawBlock, RawBody};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::lang::code;
use crate::lang::expr::{Expr, Node, Reference, Step, StepNode};
use crate::lang::types::constant;

/// A `moved` block in one instance of its module.
#[derive(Clone, Debug)]
pub(super) struct Moved {
    pub(super) renaming: Renaming,
    span: Span,
}

/// Reads a `moved` block that stands in this module.
pub(super) fn moved(module: &ModulePath, block: &RawBlock) -> Result<Moved, Diagnostics> {
    let mut found = plain(block, &["from", "to"], &[]);
    let from = found.absorb(endpoint(module, block, "from"));
    let to = found.absorb(endpoint(module, block, "to"));
    let (Some(from), Some(to)) = (from, to) else {
        return Err(found);
    };
    let refuse = |text: String| Diagnostic::error(code::MOVED, "invalid move").at(block.header, text);
    match (&from.resource, &to.resource) {
        (Some(old), Some(new)) if old.kind != new.kind => {
            found.push(refuse(format!("a `{}` cannot become a `{}`", old.kind, new.kind)));
        }
        (Some(_), Some(_)) | (None, None) => {}
        (Some(_), None) => found.push(refuse("a resource cannot become a module".to_owned())),
        (None, Some(_)) => found.push(refuse("a module cannot become a resource".to_owned())),
    }
    if from == to {
        found.push(refuse(format!("this moves {from} to itself")));
    }
    let moved = Moved {
        renaming: Renaming { from, to },
        span: block.header,
    };
    found.or(moved).map(|(moved, _)| moved)
}

/// What cannot hold of all moves together: two that disagree, a circle, and names that are still in use.
pub(super) fn refuse_contradictions(moves: &[Moved], blocks: &[Block]) -> Diagnostics {
    let mut found = Diagnostics::new();
    let refuse = |span, text: String| Diagnostic::error(code::MOVED, "invalid move").at(span, text);
    let mut sources: BTreeMap<&Pattern, &Moved> = BTreeMap::new();
    let mut goals: BTreeMap<&Pattern, &Moved> = BTreeMap::new();
    for moved in moves {
        let Renaming { from, to } = &moved.renaming;
        match sources.insert(from, moved) {
            Some(other) if other.renaming.to != *to => found.push(
                refuse(moved.span, format!("{from} is moved to two names"))
                    .and_at(other.span, format!("here to {}", other.renaming.to)),
            ),
            Some(_) | None => {}
        }
        match goals.insert(to, moved) {
            Some(other) if other.renaming.from != *from => found.push(
                refuse(moved.span, format!("two things are moved to {to}"))
                    .and_at(other.span, format!("here {}", other.renaming.from)),
            ),
            Some(_) | None => {}
        }
    }
    for moved in moves {
        let mut way = vec![moved.renaming.from.to_string()];
        let mut at = moved;
        while let Some(next) = sources.get(&at.renaming.to).filter(|_| way.len() <= moves.len()) {
            way.push(next.renaming.from.to_string());
            at = next;
            if at.renaming.to == moved.renaming.from {
                way.push(moved.renaming.from.to_string());
                found.push(
                    refuse(moved.span, "these moves lead back to where they begin".to_owned())
                        .detail(format!("The way is {}.", way.join(" → "))),
                );
                break;
            }
        }
    }
    if found.has_errors() {
        return found;
    }
    for moved in moves {
        let mut still = blocks
            .iter()
            .filter(|block| moved.renaming.apply(&block.address).is_some());
        if let Some(block) = still.next() {
            found.push(
                refuse(moved.span, format!("{} is still declared", block.address))
                    .and_at(block.span, "declared here")
                    .hint("rename the block itself too; `moved` says what it was called before"),
            );
        }
    }
    found
}

/// Reads a `removed` block that stands in this module.
pub(super) fn removed(module: &ModulePath, block: &RawBlock) -> Result<Removal, Diagnostics> {
    let mut found = plain(block, &["from"], &["lifecycle"]);
    let from = found.absorb(endpoint(module, block, "from"));
    let mut at_end = AtEnd::AsItsKind;
    for lifecycle in block.body.blocks_of("lifecycle") {
        found.extend(plain(lifecycle, &["destroy"], &[]));
        if let Some(destroy) = lifecycle.body.attribute("destroy") {
            at_end = found.absorb(truth(destroy)).map_or(at_end, |destroy| match destroy {
                true => AtEnd::Destroy,
                false => AtEnd::Keep,
            });
        }
    }
    let span = block.header;
    let Some(from) = from else { return Err(found) };
    if let Some(key) = key_of(&from) {
        let text = format!("a `removed` block speaks of all instances, not of [\"{key}\"] alone");
        found.push(Diagnostic::error(code::MOVED, "invalid removal").at(span, text));
    }
    found.or(Removal { from, at_end, span }).map(|(removal, _)| removal)
}

/// What is removed and still declared.
pub(super) fn refuse_declared(removals: &[Removal], blocks: &[Block]) -> Diagnostics {
    let mut found = Diagnostics::new();
    for removal in removals {
        if let Some(block) = blocks.iter().find(|block| removal.from.covers(&block.address)) {
            found.push(
                Diagnostic::error(code::MOVED, "invalid removal")
                    .at(removal.span, format!("{} is still declared", block.address))
                    .and_at(block.span, "declared here")
                    .hint("take the block itself out too; `removed` says what becomes of what it made"),
            );
        }
    }
    found
}

fn key_of(pattern: &Pattern) -> Option<&InstanceKey> {
    match &pattern.resource {
        Some(resource) => resource.key.as_ref(),
        None => pattern.module.steps().last().and_then(|step| step.key.as_ref()),
    }
}

/// Labels, arguments and nested blocks that such a block does not have.
fn plain(block: &RawBlock, arguments: &[&str], blocks: &[&str]) -> Diagnostics {
    let mut found = Diagnostics::new();
    let kind = &*block.kind.value;
    if let Some(label) = block.labels.first() {
        let text = format!("`{kind}` takes no label");
        found.push(Diagnostic::error(code::LABELS, "wrong labels").at(label.span, text));
    }
    let RawBody {
        span: _,
        attributes,
        blocks: nested,
    } = &block.body;
    for attribute in attributes
        .iter()
        .filter(|attribute| !arguments.contains(&&*attribute.name.value))
    {
        found.push(match (kind, &*attribute.name.value) {
            ("removed", "destroy") => unknown_argument(&attribute.name, kind, &[])
                .hint("it stands in a `lifecycle` block: `lifecycle { destroy = false }`"),
            _ => unknown_argument(&attribute.name, kind, arguments),
        });
    }
    for nested in nested.iter().filter(|nested| !blocks.contains(&&*nested.kind.value)) {
        found.push(unknown_argument(&nested.kind, kind, blocks));
    }
    found
}

fn endpoint(module: &ModulePath, block: &RawBlock, name: &str) -> Result<Pattern, Diagnostics> {
    let Some(attribute) = block.body.attribute(name) else {
        let text = format!("`{name}` is missing");
        return Err(Diagnostic::error(code::MISSING_ARGUMENT, "missing argument")
            .at(block.header, text)
            .into());
    };
    pattern(module, &attribute.expr, &constant_key)
}

/// The key that stands between brackets of an address.
type KeyOf<'k> = dyn Fn(&Expr) -> Result<InstanceKey, Diagnostics> + 'k;

fn constant_key(expr: &Expr) -> Result<InstanceKey, Diagnostics> {
    let value = constant(expr)?;
    value.as_text().map(InstanceKey::new).ok_or_else(|| {
        let text = "the key of an instance is a string";
        Diagnostic::error(code::BAD_ADDRESS, "invalid address")
            .at(expr.span, text)
            .into()
    })
}

/// The resource or module that an expression names, as seen from a module.
pub(super) fn pattern(module: &ModulePath, expr: &Expr, key_of: &KeyOf<'_>) -> Result<Pattern, Diagnostics> {
    let refuse = |span, text: &str| {
        let diagnostic = Diagnostic::error(code::BAD_ADDRESS, "invalid address").at(span, text);
        Diagnostics::from(
            diagnostic.hint("an address looks like `database_batch.wave1`, `source.erp[\"a\"]` or `module.eu`"),
        )
    };
    let Node::Reference(Reference { root, steps }) = &expr.node else {
        return Err(refuse(
            expr.span,
            "the address of a resource or a module is required, without quotes",
        ));
    };
    let mut module = module.clone();
    let mut word = (&*root.value, root.span);
    let mut steps = steps.iter().peekable();
    let name = |step: Option<&Step>| match step.map(|step| (&step.node, step.span)) {
        Some((StepNode::Attribute(name), span)) => name.parse().map_err(|_| refuse(span, "this is no name")),
        Some((StepNode::Index(_) | StepNode::Position(_) | StepNode::Splat(_), span)) => {
            Err(refuse(span, "a name is required here"))
        }
        None => Err(refuse(expr.span, "the name of the resource is missing")),
    };
    loop {
        let label = name(steps.next())?;
        let key = match steps.peek().map(|step| &step.node) {
            Some(StepNode::Index(key)) => {
                steps.next();
                Some(key_of(key)?)
            }
            Some(StepNode::Attribute(_) | StepNode::Position(_) | StepNode::Splat(_)) | None => None,
        };
        if word.0 != "module" {
            if let Some(further) = steps.next() {
                return Err(refuse(
                    further.span,
                    "the whole resource is meant, not an attribute of it",
                ));
            }
            let kind = word.0.parse().map_err(|_| refuse(word.1, "this is no kind of block"))?;
            let resource = Some(ResourcePattern { kind, label, key });
            return Ok(Pattern { module, resource });
        }
        module = module.child(ModuleStep { label, key });
        match steps.next() {
            None => return Ok(Pattern { module, resource: None }),
            Some(Step {
                node: StepNode::Attribute(next),
                span,
            }) => word = (next, *span),
            Some(other) => return Err(refuse(other.span, "a name is required here")),
        }
    }
}

/// The one resource that a pattern names.
pub(super) fn address(pattern: Pattern) -> Option<Address> {
    let ResourcePattern { kind, label, key } = pattern.resource?;
    Some(Address::new(pattern.module, kind, label, key))
}

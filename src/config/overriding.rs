//! Override files: what `override.hcl` and `*_override.hcl` of a directory say takes the place of what its other files say, by
//! Terraform's rules. Nothing is evaluated here, and no file is read.

use crate::config::lost::Lost;
use crate::config::parse::{RawAttribute, RawBlock, RawBody};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::code;

/// Blocks that have no name by which one could take another's place.
const NAMELESS: [&str; 4] = ["check", "import", "moved", "removed"];

/// Whether a file of this name says what takes the place of others.
pub(super) fn is_override(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap_or(name);
    let stem = name.strip_suffix(".json").unwrap_or(name);
    stem.strip_suffix(".hcl")
        .is_some_and(|stem| stem == "override" || stem.ends_with("_override"))
}

/// Puts the blocks of override files over those of the others, in order.
pub(super) fn put_over(blocks: &mut Vec<RawBlock>, lost: &Lost, over: Vec<RawBlock>) -> Diagnostics {
    let mut found = Diagnostics::new();
    for block in over {
        match &*block.kind.value {
            "locals" => locals(blocks, lost, block, &mut found),
            kind if NAMELESS.contains(&kind) => found.push(
                Diagnostic::error(code::OVERRIDE, "nothing to override")
                    .at(block.header, format!("a `{kind}` block takes the place of no other"))
                    .hint("write it in a file whose name does not end with `override.hcl`"),
            ),
            _ => one(blocks, lost, block, &mut found),
        }
    }
    found
}

fn one(blocks: &mut Vec<RawBlock>, lost: &Lost, over: RawBlock, found: &mut Diagnostics) {
    let labels = |block: &RawBlock| block.labels.iter().map(|label| label.value.clone()).collect::<Vec<_>>();
    let wanted = labels(&over);
    let base = blocks
        .iter_mut()
        .find(|block| block.kind.value == over.kind.value && labels(block) == wanted);
    match base {
        Some(base) => {
            if let Some(depends_on) = over.body.attribute("depends_on") {
                found.push(
                    Diagnostic::error(code::OVERRIDE, "argument that is not overridden")
                        .at(depends_on.name.span, "`depends_on` is not overridden")
                        .and_at(base.header, "write it here"),
                );
            }
            merge(&mut base.body, over.body);
        }
        // The settings of a directory stand alone, whichever of its files they are in.
        None if over.labels.is_empty() => blocks.push(over),
        None if wanted
            .first()
            .is_some_and(|label| lost.may_declare(&over.kind.value, label)) => {}
        None => found.push(no_base(&over)),
    }
}

fn no_base(over: &RawBlock) -> Diagnostic {
    Diagnostic::error(code::OVERRIDE, "nothing to override")
        .at(over.header, "no other file of this directory declares this")
        .hint("an override file only changes what others declare: rename the file, or declare it elsewhere")
}

fn locals(blocks: &mut [RawBlock], lost: &Lost, over: RawBlock, found: &mut Diagnostics) {
    for attribute in over.body.attributes {
        let mut known = blocks
            .iter_mut()
            .filter(|block| &*block.kind.value == "locals")
            .flat_map(|block| &mut block.body.attributes);
        match known.find(|known| known.name.value == attribute.name.value) {
            Some(known) => *known = attribute,
            None if lost.may_have("locals") => {}
            None => found.push(
                Diagnostic::error(code::OVERRIDE, "nothing to override")
                    .at(
                        attribute.name.span,
                        "no other file of this directory declares this local value",
                    )
                    .hint(
                        "an override file only changes what others declare: rename the file, or declare it elsewhere",
                    ),
            ),
        }
    }
}

/// Arguments take the place of those with the same name, and nested blocks of all of their kind; a `lifecycle` is merged in the
/// same way.
fn merge(base: &mut RawBody, over: RawBody) {
    let RawBody {
        span: _,
        attributes,
        blocks,
    } = over;
    for attribute in attributes {
        put(&mut base.attributes, attribute);
    }
    let (lifecycles, others): (Vec<RawBlock>, Vec<RawBlock>) = blocks
        .into_iter()
        .partition(|block| &*block.kind.value == "lifecycle" && base.blocks_of("lifecycle").next().is_some());
    base.blocks
        .retain(|block| others.iter().all(|other| makes(other) != makes(block)));
    base.blocks.extend(others);
    for over in lifecycles {
        let lifecycle = base.blocks.iter_mut().find(|block| block.kind.value == over.kind.value);
        if let Some(lifecycle) = lifecycle {
            merge(&mut lifecycle.body, over.body);
        }
    }
}

fn put(attributes: &mut Vec<RawAttribute>, over: RawAttribute) {
    match attributes.iter_mut().find(|known| known.name.value == over.name.value) {
        Some(known) => *known = over,
        None => attributes.push(over),
    }
}

/// The kind of block that a nested block is, or makes.
fn makes(block: &RawBlock) -> &str {
    match block.labels.first() {
        Some(label) if &*block.kind.value == "dynamic" => &label.value,
        Some(_) | None => &block.kind.value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_overrides() {
        for name in [
            "override.hcl",
            "prod_override.hcl",
            "m/override.hcl",
            "a_override.hcl.json",
        ] {
            assert!(is_override(name), "{name}");
        }
        for name in [
            "main.hcl",
            "overrides.hcl",
            "override",
            "override_a.hcl",
            "override/main.hcl",
        ] {
            assert!(!is_override(name), "{name}");
        }
    }
}

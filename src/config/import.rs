//! `import`: which object in Azure a resource takes over. Whether it is there is found out while planning.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::address::{InstanceKey, ModulePath};
use crate::block::{Block, Import, Literal};
use crate::config::declare::{Site, unknown_argument};
use crate::config::fold::Folding;
use crate::config::forms;
use crate::config::parse::{RawAttribute, RawBlock};
use crate::config::resource::for_each_elements;
use crate::config::scope::Here;
use crate::config::statement::{address, pattern};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::code;
use crate::lang::convert::convert;
use crate::lang::eval::shown;
use crate::lang::expr::{Expr, Node};
use crate::lang::value::{Type, Value};

/// Evaluates an `import` block, once for each element of its `for_each`.
pub(super) fn evaluate(folding: &mut Folding<'_, '_>, block: &RawBlock, imports: &mut Vec<Import>) {
    for attribute in &block.body.attributes {
        if !forms::IMPORT.has(&attribute.name.value) {
            let known = forms::IMPORT.arguments();
            let unknown = match &*attribute.name.value {
                "provider" => unknown_argument(&attribute.name, "import", &[])
                    .hint("there are no providers: the id says where the object lives"),
                _ => unknown_argument(&attribute.name, "import", &known),
            };
            folding.found.push(unknown);
        }
    }
    for nested in &block.body.blocks {
        folding.found.push(unknown_argument(&nested.kind, "import", &[]));
    }
    let given = |name: &str, folding: &mut Folding<'_, '_>| {
        let attribute = block.body.attribute(name);
        if attribute.is_none() {
            let text = format!("`{name}` is missing");
            folding
                .found
                .push(Diagnostic::error(code::MISSING_ARGUMENT, "missing argument").at(block.header, text));
        }
        attribute
    };
    let (Some(to), Some(id)) = (given("to", folding), given("id", folding)) else {
        return;
    };
    let room = folding.room;
    match block.body.attribute("for_each") {
        None => {
            let import = import(folding, &Here::new(room, Site::PLAIN), (to, id), imports);
            imports.extend(import);
        }
        Some(for_each) => {
            let here = Here::new(room, Site::PLAIN);
            let elements: BTreeMap<Arc<str>, Value> = for_each_elements(folding, &here, for_each).unwrap_or_default();
            for (key, value) in elements {
                let here = Here::new(room, Site::PLAIN).with_each(Value::text(key), value, Literal::Written);
                let import = import(folding, &here, (to, id), imports);
                imports.extend(import);
            }
        }
    }
}

fn import(
    folding: &mut Folding<'_, '_>,
    here: &Here<'_, '_>,
    (to, id): (&RawAttribute, &RawAttribute),
    imports: &[Import],
) -> Option<Import> {
    let refuse = |span, text: String| Diagnostic::error(code::IMPORT, "invalid import").at(span, text);
    let key = |folding: &mut Folding<'_, '_>, expr: &Expr| -> Result<InstanceKey, Diagnostics> {
        let value = folding.evaluate(here, |evaluator| evaluator.eval(expr));
        let value = value.map_err(|_| Diagnostics::new())?;
        let text = convert(&value, &Type::String).ok();
        let text = text.filter(|text| !text.marks.hide());
        match text.as_ref().and_then(Value::as_text) {
            Some(text) => Ok(InstanceKey::new(text)),
            None => Err(refuse(expr.span, format!("a known key is required, this is {}", shown(&value))).into()),
        }
    };
    let cell = std::cell::RefCell::new(&mut *folding);
    let named = pattern(&ModulePath::root(), &to.expr, &|expr| key(&mut cell.borrow_mut(), expr));
    let (written, to_expr) = (&to.expr, to.expr.span);
    let pattern = folding.found.absorb(named)?;
    let Some(to) = address(pattern) else {
        let text = "a resource takes an object over, not a module".to_owned();
        folding.found.push(refuse(to_expr, text));
        return None;
    };
    if let Some(other) = imports.iter().find(|import| import.to == to) {
        let twice = refuse(
            to_expr,
            format!("another `import` block says which object {to} takes over"),
        );
        folding.found.push(twice.and_at(other.span, "said first here"));
        return None;
    }
    if !folding.blocks.iter().any(|block| block.address == to) {
        if matches!(&written.node, Node::Reference(reference) if folding.room.has_failed(reference)) {
            return None;
        }
        let same_name = |block: &&Block| {
            let address = &block.address;
            (address.module(), address.kind(), address.label()) == (to.module(), to.kind(), to.label())
        };
        if let Some(other) = folding.blocks.iter().find(same_name) {
            let text = match (other.address.key(), to.key()) {
                (Some(_), None) => "this block has `for_each`: a key must choose one of its instances".to_owned(),
                (Some(_), Some(key)) => format!("there is no instance [\"{key}\"] of this block"),
                (None, _) => "this block has no `for_each`, so it has no keys".to_owned(),
            };
            let wrong = refuse(to_expr, text).and_at(other.span, "declared here");
            folding
                .found
                .push(wrong.hint(format!("for example `{}`", other.address)));
            return None;
        }
        let missing = refuse(to_expr, format!("{to} is not declared"));
        let missing = missing.hint("write the block that is to look after the object first");
        folding.found.push(missing);
        return None;
    }
    let value = folding.evaluate(here, |evaluator| evaluator.eval(&id.expr)).ok()?;
    let text = convert(&value, &Type::String).ok();
    match text.as_ref().filter(|text| !text.marks.hide()).and_then(Value::as_text) {
        Some(text) => Some(Import {
            to,
            id: text.to_owned(),
            span: id.expr.span,
        }),
        None => {
            let text = format!("a known ARM id is required, this is {}", shown(&value));
            folding.found.push(refuse(id.expr.span, text));
            None
        }
    }
}

//! What is taken over on request: whether it is there, and whether it is what the resource stands for. Pure.

use crate::address::Address;
use crate::arm::ArmId;
use crate::block::Import;
use crate::diagnostic::code::NOT_IMPORTABLE;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::kind::Unit;
use crate::kind::schema::Term;
use crate::observed::Presence;

use super::Inputs;
use super::batch::is_same_source;

/// The id that an import names; nothing where it is none, which [`check`] reports.
fn id_of(import: &Import) -> Option<ArmId> {
    import.id.parse().ok()
}

/// Whether an import names this object for this unit.
pub(super) fn names(inputs: &Inputs<'_>, unit: &Unit, id: &ArmId) -> bool {
    let mut imports = inputs.statements.imports.iter();
    imports.any(|import| import.to == unit.address.resource && id_of(import).as_ref() == Some(id))
}

/// The migrations that a batch takes over.
pub fn of<'a>(imports: &'a [Import], batch: &'a Address) -> impl Iterator<Item = ArmId> + 'a {
    let imports = imports.iter().filter(|import| import.to == *batch);
    imports.filter_map(id_of)
}

/// Imports that cannot be carried out. Those that were are left alone.
pub(super) fn check(inputs: &Inputs<'_>, found: &mut Diagnostics) {
    for import in &inputs.statements.imports {
        let problem = match id_of(import) {
            None => Some("this is no ARM id: it starts with `/subscriptions/…`".to_owned()),
            Some(id) => problem(inputs, import, &id),
        };
        if let Some(text) = problem {
            found.push(
                Diagnostic::error(NOT_IMPORTABLE, "invalid import")
                    .at(import.span, text)
                    .about(&import.to),
            );
        }
    }
}

fn problem(inputs: &Inputs<'_>, import: &Import, id: &ArmId) -> Option<String> {
    let declaration = inputs.graph.get(&import.to)?;
    if let Some(batch) = declaration.batch() {
        let mut migrations = inputs.observed.migrations(&batch.target).iter();
        return match migrations.find(|migration| migration.id == *id) {
            None => Some(format!("`{}` has no migration of this id", batch.target.name())),
            Some(migration) if !is_same_source(batch, migration) => {
                Some("this migration comes from another source than the batch".to_owned())
            }
            Some(_) => None,
        };
    }
    let mut remembered = inputs.prior.of(&import.to);
    if remembered.any(|(_, remembered)| remembered.record.id.as_ref() == Some(id)) {
        return None;
    }
    let mut units = declaration.units().iter();
    let stands_for = |unit: &Unit| match &unit.id {
        Term::Known(known) => known == id || super::diff::is_sibling(inputs, declaration, unit, known, id),
        Term::Open(_) => false,
    };
    match (units.any(stands_for), inputs.observed.get(id)) {
        (false, _) => Some(format!(
            "`{}` stands for another object; see its name and place",
            import.to
        )),
        (true, Some(Presence::Present(_))) => None,
        (true, Some(Presence::Absent) | None) => Some("there is no such object to take over".to_owned()),
        (true, Some(Presence::Unreadable(why))) => Some(format!("the object cannot be read: {why}")),
    }
}

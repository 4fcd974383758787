//! Secrets that stay in their vaults: where one may not be used, since its text would be needed. It reads none.

use crate::diagnostic::{Diagnostic, Span};
use crate::lang::code;
use crate::lang::eval::{Evaluator, Reported};
use crate::lang::value::{Shape, Value};

/// Whether the value is, holds or hangs on the text of a secret that nobody here knows. A whole resource stands for itself, whatever
/// its arguments are.
pub fn hangs_on_vault(value: &Value) -> bool {
    hangs(value, false)
}

fn hangs(value: &Value, is_within: bool) -> bool {
    let is_within = is_within || value.marks.vaulted;
    match &value.shape {
        Shape::Resource(_) => false,
        Shape::Unknown(_) => is_within || value.vault_secret().is_some(),
        _ => {
            let elements = value.elements().into_iter().flatten();
            let entries = value.entries().into_iter().flat_map(|entries| entries.values());
            elements.chain(entries).any(|part| hangs(part, is_within))
        }
    }
}

/// Whether the value will stay as it is: nothing in it is unknown but secrets that are handed on whole.
pub fn is_settled(value: &Value) -> bool {
    let elements = value.elements().into_iter().flatten();
    let entries = value.entries().into_iter().flat_map(|entries| entries.values());
    value.vault_secret().is_some() || (!value.is_unknown() && elements.chain(entries).all(is_settled))
}

/// The refusal of a value that hangs on such a secret, at a place where its text would be needed.
pub fn refused(span: Span) -> Diagnostic {
    Diagnostic::error(code::VAULT_SECRET, "secret of a vault where its text would be needed")
        .at(span, "this is read in its vault only when it is sent to Azure")
        .hint("hand it on whole, to an argument that holds a secret, such as `password`")
}

/// Refuses a value that hangs on such a secret.
///
/// # Errors
/// When it is one; the problem is noted.
pub(super) fn refuse(evaluator: &Evaluator<'_>, value: &Value, span: Span) -> Result<(), Reported> {
    match hangs_on_vault(value) {
        true => Err(evaluator.fail(refused(span))),
        false => Ok(()),
    }
}

//! PF041: the server refuses to sign the user in.

use super::{Over, Rule, When};
use crate::diagnostic::code::SIGN_IN;
use crate::preflight::contact::Trouble;
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: SIGN_IN,
    over: Over::Contact,
    when: When::Always,
    service: &[603_100],
    asks: &[],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let refused = look.refused_at(&[Trouble::SignIn, Trouble::Full])?;
    let finding = |said| Finding::new(Severity::Error, format!("the server does not let the user in: {said}"));
    Ok(refused.map(finding).into_iter().collect())
}

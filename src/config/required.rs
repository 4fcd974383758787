//! Which variables somebody has to give, and which of them the state cannot be opened without. It evaluates nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::config::declare::{Declarations, Level, Named, Site};
use crate::config::module::Configuration;
use crate::lang::expr::Expr;

/// A variable of the root without a default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Required {
    /// Its name.
    pub name: Arc<str>,
    /// Whether its value must not be shown or kept.
    pub is_secret: bool,
    /// Whether the `state` or the `encryption` block refers to it, through locals too.
    pub opens_state: bool,
}

/// Those variables, in the order of the files. Declarations at fault are left out.
pub fn required(configuration: &Configuration) -> Vec<Required> {
    let (all, _) = Declarations::collect((&configuration.root, &configuration.lost), Vec::new(), Level::Root);
    let opening = opening(configuration, &all);
    let variables = all.variables.iter().enumerate();
    let required = variables.filter(|(_, declared)| declared.is_required());
    required
        .map(|(at, declared)| Required {
            name: Arc::clone(&declared.name.value),
            is_secret: declared.is_secret(),
            opens_state: opening.contains(&at),
        })
        .collect()
}

/// The variables behind everything that stands in the blocks that say how the state is kept.
fn opening(configuration: &Configuration, all: &Declarations<'_>) -> BTreeSet<usize> {
    let settings = configuration
        .root
        .iter()
        .filter(|block| &*block.kind.value == "pgferry");
    let blocks = settings.flat_map(|block| &block.body.blocks);
    let mut waiting: Vec<&Expr> = Vec::new();
    for block in blocks.filter(|block| matches!(&*block.kind.value, "state" | "encryption")) {
        block.body.expressions(&mut |expr| waiting.push(expr));
    }
    let (mut variables, mut locals) = (BTreeSet::new(), BTreeSet::new());
    while let Some(expr) = waiting.pop() {
        expr.references(&mut |reference, _| match all.named(reference, Site::EARLY) {
            Ok(Named::Variable(at)) => {
                variables.insert(at);
            }
            Ok(Named::Local(at)) if locals.insert(at) => waiting.extend(all.locals.get(at).map(|(_, expr)| *expr)),
            // What else may stand there is no variable, and what is wrong is told where it is evaluated.
            Ok(_) | Err(_) => {}
        });
    }
    variables
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Sources, parsed};

    fn of(text: &str) -> Vec<(String, bool, bool)> {
        let mut sources = Sources::empty(Path::new("."));
        sources.put("main.hcl", text);
        let (configuration, found) = parsed(&mut sources);
        assert!(!found.has_errors(), "{found:?}");
        let required = required(&configuration).into_iter();
        required
            .map(|variable| (variable.name.to_string(), variable.is_secret, variable.opens_state))
            .collect()
    }

    #[test]
    fn what_opens_the_state_is_found_through_locals() {
        let found = of(r#"
            pgferry {
              state "postgres" {
                user     = "${local.who}_state"
                password = var.state_password
                schema   = var.schema
              }
              encryption { passphrase = local.pass }
            }
            locals {
              who   = local.team
              team  = lower(var.team)
              pass  = var.pass
              round = local.round
            }
            variable "team" {}
            variable "state_password" { sensitive = true }
            variable "pass" { ephemeral = true }
            variable "schema" { default = "pgferry" }
            variable "erp_password" { sensitive = true }
            variable "shown" { sensitive = false }
        "#);
        let expected = [
            ("team", false, true),
            ("state_password", true, true),
            ("pass", true, true),
            ("erp_password", true, false),
            ("shown", false, false),
        ];
        assert_eq!(
            found,
            expected.map(|(name, secret, opens)| (name.to_owned(), secret, opens))
        );
    }
}

//! Which variables still need a value. It asks nobody.

use std::sync::Arc;

use crate::config::declare::{Declarations, Level};
use crate::config::module::Configuration;
use crate::config::variables::Inputs;
use crate::lang::types::constant;

/// A variable of the root without a default that is given no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unset {
    /// Its name.
    pub name: Arc<str>,
    /// What it is for.
    pub description: Option<String>,
    /// Whether its value must not be shown.
    pub sensitive: bool,
}

/// Those variables, in the order of the files. Declarations at fault are left out.
pub fn unset(configuration: &Configuration, inputs: &Inputs) -> Vec<Unset> {
    let (all, _) = Declarations::collect((&configuration.root, &configuration.lost), Vec::new(), Level::Root);
    let missing = all.variables.iter().filter(|declared| declared.is_unset(inputs));
    missing
        .map(|declared| {
            let description = declared.block.body.attribute("description");
            let description = description.and_then(|written| constant(&written.expr).ok());
            Unset {
                name: Arc::clone(&declared.name.value),
                description: description.and_then(|text| text.as_text().map(str::to_owned)),
                sensitive: declared.is_sensitive(),
            }
        })
        .collect()
}

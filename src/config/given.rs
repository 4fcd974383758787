//! The sensitive texts that variables are given. They are found where the configuration does not hold, too, since whoever shows
//! what others say must know what to hide before anything else is known.

use crate::config::declare::{Declarations, Level};
use crate::config::module::Configuration;
use crate::config::variables::Inputs;
use crate::lang::value::Value;
use crate::secret::Secret;

/// All of them, of variables of the root. Declarations at fault are left out, and so are values that do not fit their types.
pub fn sensitive(configuration: &Configuration, inputs: &Inputs) -> Vec<Secret> {
    let (all, _) = Declarations::collect((&configuration.root, &configuration.lost), Vec::new(), Level::Root);
    let mut found = Vec::new();
    for declared in all.variables.iter().filter(|declared| declared.is_sensitive()) {
        if !declared.is_unset(inputs)
            && let Ok(value) = declared.value(inputs)
        {
            texts(&value, &mut found);
        }
    }
    found
}

fn texts(value: &Value, found: &mut Vec<Secret>) {
    found.extend(value.as_text().map(Secret::new));
    for element in value.elements().into_iter().flatten() {
        texts(element, found);
    }
    for entry in value.entries().into_iter().flat_map(|entries| entries.values()) {
        texts(entry, found);
    }
}

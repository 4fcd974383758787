//! From a `module` block to its instances: `for_each` and `enabled`. What the instances hold is evaluated elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::address::{InstanceKey, Label, ModuleStep};
use crate::config::declare::Site;
use crate::config::fold::Folding;
use crate::config::parse::RawBlock;
use crate::config::resource::{for_each_elements, is_enabled, refuse_count};
use crate::config::scope::{CallInstance, Called, Each, Here, Room};
use crate::config::tree::Module;
use crate::lang::value::Value;

/// Finds out which instances a call has, and makes room for each that is enabled.
pub(super) fn evaluate<'r>(folding: &mut Folding<'_, 'r>, block: &RawBlock, module: &'r Module<'r>) -> Called<'r> {
    let Some(Ok(label)) = block.labels.first().map(|label| label.value.parse::<Label>()) else {
        return Called::Failed;
    };
    refuse_count(folding, block);
    let room = folding.room;
    let here = Here::new(room, Site::PLAIN);
    let Some(for_each) = block.body.attribute("for_each") else {
        return Called::Single(instance(folding, block, here, module, (label, None)));
    };
    let (elements, literal) = here.traced(|| for_each_elements(folding, &here, for_each));
    let Some(elements) = elements else {
        return Called::Failed;
    };
    let mut instances: BTreeMap<Arc<str>, CallInstance<'r>> = BTreeMap::new();
    for (key, value) in elements {
        let each = Each {
            key: Value::text(key.clone()),
            value,
            literal,
        };
        let here = Here::new(room, Site::PLAIN).with_each(each.key.clone(), each.value.clone(), literal);
        let step = (label.clone(), Some((key.clone(), each)));
        instances.insert(key, instance(folding, block, here, module, step));
    }
    Called::Keyed(instances)
}

/// The key and value of an instance.
type Element = (Arc<str>, Each);

fn instance<'r>(
    folding: &mut Folding<'_, 'r>,
    block: &RawBlock,
    here: Here<'_, '_>,
    module: &'r Module<'r>,
    (label, element): (Label, Option<Element>),
) -> CallInstance<'r> {
    if let Some(enabled) = block.body.attribute("enabled") {
        match is_enabled(folding, &here, enabled) {
            Some(true) => {}
            Some(false) => return CallInstance::Disabled(enabled.expr.span),
            None => return CallInstance::Failed,
        }
    }
    let (key, each) = element.unzip();
    let key = key.map(|key| InstanceKey::new(&key));
    let path = folding.room.path.child(ModuleStep { label, key });
    let room = Room::new(path, &module.all, module.directory, folding.room.inputs, each);
    CallInstance::Enabled(Box::new(room))
}

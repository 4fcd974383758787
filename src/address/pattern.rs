//! Addresses as `moved` and `removed` blocks name them: a resource or a module, of one key or of all. It never resolves them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Address, AddressError, InstanceKey, KindName, Label, ModulePath, ModuleStep, parse_path};

/// A resource or a module. Without a key it stands for the one instance or for all of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    /// The module, or the module that the resource lies in.
    pub module: ModulePath,
    /// The resource; nothing where a whole module is meant.
    pub resource: Option<ResourcePattern>,
}

/// A resource within its module.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourcePattern {
    /// Its kind.
    pub kind: KindName,
    /// Its label.
    pub label: Label,
    /// The key of an instance.
    pub key: Option<InstanceKey>,
}

/// What was named otherwise before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Renaming {
    /// The name it had.
    pub from: Pattern,
    /// The name it has.
    pub to: Pattern,
}

impl Pattern {
    /// Whether a resource is meant, or lies in the module that is.
    pub fn covers(&self, address: &Address) -> bool {
        let steps = self.module.steps();
        let inside = address.module().steps();
        let leads_there =
            steps.len() <= inside.len() && steps.iter().zip(inside).all(|(wanted, step)| fits(wanted, step));
        match &self.resource {
            None => leads_there,
            Some(resource) => {
                leads_there
                    && steps.len() == inside.len()
                    && resource.kind == *address.kind()
                    && resource.label == *address.label()
                    && (resource.key.is_none() || resource.key.as_ref() == address.key())
            }
        }
    }
}

fn fits(wanted: &ModuleStep, step: &ModuleStep) -> bool {
    wanted.label == step.label && (wanted.key.is_none() || wanted.key == step.key)
}

/// The key that a renamed thing gets: its own where neither name gives one, and otherwise what the new name says, if the old
/// name means this very key.
fn renamed_key(
    from: Option<&InstanceKey>,
    to: Option<&InstanceKey>,
    key: Option<&InstanceKey>,
) -> Option<Option<InstanceKey>> {
    match (from, to) {
        (None, None) => Some(key.cloned()),
        (_, _) => (from == key).then(|| to.cloned()),
    }
}

impl Renaming {
    /// The name that a resource has now; nothing where another one is meant.
    pub fn apply(&self, address: &Address) -> Option<Address> {
        if !self.from.covers(address) {
            return None;
        }
        let inside = address.module().steps();
        let (from, to) = (self.from.module.steps(), self.to.module.steps());
        let mut module = ModulePath::root();
        for (at, step) in to.iter().enumerate() {
            let (old, was) = (from.get(at), inside.get(at));
            let old_key = old.and_then(|old| old.key.as_ref());
            let was_key = was.filter(|_| old.is_some()).and_then(|was| was.key.as_ref());
            let key = renamed_key(old_key, step.key.as_ref(), was_key)?;
            let label = step.label.clone();
            module = module.child(ModuleStep { label, key });
        }
        // An instance that leaves a module with keys would lose its own.
        let left = inside.iter().zip(from).skip(to.len());
        if left.into_iter().any(|(was, old)| was.key != old.key) {
            return None;
        }
        match (&self.from.resource, &self.to.resource) {
            (Some(from), Some(to)) => {
                let key = renamed_key(from.key.as_ref(), to.key.as_ref(), address.key())?;
                Some(Address::new(module, to.kind.clone(), to.label.clone(), key))
            }
            (None, None) => {
                for step in inside.iter().skip(from.len()) {
                    module = module.child(step.clone());
                }
                let key = address.key().cloned();
                Some(Address::new(
                    module,
                    address.kind().clone(),
                    address.label().clone(),
                    key,
                ))
            }
            (Some(_), None) | (None, Some(_)) => None,
        }
    }
}

impl From<Address> for Pattern {
    fn from(address: Address) -> Self {
        Self {
            module: address.module().clone(),
            resource: Some(ResourcePattern {
                kind: address.kind().clone(),
                label: address.label().clone(),
                key: address.key().cloned(),
            }),
        }
    }
}

impl std::str::FromStr for Pattern {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match parse_path(text) {
            Some(Ok((module, ""))) if !module.is_root() => Ok(Self { module, resource: None }),
            _ => text.parse::<Address>().map(Self::from),
        }
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.resource {
            None => self.module.fmt(f),
            Some(ResourcePattern { kind, label, key }) => {
                let address = Address::new(self.module.clone(), kind.clone(), label.clone(), key.clone());
                address.fmt(f)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        let pattern: Pattern = text.parse().unwrap();
        assert_eq!(pattern.to_string(), text);
        pattern
    }

    fn renamed(from: &str, to: &str, address: &str) -> String {
        let renaming = Renaming {
            from: pattern(from),
            to: pattern(to),
        };
        let address = renaming.apply(&address.parse().unwrap());
        address.map(|address| address.to_string()).unwrap_or_default()
    }

    #[test]
    fn names_change_as_in_terraform() {
        for (from, to, before, after) in [
            ("network.a", "network.b", "network.a", "network.b"),
            ("network.a", "network.b", "network.a[\"k\"]", "network.b[\"k\"]"),
            ("network.a", "network.a[\"k\"]", "network.a", "network.a[\"k\"]"),
            ("network.a", "network.a[\"k\"]", "network.a[\"j\"]", ""),
            ("network.a[\"k\"]", "network.b", "network.a[\"k\"]", "network.b"),
            ("network.a", "module.m.network.a", "network.a", "module.m.network.a"),
            ("network.a", "network.b", "module.m.network.a", ""),
            ("network.a", "network.b", "source.a", ""),
            (
                "module.m",
                "module.n",
                "module.m[\"k\"].module.x.network.a",
                "module.n[\"k\"].module.x.network.a",
            ),
            (
                "module.m",
                "module.m[\"k\"]",
                "module.m.network.a[\"i\"]",
                "module.m[\"k\"].network.a[\"i\"]",
            ),
            ("module.m[\"k\"]", "module.n", "module.m[\"j\"].network.a", ""),
            ("module.m.network.a", "network.a", "module.m.network.a", "network.a"),
            ("module.m.network.a", "network.a", "module.m[\"k\"].network.a", ""),
            (
                "module.m[\"k\"].network.a",
                "network.a[\"k\"]",
                "module.m[\"k\"].network.a",
                "network.a[\"k\"]",
            ),
            (
                "module.m.network.a",
                "module.m.network.b",
                "module.m[\"k\"].network.a",
                "module.m[\"k\"].network.b",
            ),
        ] {
            assert_eq!(renamed(from, to, before), after, "{from} to {to}: {before}");
        }
    }
}

//! ARM ids: grammar, comparison, families. It never asks whether a thing exists.
//!
//! `/subscriptions/{guid}/resourceGroups/{rg}/providers/{namespace}/{type}/{name}[/{type}/{name}]*`; the whole id compares
//! case-insensitively because services return it in changing letter case, and keeps its spelling for display.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The id of an ARM object.
#[derive(Clone)]
pub struct ArmId {
    shown: Arc<str>,
    folded: Arc<str>,
}

/// The type of an ARM object, such as `Microsoft.Network/virtualNetworks/subnets`; compares case-insensitively.
#[derive(Clone)]
pub struct ArmType {
    shown: Arc<str>,
    folded: Arc<str>,
}

/// A set of objects that one list call reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Collection {
    /// What is above the collection: a parent object, or the resource group.
    pub parent: ArmId,
    /// The type of its members.
    pub members: ArmType,
}

/// Why a text is no ARM id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not an ARM id: `/subscriptions/{{id}}/resourceGroups/{{group}}/providers/{{namespace}}/{{type}}/{{name}}`"
)]
pub struct ArmIdError(pub String);

impl ArmId {
    /// The resource group of that name.
    pub fn resource_group(subscription: &str, group: &str) -> Self {
        Self::trusted(format!("/subscriptions/{subscription}/resourceGroups/{group}"))
    }

    /// A subscription.
    pub fn subscription_itself(subscription: &str) -> Self {
        Self::trusted(format!("/subscriptions/{subscription}"))
    }

    /// A top-level object of `namespace/type` in this resource group.
    #[must_use]
    pub fn provider(&self, arm_type: &str, name: &str) -> Self {
        Self::trusted(format!("{}/providers/{arm_type}/{name}", self.shown))
    }

    /// A child object.
    #[must_use]
    pub fn child(&self, segment: &str, name: &str) -> Self {
        Self::trusted(format!("{}/{segment}/{name}", self.shown))
    }

    fn trusted(shown: String) -> Self {
        let folded = shown.to_lowercase().into();
        Self {
            shown: shown.into(),
            folded,
        }
    }

    /// The id as written or received.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// The id in lower case: equal for equal ids.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    fn segments(&self) -> std::str::Split<'_, char> {
        self.shown.split('/')
    }

    fn after(&self, word: &str) -> Option<&str> {
        let mut segments = self.segments();
        segments.by_ref().find(|segment| segment.eq_ignore_ascii_case(word))?;
        segments.next()
    }

    /// The last segment.
    pub fn name(&self) -> &str {
        self.segments().next_back().unwrap_or_default()
    }

    /// The subscription the object lives in.
    pub fn subscription(&self) -> Option<&str> {
        self.after("subscriptions")
    }

    /// The name of the resource group the object lives in.
    pub fn group(&self) -> Option<&str> {
        self.after("resourceGroups")
    }

    /// The resource group itself.
    pub fn in_group(&self) -> Option<ArmId> {
        Some(Self::resource_group(self.subscription()?, self.group()?))
    }

    /// The type: everything after the last `providers`, without the names.
    pub fn arm_type(&self) -> ArmType {
        let tail = self.shown.rsplit_once("/providers/").map_or("", |(_, tail)| tail);
        let mut shown = String::new();
        for (at, segment) in tail.split('/').enumerate() {
            if at == 0 {
                shown.push_str(segment);
            } else if at % 2 == 1 {
                shown.push('/');
                shown.push_str(segment);
            }
        }
        ArmType::new(&shown)
    }

    /// The object above: a child's parent; `None` for a top-level object and for a resource group.
    pub fn parent(&self) -> Option<ArmId> {
        let (_, tail) = self.shown.rsplit_once("/providers/")?;
        if tail.split('/').count() <= 3 {
            return None;
        }
        let without_name = self.shown.rsplit_once('/')?.0;
        Some(Self::trusted(without_name.rsplit_once('/')?.0.to_owned()))
    }

    /// The collection that lists the object: its siblings under the same parent or resource group.
    pub fn collection(&self) -> Option<Collection> {
        let parent = match self.parent() {
            Some(parent) => parent,
            None => self.in_group()?,
        };
        Some(Collection {
            parent,
            members: self.arm_type(),
        })
    }

    /// Whether `self` is `other` or stands below it.
    pub fn is_within(&self, other: &ArmId) -> bool {
        self.folded
            .strip_prefix(other.folded())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Children that their parent's answer holds whole: type of the child, and the member that lists them. Reading the parents,
/// which one list call per resource group does, spares a call per parent.
const INLINE: &[(&str, &str)] = &[
    (
        "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
        "virtualNetworkPeerings",
    ),
    ("Microsoft.Network/networkSecurityGroups/securityRules", "securityRules"),
];

impl ArmType {
    /// A type by its name.
    pub fn new(name: &str) -> Self {
        Self {
            shown: name.into(),
            folded: name.to_lowercase().into(),
        }
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// In lower case.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// `Microsoft.Network` of `Microsoft.Network/virtualNetworks`.
    pub fn namespace(&self) -> &str {
        self.shown.split('/').next().unwrap_or_default()
    }

    /// The type of the objects above: `Microsoft.Network/virtualNetworks` of `Microsoft.Network/virtualNetworks/subnets`.
    pub fn above(&self) -> Option<Self> {
        let (above, _) = self.shown.rsplit_once('/')?;
        above.contains('/').then(|| Self::new(above))
    }

    /// The member of the parent's answer that holds all objects of this type, where there is one.
    pub fn inline_member(&self) -> Option<&'static str> {
        let mut inline = INLINE.iter();
        let found = inline.find(|(child, _)| self.folded.eq_ignore_ascii_case(child))?;
        Some(found.1)
    }

    /// The types whose objects an answer about one of this type holds whole, each with the member that lists them.
    pub fn inline_children(&self) -> impl Iterator<Item = (Self, &'static str)> {
        let children = INLINE.iter().map(|(child, member)| (Self::new(child), *member));
        children.filter(|(child, _)| child.above().as_ref() == Some(self))
    }

    /// The last word: `subnets` of `Microsoft.Network/virtualNetworks/subnets`.
    pub fn last(&self) -> &str {
        self.shown.rsplit('/').next().unwrap_or_default()
    }
}

impl Collection {
    /// The path of the list call, without its query.
    pub fn path(&self) -> String {
        if self.parent.as_str().contains("/providers/") {
            format!("{}/{}", self.parent, self.members.last())
        } else {
            format!("{}/providers/{}", self.parent, self.members)
        }
    }
}

impl FromStr for ArmId {
    type Err = ArmIdError;

    fn from_str(text: &str) -> Result<Self, ArmIdError> {
        let error = || ArmIdError(text.into());
        let segments: Vec<&str> = text.strip_prefix('/').ok_or_else(error)?.split('/').collect();
        let well_formed = segments.len() >= 4
            && segments.len().is_multiple_of(2)
            && segments.iter().all(|segment| {
                !segment.is_empty() && !segment.contains(['?', '#', ' ', '%', '\\']) && *segment != ".."
            });
        let starts_well = segments
            .first()
            .is_some_and(|word| word.eq_ignore_ascii_case("subscriptions"));
        if well_formed && starts_well {
            Ok(Self::trusted(text.to_owned()))
        } else {
            Err(error())
        }
    }
}

macro_rules! folded {
    ($($name:ident),*) => {$(
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.folded == other.folded
            }
        }
        impl Eq for $name {}
        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }
        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.folded.cmp(&other.folded)
            }
        }
        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.folded.hash(state);
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.shown)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.shown)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.shown)
            }
        }
    )*};
}
folded!(ArmId, ArmType);

impl<'de> Deserialize<'de> for ArmId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for ArmType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&String::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEERING: &str =
        "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/a/virtualNetworkPeerings/b";

    #[test]
    fn an_id_knows_its_family() {
        let id: ArmId = PEERING.parse().unwrap();
        assert_eq!(id.name(), "b");
        assert_eq!(
            id.arm_type().as_str(),
            "Microsoft.Network/virtualNetworks/virtualNetworkPeerings"
        );
        assert_eq!(id.parent().unwrap().name(), "a");
        assert_eq!(id.parent().unwrap().parent(), None);
        assert_eq!(
            id.collection().unwrap().path(),
            "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/a/virtualNetworkPeerings"
        );
        let vnet = id.parent().unwrap();
        assert_eq!(
            vnet.collection().unwrap().path(),
            "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks"
        );
        assert!(id.is_within(&vnet));
    }

    #[test]
    fn letter_case_makes_no_difference() {
        let id: ArmId = PEERING.parse().unwrap();
        assert_eq!(
            id,
            PEERING
                .to_uppercase()
                .replace("/SUBSCRIPTIONS", "/subscriptions")
                .parse()
                .unwrap()
        );
    }

    #[test]
    fn what_could_leave_its_place_is_refused() {
        for text in [
            "",
            "/subscriptions/s/resourceGroups/../x",
            "/subscriptions/s/resourceGroups/a?b=c",
            "subscriptions/a/b/c",
        ] {
            assert!(text.parse::<ArmId>().is_err(), "{text}");
        }
    }
}

//! ARM paths: what a URL names, and the key an object is stored under. Never looks an object up.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::arm_type::ArmType;
use super::message::{Method, decode};

/// An id in lower case: equal for ids that ARM treats as equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub(crate) struct Key(Arc<str>);

impl Key {
    pub(crate) fn of(id: &str) -> Self {
        Self(id.trim_end_matches('/').to_ascii_lowercase().into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of a collection or a child below this one.
    pub(crate) fn join(&self, segments: &str) -> Self {
        Self(format!("{}/{}", self.0, segments.to_ascii_lowercase()).into())
    }

    /// The object that an id's last type and name hang under: the parent resource, else the group or subscription.
    pub(crate) fn parent(&self) -> Option<Self> {
        let (collection, _) = self.0.rsplit_once('/')?;
        let (parent, _) = collection.rsplit_once('/')?;
        let parent = match parent.rsplit_once('/') {
            Some((scope, last)) if scope.ends_with("/providers") && !last.is_empty() => {
                scope.strip_suffix("/providers")?
            }
            Some(_) | None => parent,
        };
        (!parent.is_empty()).then(|| Self(parent.into()))
    }

    /// The collection it stands in: everything but its name.
    pub(crate) fn collection(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(collection, _)| Self(collection.into()))
    }

    /// The subscription's guid.
    pub(crate) fn subscription(&self) -> Option<&str> {
        self.0
            .strip_prefix("/subscriptions/")
            .and_then(|rest| rest.split('/').next())
            .filter(|s| !s.is_empty())
    }

    /// The key of the resource group it lies in.
    pub(crate) fn group(&self) -> Option<Self> {
        let mut parts = self.0.match_indices('/').map(|(at, _)| at).skip(4);
        let is_group = self.0.split('/').nth(3) == Some("resourcegroups");
        let end = parts.next().unwrap_or(self.0.len());
        (is_group && self.0.split('/').count() >= 5)
            .then(|| self.0.get(..end).map(|group| Self(group.into())))
            .flatten()
    }

    /// Itself, then each scope that encloses it.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self.clone()), Self::parent_scope)
    }

    fn parent_scope(&self) -> Option<Self> {
        if self.0.split('/').count() <= 3 {
            return None;
        }
        self.parent().map(|parent| {
            // A group's parent is its subscription, one step above `resourceGroups`.
            match parent.0.strip_suffix("/resourcegroups") {
                Some(subscription) => Self(subscription.into()),
                None => parent,
            }
        })
    }
}

impl From<String> for Key {
    fn from(id: String) -> Self {
        Self::of(&id)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0.as_ref().to_owned()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The last segment of an id, in the casing it is written in.
pub(crate) fn last_segment(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or_default()
}

/// A resource, or a collection of resources, below a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// What it hangs under: a group, a subscription, or (for extension resources) another resource.
    pub(crate) scope: String,
    /// The provider's namespace as the client wrote it.
    pub(crate) namespace: String,
    /// Type segments.
    pub(crate) types: Vec<String>,
    /// Names; one fewer than types for a collection.
    pub(crate) names: Vec<String>,
}

impl Target {
    /// The full type name as the client wrote it.
    pub(crate) fn type_name(&self) -> String {
        format!("{}/{}", self.namespace, self.types.join("/"))
    }

    pub(crate) fn arm_type(&self) -> ArmType {
        ArmType::of(&self.type_name())
    }

    /// Whether it counts against the caps of private DNS.
    pub(crate) fn is_in_private_dns(&self) -> bool {
        let first = self
            .types
            .first()
            .is_some_and(|first| first.eq_ignore_ascii_case("privateDnsZones"));
        first && self.namespace.eq_ignore_ascii_case("Microsoft.Network")
    }

    /// The last name.
    pub(crate) fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// The id as the client wrote it.
    pub(crate) fn id(&self) -> String {
        let mut id = format!("{}/providers/{}", self.scope, self.namespace);
        for (index, segment) in self.types.iter().enumerate() {
            id.push('/');
            id.push_str(segment);
            if let Some(name) = self.names.get(index) {
                id.push('/');
                id.push_str(name);
            }
        }
        id
    }

    pub(crate) fn key(&self) -> Key {
        Key::of(&self.id())
    }

    /// The parent resource of a child, if it is one.
    pub(crate) fn parent(&self) -> Option<Self> {
        let (_, types) = self.types.split_last().filter(|(_, types)| !types.is_empty())?;
        let names = self.names.get(..types.len())?.to_vec();
        Some(Self {
            types: types.to_vec(),
            names,
            ..self.clone()
        })
    }
}

/// What a URL asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/metadata/endpoints` and the token endpoints; segments in lower case.
    Entra(Vec<String>),
    Tenants,
    Subscriptions,
    Subscription(String),
    Locations(String),
    Providers(String),
    Provider {
        subscription: String,
        namespace: String,
    },
    Register {
        subscription: String,
        namespace: String,
    },
    ResourceGroups(String),
    /// The group's id as written.
    ResourceGroup(String),
    /// All resources of a group or a subscription.
    Resources(String),
    Item(Target),
    Collection(Target),
    /// A POST on a resource.
    Action(Target, String),
    /// A call on the provider itself: scope, namespace, and the segments after it.
    Service {
        scope: String,
        namespace: String,
        rest: Vec<String>,
    },
    Unknown,
}

impl Route {
    /// Reads a path; doubled slashes count as one.
    pub(crate) fn parse(method: Method, path: &str) -> Self {
        let segments: Vec<String> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(decode)
            .collect();
        let lower: Vec<String> = segments.iter().map(|segment| segment.to_ascii_lowercase()).collect();
        let words: Vec<&str> = lower.iter().map(String::as_str).collect();
        if let Some(at) = words.iter().rposition(|word| *word == "providers") {
            return Self::below_provider(method, &segments, &words, at);
        }
        match (words.as_slice(), segments.as_slice()) {
            (["subscriptions"], _) => Self::Subscriptions,
            (["tenants"], _) => Self::Tenants,
            (["subscriptions", _], [_, id]) => Self::Subscription(id.clone()),
            (["subscriptions", _, "locations"], [_, id, _]) => Self::Locations(id.clone()),
            (["subscriptions", _, "resourcegroups"], [_, id, _]) => Self::ResourceGroups(id.clone()),
            (["subscriptions", _, "resources"], [_, id, _]) => Self::Resources(format!("/subscriptions/{id}")),
            (["subscriptions", _, "resourcegroups", _], [_, id, _, group]) => {
                Self::ResourceGroup(format!("/subscriptions/{id}/resourceGroups/{group}"))
            }
            (["subscriptions", _, "resourcegroups", _, "resources"], [_, id, _, group, _]) => {
                Self::Resources(format!("/subscriptions/{id}/resourceGroups/{group}"))
            }
            (["subscriptions", ..], _) => Self::Unknown,
            _ => Self::Entra(lower),
        }
    }

    fn below_provider(method: Method, segments: &[String], words: &[&str], at: usize) -> Self {
        let (before, after) = segments.split_at(at);
        let rest = after.get(2..).unwrap_or_default();
        let Some(namespace) = after.get(1).cloned() else {
            return match (words, segments) {
                (["subscriptions", _, "providers"], [_, id, _]) => Self::Providers(id.clone()),
                _ => Self::Unknown,
            };
        };
        let scope: String = before.iter().map(|segment| format!("/{segment}")).collect();
        let subscription = before.get(1).cloned().filter(|_| before.len() == 2);
        let first = rest.first().map(|word| word.to_ascii_lowercase());
        match (rest.len(), subscription, first.as_deref()) {
            (0, Some(subscription), _) => {
                return Self::Provider {
                    subscription,
                    namespace,
                };
            }
            (0, None, _) => return Self::Unknown,
            (1, Some(subscription), Some("register")) if method == Method::Post => {
                return Self::Register {
                    subscription,
                    namespace,
                };
            }
            (_, Some(_), Some("locations")) => {
                return Self::Service {
                    scope,
                    namespace,
                    rest: rest.to_vec(),
                };
            }
            (_, _, Some("privatednsoperationstatuses" | "privatednsoperationresults")) => {
                return Self::Service {
                    scope,
                    namespace,
                    rest: rest.to_vec(),
                };
            }
            (1, _, Some(_)) if method == Method::Post => {
                return Self::Service {
                    scope,
                    namespace,
                    rest: rest.to_vec(),
                };
            }
            _ => {}
        }
        let types: Vec<String> = rest.iter().step_by(2).cloned().collect();
        let names: Vec<String> = rest.iter().skip(1).step_by(2).cloned().collect();
        let target = Target {
            scope,
            namespace,
            types,
            names,
        };
        match (target.types.len() == target.names.len(), method) {
            (true, _) => Self::Item(target),
            (false, Method::Post) => {
                let mut target = target;
                let action = target.types.pop().unwrap_or_default();
                Self::Action(target, action.to_ascii_lowercase())
            }
            (false, _) => Self::Collection(target),
        }
    }

    /// The resource or collection that is asked for, if it is one.
    pub(crate) fn target(&self) -> Option<&Target> {
        match self {
            Self::Item(target) | Self::Collection(target) | Self::Action(target, _) => Some(target),
            Self::Entra(_)
            | Self::Tenants
            | Self::Subscriptions
            | Self::Subscription(_)
            | Self::Locations(_)
            | Self::Providers(_)
            | Self::Provider { .. }
            | Self::Register { .. }
            | Self::ResourceGroups(_)
            | Self::ResourceGroup(_)
            | Self::Resources(_)
            | Self::Service { .. }
            | Self::Unknown => None,
        }
    }

    /// The type of the object that an id names, if it names one.
    pub(crate) fn object_type(id: &str) -> Option<ArmType> {
        match Self::parse(Method::Get, id) {
            Self::Item(target) => Some(target.arm_type()),
            Self::ResourceGroup(_) => Some(ArmType::ResourceGroup),
            Self::Entra(_)
            | Self::Tenants
            | Self::Subscriptions
            | Self::Subscription(_)
            | Self::Locations(_)
            | Self::Providers(_)
            | Self::Provider { .. }
            | Self::Register { .. }
            | Self::ResourceGroups(_)
            | Self::Resources(_)
            | Self::Collection(_)
            | Self::Action(..)
            | Self::Service { .. }
            | Self::Unknown => None,
        }
    }

    /// The name under which requests are counted.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Entra(_) => "(token and discovery)",
            Self::Tenants => "(tenants)",
            Self::Subscriptions | Self::Subscription(_) => "(subscriptions)",
            Self::Locations(_) => "(locations)",
            Self::Providers(_) | Self::Provider { .. } | Self::Register { .. } => "(providers)",
            Self::ResourceGroups(_) | Self::ResourceGroup(_) => ArmType::ResourceGroup.name(),
            Self::Resources(_) => "(resources)",
            Self::Item(target) | Self::Collection(target) | Self::Action(target, _) => target.arm_type().name(),
            Self::Service { rest, .. } if rest.len() == 1 => "(provider actions)",
            Self::Service { rest, .. } => match rest
                .get(rest.len().saturating_sub(2))
                .map(|word| word.to_ascii_lowercase())
            {
                Some(word) if word.contains("operation") => "(operations)",
                Some(_) | None => "(provider actions)",
            },
            Self::Unknown => "(unknown)",
        }
    }

    /// The subscription the call counts for.
    pub(crate) fn subscription(&self) -> Option<&str> {
        let of_scope = |scope: &str| -> Option<(usize, usize)> {
            let start = "/subscriptions/".len();
            let inside = scope
                .get(..start)
                .is_some_and(|head| head.eq_ignore_ascii_case("/subscriptions/"));
            let rest = scope.get(start..).filter(|_| inside)?;
            Some((start, start + rest.find('/').unwrap_or(rest.len())))
        };
        let scope = match self {
            Self::Subscription(id) | Self::Locations(id) | Self::Providers(id) | Self::ResourceGroups(id) => {
                return Some(id);
            }
            Self::Provider { subscription, .. } | Self::Register { subscription, .. } => return Some(subscription),
            Self::ResourceGroup(scope) | Self::Resources(scope) => scope,
            Self::Item(target) | Self::Collection(target) | Self::Action(target, _) => &target.scope,
            Self::Service { scope, .. } => scope,
            Self::Entra(_) | Self::Tenants | Self::Subscriptions | Self::Unknown => return None,
        };
        of_scope(scope).and_then(|(start, end)| scope.get(start..end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VNET: &str = "/subscriptions/S/resourceGroups/Rg/providers/Microsoft.Network/virtualNetworks/V";

    #[test]
    fn items_collections_and_actions() {
        let Route::Item(target) = Route::parse(Method::Get, &format!("{VNET}/subnets/a%20b")) else {
            panic!()
        };
        assert_eq!((target.arm_type(), target.name()), (ArmType::Subnet, "a b"));
        assert_eq!(target.parent().unwrap().id(), VNET);
        let Route::Collection(target) = Route::parse(Method::Get, &format!("/{VNET}//subnets")) else {
            panic!()
        };
        assert_eq!(target.key(), Key::of(VNET).join("subnets"));
        let server = "/subscriptions/S/resourcegroups/rg/providers/Microsoft.DBforPostgreSQL/flexibleServers/x/restart";
        let Route::Action(target, action) = Route::parse(Method::Post, server) else {
            panic!()
        };
        assert_eq!((target.name(), action.as_str()), ("x", "restart"));
    }

    #[test]
    fn calls_on_a_provider() {
        let poll = "/subscriptions/S/providers/Microsoft.Network/locations/East%20US/operations/1";
        assert!(
            matches!(Route::parse(Method::Get, poll), Route::Service { rest, .. } if rest == ["locations", "East US", "operations", "1"])
        );
        assert_eq!(Route::parse(Method::Get, poll).subscription(), Some("S"));
        let suffix = "/providers/Microsoft.DBforPostgreSQL/getPrivateDnsZoneSuffix";
        assert!(matches!(Route::parse(Method::Post, suffix), Route::Service { scope, .. } if scope.is_empty()));
        assert!(matches!(
            Route::parse(Method::Post, "/subscriptions/S/providers/Microsoft.Network/register"),
            Route::Register { .. }
        ));
    }

    #[test]
    fn scopes_of_an_extension_resource() {
        let key = Key::of(&format!("{VNET}/subnets/a/providers/Microsoft.Authorization/locks/l"));
        let scopes: Vec<String> = key.scopes().map(String::from).collect();
        assert_eq!(
            scopes,
            [
                "/subscriptions/s/resourcegroups/rg/providers/microsoft.network/virtualnetworks/v/subnets/a/providers/microsoft.authorization/locks/l",
                "/subscriptions/s/resourcegroups/rg/providers/microsoft.network/virtualnetworks/v/subnets/a",
                "/subscriptions/s/resourcegroups/rg/providers/microsoft.network/virtualnetworks/v",
                "/subscriptions/s/resourcegroups/rg",
                "/subscriptions/s",
            ]
        );
        assert_eq!(key.group().unwrap().as_str(), "/subscriptions/s/resourcegroups/rg");
        assert_eq!(Key::of("/subscriptions/S").group(), None);
        assert_eq!(key.subscription(), Some("s"));
    }

    #[test]
    fn rubbish_is_no_route() {
        for path in [
            "/subscriptions/s/providers",
            "/providers",
            "/subscriptions/a/b/c/d",
            "//",
            "/%zz",
        ] {
            let _ = Route::parse(Method::Get, path);
        }
        assert_eq!(Route::parse(Method::Get, "/subscriptions/s/what/x"), Route::Unknown);
    }
}

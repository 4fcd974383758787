//! The objects of a world, indexed by id, by collection and by what they refer to. Never decides what a request may do.
//!
//! Bodies are kept as JSON text: most requests only read them, and ten thousand of them stay small.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::arm_type::ArmType;
use super::path::{Key, last_segment};
use super::prefix::Prefix;
use super::provider::migration::Run;

/// A JSON object in two texts: everything but `properties`, and `properties`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Body {
    envelope: String,
    properties: Option<String>,
}

impl Body {
    pub(crate) fn of(mut whole: Map<String, Value>) -> Self {
        let properties = whole
            .remove("properties")
            .filter(Value::is_object)
            .map(|properties| properties.to_string());
        Self {
            envelope: Value::Object(whole).to_string(),
            properties,
        }
    }

    pub(crate) fn envelope(&self) -> Map<String, Value> {
        serde_json::from_str(&self.envelope).unwrap_or_default()
    }

    pub(crate) fn properties(&self) -> Map<String, Value> {
        self.properties
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }

    pub(crate) fn whole(&self) -> Map<String, Value> {
        let mut whole = self.envelope();
        if self.properties.is_some() {
            whole.insert("properties".to_owned(), Value::Object(self.properties()));
        }
        whole
    }

    /// The text of the whole, with members added to the envelope and to `properties`.
    pub(crate) fn text(&self, more_envelope: &str, more_properties: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.envelope.len() + self.properties.as_ref().map_or(0, String::len) + 64);
        spliced(&mut out, &self.envelope, more_envelope);
        if self.properties.is_some() || !more_properties.is_empty() {
            out.pop();
            if out.len() > 1 {
                out.push(b',');
            }
            out.extend_from_slice(b"\"properties\":");
            spliced(&mut out, self.properties.as_deref().unwrap_or("{}"), more_properties);
            out.push(b'}');
        }
        out
    }
}

/// Appends the text of a JSON object with further members in it.
fn spliced(out: &mut Vec<u8>, object: &str, members: &str) {
    let inner = object.strip_suffix('}').unwrap_or("{");
    out.extend_from_slice(inner.as_bytes());
    if !members.is_empty() {
        if inner.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(members.as_bytes());
    }
    out.push(b'}');
}

/// One ARM object.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    /// The id in its stored casing.
    pub(crate) id: String,
    pub(crate) arm_type: ArmType,
    pub(crate) body: Body,
    /// The etag of a virtual network, which its subnets and peerings share.
    pub(crate) etag: Option<Uuid>,
    /// What drives a migration that has not ended.
    pub(crate) run: Option<Box<Run>>,
    /// Reads do not find it before that instant.
    pub(crate) hidden_until: Option<Timestamp>,
    /// Ids this object refers to in a way that others look up.
    refers_to: Vec<Key>,
    /// The address space of a virtual network.
    prefixes: Vec<Prefix>,
    view: Option<Arc<[u8]>>,
}

impl Object {
    pub(crate) fn new(id: &str, arm_type: ArmType, body: Map<String, Value>) -> Self {
        let mut object = Self {
            id: id.to_owned(),
            arm_type,
            body: Body::default(),
            etag: None,
            run: None,
            hidden_until: None,
            refers_to: Vec::new(),
            prefixes: Vec::new(),
            view: None,
        };
        object.set(body);
        object
    }

    fn set(&mut self, body: Map<String, Value>) {
        let properties = body.get("properties").cloned().unwrap_or_default();
        self.refers_to = references(self.arm_type, &properties);
        self.prefixes.clear();
        if self.arm_type == ArmType::VirtualNetwork {
            self.prefixes = texts(&properties, "/addressSpace/addressPrefixes")
                .filter_map(Prefix::parse)
                .collect();
        }
        self.body = Body::of(body);
        self.view = None;
    }

    pub(crate) fn name(&self) -> &str {
        last_segment(&self.id)
    }

    /// The ids it refers to, in the order [`references`] gives them.
    pub(crate) fn refers_to(&self) -> &[Key] {
        &self.refers_to
    }

    pub(crate) fn prefixes(&self) -> &[Prefix] {
        &self.prefixes
    }
}

/// The strings of an array somewhere in a value.
pub(crate) fn texts<'v>(value: &'v Value, pointer: &str) -> impl Iterator<Item = &'v str> {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// The string somewhere in a value.
pub(crate) fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

fn references(arm_type: ArmType, properties: &Value) -> Vec<Key> {
    let one = |pointer: &str| text(properties, pointer).map(Key::of);
    match arm_type {
        ArmType::Peering => one("/remoteVirtualNetwork/id").into_iter().collect(),
        ArmType::Subnet => one("/networkSecurityGroup/id").into_iter().collect(),
        ArmType::VirtualNetworkLink => one("/virtualNetwork/id").into_iter().collect(),
        ArmType::FlexibleServer => one("/network/delegatedSubnetResourceId")
            .into_iter()
            .chain(one("/network/privateDnsZoneArmResourceId"))
            .collect(),
        ArmType::PrivateEndpoint => {
            let connections = ["privateLinkServiceConnections", "manualPrivateLinkServiceConnections"];
            let targets = connections
                .iter()
                .filter_map(|name| properties.get(*name)?.as_array())
                .flatten();
            let targets = targets.filter_map(|each| text(each, "/properties/privateLinkServiceId").map(Key::of));
            one("/subnet/id").into_iter().chain(targets).collect()
        }
        ArmType::PrivateDnsZoneGroup => {
            let configs = properties
                .get("privateDnsZoneConfigs")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            configs
                .filter_map(|each| text(each, "/properties/privateDnsZoneId").map(Key::of))
                .collect()
        }
        ArmType::ResourceGroup
        | ArmType::VirtualNetwork
        | ArmType::NetworkSecurityGroup
        | ArmType::SecurityRule
        | ArmType::PrivateDnsZone
        | ArmType::RecordSetA
        | ArmType::FirewallRule
        | ArmType::Configuration
        | ArmType::Database
        | ArmType::PrivateEndpointConnection
        | ArmType::Migration
        | ArmType::SingleServer
        | ArmType::SingleServerFirewallRule
        | ArmType::SingleServerNetworkRule
        | ArmType::SingleServerConfiguration
        | ArmType::SingleServerDatabase
        | ArmType::RoleAssignment
        | ArmType::RoleDefinition
        | ArmType::Lock
        | ArmType::Other => Vec::new(),
    }
}

/// All objects.
#[derive(Debug, Default)]
pub(crate) struct Store {
    objects: HashMap<Key, Object>,
    collections: HashMap<Key, BTreeSet<Key>>,
    of_subscription: HashMap<Key, BTreeSet<Key>>,
    referrers: HashMap<Key, BTreeSet<Key>>,
    locks: BTreeMap<Key, BTreeSet<Key>>,
}

impl Store {
    pub(crate) fn get(&self, key: &Key) -> Option<&Object> {
        self.objects.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &Key) -> Option<&mut Object> {
        self.objects.get_mut(key)
    }

    pub(crate) fn contains(&self, key: &Key) -> bool {
        self.objects.contains_key(key)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.objects.keys()
    }

    /// Adds or replaces an object and keeps every index.
    pub(crate) fn put(&mut self, object: Object) -> Key {
        let key = Key::of(&object.id);
        self.unindex(&key);
        if let Some(collection) = key.collection() {
            self.collections.entry(collection).or_default().insert(key.clone());
        }
        if let Some(list) = subscription_list(&key) {
            self.of_subscription.entry(list).or_default().insert(key.clone());
        }
        for other in &object.refers_to {
            self.referrers.entry(other.clone()).or_default().insert(key.clone());
        }
        if let Some(scope) = key.parent().filter(|_| object.arm_type == ArmType::Lock) {
            self.locks.entry(scope).or_default().insert(key.clone());
        }
        self.objects.insert(key.clone(), object);
        self.touch_parent(&key);
        key
    }

    /// Replaces the `properties` of an object.
    pub(crate) fn set_properties(&mut self, key: &Key, properties: Map<String, Value>) {
        let Some(mut object) = self.objects.get(key).cloned() else {
            return;
        };
        let mut whole = object.body.envelope();
        whole.insert("properties".to_owned(), Value::Object(properties));
        object.set(whole);
        self.put(object);
    }

    /// Changes the `properties` of an object.
    pub(crate) fn edit(&mut self, key: &Key, change: impl FnOnce(&mut Map<String, Value>)) {
        let Some(object) = self.objects.get(key) else { return };
        let mut properties = object.body.properties();
        change(&mut properties);
        self.set_properties(key, properties);
    }

    pub(crate) fn remove(&mut self, key: &Key) -> Option<Object> {
        self.unindex(key);
        let removed = self.objects.remove(key);
        self.touch_parent(key);
        removed
    }

    fn unindex(&mut self, key: &Key) {
        let Some(object) = self.objects.get(key) else { return };
        for other in &object.refers_to {
            drop_from(&mut self.referrers, other, key);
        }
        if let Some(collection) = key.collection() {
            drop_from(&mut self.collections, &collection, key);
        }
        if let Some(list) = subscription_list(key) {
            drop_from(&mut self.of_subscription, &list, key);
        }
        if let Some(scope) = key.parent().filter(|_| object.arm_type == ArmType::Lock)
            && let Some(locks) = self.locks.get_mut(&scope)
        {
            locks.remove(key);
        }
    }

    /// The view of a parent shows its children (subnets and peerings) or counts them (links, record sets).
    fn touch_parent(&mut self, key: &Key) {
        if let Some(object) = self.objects.get_mut(key) {
            object.view = None;
        }
        if let Some(parent) = key.parent().and_then(|parent| self.objects.get_mut(&parent)) {
            parent.view = None;
        }
    }

    /// Gives a virtual network, and so its subnets and peerings, a new etag.
    pub(crate) fn set_etag(&mut self, network: &Key, etag: Uuid) {
        if let Some(object) = self.objects.get_mut(network) {
            object.etag = Some(etag);
            object.view = None;
        }
    }

    /// The etag of a network, or of the network that an object lives in.
    pub(crate) fn etag(&self, key: &Key) -> Option<Uuid> {
        let object = self.get(key)?;
        match object.arm_type.lives_in_network() {
            true => key.parent().and_then(|network| self.get(&network)?.etag),
            false => object.etag,
        }
    }

    /// The members of a collection, in order.
    pub(crate) fn members<'s>(&'s self, collection: &Key) -> impl Iterator<Item = &'s Key> + use<'s> {
        self.collections.get(collection).into_iter().flatten()
    }

    /// The members of a collection below a parent.
    pub(crate) fn children<'s>(&'s self, parent: &Key, segment: &str) -> impl Iterator<Item = &'s Key> + use<'s> {
        self.members(&parent.join(segment))
    }

    /// All objects of one type in a subscription, in order; the list is named like a collection of the subscription.
    pub(crate) fn across_subscription<'s>(&'s self, list: &Key) -> impl Iterator<Item = &'s Key> + use<'s> {
        self.of_subscription.get(list).into_iter().flatten()
    }

    /// All objects whose id lies below this one. Walks the whole store: for deletions only.
    pub(crate) fn descendants(&self, key: &Key) -> Vec<Key> {
        let prefix = format!("{key}/");
        self.objects
            .keys()
            .filter(|other| other.as_str().starts_with(&prefix))
            .cloned()
            .collect()
    }

    /// The objects that refer to this one.
    pub(crate) fn referrers<'s>(&'s self, key: &Key) -> impl Iterator<Item = &'s Key> + use<'s> {
        self.referrers.get(key).into_iter().flatten()
    }

    /// Those of the referrers whose id lies below another.
    pub(crate) fn referrers_below<'s>(&'s self, key: &Key, parent: &Key) -> impl Iterator<Item = &'s Key> + use<'s> {
        let start = format!("{parent}/");
        let from = Key::of(parent.as_str()).join("");
        let referrers = self.referrers.get(key);
        let range = referrers.map(|all| all.range((Bound::Included(from), Bound::Unbounded)));
        range
            .into_iter()
            .flatten()
            .take_while(move |other| other.as_str().starts_with(&start))
    }

    /// The locks at a scope and at what encloses it.
    pub(crate) fn locks_over(&self, key: &Key) -> Vec<&Object> {
        if self.locks.is_empty() {
            return Vec::new();
        }
        key.scopes()
            .filter_map(|scope| self.locks.get(&scope))
            .flatten()
            .filter_map(|lock| self.get(lock))
            .collect()
    }

    /// The bytes of an object as GET shows it, made once per change.
    pub(crate) fn view(&mut self, key: &Key) -> Arc<[u8]> {
        let Some(object) = self.objects.get(key) else {
            return Arc::from([]);
        };
        if let Some(view) = &object.view {
            return Arc::clone(view);
        }
        let view: Arc<[u8]> = if object.arm_type == ArmType::VirtualNetwork {
            self.network_view(key, object).into()
        } else if object.arm_type.lives_in_network() {
            // Its etag is the network's, which changes without it.
            return self.child_view(key, object).into();
        } else if object.arm_type == ArmType::NetworkSecurityGroup {
            // It shows the subnets that say that it guards them, which change without it.
            return self.group_view(key, object).into();
        } else if object.arm_type == ArmType::PrivateDnsZone {
            self.zone_view(key, object).into()
        } else {
            object.body.text("", "").into()
        };
        if let Some(object) = self.objects.get_mut(key) {
            object.view = Some(Arc::clone(&view));
        }
        view
    }

    fn network_view(&self, key: &Key, network: &Object) -> Vec<u8> {
        let mut inline = Vec::new();
        for (name, segment) in [
            ("subnets", ArmType::Subnet),
            ("virtualNetworkPeerings", ArmType::Peering),
        ] {
            let separator: &[u8] = if inline.is_empty() { b"\"" } else { b",\"" };
            inline.extend_from_slice(separator);
            inline.extend_from_slice(name.as_bytes());
            inline.extend_from_slice(b"\":[");
            for (index, child) in self.children(key, segment.segment()).enumerate() {
                if index > 0 {
                    inline.push(b',');
                }
                if let Some(child) = self.objects.get(child) {
                    inline.extend_from_slice(&child.body.text(&etag_member(network.etag), ""));
                }
            }
            inline.push(b']');
        }
        network
            .body
            .text(&etag_member(network.etag), &String::from_utf8_lossy(&inline))
    }

    fn group_view(&self, key: &Key, group: &Object) -> Vec<u8> {
        let rules = self.children(key, ArmType::SecurityRule.segment());
        let rules: Vec<Value> = rules
            .filter_map(|rule| self.objects.get(rule))
            .map(|rule| Value::Object(rule.body.whole()))
            .collect();
        let guarded = self.referrers(key).filter_map(|user| self.objects.get(user));
        let guarded = guarded.filter(|user| user.arm_type == ArmType::Subnet);
        let guarded: Vec<Value> = guarded.map(|subnet| json!({ "id": subnet.id })).collect();
        let inline = format!(
            "\"securityRules\":{},\"subnets\":{}",
            Value::Array(rules),
            Value::Array(guarded)
        );
        group.body.text(&etag_member(group.etag), &inline)
    }

    fn child_view(&self, key: &Key, child: &Object) -> Vec<u8> {
        child.body.text(&etag_member(self.etag(key)), "")
    }

    fn zone_view(&self, key: &Key, zone: &Object) -> Vec<u8> {
        let links = self.children(key, ArmType::VirtualNetworkLink.segment());
        let (mut all, mut registering) = (0, 0);
        for link in links.filter_map(|link| self.objects.get(link)) {
            all += 1;
            if link.body.properties().get("registrationEnabled") == Some(&Value::Bool(true)) {
                registering += 1;
            }
        }
        // The SOA record always exists.
        let records = 1 + self.children(key, ArmType::RecordSetA.segment()).count();
        let counters = format!(
            "\"maxNumberOfRecordSets\":25000,\"numberOfRecordSets\":{records},\"maxNumberOfVirtualNetworkLinks\":1000,\
             \"numberOfVirtualNetworkLinks\":{all},\"maxNumberOfVirtualNetworkLinksWithRegistration\":100,\
             \"numberOfVirtualNetworkLinksWithRegistration\":{registering}"
        );
        zone.body.text("", &counters)
    }
}

fn etag_member(etag: Option<Uuid>) -> String {
    etag.map(|etag| format!(r#""etag":"W/\"{etag}\"""#)).unwrap_or_default()
}

/// `/subscriptions/s/providers/ns/type` for an object directly in a resource group.
fn subscription_list(key: &Key) -> Option<Key> {
    let group = key.group()?;
    let subscription = key.subscription()?;
    let below = key.as_str().strip_prefix(group.as_str())?;
    let (collection, _) = below.rsplit_once('/')?;
    (collection.matches('/').count() == 3).then(|| Key::of(&format!("/subscriptions/{subscription}{collection}")))
}

fn drop_from(index: &mut HashMap<Key, BTreeSet<Key>>, at: &Key, key: &Key) {
    if let Some(keys) = index.get_mut(at) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(id: &str, arm_type: ArmType, body: Value) -> Object {
        let Value::Object(body) = body else {
            panic!("not an object")
        };
        Object::new(id, arm_type, body)
    }

    const GROUP: &str = "/subscriptions/S/resourceGroups/Rg/providers/Microsoft.Network";

    #[test]
    fn a_network_shows_its_children_with_its_etag() {
        let mut store = Store::default();
        let id = format!("{GROUP}/virtualNetworks/V");
        let network = store.put(object(
            &id,
            ArmType::VirtualNetwork,
            json!({ "name": "V", "properties": {} }),
        ));
        store.set_etag(&network, Uuid::nil());
        let child = format!("{id}/subnets/a");
        store.put(object(
            &child,
            ArmType::Subnet,
            json!({ "name": "a", "properties": { "x": 1 } }),
        ));
        let view: Value = serde_json::from_slice(&store.view(&network)).unwrap();
        let etag = "W/\"00000000-0000-0000-0000-000000000000\"";
        assert_eq!(
            view,
            json!({ "name": "V", "etag": etag, "properties": {
                "subnets": [{ "name": "a", "etag": etag, "properties": { "x": 1 } }], "virtualNetworkPeerings": [] } })
        );
        store.edit(&Key::of(&child), |properties| {
            properties.insert("x".to_owned(), json!(2));
        });
        let view: Value = serde_json::from_slice(&store.view(&network)).unwrap();
        assert_eq!(view["properties"]["subnets"][0]["properties"]["x"], 2);
    }

    #[test]
    fn indexes_follow_every_change() {
        let mut store = Store::default();
        let (a, b) = (
            format!("{GROUP}/virtualNetworks/a"),
            format!("{GROUP}/virtualNetworks/b"),
        );
        for id in [&a, &b] {
            store.put(object(id, ArmType::VirtualNetwork, json!({ "properties": {} })));
        }
        let list = Key::of("/subscriptions/s/providers/Microsoft.Network/virtualNetworks");
        assert_eq!(store.across_subscription(&list).count(), 2);
        let peering = format!("{a}/virtualNetworkPeerings/p");
        let body = json!({ "properties": { "remoteVirtualNetwork": { "id": b.to_uppercase() } } });
        let peering = store.put(object(&peering, ArmType::Peering, body));
        assert_eq!(store.referrers(&Key::of(&b)).collect::<Vec<_>>(), [&peering]);
        assert_eq!(store.referrers_below(&Key::of(&b), &Key::of(&a)).count(), 1);
        assert_eq!(store.referrers_below(&Key::of(&b), &Key::of(&b)).count(), 0);
        store.remove(&peering);
        assert_eq!(store.referrers(&Key::of(&b)).count(), 0);
        store.remove(&Key::of(&a));
        assert_eq!(store.across_subscription(&list).count(), 1);
        assert_eq!(store.members(&Key::of(&format!("{GROUP}/virtualNetworks"))).count(), 1);
    }
}

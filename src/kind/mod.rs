//! Block kinds: what each means to ARM. Pure: a kind reads a block and says which units it stands for; it never calls Azure.
//!
//! A kind is one file and one line in [`ALL`].

pub mod connect;
pub mod name;
pub mod schema;

pub mod database_batch;
pub mod dns_link;
pub mod dns_zone;
pub mod dns_zone_group;
pub mod firewall_rule;
pub mod network;
pub mod private_endpoint;
pub mod runtime_server;
pub mod security_group;
pub mod security_rule;
pub mod server;
pub mod source;
pub mod tags;
pub mod target;
pub mod vnet_peering;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::address::{Address, UnitAddress};
use crate::arm::{ArmId, Body, Cloud, Draft, Outputs, Query, SubscriptionId, TenantId};
use crate::block::Block;
use crate::diagnostic::code::{CONFLICT, MISSING_ARGUMENT, NO_DEFAULT, NOT_ALLOWED, WRONG_REFERENCE};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::{Residual, ResidualPiece};

use schema::{ExportFrom, Fields, Schema, Term};

/// Everything pgferry knows about one kind of block.
pub trait Kind: Sync {
    /// What its block may hold.
    fn schema(&self) -> &'static Schema;

    /// The units behind a block, and what it touches.
    ///
    /// # Errors
    /// Rules about values that hold within the block or against the blocks it refers to.
    fn expand(&self, fields: &Fields<'_>, cx: &Context<'_>) -> Result<Expansion, Diagnostics>;

    /// How the objects behind its blocks are dealt with.
    fn conduct(&self) -> Conduct;

    /// The ARM type of the objects behind its blocks, which an id that is not known yet does not tell. `None` where there are none.
    fn arm_type(&self) -> Option<&'static str> {
        None
    }

    /// What Azure asks for beside the right to write an object itself, since its body names other objects.
    fn linked(&self) -> &'static [Linked] {
        &[]
    }

    /// The PostgreSQL server behind a block, where databases leave or enter it.
    ///
    /// # Errors
    /// When the block's words for it are none.
    fn server(&self, _: &Fields<'_>, _: &Context<'_>) -> Result<Option<connect::Server>, Diagnostics> {
        Ok(None)
    }
}

/// Every kind, in the order of the reference.
pub static ALL: &[&dyn Kind] = &[
    &network::Network,
    &source::Source,
    &target::Target,
    &runtime_server::RuntimeServer,
    &vnet_peering::VnetPeering,
    &dns_zone::DnsZone,
    &dns_link::DnsLink,
    &private_endpoint::PrivateEndpoint,
    &dns_zone_group::DnsZoneGroup,
    &firewall_rule::FirewallRule,
    &security_group::SecurityGroup,
    &security_rule::SecurityRule,
    &database_batch::DatabaseBatch,
];

/// The kind of that name.
pub fn find(name: &str) -> Option<&'static dyn Kind> {
    ALL.iter().copied().find(|kind| kind.schema().kind == name)
}

/// What the `azure` block says for everything.
#[derive(Clone, Debug, PartialEq)]
pub struct Defaults {
    /// The cloud.
    pub cloud: Cloud,
    /// Default subscription.
    pub subscription: Option<SubscriptionId>,
    /// Default tenant.
    pub tenant: Option<TenantId>,
    /// Default resource group.
    pub resource_group: Option<String>,
    /// Default region.
    pub location: Option<String>,
    /// Tags of everything we create that can carry tags.
    pub tags: BTreeMap<String, String>,
}

/// What a kind may look at while it expands a block.
pub struct Context<'a> {
    /// The `azure` block.
    pub defaults: &'a Defaults,
    /// Every block of the configuration.
    pub blocks: &'a BTreeMap<Address, Block>,
    /// What Azure has told so far.
    pub outputs: &'a Outputs,
    /// Ids that were asked for: a network is named by thousands.
    ids: RefCell<HashMap<Address, Term<ArmId>>>,
}

/// What a block stands for.
#[derive(Clone, Debug)]
pub enum Expansion {
    /// Objects.
    Units(Vec<Unit>),
    /// A job, whose migrations are dealt while planning.
    Job(Box<database_batch::Batch>),
}

impl Expansion {
    /// The objects; a job has none yet.
    pub fn units(&self) -> &[Unit] {
        match self {
            Self::Units(units) => units,
            Self::Job(_) => &[],
        }
    }

    /// The job, where it is one.
    pub fn job(&self) -> Option<&database_batch::Batch> {
        match self {
            Self::Units(_) => None,
            Self::Job(batch) => Some(batch),
        }
    }
}

/// One ARM object that a resource stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Its address.
    pub address: UnitAddress,
    /// Its ARM id.
    pub id: Term<ArmId>,
    /// What it shall be; nothing, where it is only read.
    pub body: Body<Draft>,
    /// Objects that this unit makes work: a batch whose path crosses one of them waits for the unit, and says why.
    pub touches: Vec<Touch>,
    /// Objects that only one writer may work on at a time, beside the unit itself (contract 12).
    pub scopes: Vec<ArmId>,
}

impl Unit {
    /// An object that is only read.
    pub fn read_only(address: UnitAddress, id: Term<ArmId>) -> Self {
        Self {
            address,
            id,
            body: Body::Null,
            touches: Vec::new(),
            scopes: Vec::new(),
        }
    }
}

/// A right on another object, which a body takes that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linked {
    /// Where the body holds the other object's id, or what holds ids of several.
    pub path: &'static [&'static str],
    /// What must be allowed there.
    pub action: &'static str,
    /// The part of the contract that says so.
    pub contract: &'static str,
}

/// How the objects behind a kind's blocks are dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// Only read. They come first: ids of other units may hang on them.
    ReadOnly,
    /// Put and deleted, by these rules.
    Thing(&'static Thing),
    /// Jobs: started and watched, never changed.
    Job,
}

impl Conduct {
    /// The rules of what is put and deleted.
    pub fn thing(self) -> Option<&'static Thing> {
        match self {
            Self::Thing(thing) => Some(thing),
            Self::ReadOnly | Self::Job => None,
        }
    }
}

/// How objects that are put and deleted compare and come to be.
#[derive(Debug, PartialEq, Eq)]
pub struct Thing {
    /// How fields compare and what a difference means.
    pub fields: &'static [BodyField],
    /// A member whose value identifies an object among its siblings, where names do not: one link per network and zone.
    pub identity: Option<&'static [&'static str]>,
    /// Members that are not declared and must survive an update, since a PUT replaces the whole object.
    pub preserve: &'static [&'static [&'static str]],
    /// A member whose value means that an object is beyond repair and must be made anew.
    pub dead: Option<Dead>,
    /// Values of a member that mean that an object has fallen behind and must be put with a query.
    pub behind: Option<Behind>,
    /// How long a create or an update may take.
    pub patience: Duration,
}

impl Thing {
    /// Whether its objects carry tags.
    pub fn carries_tags(&self) -> bool {
        self.fields.iter().any(|field| field.compare == Compare::Tags)
    }
}

/// An object that a unit makes work, and in which way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The object.
    pub id: ArmId,
    /// The way, as the end of "… because": `it connects vnet-a and vnet-b`.
    pub because: String,
}

/// A value that means that an object is beyond repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dead {
    /// Where the value sits.
    pub path: &'static [&'static str],
    /// The value.
    pub value: &'static str,
    /// Why nothing but making it anew helps.
    pub because: &'static str,
}

/// Values that mean that an object no longer fits what is around it, though every field is as declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// Where the value sits.
    pub path: &'static [&'static str],
    /// The values.
    pub values: &'static [&'static str],
    /// What the query of the PUT that brings it up to date says.
    pub query: Query,
    /// What ails it.
    pub because: &'static str,
}

/// One field of a body: where it sits, how it compares, what a difference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyField {
    /// The name in the language.
    pub attribute: &'static str,
    /// The way to it in the body.
    pub path: &'static [&'static str],
    /// How two values compare.
    pub compare: Compare,
    /// What a difference means.
    pub change: OnChange,
}

/// How two values compare (contract 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// As JSON; an empty text is the same as none.
    Exact,
    /// Texts without regard to letter case: ids and enumerations.
    Folded,
    /// Regions: without spaces and letter case.
    Location,
    /// Addresses or ports of a rule, one text or a list in any order: an address is the prefix that holds nothing else, and
    /// names of services compare without letter case.
    Ranges,
    /// Lists of objects to which the service adds members: as many elements, each with all that is declared of one but its
    /// name, which is a label; texts compare without letter case.
    Contained,
    /// Maps of which only declared entries count; keys without letter case.
    Tags,
}

/// What a difference in a field means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnChange {
    /// It is changed in place.
    InPlace,
    /// The object must be made anew.
    Replaces,
    /// It is set at creation and not looked at again.
    CreateOnly,
}

impl BodyField {
    /// A field that is changed in place.
    pub const fn in_place(attribute: &'static str, path: &'static [&'static str], compare: Compare) -> Self {
        Self {
            attribute,
            path,
            compare,
            change: OnChange::InPlace,
        }
    }

    /// A field whose change makes the object anew.
    pub const fn replaces(attribute: &'static str, path: &'static [&'static str], compare: Compare) -> Self {
        Self {
            attribute,
            path,
            compare,
            change: OnChange::Replaces,
        }
    }

    /// A field that counts only at creation.
    pub const fn create_only(attribute: &'static str, path: &'static [&'static str]) -> Self {
        Self {
            attribute,
            path,
            compare: Compare::Exact,
            change: OnChange::CreateOnly,
        }
    }
}

impl Compare {
    /// Whether what is declared and what Azure has are the same.
    pub fn same(self, declared: &Json, observed: &Json) -> bool {
        match (self, declared, observed) {
            (Self::Folded, Json::String(a), Json::String(b)) => a.eq_ignore_ascii_case(b),
            (Self::Location, Json::String(a), Json::String(b)) => fold_location(a) == fold_location(b),
            (Self::Tags, Json::Object(a), Json::Object(b)) => a.iter().all(|(key, value)| {
                b.iter()
                    .any(|(known, other)| known.eq_ignore_ascii_case(key) && other == value)
            }),
            (Self::Tags, Json::Object(a), Json::Null) => a.is_empty(),
            (Self::Ranges, a, b) => ranges(a) == ranges(b),
            (Self::Contained, a, b) => contained(a, b),
            (Self::Exact, Json::String(text), Json::Null) | (Self::Exact, Json::Null, Json::String(text)) => {
                text.is_empty()
            }
            (Self::Exact | Self::Folded | Self::Location | Self::Tags, a, b) => a == b,
        }
    }
}

impl Compare {
    /// An observed value in the one spelling of all that are the same to it, as far as they can be told without what is declared.
    pub fn canonical(self, observed: &Json) -> Json {
        match (self, observed) {
            (_, value) if is_nothing(value) => Json::Null,
            (Self::Exact, Json::String(text)) if text.is_empty() => Json::Null,
            (Self::Folded, Json::String(text)) => text.to_ascii_lowercase().into(),
            (Self::Location, Json::String(text)) => fold_location(text).into(),
            (Self::Ranges, value) => ranges(value).into_iter().collect(),
            (Self::Contained, value) => folded(value),
            (Self::Exact | Self::Folded | Self::Location | Self::Tags, value) => value.clone(),
        }
    }
}

/// Services leave out what is empty, or do not.
pub fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Array(list) => list.is_empty(),
        Json::Object(members) => members.is_empty(),
        Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    }
}

/// Lists in one order, texts in one letter case, and objects without their names.
fn folded(value: &Json) -> Json {
    match value {
        Json::String(text) => text.to_ascii_lowercase().into(),
        Json::Array(list) => {
            let mut list: Vec<Json> = list.iter().map(folded).collect();
            list.sort_by_cached_key(Json::to_string);
            list.into()
        }
        Json::Object(members) => {
            let named = members.iter().filter(|(key, _)| *key != "name");
            named.map(|(key, value)| (key.clone(), folded(value))).collect()
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => value.clone(),
    }
}

/// Whether all that is declared is there, names apart.
fn contained(declared: &Json, there: &Json) -> bool {
    match (declared, there) {
        (Json::String(a), Json::String(b)) => a.eq_ignore_ascii_case(b),
        (Json::Object(a), Json::Object(b)) => a
            .iter()
            .filter(|(key, _)| *key != "name")
            .all(|(key, value)| contained(value, b.get(key).unwrap_or(&Json::Null))),
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().all(|one| b.iter().any(|other| contained(one, other)))
        }
        (a, b) => a == b,
    }
}

/// What an end of a rule stands for, each range in one spelling.
fn ranges(json: &Json) -> BTreeSet<String> {
    let texts = match json {
        Json::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    let texts = texts.iter().filter_map(Json::as_str);
    texts
        .map(|text| masked(text).unwrap_or_else(|| text.to_ascii_lowercase()))
        .collect()
}

/// A prefix without what stands behind its length, `10.1.0.0/16` for `10.1.2.3/16`; an address where it holds only one.
fn masked(text: &str) -> Option<String> {
    let (address, length) = text.split_once('/')?;
    let address = u32::from(address.parse::<Ipv4Addr>().ok()?);
    let length: u32 = length.parse().ok().filter(|length| *length <= 32)?;
    let first = Ipv4Addr::from(address & u32::MAX.checked_shl(32 - length).unwrap_or(0));
    Some(match length {
        32 => first.to_string(),
        _ => format!("{first}/{length}"),
    })
}

/// `East US` and `eastus` are one region.
pub fn fold_location(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect()
}

/// A member of an object that Azure answered with.
pub fn member<'a>(json: &'a Json, path: &[&str]) -> Option<&'a Json> {
    path.iter()
        .try_fold(json, |at, key| at.get(*key))
        .filter(|found| !found.is_null())
}

/// Where an object lives, from its own arguments or the `azure` block.
pub struct Placement<'a> {
    fields: &'a Fields<'a>,
    defaults: &'a Defaults,
}

/// Insists that what an id names is named by nothing else.
///
/// # Errors
/// At the argument that would be ignored beside the id.
pub fn named_by_id(fields: &Fields<'_>, id: &str, others: &[&str]) -> Result<(), Diagnostics> {
    match others.iter().find(|other| fields.top().has(other)) {
        None => Ok(()),
        Some(other) => Err(Diagnostic::error(CONFLICT, "arguments that do not go together")
            .at(
                fields.top().span(other),
                format!("`{id}` already says which object it is"),
            )
            .hint(format!(
                "remove `{other}`, or name the object by `name` instead of `{id}`"
            ))
            .about(fields.owner())
            .into()),
    }
}

/// The id of an existing object, which its block names by this argument or by `name` in its group; `what` calls it.
///
/// # Errors
/// Where neither names it, or both do.
pub fn existing(
    fields: &Fields<'_>,
    cx: &Context<'_>,
    argument: &str,
    arm_type: &str,
    what: &str,
) -> Result<Term<ArmId>, Diagnostics> {
    match (fields.top().id(argument), fields.top().text("name")) {
        (Some(id), None) => {
            named_by_id(fields, argument, schema::PLACE)?;
            Ok(id.clone())
        }
        (None, Some(name)) => Ok(Term::Known(Placement::of(fields, cx).object(arm_type, "name", name)?)),
        (Some(_), Some(_)) => Err(Diagnostic::error(CONFLICT, "arguments that do not go together")
            .at(
                fields.top().span("name"),
                format!("`{argument}` already names the {what}"),
            )
            .about(fields.owner())
            .into()),
        (None, None) => Err(Diagnostic::error(MISSING_ARGUMENT, "missing argument")
            .at(fields.header(), format!("a {what} needs `name` or `{argument}`"))
            .about(fields.owner())
            .into()),
    }
}

impl<'a> Placement<'a> {
    /// The place of a block's objects.
    pub fn of(fields: &'a Fields<'a>, cx: &Context<'a>) -> Self {
        Self {
            fields,
            defaults: cx.defaults,
        }
    }

    fn missing(&self, argument: &str) -> Diagnostics {
        Diagnostic::error(NO_DEFAULT, "nowhere to put it")
            .at(
                self.fields.header(),
                format!("no `{argument}` is given, here or in the `azure` block"),
            )
            .hint(format!("add `{argument} = \"…\"` to the `azure` block"))
            .about(self.fields.owner())
            .into()
    }

    /// The resource group as an id.
    ///
    /// # Errors
    /// When subscription or group are given nowhere, the subscription is no GUID, or the group's name is none.
    pub fn group(&self) -> Result<ArmId, Diagnostics> {
        let subscription = match self.fields.top().text("subscription_id") {
            Some(text) => text.parse::<SubscriptionId>().map_err(|error| {
                Diagnostics::from(
                    Diagnostic::error(NOT_ALLOWED, "value not allowed")
                        .at(self.fields.top().span("subscription_id"), error.to_string()),
                )
            })?,
            None => self
                .defaults
                .subscription
                .clone()
                .ok_or_else(|| self.missing("subscription_id"))?,
        };
        let group = self
            .fields
            .top()
            .text("resource_group")
            .or(self.defaults.resource_group.as_deref());
        let group = group.ok_or_else(|| self.missing("resource_group"))?;
        if !name::is_resource_group(group) {
            return Err(Diagnostic::error(NOT_ALLOWED, "value not allowed")
                .at(self.fields.top().span("resource_group"), name::RESOURCE_GROUP)
                .about(self.fields.owner())
                .into());
        }
        Ok(ArmId::resource_group(subscription.as_str(), group))
    }

    /// The region of a new object.
    ///
    /// # Errors
    /// When it is given nowhere.
    pub fn location(&self) -> Result<&'a str, Diagnostics> {
        let own = self.fields.top().text("location");
        own.or(self.defaults.location.as_deref())
            .ok_or_else(|| self.missing("location"))
    }

    /// An object of this type in the group, once its name is found to be one.
    ///
    /// # Errors
    /// When the place is not given, or the name is none of this type.
    pub fn object(&self, arm_type: &str, argument: &str, name: &str) -> Result<ArmId, Diagnostics> {
        name::check(arm_type, name, self.fields, argument)?;
        Ok(self.group()?.provider(arm_type, name))
    }
}

impl<'a> Context<'a> {
    /// What may be looked at.
    pub fn new(defaults: &'a Defaults, blocks: &'a BTreeMap<Address, Block>, outputs: &'a Outputs) -> Self {
        Self {
            defaults,
            blocks,
            outputs,
            ids: RefCell::default(),
        }
    }
    /// The id of the object that another block stands for.
    ///
    /// # Errors
    /// What is wrong with that block.
    pub fn id_of(&self, address: &Address) -> Result<Term<ArmId>, Diagnostics> {
        self.first_id(address)?.ok_or_else(|| self.vanished(address))
    }

    /// The same; nothing, where the block stands for no object.
    fn first_id(&self, address: &Address) -> Result<Option<Term<ArmId>>, Diagnostics> {
        if let Some(known) = self.ids.borrow().get(address) {
            return Ok(Some(known.clone()));
        }
        let block = self.block(address)?;
        let kind = find(block.address.kind().as_str()).ok_or_else(|| self.vanished(address))?;
        let fields = kind.schema().read(block)?;
        let expansion = kind.expand(&fields, self)?;
        let Some(unit) = expansion.units().first() else {
            return Ok(None);
        };
        self.ids.borrow_mut().insert(address.clone(), unit.id.clone());
        Ok(Some(unit.id.clone()))
    }

    /// The id of the object that an argument names, by a block or outright; nothing where it was left out.
    ///
    /// # Errors
    /// What is wrong with the block that it names, and that it stands for no object.
    pub fn object(&self, fields: &Fields<'_>, argument: &str) -> Result<Option<Term<ArmId>>, Diagnostics> {
        let Some(address) = fields.top().reference(argument) else {
            return Ok(fields.top().id(argument).cloned());
        };
        self.first_id(address)?.map(Some).ok_or_else(|| {
            Diagnostic::error(WRONG_REFERENCE, "reference to nothing in Azure")
                .at(
                    fields.top().span(argument),
                    format!("`{address}` is described here and is no object in Azure"),
                )
                .about(fields.owner())
                .into()
        })
    }

    /// Another block.
    ///
    /// # Errors
    /// When there is none of this address, which the evaluator has ruled out.
    pub fn block(&self, address: &Address) -> Result<&Block, Diagnostics> {
        self.blocks.get(address).ok_or_else(|| self.vanished(address))
    }

    fn vanished(&self, address: &Address) -> Diagnostics {
        Diagnostic::error(WRONG_REFERENCE, "reference to nothing")
            .detail(format!("`{address}` stands for no object in Azure."))
            .about(address)
            .into()
    }

    /// An attribute that Azure tells, or the way it becomes known.
    pub fn output(&self, resource: &Address, attribute: &str) -> Term<String> {
        match self.outputs.get(resource, attribute) {
            Some(Json::String(text)) => Term::Known(text.clone()),
            Some(_) | None => Term::Open(Residual::Output {
                resource: resource.clone(),
                attribute: attribute.to_owned(),
            }),
        }
    }
}

/// The id of a child of an object whose own id may not be known yet.
pub fn child(parent: &Term<ArmId>, segment: &str, name: &str) -> Term<ArmId> {
    match parent {
        Term::Known(parent) => Term::Known(parent.child(segment, name)),
        Term::Open(residual) => {
            let tail = ResidualPiece::Text(format!("/{segment}/{name}"));
            Term::Open(Residual::Template(vec![ResidualPiece::Open(residual.clone()), tail]))
        }
    }
}

/// The networks and servers of a unit or a path, without the ids that are not known yet.
pub fn known_ids<'a>(terms: impl IntoIterator<Item = &'a Term<ArmId>>) -> BTreeSet<ArmId> {
    terms
        .into_iter()
        .filter_map(|term| match term {
            Term::Known(id) => Some(id.clone()),
            Term::Open(_) => None,
        })
        .collect()
}

/// What an answer of Azure says of a resource's exported attributes.
pub fn outputs_of(kind: &dyn Kind, object: &Json) -> Vec<(&'static str, Json)> {
    let exports = kind.schema().exports.iter();
    exports
        .filter_map(|export| match export.from {
            ExportFrom::Id => None,
            ExportFrom::Object(path) => Some((export.name, member(object, path).cloned().unwrap_or(Json::Null))),
        })
        .collect()
}

/// Where later steps find the exported attributes of a unit that is put.
pub fn brings(schema: &Schema) -> BTreeMap<String, Vec<String>> {
    let exports = schema.exports.iter();
    exports
        .filter_map(|export| match export.from {
            ExportFrom::Id => None,
            ExportFrom::Object(path) => Some((
                export.name.to_owned(),
                path.iter().map(|key| (*key).to_owned()).collect(),
            )),
        })
        .collect()
}

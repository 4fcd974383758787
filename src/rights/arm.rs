//! Rights in Azure: one action for each call that refresh and apply would make for what is declared, and at which groups.
//!
//! Actions are named after the types of objects (contract 9): a GET takes `TYPE/read`, a PUT and a PATCH `TYPE/write`, a DELETE
//! `TYPE/delete`. What is remembered and no longer declared is not known here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::address::{Address, UnitAddress};
use crate::arm::migration::MigrationOption;
use crate::arm::{ArmId, ArmType, SubscriptionId};
use crate::graph::{Declaration, Graph};
use crate::kind::database_batch::{Batch, MIGRATION};
use crate::kind::schema::Term;
use crate::kind::{Conduct, Unit, server};
use crate::secret::{SecretRef, VaultSecret};

/// The part of the contract that names actions after types.
const NAMES: &str = "9";

/// The part of the contract that says where accepted operations are followed.
const OPERATIONS: &str = "2.5";

/// What has to be readable to follow an accepted operation, by the beginning of the type that was written. The first that fits
/// holds. Migrations are followed by themselves.
const FOLLOWED: &[(&str, &[&str])] = &[
    ("Microsoft.DBforPostgreSQL/flexibleServers/migrations", &[]),
    (
        "Microsoft.Network/privateDnsZones",
        &[
            "Microsoft.Network/privateDnsOperationStatuses/read",
            "Microsoft.Network/privateDnsOperationResults/read",
        ],
    ),
    (
        "Microsoft.Network/",
        &[
            "Microsoft.Network/locations/operations/read",
            "Microsoft.Network/locations/operationResults/read",
        ],
    ),
    (
        "Microsoft.DBforPostgreSQL/",
        &[
            "Microsoft.DBforPostgreSQL/locations/azureAsyncOperation/read",
            "Microsoft.DBforPostgreSQL/locations/operationResults/read",
        ],
    ),
];

/// What two identities must be allowed to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// What a plan takes: it only reads.
    pub plan: Role,
    /// What an apply takes, which plans, too.
    pub apply: Role,
    /// Units whose resource group only Azure knows yet: for them the whole subscription stands.
    pub open: BTreeSet<UnitAddress>,
    /// Secrets in vaults that an apply reads, with the arguments that name them. A role of Azure's own is for them: where a vault
    /// lies its host does not tell.
    pub vaults: BTreeMap<VaultSecret, BTreeSet<SecretRef>>,
}

/// What one identity must be allowed to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// The actions, by their names.
    pub actions: BTreeMap<String, Right>,
}

/// One action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Right {
    /// The resource groups in which it is needed, or their subscription where the group is not known.
    pub scopes: BTreeSet<ArmId>,
    /// What needs it.
    pub reasons: BTreeSet<Reason>,
}

/// Why an action is needed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    /// For which call.
    pub call: NeededFor,
    /// The part of the contract that tells the action.
    pub contract: &'static str,
    /// For which resource.
    pub resource: Address,
}

/// What an action is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NeededFor {
    /// To read an object, or the collection it is in.
    Reading,
    /// To create and change it.
    Writing,
    /// To delete it: to make it anew, and once it is no longer declared.
    Deleting,
    /// To name another object in its body.
    Naming,
    /// To follow an operation that Azure has accepted.
    Following,
}

impl Rights {
    /// What the declared objects and jobs take. `subscription` stands for groups that are not known.
    pub fn of(graph: &Graph, subscription: &SubscriptionId) -> Self {
        let mut rights = Self::default();
        let whole = ArmId::subscription_itself(subscription.as_str());
        for declaration in graph.iter() {
            for unit in declaration.units() {
                rights.add_unit(declaration, unit, &whole);
            }
            if let Some(batch) = declaration.batch() {
                rights.add_batch(declaration, batch, &whole);
            }
        }
        rights
    }

    fn add_unit(&mut self, declaration: &Declaration, unit: &Unit, whole: &ArmId) {
        let (arm_type, scope) = match &unit.id {
            Term::Known(id) => (id.arm_type(), id.in_group().unwrap_or_else(|| whole.clone())),
            Term::Open(_) => {
                let Some(arm_type) = declaration.kind.arm_type() else {
                    return;
                };
                self.open.insert(unit.address.clone());
                (ArmType::new(arm_type), whole.clone())
            }
        };
        let resource = &declaration.address;
        let read = match (arm_type.inline_member(), arm_type.above()) {
            // Its parent's answer holds it.
            (Some(_), Some(above)) => above,
            (Some(_), None) | (None, _) => arm_type.clone(),
        };
        self.both(&format!("{read}/read"), &scope, resource);
        let is_target = declaration.server.as_ref().is_some_and(|server| server.is_target());
        if is_target {
            // What runs there for others has its way protected.
            self.both(&format!("{MIGRATION}/read"), &scope, resource);
        }
        match declaration.kind.conduct() {
            Conduct::ReadOnly | Conduct::Job => {}
            Conduct::Thing(_) => {
                let apply = &mut self.apply;
                let own = [
                    ("read", NeededFor::Reading),
                    ("write", NeededFor::Writing),
                    ("delete", NeededFor::Deleting),
                ];
                for (verb, call) in own {
                    apply.add(&format!("{arm_type}/{verb}"), &scope, call, NAMES, resource);
                }
                for action in followed(&arm_type) {
                    apply.add(action, &scope, NeededFor::Following, OPERATIONS, resource);
                }
                for linked in declaration.kind.linked() {
                    let mut named = BTreeSet::new();
                    if let Some(body) = unit.body.get(linked.path) {
                        ids_within(&body.to_shown(), &mut named);
                    }
                    let mut scopes: BTreeSet<ArmId> = named.iter().filter_map(ArmId::in_group).collect();
                    if scopes.is_empty() {
                        scopes.insert(whole.clone());
                    }
                    for scope in scopes {
                        apply.add(linked.action, &scope, NeededFor::Naming, linked.contract, resource);
                    }
                }
            }
        }
    }

    fn add_batch(&mut self, declaration: &Declaration, batch: &Batch, whole: &ArmId) {
        for password in [&batch.source_password, &batch.target_password] {
            if let Some(id) = &password.vault {
                self.vaults.entry(id.clone()).or_default().insert(password.clone());
            }
        }
        let resource = &declaration.address;
        let scope = batch.target.in_group().unwrap_or_else(|| whole.clone());
        self.both(&format!("{MIGRATION}/read"), &scope, resource);
        let apply = &mut self.apply;
        // Created by PUT; cut over, answered and cancelled by PATCH.
        apply.add(
            &format!("{MIGRATION}/write"),
            &scope,
            NeededFor::Writing,
            NAMES,
            resource,
        );
        if batch.option != MigrationOption::Validate {
            // A start is refused where it would find a database in its way, and a plan says so.
            let databases = format!("{}/databases/read", server::ARM_TYPE);
            self.both(&databases, &scope, resource);
        }
    }

    /// Adds what both identities read.
    fn both(&mut self, action: &str, scope: &ArmId, resource: &Address) {
        for role in [&mut self.plan, &mut self.apply] {
            role.add(action, scope, NeededFor::Reading, NAMES, resource);
        }
    }
}

impl Role {
    /// Where the role has to be assignable: every scope that lies in no other.
    pub fn scopes(&self) -> BTreeSet<&ArmId> {
        let all: BTreeSet<&ArmId> = self.actions.values().flat_map(|right| &right.scopes).collect();
        let is_outermost = |id: &&ArmId| !all.iter().any(|other| other != id && id.is_within(other));
        all.iter().copied().filter(is_outermost).collect()
    }

    fn add(&mut self, action: &str, scope: &ArmId, call: NeededFor, contract: &'static str, resource: &Address) {
        let right = self.actions.entry(action.to_owned()).or_default();
        right.scopes.insert(scope.clone());
        right.reasons.insert(Reason {
            call,
            contract,
            resource: resource.clone(),
        });
    }
}

/// The ids that a part of a body holds.
fn ids_within(part: &Json, found: &mut BTreeSet<ArmId>) {
    match part {
        Json::String(text) => found.extend(text.parse::<ArmId>()),
        Json::Array(list) => list.iter().for_each(|each| ids_within(each, found)),
        Json::Object(members) => members.values().for_each(|each| ids_within(each, found)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn followed(arm_type: &ArmType) -> &'static [&'static str] {
    let mut rows = FOLLOWED.iter();
    let row = rows.find(|(beginning, _)| arm_type.folded().starts_with(&beginning.to_lowercase()));
    row.map_or(&[], |(_, actions)| actions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind;

    #[test]
    fn every_kind_that_stands_for_objects_says_of_which_type_they_are() {
        for kind in kind::ALL {
            assert!(kind.arm_type().is_some(), "{} says no type", kind.schema().kind);
        }
    }

    #[test]
    fn every_member_that_names_another_object_says_what_that_takes() {
        for kind in kind::ALL {
            let Some(thing) = kind.conduct().thing() else { continue };
            let naming = thing.fields.iter().filter(|field| field.path.last() == Some(&"id"));
            for field in naming {
                let told = kind.linked().iter().any(|linked| linked.path == field.path);
                assert!(told, "{}: {} takes a right", kind.schema().kind, field.attribute);
            }
        }
    }

    #[test]
    fn the_first_row_that_fits_tells_what_is_followed() {
        let followed = |name: &str| followed(&ArmType::new(name)).len();
        assert_eq!(followed(MIGRATION), 0);
        assert_eq!(followed("microsoft.network/privatednszones/virtualNetworkLinks"), 2);
        assert_ne!(
            super::followed(&ArmType::new("Microsoft.Network/virtualNetworks")),
            super::followed(&ArmType::new("Microsoft.Network/privateDnsZones"))
        );
    }
}

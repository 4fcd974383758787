//! Plans of declared text against an Azure that is written down: one difference at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::arm::migration::Migration;
use crate::arm::{ArmId, Cloud, Outputs};

use crate::config::{Declared, Inputs as Variables, Program, Sources, UnsetSensitive, parse};
use crate::diagnostic::Diagnostics;
use crate::kind::Defaults;
use crate::observed::{Hidden, Observed, Presence};
use crate::plan::saved::Saved;
use crate::plan::step::{Remember, StepTarget};
use crate::plan::{Aim, Change, Inputs, Op, Plan, propose};
use crate::prior::{Prior, Remembered};

mod batch;
mod behind;
mod chosen;
mod condition;
mod endpoint;
mod firewall;
mod ignored;
mod protect;
mod replaced;
mod running;
mod security;
mod tags;
mod unreadable;
mod windows;
mod withdrawn;

const SUBSCRIPTION: &str = "00000000-0000-4000-8000-000000000001";
const GROUP: &str = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-data";

/// Two networks and a peering between them.
const PEERING: &str = "network \"a\" { name = \"vnet-a\" }\nnetwork \"b\" { name = \"vnet-b\" }\n\
                       vnet_peering \"p\" {\n  from = network.a\n  to = network.b\n}\n";

/// A batch of one database whose way leads over that peering.
const BATCH: &str = r#"
variable "password" {
  type      = string
  sensitive = true
}
source "s" {
  type     = "on_premises"
  host     = "Db.example.org"
  username = "migrator"
  password = var.password
  network  = network.a
}
target "t" {
  name           = "pg-t"
  admin_username = "pgadmin"
  admin_password = var.password
  network        = network.b
}
database_batch "w" {
  source    = source.s
  target    = target.t
  databases = ["x"]
}
"#;

/// A source and a target without networks.
const SERVERS: &str = r#"
variable "p" {
  type      = string
  sensitive = true
}
source "s" {
  type     = "on_premises"
  host     = "db.example.org"
  username = "migrator"
  password = var.p
}
target "t" {
  name           = "pg-t"
  admin_username = "pgadmin"
  admin_password = var.p
}
"#;

/// An Azure and what is remembered of it.
#[derive(Default)]
struct World {
    objects: BTreeMap<ArmId, Json>,
    prior: Prior,
    tags: BTreeMap<String, String>,
    migrations: BTreeMap<ArmId, Vec<Migration>>,
    aim: Aim,
    /// What Azure has told of what is only read.
    outputs: Outputs,
    /// Targets whose migrations nobody may list.
    closed: Vec<ArmId>,
    /// The databases on targets that were looked into.
    databases: BTreeMap<ArmId, BTreeSet<String>>,
    /// What was looked for and is not there, beside what is remembered.
    gone: Vec<ArmId>,
    /// The present instant.
    now: Timestamp,
}

fn id(tail: &str) -> ArmId {
    format!("{GROUP}/providers/{tail}").parse().unwrap()
}

fn forward() -> ArmId {
    id("Microsoft.Network/virtualNetworks/vnet-a/virtualNetworkPeerings/vnet-a-to-vnet-b")
}

impl World {
    /// The networks alone.
    fn new() -> Self {
        let mut world = Self::default();
        for name in ["vnet-a", "vnet-b"] {
            let id = id(&format!("Microsoft.Network/virtualNetworks/{name}"));
            world.objects.insert(id, json!({ "properties": {} }));
        }
        world
    }

    /// A world after the text was applied.
    fn after(text: &str) -> Self {
        let mut world = Self::new();
        world.apply(&world.plan(text));
        world
    }

    fn object(&mut self, id: &ArmId) -> &mut Json {
        self.objects.get_mut(id).unwrap()
    }

    /// A plan. That it can be kept in a file as the schema of such files says is tested by the way.
    fn plan(&self, text: &str) -> Plan {
        let plan = self.propose(text).unwrap();
        follows_schema(&Saved::new(
            plan.clone(),
            self.aim.clone(),
            BTreeMap::from([("database_batch.w".parse().unwrap(), "main.hcl:3:17".to_owned())]),
            Uuid::nil(),
            Timestamp::UNIX_EPOCH,
        ));
        plan
    }

    fn declared(&self, text: &str) -> Declared {
        self.try_declared(text).unwrap()
    }

    fn try_declared(&self, text: &str) -> Result<Declared, Diagnostics> {
        let mut sources = Sources::from_texts([("main.hcl", text)]);
        let program = Program {
            configuration: parse(&mut sources).unwrap(),
            inputs: Variables::none(&sources).with_unset_sensitive(UnsetSensitive::MadeUp),
            defaults: Defaults {
                cloud: Cloud::Simulator,
                subscription: SUBSCRIPTION.parse().ok(),
                tenant: None,
                resource_group: Some("rg-data".into()),
                location: Some("westeurope".into()),
                tags: self.tags.clone(),
            },
        };
        program.declare(&self.outputs)
    }

    fn propose(&self, text: &str) -> Result<Plan, Diagnostics> {
        let declared = self.declared(text);
        let mut observed = Observed::default();
        let mut collections: BTreeMap<_, Vec<ArmId>> = BTreeMap::new();
        for (id, object) in &self.objects {
            observed.insert(id.clone(), Presence::Present(Arc::new(object.clone())));
            collections
                .entry(id.collection().unwrap())
                .or_default()
                .push(id.clone());
        }
        let remembered = self
            .prior
            .iter()
            .filter_map(|(_, remembered)| remembered.record.id.as_ref());
        for id in remembered.filter(|id| !self.objects.contains_key(id)) {
            observed.insert(id.clone(), Presence::Absent);
        }
        for id in &self.gone {
            observed.insert(id.clone(), Presence::Absent);
        }
        for (collection, members) in collections {
            observed.insert_collection(collection, members);
        }
        for target in &self.closed {
            observed.insert_unreadable_migrations(target.clone(), Hidden::Refused("may not list migrations".into()));
        }
        for (target, migrations) in &self.migrations {
            observed.insert_migrations(target.clone(), migrations.clone());
        }
        for (target, databases) in &self.databases {
            observed.insert_databases(target.clone(), databases.clone());
        }
        propose(Inputs {
            aim: &self.aim,
            graph: &declared.graph,
            prior: &self.prior,
            observed: &observed,
            cloud: Cloud::Simulator,
            subscription: SUBSCRIPTION.parse().unwrap(),
            now: self.now,
            statements: &super::Statements::default(),
            outputs: BTreeMap::new(),
        })
    }

    /// Does what puts say, and remembers.
    fn apply(&mut self, plan: &Plan) {
        for step in &plan.steps {
            if let Op::Put {
                target: StepTarget::Known(id),
                body,
                ..
            } = &step.op
            {
                self.objects.insert(id.clone(), body.to_shown());
            }
            if let Remember::Record(record) = &step.then {
                let remembered = Remembered {
                    revision: 1,
                    record: (**record).clone(),
                };
                self.prior.insert(step.unit.clone(), remembered);
            }
        }
    }
}

fn follows_schema(saved: &Saved) {
    static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
        let schema = serde_json::from_str(include_str!("../../../schemas/pgferry/saved-plan.json")).unwrap();
        jsonschema::validator_for(&schema).unwrap()
    });
    let file = serde_json::from_str(&saved.to_text()).unwrap();
    let errors: Vec<String> = SCHEMA
        .iter_errors(&file)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// The changes, each in a line.
fn lines(plan: &Plan) -> Vec<String> {
    let line = |change: &Change| {
        let fields: Vec<&str> = change.fields.iter().map(|field| field.attribute.as_str()).collect();
        format!(
            "{:?} {} {:?} [{}] {}",
            change.action,
            change.unit,
            change.reason,
            fields.join(" "),
            change.notes.join("; ")
        )
        .trim_end()
        .to_owned()
    };
    plan.changes.iter().map(line).collect()
}

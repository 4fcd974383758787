//! The plan as a pure function: a model of Azure is changed by what plans say, and planned against again. No process, no HTTP.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pgferry::arm::migration::Migration;
use pgferry::arm::{ArmId, Cloud, Outputs};
use pgferry::config::{Inputs as Variables, Program, Sources, UnsetSensitive, parse};
use pgferry::kind::Defaults;
use pgferry::observed::{Observed, Presence};
use pgferry::plan::step::{Remember, StepTarget};
use pgferry::plan::{self, Inputs, Mode, Op, Plan};
use pgferry::prior::{Prior, Remembered};
use serde_json::{Value as Json, json};

const SUBSCRIPTION: &str = "00000000-0000-4000-8000-000000000001";
const GROUP: &str = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-data";

const NETWORKS: &str = "network \"a\" { name = \"vnet-a\" }\nnetwork \"b\" { name = \"vnet-b\" }\n";
const PEERING: &str = "vnet_peering \"p\" {\n  from = network.a\n  to = network.b\n}\n";
const LINK: &str = "dns_zone \"z\" { name = \"x.example.org\" }\ndns_link \"l\" {\n  zone = dns_zone.z\n  networks = [network.a, network.b]\n}\n";
const BATCH: &str = r#"
variable "password" {
  type      = string
  sensitive = true
}
source "s" {
  type = "on_premises"
  host = "10.1.0.4"
  username = "migrator"
  password = var.password
}
target "t" {
  name = "pg-t"
  admin_username = "pgadmin"
  admin_password = var.password
}
database_batch "w" {
  source = source.s
  target = target.t
  databases = ["c", "a", "b"]
  max_per_migration = 2
  depends_on = [vnet_peering.p]
}
"#;

/// Azure and our memory, changed only by plans and by hand.
#[derive(Default)]
struct Model {
    objects: BTreeMap<ArmId, Json>,
    migrations: BTreeMap<ArmId, Json>,
    prior: BTreeMap<pgferry::address::UnitAddress, Remembered>,
    revision: u64,
}

impl Model {
    fn new() -> Self {
        let mut model = Self::default();
        for (name, prefix) in [("vnet-a", "10.0.0.0/16"), ("vnet-b", "10.1.0.0/16")] {
            let space = json!({ "properties": { "addressSpace": { "addressPrefixes": [prefix] } } });
            model
                .objects
                .insert(id(&format!("Microsoft.Network/virtualNetworks/{name}")), space);
        }
        let server = json!({ "location": "West Europe", "properties": { "version": "16" } });
        model
            .objects
            .insert(id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t"), server);
        model
    }

    fn plan(&self, text: &str, mode: Mode) -> Plan {
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
                tags: BTreeMap::new(),
            },
        };
        let mut outputs = Outputs::default();
        outputs.insert(&"target.t".parse().unwrap(), "region", json!("West Europe"));
        let declared = program.declare(&outputs).unwrap();
        let mut prior = Prior::default();
        for (unit, remembered) in &self.prior {
            prior.insert(unit.clone(), remembered.clone());
        }
        plan::propose(Inputs {
            aim: &plan::Aim::of(mode),
            graph: &declared.graph,
            prior: &prior,
            observed: &self.observed(&declared.graph),
            cloud: Cloud::Simulator,
            subscription: SUBSCRIPTION.parse().unwrap(),
            now: jiff::Timestamp::UNIX_EPOCH,
            statements: &plan::Statements::default(),
            outputs: BTreeMap::new(),
        })
        .unwrap()
    }

    fn observed(&self, graph: &pgferry::graph::Graph) -> Observed {
        let mut observed = Observed::default();
        let ids = graph
            .iter()
            .flat_map(|declaration| declaration.units())
            .filter_map(|unit| match &unit.id {
                pgferry::kind::schema::Term::Known(id) => Some(id.clone()),
                pgferry::kind::schema::Term::Open(_) => None,
            });
        for id in ids.chain(
            self.prior
                .values()
                .filter_map(|remembered| remembered.record.id.clone()),
        ) {
            observed.insert(id, Presence::Absent);
        }
        let mut collections: BTreeMap<_, Vec<ArmId>> = BTreeMap::new();
        for (id, object) in &self.objects {
            observed.insert(id.clone(), Presence::Present(Arc::new(object.clone())));
            collections
                .entry(id.collection().unwrap())
                .or_default()
                .push(id.clone());
        }
        for (collection, members) in collections {
            observed.insert_collection(collection, members);
        }
        let target = id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t");
        let migrations = self.migrations.values();
        let migrations = migrations.map(|json| Migration::listed(&target, json).unwrap());
        let migrations = migrations.collect();
        observed.insert_migrations(target, migrations);
        observed
    }

    /// Does what the plan says, step by step, refusing a step whose predecessors are not done.
    fn apply(&mut self, plan: &Plan) {
        let mut done = BTreeSet::new();
        let mut waiting: Vec<_> = plan.steps.iter().collect();
        while !waiting.is_empty() {
            let before = waiting.len();
            waiting.retain(|step| {
                let ready = step.after.keys().chain(&step.behind).all(|other| done.contains(other));
                if ready {
                    self.perform(&step.op);
                    self.remember(step);
                    done.insert(step.id);
                }
                !ready
            });
            assert!(waiting.len() < before, "steps wait for each other: {waiting:#?}");
        }
    }

    fn perform(&mut self, op: &Op) {
        let known = |target: &StepTarget| match target {
            StepTarget::Known(id) => id.clone(),
            StepTarget::Open(_) => panic!("the model knows every id"),
        };
        match op {
            Op::Put { target, body, .. } => {
                self.objects.insert(known(target), body.to_shown());
            }
            Op::Delete { target, .. } => {
                assert!(
                    self.objects.remove(&known(target)).is_some(),
                    "deleted what is not there"
                );
            }
            Op::Start { migration, body, .. } => {
                let mut json = body.to_shown();
                json["id"] = json!(migration.as_str());
                json["name"] = json!(migration.name());
                json["properties"]["currentStatus"] = json!({ "state": "Succeeded" });
                assert!(
                    self.migrations.insert(migration.clone(), json).is_none(),
                    "created twice"
                );
            }
            Op::Await(_) | Op::Gate(_) | Op::Cutover { .. } | Op::Note => {}
        }
    }

    fn remember(&mut self, step: &pgferry::plan::Step) {
        self.revision += 1;
        match &step.then {
            Remember::Unchanged => {}
            Remember::Record(record) => {
                let remembered = Remembered {
                    revision: self.revision,
                    record: (**record).clone(),
                };
                self.prior.insert(step.unit.clone(), remembered);
            }
            Remember::Forget => {
                self.prior.remove(&step.unit);
            }
        }
    }
}

fn id(tail: &str) -> ArmId {
    format!("{GROUP}/providers/{tail}").parse().unwrap()
}

fn summary(plan: &Plan) -> Vec<String> {
    let describe = |change: &plan::Change| {
        let fields: Vec<&str> = change.fields.iter().map(|field| field.attribute.as_str()).collect();
        format!(
            "{:?} {} ({:?}) [{}]",
            change.action,
            change.unit,
            change.reason,
            fields.join(" ")
        )
    };
    plan.changes.iter().map(describe).collect()
}

#[test]
fn apply_then_plan_is_empty_and_destroy_leaves_nothing() {
    let text = format!("{NETWORKS}{PEERING}{LINK}{BATCH}");
    let mut model = Model::new();
    let before = model.objects.clone();
    let plan = model.plan(&text, Mode::Apply);
    assert_eq!(plan.tally().add, 7);
    model.apply(&plan);
    assert_eq!(summary(&model.plan(&text, Mode::Apply)), Vec::<String>::new());
    let destroy = model.plan(&text, Mode::Destroy);
    model.apply(&destroy);
    assert_eq!(model.objects, before);
    assert!(model.prior.is_empty());
    let again = model.plan(&text, Mode::Apply);
    assert_eq!(
        (again.tally().add, again.tally().adopt),
        (5, 2),
        "{:#?}",
        summary(&again)
    );
}

#[test]
fn a_changed_declaration_updates_and_a_changed_object_drifts() {
    let text = format!("{NETWORKS}{PEERING}");
    let mut model = Model::new();
    model.apply(&model.plan(&text, Mode::Apply));
    let changed = text.replace(
        "to = network.b\n",
        "to = network.b\n  forward { allow_forwarded_traffic = true }\n",
    );
    assert_eq!(
        summary(&model.plan(&changed, Mode::Apply)),
        ["Update vnet_peering.p#forward (Declared) [allow_forwarded_traffic]"]
    );
    let forward = id("Microsoft.Network/virtualNetworks/vnet-a/virtualNetworkPeerings/vnet-a-to-vnet-b");
    model.objects.get_mut(&forward).unwrap()["properties"]["useRemoteGateways"] = json!(true);
    let plan = model.plan(&text, Mode::Apply);
    assert_eq!(
        summary(&plan),
        ["Update vnet_peering.p#forward (Drifted) [use_remote_gateways]"]
    );
    assert_eq!(plan.drift.len(), 1);
    model.objects.remove(&forward);
    let plan = model.plan(&text, Mode::Apply);
    assert!(
        summary(&plan)[0].starts_with("Create vnet_peering.p#forward (Gone)"),
        "{:#?}",
        summary(&plan)
    );
}

#[test]
fn a_disconnected_peering_is_made_anew() {
    let text = format!("{NETWORKS}{PEERING}");
    let mut model = Model::new();
    model.apply(&model.plan(&text, Mode::Apply));
    let reverse = id("Microsoft.Network/virtualNetworks/vnet-b/virtualNetworkPeerings/vnet-b-to-vnet-a");
    model.objects.get_mut(&reverse).unwrap()["properties"]["peeringState"] = json!("Disconnected");
    let plan = model.plan(&text, Mode::Apply);
    assert!(
        summary(&plan)[0].starts_with("Replace vnet_peering.p#reverse"),
        "{:#?}",
        summary(&plan)
    );
}

#[test]
fn a_renamed_block_keeps_its_objects() {
    let text = format!("{NETWORKS}{PEERING}");
    let mut model = Model::new();
    model.apply(&model.plan(&text, Mode::Apply));
    let objects = model.objects.clone();
    let renamed = text.replace("vnet_peering \"p\"", "vnet_peering \"q\"");
    let plan = model.plan(&renamed, Mode::Apply);
    assert_eq!(plan.tally().destroy, 0, "{:#?}", summary(&plan));
    model.apply(&plan);
    assert_eq!(model.objects, objects);
    assert_eq!(summary(&model.plan(&renamed, Mode::Apply)), Vec::<String>::new());
    model.apply(&model.plan(NETWORKS, Mode::Apply));
    assert_eq!(
        model.objects.len(),
        3,
        "what we created under the old name is deleted under the new one"
    );
}

#[test]
fn what_was_there_before_us_is_forgotten_and_stays() {
    let text = format!("{NETWORKS}{PEERING}");
    let mut model = Model::new();
    model.apply(&model.plan(&text, Mode::Apply));
    model.prior.clear();
    let plan = model.plan(&text, Mode::Apply);
    assert_eq!(plan.tally().adopt, 2);
    model.apply(&plan);
    let objects = model.objects.clone();
    let plan = model.plan(NETWORKS, Mode::Apply);
    assert_eq!(plan.tally().forget, 2);
    model.apply(&plan);
    assert_eq!(model.objects, objects);
}

#[test]
fn tags_of_others_survive_an_update() {
    let zone =
        |team: &str| format!("dns_zone \"z\" {{\n  name = \"x.example.org\"\n  tags = {{ team = \"{team}\" }}\n}}\n");
    let mut model = Model::new();
    model.apply(&model.plan(&zone("db"), Mode::Apply));
    let id = id("Microsoft.Network/privateDnsZones/x.example.org");
    model.objects.get_mut(&id).unwrap()["tags"]["cost"] = json!("42");
    assert_eq!(summary(&model.plan(&zone("db"), Mode::Apply)), Vec::<String>::new());
    model.apply(&model.plan(&zone("data"), Mode::Apply));
    assert_eq!(
        model.objects[&id]["tags"],
        json!({ "team": "data", "cost": "42", "pgferry-unit": "dns_zone.z" })
    );
}

#[test]
fn a_fingerprint_is_of_the_actions_only() {
    let text = format!("{NETWORKS}{PEERING}");
    let model = Model::new();
    let plan = model.plan(&text, Mode::Apply);
    assert_eq!(
        plan.fingerprint(),
        model.plan(&text, Mode::Apply).fingerprint(),
        "the same plan, the same fingerprint"
    );
    let reordered = format!("{PEERING}{NETWORKS}");
    assert_eq!(
        plan.fingerprint(),
        model.plan(&reordered, Mode::Apply).fingerprint(),
        "order of blocks does not count"
    );
}

#[test]
fn a_plan_survives_being_stored() {
    let text = format!("{NETWORKS}{PEERING}{LINK}{BATCH}");
    let plan = Model::new().plan(&text, Mode::Apply);
    let stored = serde_json::to_string(&plan).unwrap();
    let read: Plan = serde_json::from_str(&stored).unwrap();
    assert_eq!(read, plan);
    assert_eq!(serde_json::to_string(&read).unwrap(), stored);
}

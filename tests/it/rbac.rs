//! The roles that `rbac` prints, held against what the simulator was really asked.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::support::backend::{database_block, script};
use crate::support::{Answer, Ferry};

/// The action that Azure asks for a request (contract 9), and the object or collection it is about.
fn action(request: &str) -> Option<(String, String)> {
    let (method, url) = request.split_once(' ')?;
    let path = url.split('?').next()?;
    let (_, tail) = path.rsplit_once("/providers/")?;
    let mut words: Vec<&str> = tail.split('/').filter(|word| !word.is_empty()).collect();
    let verb = match method {
        "GET" | "HEAD" => "read".to_owned(),
        "PUT" | "PATCH" => "write".to_owned(),
        "DELETE" => "delete".to_owned(),
        _ => format!("{}/action", words.pop()?),
    };
    let types = words.iter().skip(1).step_by(2);
    let types: Vec<&str> = types.copied().collect();
    let named = format!("{}/{}/{verb}", words.first()?, types.join("/"));
    Some((named.to_lowercase(), path.to_lowercase()))
}

/// What a role lets its holder do, and where.
struct Role {
    actions: BTreeSet<String>,
    scopes: Vec<String>,
}

fn role(ferry: &Ferry, arguments: &[&str]) -> Role {
    let told: Json = serde_json::from_str(&ferry.run(arguments).expect(0).out).unwrap();
    let texts = |key: &str| -> Vec<String> {
        let values = told[key].as_array().unwrap().iter();
        values.map(|value| value.as_str().unwrap().to_lowercase()).collect()
    };
    assert_eq!(told["IsCustom"], true);
    assert!(told["DataActions"].as_array().unwrap().is_empty());
    Role {
        actions: texts("Actions").into_iter().collect(),
        scopes: texts("AssignableScopes"),
    }
}

impl Role {
    /// Every request is allowed; answers the actions that they took.
    fn covers(&self, requests: &[String]) -> BTreeSet<String> {
        let mut used = BTreeSet::new();
        for request in requests {
            let Some((action, path)) = action(request) else {
                continue;
            };
            assert!(self.actions.contains(&action), "{request} takes {action}");
            let followed = path.contains("/locations/");
            let within = self.scopes.iter().any(|scope| path.starts_with(&format!("{scope}/")));
            assert!(followed || within, "{request} is outside of {:?}", self.scopes);
            used.insert(action);
        }
        used
    }
}

#[test]
fn the_roles_of_the_quickstart_allow_what_it_does_and_nothing_else() {
    let ferry = Ferry::example("quickstart");
    // Without a look nothing is started, and the subscription stands for what only Azure knows.
    let blind = role(&ferry, &["rbac", "--role", "plan"]);
    assert!(!ferry.path(".pgferry").exists());
    assert_eq!(blind.scopes, ["/subscriptions/00000000-0000-4000-8000-000000000001"]);

    let plan = role(&ferry, &["rbac", "--role", "plan", "--look"]);
    let apply = role(&ferry, &["rbac", "--role", "apply", "--look"]);
    assert_eq!(plan.actions, blind.actions);
    assert!(
        plan.scopes.iter().all(|scope| scope.contains("/resourcegroups/")),
        "{:?}",
        plan.scopes
    );
    assert!(
        plan.actions.iter().all(|action| action.ends_with("/read")),
        "{:?}",
        plan.actions
    );

    let before = ferry.requests().len();
    let _ = ferry.run(&["plan"]).expect(0);
    let requests = ferry.requests();
    let planned = plan.covers(&requests[before..]);
    assert_eq!(planned, plan.actions, "each is taken by a plan");

    let before = requests.len();
    let _ = ferry.apply();
    let _ = ferry.run(&["destroy", "--auto-approve"]).expect(0);
    let requests = ferry.requests();
    let used = apply.covers(&requests[before..]);
    // Zones may answer with `Location` alone, which the simulator's do not; for the others Azure asks in silence, where a body
    // names a network.
    let named = [
        "microsoft.network/privatednsoperationresults/read",
        "microsoft.network/virtualnetworks/join/action",
        "microsoft.network/virtualnetworks/peer/action",
    ];
    let unused: Vec<&String> = apply.actions.difference(&used).collect();
    assert_eq!(unused, named);
}

#[test]
fn a_configuration_without_a_kind_needs_nothing_of_it() {
    let ferry = Ferry::of(
        "azure {\n  cloud = \"simulator\"\n  world = \"world.json\"\n  subscription_id = \"00000000-0000-4000-8000-000000000001\"\n  \
         resource_group = \"rg-data\"\n}\n\
         dns_zone \"a\" {\n  name = \"privatelink.postgres.database.azure.com\"\n}\n",
    );
    let apply = role(&ferry, &["rbac", "--role", "apply", "--name", "zones"]);
    assert!(
        apply.actions.iter().all(|action| action.contains("/privatedns")),
        "{:?}",
        apply.actions
    );
    let told = ferry.run(&["rbac"]).expect(0).out;
    assert!(told.contains("dns_zone.a") && !told.contains("grants.sql"), "{told}");
    let sql = ferry.run(&["rbac", "--sql"]).expect(0);
    assert_eq!(sql.out, "");
}

#[test]
fn who_plans_opens_a_state_in_a_database_and_cannot_write_it() {
    let mut ferry = Ferry::example("quickstart");
    let block = database_block("least", &mut ferry);
    let block = block.replace("\"postgres\"\n    password", "var.state_user\n    password");
    let block = block.replace("    name ", "    schema   = \"least\"\n    name ");
    ferry.write("state.hcl", &format!("variable \"state_user\" {{}}\n{block}"));
    let (applies, plans) = (("least_apply", "one"), ("least_apply_plan", "another"));
    for (role, password) in [applies, plans] {
        script(None, &format!("CREATE ROLE {role} LOGIN PASSWORD '{password}'"));
    }
    let as_role = |(role, password): (&str, &str), arguments: &[&str]| -> Answer {
        let mut all = vec!["--var".to_owned(), format!("state_user={role}")];
        all.extend(["--var".to_owned(), format!("state_password={password}")]);
        all.extend(arguments.iter().map(|&word| word.to_owned()));
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        ferry.run(&all)
    };

    let told: Json = serde_json::from_str(&as_role(applies, &["rbac", "--json"]).expect(0).out).unwrap();
    let state = &told["state"];
    assert_eq!(
        (&state["roles"]["apply"], &state["roles"]["plan"]),
        (&applies.0.into(), &plans.0.into())
    );
    let statements = |key: &str| -> Vec<&str> {
        let all = state[key].as_array().unwrap().iter();
        all.map(|statement| statement.as_str().unwrap()).collect()
    };
    let text = as_role(applies, &["rbac"]).expect(0).out;
    for (key, role) in [("by_administrator", None), ("by_apply", Some(applies))] {
        for sql in statements(key) {
            assert!(text.contains(sql), "{sql}: {text}");
            script(role, sql);
        }
    }

    // Before there is a state, and once there is one.
    let _ = as_role(plans, &["plan", "--detailed-exitcode"]).expect(2);
    let refused = as_role(plans, &["apply", "--auto-approve"]).expect(1);
    assert!(refused.err.contains("permission denied"), "{}", refused.err);
    let _ = as_role(applies, &["apply", "--auto-approve"]).expect(0);
    for reading in [
        &["plan", "--detailed-exitcode"][..],
        &["drift"],
        &["status"],
        &["history"],
    ] {
        let _ = as_role(plans, reading).expect(0);
    }
    for writing in [
        &["destroy", "--auto-approve"][..],
        &["state", "rm", "--auto-approve", "dns_zone.endpoint"],
    ] {
        let refused = as_role(plans, writing).expect(1);
        assert!(
            refused.err.contains("permission denied"),
            "{writing:?}: {}",
            refused.err
        );
    }
    let _ = as_role(applies, &["plan", "--detailed-exitcode"]).expect(0);
}

//! Passwords that stay in a Key Vault: read at the moment of the call, and nowhere before or after.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::secrets::refuse;
use crate::support::{Ferry, PASSWORD, until};

const MAIN: &str = r#"
azure {
  cloud           = "simulator"
  world           = "world.json"
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg-shop"
  location        = "westeurope"
}

locals {
  passwords = {
    for name in ["migrator", "pgadmin"] : name => key_vault_secret("https://kv-shop.vault.azure.net/secrets/${name}")
  }
}

source "shop" {
  type     = "on_premises"
  host     = "203.0.113.10"
  username = "migrator"
  password = local.passwords.migrator
  ssl_mode = "require"
}

module "target" {
  source         = "./target"
  admin_password = local.passwords.pgadmin
}

database_batch "shop" {
  source    = source.shop
  target    = module.target.server
  databases = ["shop"]
  mode      = "offline"
}
"#;

const MODULE: &str = r#"
variable "admin_password" {
  type      = string
  sensitive = true
}

target "shop" {
  name           = "pg-shop"
  admin_username = "pgadmin"
  admin_password = var.admin_password
}

output "server" {
  value = target.shop
}
"#;

/// The example with a public source, its passwords in a vault and on their way through a local value and a module.
fn vaulted() -> Ferry {
    let ferry = Ferry::example("minimal");
    ferry.write("main.hcl", MAIN);
    std::fs::create_dir(ferry.path("target")).unwrap();
    ferry.write("target/main.hcl", MODULE);
    ferry.world(|world| {
        world["vaults"] = json!({ "kv-shop": { "migrator": PASSWORD, "pgadmin": format!("{PASSWORD}2") } });
        world["sources"][0]["users"] = json!({ "migrator": { "password": PASSWORD } });
    });
    ferry
}

/// Somebody changes what the vault holds: the simulator reads it when it starts.
fn change(ferry: &Ferry, name: &str, held: Json) {
    if ferry.path(".pgferry/simulator.json").exists() {
        let _ = ferry.control(reqwest::Method::POST, "shutdown", None);
        until("the simulator ends", || !ferry.path(".pgferry/simulator.json").exists());
    }
    ferry.world(|world| world["vaults"]["kv-shop"][name] = held);
}

/// How often secrets were read since the simulator started.
fn reads(ferry: &Ferry) -> usize {
    let requests = ferry.requests();
    requests.iter().filter(|request| request.contains("/secrets/")).count()
}

fn migrations(ferry: &Ferry) -> usize {
    ferry.created().len()
}

#[test]
fn a_secret_of_a_vault_goes_to_azure_and_is_seen_nowhere() {
    let ferry = vaulted();
    let _valid = ferry.run(&["validate"]).expect(0);
    let plan = ferry
        .run_with("PGFERRY_LOG", "trace", &["plan", "--out", "kept.plan"])
        .expect(0);
    for id in ["migrator", "pgadmin"] {
        let id = format!("\"https://kv-shop.vault.azure.net/secrets/{id}\"");
        assert!(
            plan.out.contains(&id),
            "a reviewer sees where it comes from:\n{}",
            plan.out
        );
    }
    let shown = ferry.run(&["show", "kept.plan", "--json"]).expect(0);
    assert!(
        shown.out.contains("https://kv-shop.vault.azure.net/secrets/migrator"),
        "{}",
        shown.out
    );
    assert_eq!(reads(&ferry), 0, "a plan reads no secret");
    let apply = ferry
        .run_with("PGFERRY_LOG", "trace", &["apply", "--auto-approve"])
        .expect(0);
    assert!(
        apply.err.contains("/secrets/migrator"),
        "the log at trace level shows that it is read:\n{}",
        apply.err
    );
    // The source takes that password and no other.
    assert_eq!((migrations(&ferry), reads(&ferry)), (1, 2));
    for answer in [plan, shown, apply] {
        refuse("an output", answer.all().as_bytes());
    }
    for command in [
        &["show"][..],
        &["status"],
        &["history"],
        &["simulator", "world"],
        &["report"],
    ] {
        refuse(command[0], ferry.run(command).all().as_bytes());
    }
    let log = ferry.control(reqwest::Method::GET, "requests", None).to_string();
    refuse("the request log", log.as_bytes());
    for (path, bytes) in ferry.files() {
        // The seed is where the vault of the simulated cloud has it from.
        if path != Path::new(&ferry.path("world.json")) {
            refuse(&path.display().to_string(), &bytes);
        }
    }
    change(&ferry, "migrator", json!("another one"));
    ferry.expect_no_changes();
    let again = ferry.run(&["apply", "--auto-approve"]).expect(0);
    assert!(again.out.contains("No changes"), "{}", again.out);
    assert_eq!(reads(&ferry), 0, "what is done needs no password");
}

#[test]
fn a_kept_plan_reads_the_secret_when_it_is_applied() {
    let ferry = vaulted();
    change(&ferry, "migrator", json!("the one before"));
    let _planned = ferry.run(&["plan", "--out", "kept.plan"]).expect(0);
    change(&ferry, "migrator", json!(PASSWORD));
    let _applied = ferry.run(&["apply", "kept.plan"]).expect(0);
    assert_eq!(migrations(&ferry), 1);
}

#[test]
fn another_secret_is_another_plan() {
    let ferry = vaulted();
    let fingerprint = |ferry: &Ferry| {
        let plan = ferry.run(&["plan"]).expect(0);
        let line = plan
            .out
            .lines()
            .find(|line| line.starts_with("Fingerprint: "))
            .unwrap()
            .to_owned();
        line.replace("Fingerprint: ", "")
    };
    let approved = fingerprint(&ferry);
    change(&ferry, "migrator", json!("rotated"));
    assert_eq!(
        fingerprint(&ferry),
        approved,
        "a new text of the same secret changes nothing"
    );
    ferry.edit("secrets/${name}", "secrets/${name}-2");
    assert_ne!(fingerprint(&ferry), approved);
}

#[test]
fn what_the_vault_does_not_give_is_told_and_nothing_is_changed() {
    let ferry = vaulted();
    for (held, told) in [
        (
            json!({ "value": "x", "denied": true }),
            ["HTTP status 403", "Key Vault Secrets User"],
        ),
        (
            json!({ "value": "x", "enabled": false }),
            ["disabled secret", "--enabled true"],
        ),
        (
            Json::Null,
            ["SecretNotFound", "az keyvault secret list --vault-name kv-shop"],
        ),
    ] {
        match held {
            Json::Null => change_all(&ferry, json!({ "pgadmin": "x" })),
            held => change(&ferry, "migrator", held),
        }
        let failed = ferry.run(&["apply", "--auto-approve"]).expect(1).all();
        let flat = failed.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in told {
            assert!(flat.contains(words), "{words}:\n{failed}");
        }
        assert!(
            flat.contains("cannot read the secret `migrator` of the vault `kv-shop`"),
            "{failed}"
        );
        assert_eq!(ferry.writes(), Vec::<String>::new(), "{failed}");
    }
    change(&ferry, "migrator", json!(PASSWORD));
    ferry.wake_simulator();
    let fault = |status: u16| json!({ "path": "/secrets/*", "fault": { "kind": "status", "status": status, "code": "X", "retry_after": 1 } });
    let _armed = ferry.control(reqwest::Method::POST, "faults", Some(json!([fault(429), fault(503)])));
    let _applied = ferry.run(&["apply", "--auto-approve"]).expect(0);
    assert_eq!(migrations(&ferry), 1, "what passes is waited for");
}

fn change_all(ferry: &Ferry, held: Json) {
    change(ferry, "pgadmin", json!("x"));
    ferry.world(|world| world["vaults"]["kv-shop"] = held);
}

/// Another job, which has no variables, finishes what was approved.
#[test]
fn a_wait_elsewhere_reads_what_it_still_has_to_send() {
    let ferry = Ferry::example("quickstart");
    let secret = |name: &str| format!("key_vault_secret(\"https://kv-erp.vault.azure.net/secrets/{name}\")");
    ferry.edit(
        "password = var.erp_password",
        &format!("password = {}", secret("migrator")),
    );
    ferry.edit(
        "admin_password = var.target_password",
        &format!("admin_password = {}", secret("pgadmin")),
    );
    ferry.world(|world| world["vaults"] = json!({ "kv-erp": { "migrator": PASSWORD, "pgadmin": PASSWORD } }));
    let _submitted = ferry.run(&["apply", "--auto-approve", "--wait", "none"]).expect(3);
    let before = reads(&ferry);
    let _finished = ferry.run(&["wait"]).expect(0);
    assert_eq!((before, reads(&ferry)), (2, 6), "two for each of three migrations");
}

/// Whoever signs in to the servers needs it, too.
#[test]
fn preflight_reads_it_right_before_it_dials() {
    let ferry = vaulted();
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    ferry.edit(
        "ssl_mode = \"require\"\n",
        &format!("ssl_mode = \"require\"\n\n  connect {{\n    host = \"127.0.0.1\"\n    port = {closed}\n  }}\n"),
    );
    let looked = ferry.run(&["preflight", "source.shop"]).expect(7);
    assert!(looked.out.contains("PF040"), "{}", looked.all());
    assert_eq!(reads(&ferry), 1);
    refuse("preflight", looked.all().as_bytes());
    change(&ferry, "migrator", json!({ "value": "x", "denied": true }));
    let refused = ferry.run(&["preflight", "source.shop"]).expect(1);
    assert!(
        refused.err.contains("cannot read the secret `migrator`"),
        "{}",
        refused.all()
    );
}

#[test]
fn rbac_names_the_role_that_reads_it() {
    let ferry = vaulted();
    let told = ferry.run(&["rbac"]).expect(0).out;
    let flat = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("Key Vault Secrets User, for apply, at the secret for source.shop.password:"),
        "{told}"
    );
    assert!(
        told.contains("/providers/Microsoft.KeyVault/vaults/kv-shop/secrets/pgadmin"),
        "{told}"
    );
    let told: Json = serde_json::from_str(&ferry.run(&["rbac", "--json"]).expect(0).out).unwrap();
    assert_eq!(
        told["vault_secrets"][1],
        json!({
            "id": "https://kv-shop.vault.azure.net/secrets/pgadmin",
            "role": "Key Vault Secrets User",
            "named_by": ["module.target.target.shop.admin_password"],
        })
    );
}

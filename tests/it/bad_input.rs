//! Bad input: one clear error with its place and a way out, the right exit code, nothing changed, no panic.

use serde_json::json;

use crate::support::{Answer, Ferry};

fn clear(answer: &Answer, code: i32, parts: &[&str]) {
    let said = answer.all();
    assert_eq!(answer.code, code, "{said}");
    for part in parts {
        assert!(said.contains(part), "`{part}` is missing:\n{said}");
    }
    for word in ["panicked", "RUST_BACKTRACE", "unwrap", "src/"] {
        assert!(!said.contains(word), "`{word}` is shown:\n{said}");
    }
}

/// Edits the quickstart, plans, and expects the parts in what is said.
fn edited(before: &str, after: &str, code: i32, parts: &[&str]) {
    let ferry = Ferry::example("quickstart");
    ferry.edit(before, after);
    clear(&ferry.run(&["plan"]), code, parts);
    let applied = ferry.run(&["apply", "--auto-approve"]);
    clear(&applied, code, parts);
    if ferry.path(".pgferry/simulator.json").exists() {
        assert_eq!(ferry.writes(), Vec::<String>::new(), "nothing is changed");
    }
}

#[test]
fn directories() {
    let ferry = Ferry::example("quickstart");
    clear(&ferry.run(&["-C", "nowhere", "plan"]), 1, &["nowhere"]);
    std::fs::create_dir(ferry.path("empty")).unwrap();
    clear(&ferry.run(&["-C", "empty", "plan"]), 1, &[".hcl", "-C DIR"]);
    clear(&ferry.run(&["-C", "empty", "simulator", "reset"]), 1, &[".hcl"]);
    assert!(
        !ferry.path("empty/.pgferry").exists(),
        "nothing is made where no project is"
    );
}

#[test]
fn what_fails_is_told_to_programs_as_what_is_wrong_with_a_configuration_is() {
    let ferry = Ferry::example("quickstart");
    std::fs::create_dir(ferry.path("empty")).unwrap();
    let told = |arguments: &[&str], code: i32, part: &str| {
        let answer = ferry.run(arguments).expect(code);
        let document: serde_json::Value = serde_json::from_str(&answer.out).expect(&answer.out);
        assert_eq!(document["format_version"], "1.0", "{document}");
        assert_eq!(document["valid"], false, "{document}");
        let said = document["diagnostics"][0].to_string();
        assert!(said.contains(part), "`{part}` is missing: {said}");
        assert!(answer.err.contains("error"), "{}", answer.err);
    };
    for directory in ["empty", "nowhere"] {
        for command in ["plan", "status", "output", "history", "drift", "state list"] {
            let mut arguments = vec!["-C", directory];
            arguments.extend(command.split(' '));
            arguments.push("--json");
            told(&arguments, 1, directory);
        }
    }
    told(&["explain", "--json", "X999"], 1, "X999");
    let fault = json!({ "path": "*/virtualNetworks*", "count": 0, "fault": { "kind": "status", "status": 403, "code": "AuthorizationFailed" } });
    ferry.world(|world| world["faults"] = json!([fault]));
    let plan = ferry.run(&["plan", "--json"]);
    assert!(
        serde_json::from_str::<serde_json::Value>(&plan.out).is_ok(),
        "{}",
        plan.all()
    );
    let fault = json!({ "path": "*", "count": 0, "fault": { "kind": "status", "status": 400, "code": "Nonsense" } });
    ferry.world(|world| world["faults"] = json!([fault]));
    let _ = ferry.run(&["simulator", "reset"]);
    told(&["plan", "--json"], 1, "Nonsense");
    // What is written to a file is told there.
    let _ = ferry.run(&["-C", "empty", "plan", "--json=told.json"]).expect(1);
    let told = std::fs::read_to_string(ferry.path("empty/told.json")).unwrap();
    assert!(told.contains("\"valid\": false"), "{told}");
}

#[test]
fn what_terraform_has_and_pgferry_has_not_comes_with_a_way_out() {
    let ferry = Ferry::example("quickstart");
    for (arguments, part) in [
        (&["workspace", "list"][..], "-C"),
        (&["providers"], "pgferry kinds"),
        (&["test"], "`check` blocks"),
        (&["cancel", "database_batch.wave1#1", "--auto-approve"], "--accept-loss"),
        (&["cancel", "database_batch.wave1#1", "-auto-approve"], "--accept-loss"),
    ] {
        let said = ferry.run(arguments).expect(1).all();
        assert!(said.contains("hint:") && said.contains(part), "{said}");
        assert!(!said.contains("-- --auto-approve"), "{said}");
    }
}

#[test]
fn syntax_and_names() {
    edited(
        "mode           = \"online\"",
        "mode           = = \"online\"",
        1,
        &["main.hcl:"],
    );
    edited(
        "ssl_mode = \"require\"",
        "ssl_mdoe = \"require\"",
        1,
        &["unknown argument", "did you mean `ssl_mode`?", "main.hcl:"],
    );
    edited(
        "ssl_mode = \"require\"",
        "ssl_mode = [\"require\"]",
        1,
        &["wrong type", "expected a text"],
    );
    edited(
        "network.onprem_hub\n  to",
        "network.onprem_hubb\n  to",
        1,
        &["onprem_hub"],
    );
    edited("ssl_mode = \"require\"", "ssl_mode = \"requiered\"", 1, &["`require`"]);
}

#[test]
fn a_cycle_names_its_members() {
    let ferry = Ferry::example("quickstart");
    ferry.edit(
        "name = \"privatelink.postgres.database.azure.com\"",
        "name = \"privatelink.postgres.database.azure.com\"\n  depends_on = [dns_link.endpoint]",
    );
    clear(
        &ferry.run(&["validate"]),
        1,
        &["dns_zone.endpoint", "dns_link.endpoint", "→"],
    );
}

#[test]
fn batches() {
    edited(
        "mode           = \"online\"",
        "mode           = \"online\"\n  max_per_migration = 9",
        1,
        &["unproven_limit", "main.hcl:"],
    );
    let batch = "database_batch \"wave2\" {\n  source = source.erp\n  target = target.erp\n  runtime_server = runtime_server.shared\n  databases = [\"hrdb\"]\n}\n\noutput \"databases\"";
    edited("output \"databases\"", batch, 1, &["database claimed twice", "`hrdb`"]);
    let twice = batch.replace("wave2", "wave1");
    edited("output \"databases\"", &twice, 1, &["database_batch", "wave1"]);
}

#[test]
fn servers_and_networks() {
    edited(
        "name           = \"pg-erp-prod\"",
        "name           = \"pg-gone\"",
        1,
        &["does not exist", "pg-gone", "main.hcl:"],
    );
    let ferry = Ferry::example("quickstart");
    ferry.world(|world| {
        for object in world["objects"].as_array_mut().unwrap() {
            if object["name"] == "vnet-target" {
                object["properties"]["addressSpace"]["addressPrefixes"] = json!(["10.0.128.0/17"]);
                object["properties"]["subnets"] = json!([]);
            }
        }
    });
    clear(&ferry.run(&["plan"]), 7, &["overlap", "vnet-hub", "vnet-target"]);
    clear(&ferry.run(&["apply", "--auto-approve"]), 7, &["overlap"]);
    assert_eq!(ferry.writes(), Vec::<String>::new());
}

#[test]
fn worlds() {
    let ferry = Ferry::example("quickstart");
    ferry.write("world.json", "{ \"nope\": 1 }");
    let said = ferry.run(&["plan"]);
    clear(&said, 1, &["cannot use the world file", "`nope`"]);
    assert_eq!(said.all().matches("error:").count(), 1, "{}", said.all());
}

#[test]
fn spelling_of_terraform() {
    let ferry = Ferry::example("quickstart");
    clear(&ferry.run(&["init"]), 0, &["`pgferry plan` is the first command"]);
    clear(&ferry.run(&["get"]), 1, &["`pgferry plan` is the first command"]);
    clear(&ferry.run(&["plan", "-out=x"]), 0, &["apply x"]);
    assert!(ferry.path("x").exists());
    let taken = ferry.run(&[
        "plan",
        "-lock=false",
        "-lock-timeout=5s",
        "-parallelism=5",
        "-compact-warnings",
    ]);
    clear(&taken, 0, &["note: --lock=false is taken"]);
    let destroy = ferry.run(&["destory"]);
    clear(&destroy, 1, &["destory"]);
    assert!(!destroy.all().contains("'destroy'"), "{}", destroy.all());
    clear(&ferry.run(&["-C", ".", "help", "plan"]), 0, &["Usage: pgferry plan"]);
}

#[test]
fn passwords() {
    edited(
        "password = var.erp_password",
        "password = \"hunter2\"",
        1,
        &["password in the configuration", "main.hcl:"],
    );
    let ferry = Ferry::example("quickstart");
    ferry.edit("password = var.erp_password", "password = \"hunter2\"");
    for command in [
        &["plan"][..],
        &["plan", "--json"],
        &["validate"],
        &["validate", "--json"],
        &["apply", "--auto-approve"],
    ] {
        let said = ferry.run(command).all();
        assert!(said.contains("C044") && !said.contains("Plan:"), "{said}");
        assert!(!said.contains("hunter2"), "{command:?} repeats the password:\n{said}");
    }
}

#[test]
fn refusals_of_azure() {
    let refuse = |status: u16, code: &str, path: &str| {
        let ferry = Ferry::example("quickstart");
        let fault = json!({ "path": path, "count": 0, "fault": { "kind": "status", "status": status, "code": code } });
        ferry.world(|world| world["faults"] = json!([fault]));
        ferry
    };
    let forbidden = refuse(403, "AuthorizationFailed", "*/flexibleServers/*");
    clear(&forbidden.run(&["plan"]), 1, &["AuthorizationFailed"]);
    let token = refuse(401, "InvalidAuthenticationToken", "*/virtualNetworks*");
    clear(&token.run(&["plan"]), 1, &["InvalidAuthenticationToken"]);
}

#[test]
fn states() {
    let ferry = Ferry::example("quickstart");
    let _ = ferry.apply();
    ferry.edit(
        "00000000-0000-4000-8000-000000000001",
        "00000000-0000-4000-8000-000000000002",
    );
    for command in [
        &["plan"][..],
        &["apply", "--auto-approve"],
        &["destroy", "--auto-approve"],
        &["cutover", "database_batch.wave1#1"],
        &["wait"],
        &["status"],
        &["output"],
        &["output", "--json", "target_host"],
        &["show"],
        &["history"],
        &["state", "list"],
    ] {
        let said = ferry.run(command);
        clear(&said, 1, &["another", "00000000-0000-4000-8000-000000000001"]);
        match command.contains(&"--json") {
            true => assert!(
                said.out.contains("\"valid\": false") && !said.out.contains("pg-erp"),
                "{}",
                said.out
            ),
            false => assert_eq!(said.out, "", "{command:?} tells of another subscription"),
        }
    }
}

#[test]
fn a_damaged_state_is_told_before_anybody_is_asked() {
    let ferry = Ferry::example("quickstart");
    let _ = ferry.apply();
    ferry.append("dns_zone \"more\" {\n  name = \"more.example.net\"\n}\n");
    let database = ferry.path(".pgferry/simulator/state/sled");
    for entry in std::fs::read_dir(database).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let length = std::fs::metadata(&path).unwrap().len();
            std::fs::write(&path, vec![0x5A; usize::try_from(length).unwrap()]).unwrap();
        }
    }
    let said = ferry.run(&["apply", "--auto-approve"]).expect(1).all();
    assert!(!said.contains("will do the following"), "{said}");
    assert!(said.contains("error"), "{said}");
    // The way out that is told leads out.
    let words: Vec<&str> = said.split_whitespace().collect();
    assert!(
        words
            .join(" ")
            .contains("move the directory away, and `pgferry state push FILE` puts that file back"),
        "{said}"
    );
    let state = ferry.path(".pgferry/simulator/state");
    std::fs::rename(&state, ferry.path("damaged")).unwrap();
    let _ = ferry.run(&["state", "rebuild", "--auto-approve"]).expect(0);
    let said = ferry.run(&["plan"]).all();
    assert!(said.contains("Plan: 1 to add, 0 to change, 0 to destroy."), "{said}");
}

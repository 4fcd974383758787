//! The same configuration as JSON.

use super::*;

#[test]
fn json_says_the_same_as_the_native_syntax() {
    let native = r#"
variable "names" {
  type    = list(string)
  default = ["a", "b"]
  validation {
    condition     = length(var.names) > 0
    error_message = "No ${"name"}."
  }
}
locals { hub = "vnet-${upper("x")}" }
network "hub" { name = local.hub }
source "erp" {
  for_each   = toset(var.names)
  host       = "${each.key}.example"
  port       = 5432
  network    = network.hub
  options    = { "k-${each.key}" = [true, null] }
  depends_on = [network.hub]
  lifecycle { ignore_changes = [host] }
  timeouts { create = "1h" }
}
database_batch "b" {
  cutover { policy = "manual" }
  dynamic "cutover" {
    for_each = [1]
    content { policy = "x${cutover.value}" }
  }
}
module "m" {
  source = "./m"
  name   = "it\n${local.hub}"
}
output "x" { value = [for erp in source.erp : erp.host] }
"#;
    let json = r#"{
  "//": "a comment",
  "variable": {
    "names": {
      "type": "list(string)",
      "default": ["a", "b"],
      "validation": { "condition": "${length(var.names) > 0}", "error_message": "No ${\"name\"}." }
    }
  },
  "locals": [{ "hub": "vnet-${upper(\"x\")}" }],
  "network": [{ "hub": { "//": "another", "name": "${local.hub}" } }],
  "source": {
    "erp": {
      "for_each": "${toset(var.names)}",
      "host": "${each.key}.example",
      "port": 5432,
      "network": "${network.hub}",
      "options": { "k-${each.key}": [true, null] },
      "depends_on": ["network.hub"],
      "lifecycle": { "ignore_changes": ["host"] },
      "timeouts": { "create": "1h" }
    }
  },
  "database_batch": {
    "b": {
      "cutover": [{ "policy": "manual" }],
      "dynamic": { "cutover": { "for_each": [1], "content": { "policy": "x${cutover.value}" } } }
    }
  },
  "module": { "m": { "source": "./m", "name": "it\n${local.hub}" } },
  "output": { "x": { "value": "${[for erp in source.erp : erp.host]}" } }
}"#;
    let module = (
        "m/main.hcl",
        "variable \"name\" {}\nnetwork \"n\" { name = var.name }\n",
    );
    let shown = |name: &str, text: &str| {
        let (sources, folded) = run(&[(name, text), module], &supplied(&[]));
        let folded = folded.unwrap_or_else(|found| panic!("{}", rendered(&sources, found)));
        let mut shown = String::new();
        for block in &folded.blocks {
            writeln!(
                shown,
                "{} {:?}",
                block.address,
                block.meta.depends_on.first().map(|on| &on.0)
            )
            .unwrap();
            for (name, attribute) in &block.body.attributes {
                writeln!(shown, "  {name} = {:?} {:?}", attribute.value, attribute.literal).unwrap();
            }
            for nested in &block.body.blocks {
                writeln!(shown, "  {} {:?}", nested.name, nested.body.attributes["policy"].value).unwrap();
            }
            writeln!(shown, "  {:?}", block.meta.timeouts).unwrap();
        }
        writeln!(shown, "{:?}", folded.outputs[0].value).unwrap();
        shown
    };
    let ours = shown("main.hcl.json", json);
    assert_eq!(ours, shown("main.hcl", native));
    assert!(ours.contains("\"b.example\""), "{ours}");
}

#[test]
fn problems_in_json_have_places() {
    let said = |text: &str| {
        let (sources, folded) = run(&[("main.hcl.json", text)], &supplied(&[]));
        rendered(&sources, folded.unwrap_err())
    };
    insta::assert_snapshot!(said("{\n  \"locals\": { \"a\": \"x-${local.b + 1}\",\n \"b\": \"q\\n${nothing}\" }\n}"), @r#"
    C020 unknown reference @ 3:7 `"q\n${nothing}"`: nothing is named `nothing`
      hint: to write a text, put it in quotes: "nothing"
    "#);
    insta::assert_snapshot!(said("{\n  \"source\": { \"a\": { \"host\": 1, \"host\": 2 }, \"b\": 3 }, \"srouce\": { \"x\": {} }\n}"), @r#"
    C004 duplicate attribute @ 2:33 `"host"`: this attribute was given before in the same block
      2:22 `"host"`: first given here
    C001 invalid syntax @ 2:51 `3`: an object is required, which is the content of the block
    "#);
    insta::assert_snapshot!(said("{\n  \"locals\": { \"a\": \"${1 +\" }\n}"), @r"
    C001 invalid syntax @ 2:25 `+`: expected `}`
    ");
    insta::assert_snapshot!(said("{\n  \"locals\" { } }"), @r"
    C001 invalid syntax @ 2:12 `{`: `:` is expected
    ");
    insta::assert_snapshot!(said("[1]"), @r"
    C001 invalid syntax @ 1:2 `1`: an object is required, whose names are kinds of blocks
    ");
    insta::assert_snapshot!(said(&"[".repeat(100_000)), @r"
    C001 invalid syntax @ 1:258 `[`: it is nested too deeply
    ");
}

#[test]
fn comments_among_values_are_no_values() {
    let files = [
        ("main.hcl", "variable \"v\" {}\noutput \"x\" { value = var.v }\n"),
        ("pgferry.vars.hcl.json", r#"{ "//": "what it is for", "v": 1 }"#),
    ];
    let (sources, folded) = run(&files, &supplied(&[]));
    assert_eq!(rendered(&sources, folded.unwrap().warnings), "");
}

#[test]
fn values_of_variables_may_be_json() {
    let files = [
        ("main.hcl", "variable \"v\" {}\noutput \"x\" { value = var.v }\n"),
        ("a.auto.vars.hcl.json", "{ \"v\": { \"a\": [1, \"${b}\"] } }"),
    ];
    let (_, folded) = run(&files, &supplied(&[]));
    assert_eq!(
        format!("{:?}", folded.unwrap().outputs[0].value),
        "{\"a\": [1, \"${b}\"]}"
    );
}

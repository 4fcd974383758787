//! Configurations that are well formed, and what they evaluate to.

use super::*;
use crate::block::{Literal, Verdict};
use crate::lang::display::Displayed;
use crate::lang::value::Shape;

#[test]
fn the_example_of_the_design_folds() {
    let folded = folded(
        r#"
pgferry { required_version = ">= 0.1" }
azure { resource_group = "rg-data" }
variable "erp_password" { sensitive = true }
network "onprem_hub" { name = "vnet-hub" }
source "erp" {
  host     = "10.1.0.4"
  password = var.erp_password
  network  = network.onprem_hub
  port     = 5432
}
database_batch "wave1" {
  source    = source.erp
  databases = ["ticketdb", "timedb"]
  zone      = "${network.onprem_hub.id}/zones/${network.onprem_hub.guid}"
  cutover { policy = "manual" }
  lifecycle {
    prevent_destroy = true
    ignore_changes  = [tags]
  }
  timeouts { create = "1h30m" }
}
output "x" { value = source.erp.network.id }
"#,
    );
    let shown: Vec<_> = folded.blocks.iter().map(|block| block.address.to_string()).collect();
    assert_eq!(shown, ["network.onprem_hub", "source.erp", "database_batch.wave1"]);
    let batch = &folded.blocks[2];
    let references: Vec<_> = batch.meta.references.keys().map(ToString::to_string).collect();
    assert_eq!(references, ["network.onprem_hub", "source.erp"]);
    assert_eq!(batch.meta.timeouts.create.unwrap().as_secs(), 5400);
    assert_eq!(batch.meta.lifecycle.prevent_destroy, Some(true));
    assert_eq!(&*batch.body.blocks[0].name, "cutover");
    assert_eq!(format!("{:?}", folded.outputs[0].value), "\"/networks/vnet-hub\"");
    let password = &folded.blocks[1].body.attributes["password"].value;
    assert!(password.marks.sensitive && password.is_unknown());
}

/// Values that need a file around them, heredocs above all, against recorded answers of Terraform.
#[test]
fn heredocs_evaluate_as_in_terraform() {
    let recorded = include_str!("heredocs.txt");
    let mut different = String::new();
    let mut count = 0;
    for case in recorded.split("===== text\n").skip(1) {
        let (text, answer) = case.split_once("===== answer\n").unwrap();
        let file = format!(
            "locals {{\n  v = \"V\"\n  m = \"1\\n  2\"\n  x = {text}}}\noutput \"x\" {{\n  value = local.x\n}}\n"
        );
        let (_, folded) = run(&[("main.hcl", &file)], &supplied(&[]));
        let ours = match folded {
            Ok(folded) => format!("{}\n", Displayed(&folded.outputs[0].value)),
            Err(_) => "!\n".to_owned(),
        };
        if ours != answer {
            writeln!(different, "{text}terraform: {answer}pgferry: {ours}").unwrap();
        }
        count += 1;
    }
    assert!(count > 35);
    assert!(different.is_empty(), "{different}");
}

#[test]
fn instances_know_exactly_what_they_stand_on() {
    let folded = folded(
        r#"
locals {
  zones = { a = "x", b = "y", off = "z" }
  hub   = network.hub.id
}
network "hub" { name = "hub" }
network "spoke" {
  for_each = local.zones
  enabled  = each.key != "off"
  name     = "${each.key}-${each.value}"
}
source "s" {
  for_each = toset(["a", "b"])
  network  = network.spoke[each.key]
  hub      = local.hub
}
source "all" {
  names      = [for spoke in network.spoke : spoke.name]
  depends_on = [source.s["a"], network.hub]
}
output "x" { value = values(network.spoke)[*].name }
"#,
    );
    let named = |name: &str| {
        let block = folded
            .blocks
            .iter()
            .find(|block| block.address.to_string() == name)
            .unwrap();
        let references: Vec<_> = block.meta.references.keys().map(ToString::to_string).collect();
        let depends_on: Vec<_> = block
            .meta
            .depends_on
            .iter()
            .map(|(address, _)| address.to_string())
            .collect();
        (references.join(" "), depends_on.join(" "))
    };
    assert_eq!(folded.blocks.len(), 6);
    assert_eq!(named("source.s[\"a\"]").0, "network.hub network.spoke[\"a\"]");
    assert_eq!(named("source.all").0, "network.spoke[\"a\"] network.spoke[\"b\"]");
    assert_eq!(named("source.all").1, "source.s[\"a\"] network.hub");
    assert_eq!(format!("{:?}", folded.outputs[0].value), "[\"a-x\", \"b-y\"]");
}

#[test]
fn what_is_not_known_yet_can_be_written_down() {
    let folded = folded(
        r#"
variable "secret" {
  sensitive = true
}
locals { password = sensitive("p") }
network "n" { name = "x" }
source "s" {
  a = network.n.guid
  b = "${network.n.guid}"
  c = "/x/${network.n.guid}/y"
  d = upper(network.n.guid)
  e = "${local.password}${network.n.guid}"
  f = "${network.n.guid}${upper(network.n.guid)}"
  g = tostring(network.n.guid)
}
"#,
    );
    let residual = |name: &str| match &folded.blocks[1].body.attributes[name].value.shape {
        Shape::Unknown(unknown) => format!("{:?}", unknown.comes),
        shape => panic!("{name} is known: {}", matches!(shape, Shape::Text(_))),
    };
    let open = "Output { resource: network.n, attribute: \"guid\" }";
    assert_eq!(residual("a"), format!("Later({open})"));
    assert_eq!(residual("b"), format!("Later({open})"));
    assert_eq!(
        residual("c"),
        format!("Later(Template([Text(\"/x/\"), Open({open}), Text(\"/y\")]))")
    );
    assert_eq!(residual("g"), format!("Later({open})"));
    // A function came between, or a secret would be written down.
    for name in ["d", "e", "f"] {
        assert_eq!(residual(name), "Untold", "{name}");
    }
}

#[test]
fn blocks_that_are_written_by_others_are_blocks() {
    let folded = folded(
        r#"
database_batch "b" {
  dynamic "step" {
    for_each = { one = 1, two = 2 }
    content {
      name = step.key
      dynamic "part" {
        for_each = range(step.value)
        iterator = inner
        content { label = "${step.key}${inner.value}" }
      }
    }
  }
}
"#,
    );
    let steps = &folded.blocks[0].body.blocks;
    let labels: Vec<_> = steps
        .iter()
        .flat_map(|step| &step.body.blocks)
        .map(|part| part.body.attributes["label"].value.as_text().unwrap())
        .collect();
    assert_eq!(labels, ["one0", "two0", "two1"]);
}

#[test]
fn conditions_on_what_is_not_known_wait() {
    let folded = folded(
        r#"
network "n" {
  name = "x"
  lifecycle {
    precondition {
      condition     = 1 == 1
      error_message = "never"
    }
    postcondition {
      condition     = self.guid != self.name
      error_message = "The guid of ${self.name} is its name."
    }
  }
}
"#,
    );
    let conditions = &folded.blocks[0].meta.lifecycle.postconditions;
    assert_eq!(conditions.len(), 1);
    assert_eq!(conditions[0].verdict, Verdict::Unknown);
    assert_eq!(conditions[0].message, "The guid of x is its name.");
}

#[test]
fn whether_a_value_stands_in_the_configuration_is_told() {
    let text = r#"
locals {
  a     = "x"
  given = "${var.given}!"
}
variable "default" { default = "x" }
variable "given" { default = "x" }
variable "unset" { sensitive = true }
source "s" {
  literal  = "x"
  template = "${"x"}y"
  tuple    = ["x", 1 + 1]
  loop     = [for x in ["a"] : x]
  call     = sensitive(upper("x"))
  local    = local.a
  default  = "${var.default}${local.a}"
}
source "each" {
  for_each = { a = "x" }
  value    = each.value
  other    = source.s.literal
}
source "outside" {
  given = var.given
  local = local.given
  part  = "x${var.given}"
  unset = var.unset
  file  = try(file("password"), "x")
  other = source.outside_too.given
}
source "outside_too" {
  given = var.given
}
source "each_outside" {
  for_each = { a = var.given }
  value    = each.value
}
"#;
    let (sources, folded) = run(&[("main.hcl", text)], &supplied(&[("given", "y")]));
    let folded = folded.unwrap_or_else(|found| panic!("{}", rendered(&sources, found)));
    for block in &folded.blocks {
        let literal = match block.address.label().as_str() {
            "s" | "each" => Literal::Written,
            _ => Literal::Derived,
        };
        for (name, attribute) in &block.body.attributes {
            assert_eq!(attribute.literal, literal, "{}.{name}", block.address);
        }
    }
}

#[test]
fn settings_take_variables_and_locals() {
    let mut sources = Sources::from_texts([(
        "main.hcl",
        r#"
variable "env" { default = "prod" }
locals {
  tags  = { env = var.env, count = 2 }
  group = "rg-${local.tags.env}"
  later = network.n.id
}
pgferry {
  required_version = ">= 0.1"
  state "azure_blob" { container = local.group }
}
azure {
  resource_group = local.group
  tags           = local.tags
  location       = null
}
network "n" { name = 1 + "an error that is reported when its time comes" }
"#,
    )]);
    let configuration = parse(&mut sources).unwrap();
    let settings = settings(&configuration, &Inputs::none(&sources)).unwrap();
    assert_eq!(settings.azure.resource_group.unwrap().value, "rg-prod");
    assert_eq!(settings.azure.tags.unwrap().value["count"], "2");
    assert!(settings.azure.location.is_none());
    let state = settings.pgferry.state.unwrap();
    assert_eq!(state.backend.value, "azure_blob");
    assert_eq!(state.body.attributes["container"].value.as_text(), Some("rg-prod"));
}

#[test]
fn long_chains_need_no_stack() {
    let mut text = "locals {\n  a0 = 1\n}\n".to_owned();
    for at in 1..3000 {
        writeln!(text, "locals {{\n  a{at} = local.a{} + 1\n}}", at - 1).unwrap();
    }
    writeln!(text, "output \"x\" {{ value = local.a2999 }}").unwrap();
    assert_eq!(output(&text), "3000");
}

#[test]
fn line_endings_of_windows_are_line_endings() {
    assert_eq!(
        output("\u{feff}output \"x\" {\r\n  value = [\r\n    1, # one\r\n    2,\r\n  ]\r\n}\r\n"),
        "[1, 2]"
    );
}

/// As Terraform has it: the closing word stands alone on its line, and with more on the line it is text.
#[test]
fn a_heredoc_goes_on_over_a_line_that_only_begins_with_its_word() {
    let text =
        "locals {\n  a = <<EOT\none\nEOT, two\n  EOT) three ${1 + 1}\nEOT\n}\noutput \"x\" { value = local.a }\n";
    assert_eq!(output(text), r#""one\nEOT, two\n  EOT) three 2\n""#);
    let unclosed = found("locals {\n  a = [<<EOT\none\nEOT, 2]\n}\n");
    assert!(
        unclosed.contains("the closing word of this heredoc is missing"),
        "{unclosed}"
    );
}

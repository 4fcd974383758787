//! Configurations that are well formed, and what they evaluate to.

use super::*;
use crate::lang::display::Displayed;

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
    assert!(password.sensitive && password.is_unknown());
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

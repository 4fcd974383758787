//! Override files, whose values count in place of others.

use super::*;

const MAIN: &str = r#"
variable "name" { default = "main" }
locals {
  a = "main"
  b = "main"
}
network "n" {
  name = "main"
  tags = { a = "main" }
  subnet { name = "one" }
  subnet { name = "two" }
  lifecycle {
    ignore_changes  = [tags]
    prevent_destroy = true
  }
}
output "x" { value = "${var.name} ${local.a} ${local.b} ${network.n.id}" }
"#;

#[test]
fn arguments_and_blocks_take_the_place_of_those_with_their_name() {
    let first = r#"
variable "name" { default = "first" }
locals { a = "first" }
network "n" {
  name = "first"
  subnet { name = "three" }
  lifecycle { prevent_destroy = false }
}
"#;
    // Files count in the order of their names.
    let second = r#"{ "network": { "n": { "name": "second" } } }"#;
    let files = [
        ("a_override.hcl", first),
        ("main.hcl", MAIN),
        ("override.hcl.json", second),
    ];
    let (sources, folded) = run(&files, &supplied(&[]));
    let folded = folded.unwrap_or_else(|found| panic!("{}", rendered(&sources, found)));
    let output = folded.outputs.iter().find(|output| &*output.name == "x").unwrap();
    assert_eq!(output.value.as_text(), Some("first first main /networks/second"));
    let network = folded.blocks.first().unwrap();
    assert_eq!(network.body.blocks.len(), 1);
    assert!(network.body.attributes.contains_key("tags"));
    assert_eq!(network.meta.lifecycle.ignore_changes.len(), 1);
    assert_eq!(network.meta.lifecycle.prevent_destroy, Some(false));
}

#[test]
fn what_is_not_there_is_not_overridden() {
    let over = r#"
variable "nmae" { default = "a" }
locals { c = 1 }
network "n" { depends_on = [] }
network "m" {}
moved {
  from = network.a
  to   = network.n
}
"#;
    let main = "variable \"name\" { default = \"n\" }\nlocals { a = var.name }\nnetwork \"n\" { name = local.a }\n";
    let (sources, found) = all_found(&[("main.hcl", main), ("override.hcl", over)]);
    insta::assert_snapshot!(rendered(&sources, found), @r#"
    C015 nothing to override @ 2:1 `variable "nmae"`: no other file of this directory declares this
      hint: an override file only changes what others declare: rename the file, or declare it elsewhere
    C015 nothing to override @ 3:10 `c`: no other file of this directory declares this local value
      hint: an override file only changes what others declare: rename the file, or declare it elsewhere
    C015 argument that is not overridden @ 4:15 `depends_on`: `depends_on` is not overridden
      3:1 `network "n"`: write it here
    C015 nothing to override @ 5:1 `network "m"`: no other file of this directory declares this
      hint: an override file only changes what others declare: rename the file, or declare it elsewhere
    C015 nothing to override @ 6:1 `moved`: a `moved` block takes the place of no other
      hint: write it in a file whose name does not end with `override.hcl`
    "#);
}

//! `moved`, `removed`, `import` and `check`: what they say, and what is said where they contradict something.

use super::*;
use crate::block::Verdict;

#[test]
fn moves_are_told_as_seen_from_the_root() {
    let main = r#"
moved {
  from = network.a
  to   = network.b
}
moved {
  from = module.old["x"]
  to   = module.m["x"]
}
network "b" { name = "b" }
module "m" {
  for_each = toset(["x", "y"])
  source   = "./m"
}
"#;
    let module = r#"
moved {
  from = network.inner["k"]
  to   = network.outer
}
network "outer" { name = "o" }
"#;
    let (sources, folded) = run(&[("main.hcl", main), ("m/main.hcl", module)], &supplied(&[]));
    let folded = folded.unwrap_or_else(|found| panic!("{}", rendered(&sources, found)));
    let moves: Vec<_> = folded
        .moves
        .iter()
        .map(|moved| format!("{} to {}", moved.from, moved.to))
        .collect();
    assert_eq!(
        moves,
        [
            "network.a to network.b",
            "module.old[\"x\"] to module.m[\"x\"]",
            "module.m[\"x\"].network.inner[\"k\"] to module.m[\"x\"].network.outer",
            "module.m[\"y\"].network.inner[\"k\"] to module.m[\"y\"].network.outer",
        ]
    );
}

#[test]
fn moves_that_contradict_something_are_refused() {
    insta::assert_snapshot!(found(r#"
network "still" { name = "n" }
moved {
  from = network.still
  to   = network.x
}
moved {
  from = network.x
  to   = network.x
}
moved {
  from = network.y
  to   = source.y
}
moved {
  from = network.z
}
moved {
  from = "network.z"
  to   = network.z.name
}
"#), @r#"
    C061 invalid move @ 3:1 `moved`: network.still is still declared
      2:1 `network "still"`: declared here
      hint: rename the block itself too; `moved` says what it was called before
    C061 invalid move @ 7:1 `moved`: this moves network.x to itself
    C061 invalid move @ 11:1 `moved`: a `network` cannot become a `source`
    C011 missing argument @ 15:1 `moved`: `to` is missing
    C060 invalid address @ 19:10 `"network.z"`: the address of a resource or a module is required, without quotes
      hint: an address looks like `database_batch.wave1`, `source.erp["a"]` or `module.eu`
    C060 invalid address @ 20:19 `.name`: the whole resource is meant, not an attribute of it
      hint: an address looks like `database_batch.wave1`, `source.erp["a"]` or `module.eu`
    "#);
    insta::assert_snapshot!(found(r#"
moved {
  from = network.a
  to   = network.b
}
moved {
  from = network.b
  to   = network.a
}
moved {
  from = network.c
  to   = network.d
}
moved {
  from = network.c
  to   = network.e
}
moved {
  from = network.f
  to   = network.d
}
"#), @r"
    C061 invalid move @ 2:1 `moved`: these moves lead back to where they begin
      The way is network.a → network.b → network.a.
    C061 invalid move @ 6:1 `moved`: these moves lead back to where they begin
      The way is network.b → network.a → network.b.
    C061 invalid move @ 14:1 `moved`: network.c is moved to two names
      10:1 `moved`: here to network.d
    C061 invalid move @ 18:1 `moved`: two things are moved to network.d
      10:1 `moved`: here network.c
    ");
    insta::assert_snapshot!(found(r#"
network "still" { name = "n" }
moved {
  from = network.still
  to   = network.x
}
removed { from = network.still }
removed {
  from = network.gone["k"]
  lifecycle { destroy = "perhaps" }
}
"#), @r#"
    C061 invalid move @ 3:1 `moved`: network.still is still declared
      2:1 `network "still"`: declared here
      hint: rename the block itself too; `moved` says what it was called before
    C061 invalid removal @ 7:1 `removed`: network.still is still declared
      2:1 `network "still"`: declared here
      hint: take the block itself out too; `removed` says what becomes of what it made
    C061 invalid removal @ 8:1 `removed`: a `removed` block speaks of all instances, not of ["k"] alone
    C035 wrong type @ 10:25 `"perhaps"`: `true` or `false` is required
    "#);
}

#[test]
fn imports_are_evaluated_for_each_element() {
    let folded = folded(
        r#"
locals { ids = { a = "/x/a", b = "/x/b" } }
network "n" {
  for_each = local.ids
  name     = each.key
}
import {
  for_each = local.ids
  to       = network.n[each.key]
  id       = "${each.value}/id"
}
"#,
    );
    let imports: Vec<_> = folded
        .imports
        .iter()
        .map(|import| format!("{} {}", import.to, import.id))
        .collect();
    assert_eq!(imports, ["network.n[\"a\"] /x/a/id", "network.n[\"b\"] /x/b/id"]);
    insta::assert_snapshot!(found(r#"
network "n" { name = "n" }
import {
  to = network.m
  id = local.nothing
}
import {
  to = module.m
  id = "x"
}
import { to = network.n }
import {
  to = network.n
  id = network.n.guid
}
"#), @r"
    C062 invalid import @ 4:8 `network.m`: network.m is not declared
      hint: write the block that is to look after the object first
    C020 unknown reference @ 5:13 `.nothing`: there is no local value `nothing`
    C062 invalid import @ 8:8 `module.m`: a resource takes an object over, not a module
    C011 missing argument @ 11:1 `import`: `id` is missing
    C062 invalid import @ 14:8 `network.n.guid`: a known ARM id is required, this is a string that is not known yet
    ");
}

#[test]
fn checks_are_judged_and_stop_nothing() {
    let folded = folded(
        r#"
network "n" { name = "n" }
locals { list = [] }
check "names" {
  assert {
    condition     = network.n.name == "n"
    error_message = "never"
  }
  assert {
    condition     = network.n.name == "m"
    error_message = "It is called ${network.n.name}."
  }
  assert {
    condition     = network.n.guid == "m"
    error_message = "later"
  }
  assert {
    condition     = local.list[0] == 1
    error_message = "no first"
  }
}
"#,
    );
    let said: Vec<_> = folded
        .checks
        .iter()
        .map(|check| (check.verdict, check.message.as_str()))
        .collect();
    assert_eq!(said[0].0, Verdict::Holds);
    assert_eq!(said[1], (Verdict::Fails, "It is called n."));
    assert_eq!(said[2].0, Verdict::Unknown);
    assert_eq!(said[3].0, Verdict::Fails);
    assert!(said[3].1.starts_with("the condition has no answer: "), "{}", said[3].1);
    assert!(folded.checks.iter().all(|check| check.name == "check.names"));
    insta::assert_snapshot!(found(r#"
check "a" {}
check "b" {
  data "x" "y" {}
  assert { condition = nothing }
}
check "c" {
  assert {
    condition     = true
    error_message = "x"
    severity      = "y"
  }
}
"#), @r#"
    C011 missing block @ 2:1 `check "a"`: a check needs an `assert` block with a condition
    C010 unknown block @ 4:3 `data`: there are no data sources
      hint: a `network`, `target`, `runtime_server` or `security_group` only reads what exists; `pgferry kinds` lists all kinds
    C011 missing argument @ 5:3 `assert`: `error_message` is missing
    C020 unknown reference @ 5:24 `nothing`: nothing is named `nothing`
      hint: to write a text, put it in quotes: "nothing"
    C010 unknown argument @ 11:5 `severity`: `assert` has no argument of this name
      hint: there are `condition` and `error_message`
    "#);
}

//! Modules: what goes into them, what comes out, and what is said where they are called wrongly.

use super::*;

/// A module with everything: its input, a resource, a nested module and outputs.
const SERVER: &str = r#"
variable "host" { type = string }
variable "network" { default = null }
variable "tags" {
  type     = map(string)
  default  = { env = "test" }
  nullable = false
}
locals { name = "db-${var.host}" }
source "this" {
  host    = local.name
  network = var.network
  tags    = var.tags
}
module "inner" {
  source = "./inner"
  name   = source.this.host
}
output "host" { value = source.this.host }
output "inner" { value = module.inner.upper }
output "place" { value = path.module }
"#;

const INNER: &str = r#"
variable "name" {}
network "n" { name = upper(var.name) }
output "upper" { value = network.n.name }
output "guid" { value = network.n.guid }
"#;

fn folded_of(files: &[(&str, &str)]) -> Folded {
    let (sources, folded) = run(files, &supplied(&[]));
    folded.unwrap_or_else(|found| panic!("{}", rendered(&sources, found)))
}

fn addresses(folded: &Folded) -> Vec<String> {
    folded.blocks.iter().map(|block| block.address.to_string()).collect()
}

fn output_of(folded: &Folded, name: &str) -> String {
    let output = folded.outputs.iter().find(|output| &*output.name == name).unwrap();
    format!("{:?}", output.value)
}

/// Everything found in these files, with the file that each place lies in.
fn found_in(files: &[(&str, &str)]) -> String {
    let (sources, folded) = run(files, &supplied(&[]));
    let found = folded.map_or_else(|found| found, |folded| folded.warnings);
    let mut text = String::new();
    for found in found.sorted() {
        if let Some(mark) = &found.primary {
            write!(text, "{}: ", sources.locate(mark.span).unwrap().file).unwrap();
        }
        render(&sources, &found, &mut text).unwrap();
    }
    text
}

#[test]
fn a_module_takes_inputs_and_gives_outputs() {
    let folded = folded_of(&[
        (
            "main.hcl",
            r#"
network "hub" { name = "hub" }
module "erp" {
  source  = "./server"
  host    = "erp"
  network = network.hub
}
output "host" { value = module.erp.host }
output "inner" { value = module.erp.inner }
output "place" { value = module.erp.place }
output "whole" { value = module.erp }
"#,
        ),
        ("server/main.hcl", SERVER),
        ("server/inner/main.hcl", INNER),
    ]);
    assert_eq!(
        addresses(&folded),
        [
            "network.hub",
            "module.erp.source.this",
            "module.erp.module.inner.network.n"
        ]
    );
    assert_eq!(output_of(&folded, "host"), "\"db-erp\"");
    assert_eq!(output_of(&folded, "inner"), "\"DB-ERP\"");
    assert_eq!(output_of(&folded, "place"), "\"server\"");
    assert_eq!(
        output_of(&folded, "whole"),
        "{\"host\": \"db-erp\", \"inner\": \"DB-ERP\", \"place\": \"server\"}"
    );
    let source = &folded.blocks[1];
    assert_eq!(
        format!("{:?}", source.body.attributes["tags"].value),
        "{\"env\": \"test\"}"
    );
    let needs = |at: usize| {
        let references = folded.blocks[at].meta.references.keys();
        references.map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(needs(1), ["network.hub"]);
    assert_eq!(needs(2), ["module.erp.source.this"]);
}

#[test]
fn modules_have_instances_of_their_own() {
    let folded = folded_of(&[
        (
            "main.hcl",
            r#"
locals { hosts = { a = true, b = true, off = false } }
module "erp" {
  for_each = local.hosts
  enabled  = each.value
  source   = "./server"
  host     = each.key
}
module "one" {
  enabled = false
  source  = "./server"
  host    = "x"
}
source "last" {
  names = [for key, erp in module.erp : "${key}=${erp.inner}"]
  first = module.erp["a"].host
}
output "hosts" { value = { for key, erp in module.erp : key => erp.host } }
output "none" { value = false ? module.one.host : "nothing" }
"#,
        ),
        ("server/main.hcl", SERVER),
        ("server/inner/main.hcl", INNER),
    ]);
    assert_eq!(
        addresses(&folded),
        [
            "module.erp[\"a\"].source.this",
            "module.erp[\"b\"].source.this",
            "module.erp[\"a\"].module.inner.network.n",
            "module.erp[\"b\"].module.inner.network.n",
            "source.last",
        ]
    );
    assert_eq!(output_of(&folded, "hosts"), "{\"a\": \"db-a\", \"b\": \"db-b\"}");
    let last = &folded.blocks[4];
    assert_eq!(
        format!("{:?}", last.body.attributes["names"].value),
        "[\"a=DB-A\", \"b=DB-B\"]"
    );
    let references: Vec<_> = last.meta.references.keys().map(ToString::to_string).collect();
    assert!(references.contains(&"module.erp[\"a\"].module.inner.network.n".to_owned()));
}

#[test]
fn values_cross_the_border_in_both_directions() {
    let folded = folded_of(&[
        (
            "main.hcl",
            r#"
module "a" {
  source = "./pair"
  first  = "1"
  second = module.b.doubled
}
module "b" {
  source = "./pair"
  first  = module.a.doubled
  second = "9"
}
output "x" { value = "${module.a.added}, ${module.b.added}" }
"#,
        ),
        (
            "pair/main.hcl",
            r#"
variable "first" {}
variable "second" {}
output "doubled" { value = "${var.first}${var.first}" }
output "added" { value = "${var.first}+${var.second}" }
"#,
        ),
    ]);
    assert_eq!(output_of(&folded, "x"), "\"1+1111, 11+9\"");
}

#[test]
fn what_azure_tells_later_passes_through_modules() {
    let folded = folded_of(&[
        (
            "main.hcl",
            r#"
module "n" {
  source = "./inner"
  name   = "n"
}
module "m" {
  source = "./inner"
  name   = "/x/${module.n.guid}"
}
source "s" { zone = "zones/${module.n.guid}" }
"#,
        ),
        ("inner/main.hcl", INNER),
    ]);
    let source = folded
        .blocks
        .iter()
        .find(|block| block.address.to_string() == "source.s");
    let zone = &source.unwrap().body.attributes["zone"].value;
    let crate::lang::Shape::Unknown(unknown) = &zone.shape else {
        panic!()
    };
    assert_eq!(
        format!("{:?}", unknown.comes),
        "Later(Template([Text(\"zones/\"), Open(Output { resource: module.n.network.n, attribute: \"guid\" })]))"
    );
}

#[test]
fn a_module_waits_for_what_its_call_depends_on() {
    let folded = folded_of(&[
        (
            "main.hcl",
            r#"
network "hub" { name = "hub" }
module "erp" {
  source     = "./server"
  host       = "erp"
  depends_on = [network.hub]
}
source "after" { depends_on = [module.erp] }
"#,
        ),
        ("server/main.hcl", SERVER),
        ("server/inner/main.hcl", INNER),
    ]);
    let waits = |name: &str| {
        let block = folded.blocks.iter().find(|block| block.address.to_string() == name);
        let on = block.unwrap().meta.depends_on.iter();
        on.map(|(address, _)| address.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(waits("module.erp.source.this"), ["network.hub"]);
    assert_eq!(waits("module.erp.module.inner.network.n"), ["network.hub"]);
    assert_eq!(
        waits("source.after"),
        ["module.erp.source.this", "module.erp.module.inner.network.n"]
    );
}

#[test]
fn sources_are_directories_of_the_repository() {
    let call = |source: &str| {
        let text = format!("module \"m\" {{\n  source = {source}\n}}\n");
        found_in(&[("main.hcl", &text)])
    };
    insta::assert_snapshot!(call("\"hashicorp/consul/aws\""), @r#"
    main.hcl: C058 source of a module @ 2:12 `"hashicorp/consul/aws"`: this names a module of a registry, and there is no registry for pgferry
      hint: for a directory write "./hashicorp/consul/aws"
      hint: modules come from directories of this repository: `source = "./modules/server"`
    "#);
    insta::assert_snapshot!(call("\"git::https://example.com/network.git?ref=v1.2.0\""), @r#"
    main.hcl: C058 source of a module @ 2:12 `"git::https://example.com/network.git?ref=v1.2.0"`: this version takes no modules from the network
      hint: keep it in this repository, for example as a git submodule
      hint: modules come from directories of this repository: `source = "./modules/server"`
    "#);
    insta::assert_snapshot!(call("\"modules/server\""), @r#"
    main.hcl: C058 source of a module @ 2:12 `"modules/server"`: a path starts with `./` or `../`
      hint: did you mean "./modules/server"?
      hint: modules come from directories of this repository: `source = "./modules/server"`
    "#);
    insta::assert_snapshot!(call("\"/srv/modules\""), @r#"
    main.hcl: C058 source of a module @ 2:12 `"/srv/modules"`: a path that starts at the root of the disk leads elsewhere on every machine
      hint: modules come from directories of this repository: `source = "./modules/server"`
    "#);
    insta::assert_snapshot!(call("\"./nowhere\""), @r#"
    main.hcl: C058 source of a module @ 2:12 `"./nowhere"`: there is no directory `nowhere`
    "#);
    insta::assert_snapshot!(call("local.where"), @r"
    main.hcl: C058 source of a module @ 2:12 `local.where`: a plain string is required: modules are read before anything is evaluated
    ");
    insta::assert_snapshot!(found_in(&[("main.hcl", "module \"m\" {}\n")]), @r#"
    main.hcl: C011 missing argument @ 1:1 `module "m"`: `source` is missing
      hint: modules come from directories of this repository: `source = "./modules/server"`
    "#);
}

#[test]
fn what_is_wrong_around_a_module_is_said_where_it_is() {
    let main = r#"
module "m" {
  source  = "./m"
  version = "1.0"
  naem    = "x"
  size    = "big"
  secret  = "hunter2"
  lifecycle {}
}
module "twice" { source = "./m" }
output "o" { value = module.m.adress }
output "p" { value = module.n.address }
output "q" { value = module.m["a"].address }
output "r" { value = module.m }
"#;
    let module = r#"
azure { resource_group = "x" }
pgferry {}
variable "name" {}
variable "size" {
  type    = number
  default = 1
  validation {
    condition     = var.size > 0
    error_message = "The size must be positive."
  }
}
variable "secret" {
  sensitive = true
  default   = null
}
output "address" { value = local.missing }
"#;
    insta::assert_snapshot!(found_in(&[("main.hcl", main), ("m/main.hcl", module)]), @r#"
    main.hcl: C011 missing argument @ 2:1 `module "m"`: `name` is missing
      4:10 `"name"`: the module declares it here, without a default
    main.hcl: C010 unknown argument @ 4:3 `version`: a directory has no version: the repository has
    main.hcl: C010 unknown argument @ 5:3 `naem`: the module `m` has no variable of this name
      hint: did you mean `name`?
    main.hcl: C035 wrong type @ 6:13 `"big"`: the given value does not fit the type: a number is required
      5:10 `"size"`: declared here
      hint: the type is `number`
    main.hcl: C044 secret in the configuration @ 7:13 `"hunter2"`: the module's variable is sensitive, and this stands in the file
      13:10 `"secret"`: declared here
      hint: give it a variable of the root that is sensitive too
    main.hcl: C010 unknown argument @ 8:3 `lifecycle`: `module` has no argument of this name
    main.hcl: C011 missing argument @ 10:1 `module "twice"`: `name` is missing
      4:10 `"name"`: the module declares it here, without a default
    main.hcl: C020 unknown reference @ 11:30 `.adress`: the module has no output `adress`
      hint: did you mean `address`?
    main.hcl: C020 unknown reference @ 12:28 `.n`: there is no module `n`
      hint: did you mean `m`?
    main.hcl: C020 key on a single resource @ 13:30 `["a"]`: this module has no `for_each`, so there is nothing to choose from
      hint: an attribute follows a dot: `.name`
    m/main.hcl: C057 block in a module @ 2:1 `azure`: a module has no `azure` block: the root's holds for all
      hint: for what lives elsewhere, give the module a variable and its resources a `resource_group` or `subscription_id`
    m/main.hcl: C057 block in a module @ 3:1 `pgferry`: a module has no `pgferry` block: the root's holds for all
    m/main.hcl: C020 unknown reference @ 17:33 `.missing`: there is no local value `missing`
    "#);
}

#[test]
fn a_validation_speaks_of_the_argument() {
    let main = "module \"m\" {\n  source = \"./m\"\n  size   = -1\n}\n";
    let module = r#"
variable "size" {
  validation {
    condition     = var.size > 0
    error_message = "The size must be positive, not ${var.size}."
  }
}
"#;
    insta::assert_snapshot!(found_in(&[("main.hcl", main), ("m/main.hcl", module)]), @r#"
    m/main.hcl: C042 invalid value for a variable @ 2:10 `"size"`: The size must be positive, not -1.
      4:21 `var.size > 0`: this does not hold
    "#);
}

#[test]
fn a_module_that_calls_itself_is_no_endless_loop() {
    let direct = found_in(&[
        ("main.hcl", "module \"a\" { source = \"./a\" }\n"),
        ("a/main.hcl", "module \"b\" { source = \"../b\" }\n"),
        ("b/main.hcl", "module \"a\" { source = \"../a\" }\n"),
    ]);
    insta::assert_snapshot!(direct, @r#"
    b/main.hcl: C059 module that calls itself @ 1:23 `"../a"`: this leads back to a module that is being called already
      The way is a → b → a.
    "#);
    insta::assert_snapshot!(found_in(&[("main.hcl", "module \"a\" { source = \".\" }\n")]), @r#"
    main.hcl: C059 module that calls itself @ 1:23 `"."`: this leads back to a module that is being called already
      The way is . → ..
    "#);
    // Two calls in each of many modules would be more modules than there are atoms.
    let names: Vec<(String, String)> = (0..64)
        .map(|at| {
            let next = format!("source = \"../m{}\"", at + 1);
            let text = format!("module \"a\" {{ {next} }}\nmodule \"b\" {{ {next} }}\n");
            (format!("m{at}/main.hcl"), text)
        })
        .collect();
    let mut files = vec![
        ("main.hcl", "module \"a\" { source = \"./m0\" }\n"),
        ("m64/main.hcl", ""),
    ];
    files.extend(names.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let (_, folded) = run(&files, &supplied(&[]));
    let found = folded.unwrap_err();
    assert!(found.iter().all(|found| found.code == crate::lang::code::TOO_LARGE));
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_back_is_no_endless_loop() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    std::fs::write(root.join("main.hcl"), "module \"a\" { source = \"./a\" }\n").unwrap();
    std::fs::create_dir(root.join("a")).unwrap();
    std::fs::write(root.join("a/main.hcl"), "module \"up\" { source = \"./up\" }\n").unwrap();
    std::os::unix::fs::symlink("..", root.join("a/up")).unwrap();
    let mut sources = Sources::read(root).unwrap();
    let configuration = parse(&mut sources).unwrap();
    let folded = fold(&configuration, &Inputs::none(&sources), &Kinds);
    insta::assert_snapshot!(rendered(&sources, folded.unwrap_err()), @r#"
    C059 module that calls itself @ 1:24 `"./up"`: this leads back to a module that is being called already
      The way is . → a → ..
    "#);
    // A link to itself leads nowhere at all.
    std::fs::remove_file(root.join("a/up")).unwrap();
    std::os::unix::fs::symlink("up", root.join("a/up")).unwrap();
    let mut sources = Sources::read(root).unwrap();
    let found = parse(&mut sources).unwrap_err();
    assert!(rendered(&sources, found).contains("`a/up` cannot be read"));
}

#[test]
fn circles_through_modules_are_named() {
    let main = "module \"m\" {\n  source = \"./m\"\n  name   = module.m.name\n}\n";
    let module = "variable \"name\" {}\noutput \"name\" { value = var.name }\n";
    insta::assert_snapshot!(found_in(&[("main.hcl", main), ("m/main.hcl", module)]), @r"
    m/main.hcl: C050 reference cycle @ 2:25 `var.name`: module.m.output.name needs module.m.var.name
      3:12 `module.m.name`: module.m.var.name needs module.m.output.name
      Each needs the next one's value first: module.m.output.name → module.m.var.name → module.m.output.name.
      hint: take one of these references out: write the value itself there, or move it to a local that all of them name
    ");
}

#[test]
fn variables_that_nothing_uses_are_told() {
    let folded = folded_of(&[
        (
            "main.hcl",
            r#"
azure { resource_group = var.group }
variable "group" { default = "g" }
variable "idle" { default = "i" }
variable "checked" {
  default = 1
  validation {
    condition     = var.checked > 0
    error_message = "no"
  }
}
module "m" {
  source = "./m"
  used   = 1
  idle   = 2
}
output "x" { value = module.m.x }
"#,
        ),
        (
            "m/main.hcl",
            "variable \"used\" {}\nvariable \"idle\" {}\noutput \"x\" { value = var.used }\n",
        ),
    ]);
    let unused: Vec<_> = folded
        .unused
        .iter()
        .map(|found| found.primary.as_ref().unwrap().span)
        .collect();
    assert_eq!(unused.len(), 3);
    assert!(unused[0].file == unused[1].file && unused[1].file != unused[2].file);
}

#[test]
fn a_thousand_instances_cost_a_thousand() {
    let main = r#"
module "m" {
  for_each = { for n in range(1000) : "k${n}" => n }
  source   = "./m"
  n        = each.value
}
output "sum" { value = sum([for m in module.m : m.n]) }
"#;
    let module = "variable \"n\" {}\nnetwork \"n\" { name = \"n${var.n}\" }\noutput \"n\" { value = var.n }\n";
    let folded = folded_of(&[("main.hcl", main), ("m/main.hcl", module)]);
    assert_eq!(folded.blocks.len(), 1000);
    assert_eq!(output_of(&folded, "sum"), "499500");
}

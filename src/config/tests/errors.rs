//! Configurations that are wrong, and everything that is said about them.

use super::*;

/// Each case: a name, a configuration, and what is found in it.
const CASES: &str = include_str!("errors.txt");

#[test]
fn what_is_wrong_is_said_with_its_place_and_a_way_out() {
    let mut different = String::new();
    let mut count = 0;
    for case in CASES.split("===== ").skip(1) {
        let (name, rest) = case.split_once('\n').unwrap();
        let (text, expected) = rest.split_once("-----\n").unwrap();
        let ours = found(text);
        if ours != expected {
            write!(different, "===== {name}\n{text}-----\n{ours}").unwrap();
        }
        count += 1;
    }
    assert!(count > 60, "{count}");
    assert!(different.is_empty(), "{different}");
}

/// Whoever mends a bracket is not to meet the next mistake only then, nor to hear of mistakes that are none.
#[test]
fn a_text_that_cannot_be_read_hides_nothing_and_accuses_nobody() {
    let broken = [
        ("variable \"v\" {\n  default =\n}", "var.v"),
        ("variable \"v {\n}", "var.v"),
        ("variable v\" {\n}", "var.v"),
        ("locals {\n  v = [1\n}", "local.v"),
        ("locals = {\n  v = 1\n}", "local.v"),
        ("network \"v\" {\n  name foo\n}", "network.v.name"),
        ("network \"v\" {\n  name = \"a\n}", "network.v.name"),
        ("network \"v\" {\n  name = \"a\"\n  }\n  x = 1\n}", "network.v.name"),
        ("module \"v\" {\n  source = \n}", "module.v.x"),
        ("?? \"v\" {\n}", "local.v"),
        ("variabel \"v\" {}", "var.v"),
        ("/* open\nvariable \"v\" {}", "var.v"),
    ];
    for (text, reference) in broken {
        let files = [
            ("a.hcl", format!("{text}\n")),
            (
                "b.hcl",
                format!("output \"x\" {{\n  value = {reference}\n}}\noutput \"y\" {{\n  value = 1 + true\n}}\n"),
            ),
        ];
        let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
        let (sources, found) = all_found(&files);
        let told = rendered(&sources, found);
        assert!(told.contains("C024"), "{text}: the other mistake is hidden:\n{told}");
        let of_reference = told
            .lines()
            .filter(|line| line.contains("@ 2:") && line.contains("C02"));
        let accused = of_reference.filter(|line| line.contains("unknown reference"));
        assert_eq!(accused.count(), 0, "{text}: a mistake that is none:\n{told}");
    }
}

#[test]
fn what_a_module_declares_in_a_text_that_cannot_be_read_may_be_there() {
    let files = [
        (
            "main.hcl",
            "module \"m\" {\n  source = \"./m\"\n  a      = 1\n  b      = 2\n}\noutput \"x\" {\n  value = [module.m.o, module.m.p]\n}\n",
        ),
        (
            "m/main.hcl",
            "variable \"a\" {\n  type =\n}\noutput \"o\" {\n  value = [\n}\noutput \"n\" {\n  value = var.a + var.nix\n}\n",
        ),
    ];
    let (sources, found) = all_found(&files);
    insta::assert_snapshot!(rendered(&sources, found), @r#"
    C010 unknown argument @ 4:3 `b`: the module `m` has no variable of this name
      hint: there are `source`, `for_each`, `enabled` and `depends_on`
    C020 unknown reference @ 7:32 `.p`: the module has no output `p`
      hint: did you mean `n`?
    C001 invalid syntax @ 2:9 ``: expected an expression
    C002 opened but never closed @ 5:11 `[`: this `[` is never closed
      6:1 `}`: this closes something else
    C020 unknown reference @ 8:22 `.nix`: there is no variable `nix`
      hint: to declare it: variable "nix" {}
    "#);
}

#[test]
fn what_a_file_of_values_may_give_is_not_missed() {
    let files = [
        (
            "main.hcl",
            "variable \"v\" {\n  type = number\n}\noutput \"x\" {\n  value = var.v\n}\noutput \"y\" {\n  value = nix.x\n}\n",
        ),
        ("pgferry.vars.hcl", "v = [\n"),
    ];
    let (sources, found) = all_found(&files);
    insta::assert_snapshot!(rendered(&sources, found), @"
    C020 unknown reference @ 8:11 `nix`: nothing is named `nix`
    C002 opened but never closed @ 1:5 `[`: this `[` is never closed
    ");
}

//! `pgferry console` on a pipe: every line an expression of the configuration.

use crate::support::Ferry;

const PROJECT: &str = r#"
azure {
  cloud           = "simulator"
  subscription_id = "11111111-2222-3333-4444-555555555555"
  resource_group  = "rg-data"
}

variable "waves" {
  default = { two = 2, one = 1 }
}

variable "password" {
  type      = string
  sensitive = true
}

locals {
  names = keys(var.waves)
}

network "hub" {
  name = "vnet-hub"
}
"#;

fn printed(questions: &str) -> String {
    let answer = Ferry::of(PROJECT)
        .run_fed(questions, &["console", "--var", "password=s3cret"])
        .expect(0);
    assert_eq!(answer.err, "");
    answer.out
}

#[test]
fn each_line_is_answered_as_terraform_prints_it() {
    assert_eq!(
        printed("local.names\n\n1 + 2\nvar.password\n[var.password]\n\"${network.hub.name}!\"\n"),
        "[\n  \"one\",\n  \"two\",\n]\n3\n(sensitive value)\n[\n  (sensitive value),\n]\n\"vnet-hub!\"\n"
    );
}

#[test]
fn open_brackets_and_heredocs_go_on_in_the_next_line() {
    assert_eq!(printed("max(\n  1,\n  2\n)\n<<E\nx\nE\n"), "2\n<<EOT\nx\n\nEOT\n");
}

#[test]
fn a_type_is_told_and_exit_ends() {
    assert_eq!(
        printed("type(local.names)\ntype({ a = [1] })\nexit\n1\n"),
        "tuple([\n    string,\n    string,\n])\nobject({\n    a: tuple([\n        number,\n    ]),\n})\n"
    );
}

#[test]
fn the_first_error_ends_it_with_its_place() {
    let answer = Ferry::of(PROJECT).run_fed("1\nvar.wavs\n2\n", &["console"]).expect(1);
    assert_eq!(answer.out, "1\n");
    assert!(answer.err.contains("there is no variable `wavs`"), "{}", answer.err);
    assert!(answer.err.contains("did you mean"), "{}", answer.err);
    let unfinished = Ferry::of(PROJECT).run_fed("[1,\n", &["console"]).expect(1);
    assert_eq!(unfinished.out, "");
}

#[test]
fn a_configuration_that_does_not_hold_is_told_first() {
    let answer = Ferry::of("locals {\n  a = 0 / 0\n}\n")
        .run_fed("1\n", &["console"])
        .expect(1);
    assert_eq!(answer.out, "");
    assert!(answer.err.contains("main.hcl:2"), "{}", answer.err);
}

#[test]
fn it_works_without_a_configuration() {
    let ferry = Ferry::of("");
    std::fs::remove_file(ferry.path("main.hcl")).unwrap();
    assert_eq!(
        ferry
            .run_fed("upper(\"a\") # a comment\n", &["console"])
            .expect(0)
            .all(),
        "\"A\"\n"
    );
}

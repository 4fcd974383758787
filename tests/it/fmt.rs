//! `pgferry fmt` on files: what it rewrites, lists, refuses and leaves alone.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::support::Ferry;

const CROOKED: &str = "network \"a\" {\nname=\"x\"\n  location   = \"y\" # z\n}\n";
const STRAIGHT: &str = "network \"a\" {\n  name     = \"x\"\n  location = \"y\" # z\n}\n";

fn read(ferry: &Ferry, name: &str) -> String {
    fs::read_to_string(ferry.path(name)).unwrap()
}

#[test]
fn files_are_rewritten_once_and_listed() {
    let ferry = Ferry::of(CROOKED);
    ferry.write("prod.vars.hcl", "b=1\nccc=2\n");
    fs::set_permissions(ferry.path("main.hcl"), fs::Permissions::from_mode(0o640)).unwrap();
    let answer = ferry.run(&["fmt"]).expect(0);
    assert_eq!(
        (answer.out.as_str(), answer.err.as_str()),
        ("main.hcl\nprod.vars.hcl\n", "")
    );
    assert_eq!(read(&ferry, "main.hcl"), STRAIGHT);
    assert_eq!(read(&ferry, "prod.vars.hcl"), "b   = 1\nccc = 2\n");
    let mode = fs::metadata(ferry.path("main.hcl")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(ferry.run(&["fmt"]).expect(0).all(), "");
}

#[test]
fn a_check_writes_nothing_and_says_so_by_its_exit_code() {
    let ferry = Ferry::of(CROOKED);
    let answer = ferry.run(&["fmt", "-check", "-diff"]).expect(3);
    assert_eq!(
        answer.out,
        "main.hcl\n--- old/main.hcl\n+++ new/main.hcl\n@@ -1,4 +1,4 @@\n network \"a\" {\n-name=\"x\"\n-  location   = \"y\" # z\n\
         +  name     = \"x\"\n+  location = \"y\" # z\n }\n"
    );
    assert_eq!(read(&ferry, "main.hcl"), CROOKED);
    assert_eq!(ferry.run(&["fmt", "--check", "--list=false"]).expect(3).all(), "");
    assert_eq!(
        ferry.run(&["fmt", "--write=false", "--list=false"]).expect(0).out,
        STRAIGHT
    );
    ferry.write("main.hcl", STRAIGHT);
    assert_eq!(ferry.run(&["fmt", "--check"]).expect(0).all(), "");
}

#[test]
fn what_is_broken_is_told_and_left_alone_and_the_rest_goes_on() {
    let ferry = Ferry::of("a = [1\n");
    ferry.write("other.hcl", "b=1\n");
    let answer = ferry.run(&["fmt"]).expect(1);
    assert_eq!(answer.out, "other.hcl\n");
    assert!(answer.err.contains("this `[` is never closed"), "{}", answer.err);
    assert_eq!(read(&ferry, "main.hcl"), "a = [1\n");
    assert_eq!(read(&ferry, "other.hcl"), "b = 1\n");
}

#[test]
fn values_of_variables_are_never_quoted() {
    let ferry = Ferry::of(STRAIGHT);
    ferry.write("prod.vars.hcl", "password = \"hunter2\" oops\n");
    let answer = ferry.run(&["fmt"]).expect(1);
    assert!(answer.err.contains("prod.vars.hcl:1"), "{}", answer.err);
    assert!(!answer.all().contains("hunter2"), "{}", answer.err);
}

#[test]
fn paths_are_taken_as_they_are_and_directories_only_on_request() {
    let ferry = Ferry::of(STRAIGHT);
    fs::create_dir_all(ferry.path("modules/net")).unwrap();
    ferry.write("modules/net/main.hcl", "a=1\n");
    // A loop, and a link whose file is rewritten in its own place.
    symlink(ferry.path("modules"), ferry.path("modules/net/again")).unwrap();
    ferry.write("target.txt", "l=1\n");
    symlink(ferry.path("target.txt"), ferry.path("link.hcl")).unwrap();
    symlink(ferry.path("round.hcl"), ferry.path("modules/round.hcl")).unwrap();
    symlink(ferry.path("modules/round.hcl"), ferry.path("round.hcl")).unwrap();
    let answer = ferry.run(&["fmt", "--recursive"]).expect(1);
    assert_eq!(answer.out, "link.hcl\nmodules/net/main.hcl\n");
    assert!(answer.err.contains("`./round.hcl` cannot be read"), "{}", answer.err);
    assert_eq!(read(&ferry, "target.txt"), "l = 1\n");
    assert!(fs::symlink_metadata(ferry.path("link.hcl")).unwrap().is_symlink());
    ferry.write("modules/net/main.hcl", "a=1\n");
    assert_eq!(
        ferry.run(&["fmt", "modules/net"]).expect(0).out,
        "modules/net/main.hcl\n"
    );
    assert_eq!(ferry.run(&["-C", "modules", "fmt", "net/main.hcl"]).expect(0).all(), "");
    assert!(
        ferry
            .run(&["fmt", "world.json"])
            .expect(1)
            .err
            .contains("is no `*.hcl` file")
    );
    assert!(ferry.run(&["fmt", "nowhere"]).expect(1).err.contains("`nowhere`"));
}

#[test]
fn standard_input_goes_to_standard_output() {
    let ferry = Ferry::of(STRAIGHT);
    assert_eq!(ferry.run_fed(CROOKED, &["fmt", "-"]).expect(0).out, STRAIGHT);
    assert_eq!(ferry.run_fed(CROOKED, &["fmt", "--check", "-"]).expect(3).all(), "");
    let answer = ferry.run_fed("a = \"x", &["fmt", "-"]).expect(1);
    assert_eq!(answer.out, "");
    assert!(answer.err.contains("standard input"), "{}", answer.err);
}

#[test]
fn nothing_temporary_stays_beside_a_file() {
    let ferry = Ferry::of(STRAIGHT);
    fs::create_dir(ferry.path("sub")).unwrap();
    ferry.write("sub/main.hcl", CROOKED);
    let _ = ferry.run(&["fmt", "sub"]).expect(0);
    let names: Vec<_> = fs::read_dir(ferry.path("sub"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["main.hcl"]);
}

#[test]
fn the_examples_are_laid_out() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let ferry = Ferry::of(STRAIGHT);
    assert_eq!(
        ferry
            .run(&["fmt", "--check", "--recursive", "--diff", examples])
            .expect(0)
            .all(),
        ""
    );
}

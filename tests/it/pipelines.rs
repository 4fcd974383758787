//! Workflows as they are written into a repository: where they go, and what is never overwritten in silence.

use std::fs;

use crate::support::Ferry;

#[test]
fn workflows_are_written_once_and_what_somebody_changed_is_left_alone() {
    let ferry = Ferry::example("quickstart");
    let refused = ferry.run(&["ci", "init", "github"]).expect(1);
    assert!(refused.err.contains("`.git`"), "{}", refused.err);
    fs::create_dir(ferry.path(".git")).unwrap();

    let written = ferry.run(&["ci", "init", "github"]).expect(0);
    for path in [
        ".github/workflows/pgferry-plan.yml",
        ".github/workflows/pgferry-release.yml",
    ] {
        assert!(written.out.contains(&format!("written    {path}\n")), "{}", written.out);
        assert!(ferry.path(path).is_file());
    }
    // Nobody would find the state of a runner that was thrown away.
    assert!(written.err.contains("`state` block"), "{}", written.err);
    let again = ferry.run(&["ci", "init", "github"]).expect(0);
    assert_eq!(again.out.matches("unchanged  ").count(), 2, "{}", again.out);

    let plan = ferry.path(".github/workflows/pgferry-plan.yml");
    let release = ferry.path(".github/workflows/pgferry-release.yml");
    let text = fs::read_to_string(&plan).unwrap();
    fs::write(&plan, "# ours\n").unwrap();
    fs::remove_file(&release).unwrap();
    let refused = ferry.run(&["ci", "init", "github"]).expect(1);
    assert!(
        refused.err.contains("pgferry-plan.yml") && refused.err.contains("--force"),
        "{}",
        refused.err
    );
    assert_eq!(fs::read_to_string(&plan).unwrap(), "# ours\n");
    assert!(!release.exists(), "nothing was written beside it");
    let replaced = ferry.run(&["ci", "init", "github", "--force"]).expect(0);
    assert!(
        replaced.out.contains("replaced   .github/workflows/pgferry-plan.yml\n"),
        "{}",
        replaced.out
    );
    assert_eq!(fs::read_to_string(&plan).unwrap(), text);

    // A directory whose name means something to a shell stands in no script.
    fs::create_dir(ferry.path("a b")).unwrap();
    fs::copy(ferry.path("main.hcl"), ferry.path("a b/main.hcl")).unwrap();
    let refused = ferry.run(&["-C", "a b", "ci", "init", "azure-devops"]).expect(1);
    assert!(refused.err.contains("`a b`"), "{}", refused.err);
}

#[test]
fn every_command_has_a_manual_page() {
    let ferry = Ferry::example("quickstart");
    fs::create_dir(ferry.path("man")).unwrap();
    let _ = ferry.run(&["man", "man"]).expect(0);
    let page = fs::read_to_string(ferry.path("man/pgferry-apply.1")).unwrap();
    assert!(page.contains("Make it as the configuration says"), "{page}");
    assert!(!page.contains('\u{1b}'), "styles are for terminals");
    for name in ["pgferry.1", "pgferry-state-list.1", "pgferry-ci-init.1"] {
        assert!(ferry.path("man").join(name).is_file(), "{name}");
    }
    let _ = ferry.run(&["man", "nowhere"]).expect(1);
}

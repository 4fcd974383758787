//! A report of what was moved, in both forms, of attempts that arrived and that did not.

use crate::support::Ferry;

#[test]
fn a_report_tells_every_attempt_and_who_made_it() {
    let ferry = Ferry::example("tutorial-online");
    let unit = "database_batch.tutorial#1";
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(4);
    let running = ferry.run(&["report"]).expect(0).out;
    assert!(running.contains("0 of 4 databases have arrived"), "{running}");
    let _ = ferry.run(&["cancel", unit, "--accept-loss", unit]).expect(0);
    let retry = ["apply", "--retry", "database_batch.tutorial", "--auto-approve"];
    let _ = ferry.run(&retry).expect(4);
    let _ = ferry.run(&["cutover", unit, "--auto-approve"]).expect(0);
    let _ = ferry.apply();
    let report = ferry.run(&["report"]).expect(0).out;
    for part in [
        "**SIMULATED**",
        "4 of 4 databases have arrived",
        "| tutorialm1 | Canceled | Online | 0 of 4 |",
        "| tutorialm1r1 | Succeeded | Online | 4 of 4 |",
        "```mermaid\ngantt\n",
        "| salesdb | Succeeded | 32 of 32 | 0 |",
        "- validation: SchemaValidation of \\`timedb\\`: Warning: Tables without a primary key",
        "cutover database\\_batch.tutorial&#35;1: triggered",
    ] {
        assert!(report.contains(part), "{part} is missing:\n{report}");
    }
    let _ = ferry
        .run(&["report", unit, "--format", "html", "--out", "report.html"])
        .expect(0);
    let page = std::fs::read_to_string(ferry.path("report.html")).unwrap();
    assert_eq!(page.matches("<rect class=\"database\"").count(), 8, "{page}");
    assert_eq!(page.matches("<rect class=\"lost\"").count(), 1, "{page}");
    assert_eq!(page.matches("<rect class=\"arrived\"").count(), 1, "{page}");
    let namespace = "http://www.w3.org/2000/svg";
    for word in ["http:", "https:", "src=", "href=", "url(", "<script"] {
        assert!(!page.replace(namespace, "").contains(word), "{word}");
    }
    let unknown = ferry.run(&["report", "database_batch.tutorail"]).expect(1).all();
    assert!(unknown.contains("did you mean database_batch.tutorial?"), "{unknown}");
}

#[test]
fn what_arrived_stays_in_the_report_whatever_the_state_forgets() {
    let ferry = Ferry::example("quickstart");
    let _ = ferry.apply();
    let before = ferry.run(&["report"]).expect(0).out;
    assert!(before.contains("19 of 19 databases have arrived"), "{before}");
    assert!(!before.contains("does not remember"), "{before}");

    // Another name without a `moved` block: nothing is started, and the old name is forgotten.
    ferry.edit("wave1", "wave9");
    let _ = ferry.apply();
    let renamed = ferry.run(&["report"]).expect(0).out;
    assert!(renamed.contains("19 of 19 databases have arrived"), "{renamed}");
    assert!(
        renamed.contains("The state does not remember all of database\\_batch.wave1"),
        "{renamed}"
    );
    for address in ["database_batch.wave9", "database_batch.wave1"] {
        let one = ferry.run(&["report", address]).expect(0).out;
        assert!(one.contains("19 of 19 databases have arrived"), "{address}: {one}");
    }

    let _ = ferry.run(&["destroy", "--auto-approve"]).expect(0);
    let destroyed = ferry.run(&["report"]).expect(0).out;
    assert!(destroyed.contains("19 of 19 databases have arrived"), "{destroyed}");
    assert!(
        destroyed.contains("runs and downtimes are known from the history"),
        "{destroyed}"
    );
    let page = ferry.run(&["report", "--format", "html"]).expect(0).out;
    assert!(page.contains("The state does not remember all of"), "{page}");
}

#[test]
fn a_plan_that_loses_what_a_report_tells_says_so_first() {
    let ferry = Ferry::example("quickstart");
    let _ = ferry.apply();
    let kept = ferry.run(&["plan", "--destroy"]).expect(0).out;
    assert!(!kept.contains("pgferry report"), "{kept}");
    let declared = std::fs::read_to_string(ferry.path("main.hcl")).unwrap();
    let end = declared.find("database_batch \"wave1\"").unwrap();
    ferry.write("main.hcl", &declared[..end]);
    for plan in [&["plan"][..], &["plan", "--destroy"]] {
        let plan = ferry
            .run(plan)
            .expect(0)
            .out
            .replace("\n          # ", " ")
            .replace("\n    # ", " ");
        assert!(plan.contains("keep what `pgferry report` writes first"), "{plan}");
    }
    let _ = ferry.apply();
    let nothing = ferry.run(&["report"]).expect(0).out;
    assert!(nothing.contains("No batch is declared or remembered"), "{nothing}");
}

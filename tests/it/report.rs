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

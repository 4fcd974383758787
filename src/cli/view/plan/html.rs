//! A plan as one page: the text beside the picture of its steps, which can be zoomed. The page asks nobody for anything.

use super::picture::Picture;
use super::problem::Places;
use super::{Detail, PlanView, svg, xml};
use crate::arm::Cloud;
use crate::cli::calling::Calling;
use crate::plan::Plan;

const PAGE: &str = include_str!("page.html");

/// How wide the text is.
pub(crate) const COLUMNS: usize = 100;

/// The page.
pub(crate) fn render(plan: &Plan, calling: &Calling, places: &Places) -> String {
    let view = PlanView {
        plan,
        calling,
        places,
        reads: None,
        now: None,
        detail: Detail::Review,
        columns: COLUMNS,
    };
    let text = anstream::adapter::strip_str(&view.render()).to_string();
    let simulated = match plan.base.cloud {
        Cloud::Simulator => "<strong class=\"simulated\">SIMULATED</strong>",
        Cloud::Public | Cloud::UsGovernment | Cloud::China => "",
    };
    let values = [
        ("{{simulated}}", simulated.to_owned()),
        ("{{fingerprint}}", xml::text(&plan.fingerprint().to_string())),
        ("{{plan}}", xml::text(&text)),
        ("{{picture}}", svg::render(&Picture::of_steps(plan))),
    ];
    filled(PAGE, &values)
}

const WITHOUT_PLAN: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>pgferry plan: failed</title>
<h1>There is no plan</h1>
<pre>{{report}}</pre>
</html>
";

/// The page where there is no plan: what is wrong, as a terminal is told.
pub(crate) fn without_plan(report: &str) -> String {
    let report = anstream::adapter::strip_str(report).to_string();
    filled(WITHOUT_PLAN, &[("{{report}}", xml::text(&report))])
}

/// The page with its values, none of which is looked through for further places.
fn filled(page: &str, values: &[(&str, String)]) -> String {
    let mut result = String::new();
    let mut rest = page;
    while let Some((at, name, value)) = values
        .iter()
        .filter_map(|(name, value)| Some((rest.find(name)?, name, value)))
        .min_by_key(|(at, _, _)| *at)
    {
        result.push_str(rest.get(..at).unwrap_or_default());
        result.push_str(value);
        rest = rest.get(at + name.len()..).unwrap_or_default();
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::view::samples::first_apply;

    fn rendered(plan: &Plan) -> String {
        render(plan, &Calling::of(std::path::Path::new("."), &[]), &Places::default())
    }

    #[test]
    fn the_page_has_the_text_and_the_picture() {
        let page = rendered(&first_apply());
        assert!(page.contains("Plan: 4 to add, 0 to change, 0 to destroy."), "{page}");
        assert_eq!(page.matches("class=\"node").count(), 6);
        assert!(!page.contains("{{"), "{page}");
    }

    #[test]
    fn the_page_asks_nobody() {
        let page = rendered(&first_apply());
        let namespace = "http://www.w3.org/2000/svg";
        for word in [
            "http:",
            "https:",
            "src=",
            "href=",
            "@import",
            "url(//",
            "fetch(",
            "XMLHttpRequest",
        ] {
            assert!(!page.replace(namespace, "").contains(word), "{word}");
        }
    }

    #[test]
    fn what_stands_in_a_plan_stays_text() {
        let mut plan = first_apply();
        plan.changes[0]
            .notes
            .push("<script>alert(1)</script> {{plan}}".to_owned());
        let page = rendered(&plan);
        assert!(
            page.contains("&lt;script&gt;alert(1)&lt;/script&gt; {{plan}}"),
            "{page}"
        );
    }
}

//! A report as one page. It asks nobody for anything, and runs nothing.

use std::fmt::Write;

use super::{ATTEMPTS, Bar, BarKind, DATABASES, RUNS, ReportView, database, remarks, run};
use crate::cli::view::plan::xml;
use crate::cli::view::time::{between, instant, length};

/// The chart's size, in pixels.
const WIDTH: i64 = 900;
const LABELS: i64 = 300;
const ROW: i64 = 22;

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Migration report</title>
<style>
body { margin: 2rem auto; max-width: 76rem; padding: 0 1rem; font: 14px system-ui, sans-serif; color: #1f2328; background: #fff }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { border: 1px solid #d0d7de; padding: .25rem .6rem; text-align: left; vertical-align: top }
th { background: #f6f8fa }
.simulated { color: #9a6700 }
svg { max-width: 100%; height: auto }
svg text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.arrived { fill: #2da44e }
.lost { fill: #cf222e }
.running { fill: #bf8700 }
.database { fill: #8cb4ff }
</style>
</head>
<body>
<h1>Migration report</h1>
"#;

/// The page.
pub(crate) fn render(view: &ReportView) -> String {
    let (arrived, all) = view.arrived();
    let mut text = String::from(HEAD);
    if view.is_simulated {
        text.push_str("<p class=\"simulated\"><strong>SIMULATED</strong>: nothing of this happened in Azure.</p>\n");
    }
    let _ = writeln!(
        text,
        "<p>{arrived} of {all} databases have arrived, as of {}.</p>",
        instant(view.now)
    );
    for note in &view.notes {
        let _ = writeln!(text, "<p>{}</p>", xml::text(note));
    }
    let rows = view.attempts.iter().map(|attempt| attempt.cells(view.now));
    table(&mut text, &ATTEMPTS, rows);
    chart(&mut text, &view.bars());
    for attempt in &view.attempts {
        let migration = &attempt.migration;
        let (unit, name) = (xml::text(&attempt.unit.to_string()), xml::text(migration.id.name()));
        let _ = writeln!(text, "<h2>{unit} {name}</h2>");
        if attempt.number > 1 {
            let _ = writeln!(text, "<p>Attempt {}.</p>", attempt.number);
        }
        let rows = migration.databases.iter();
        table(
            &mut text,
            &DATABASES,
            rows.map(|name| database(name, migration.progress.get(name))),
        );
        list(&mut text, &remarks(migration));
    }
    if !view.missing.is_empty() {
        text.push_str("<h2>Not found in Azure</h2>\n");
        list(&mut text, &view.missing);
    }
    if !view.history.is_empty() {
        text.push_str("<h2>Runs</h2>\n");
        table(&mut text, &RUNS, view.history.iter().map(run));
    }
    text + "</body>\n</html>\n"
}

fn list(text: &mut String, items: &[String]) {
    if items.is_empty() {
        return;
    }
    text.push_str("<ul>\n");
    for item in items {
        let _ = writeln!(text, "<li>{}</li>", xml::text(item));
    }
    text.push_str("</ul>\n");
}

fn table<const N: usize>(text: &mut String, headings: &[&str; N], rows: impl Iterator<Item = [String; N]>) {
    let _ = writeln!(text, "<table>\n<tr><th>{}</th></tr>", headings.join("</th><th>"));
    for row in rows {
        let cells = row.map(|cell| xml::text(&cell));
        let _ = writeln!(text, "<tr><td>{}</td></tr>", cells.join("</td><td>"));
    }
    text.push_str("</table>\n");
}

fn chart(text: &mut String, bars: &[Bar]) {
    let Some((first, last)) = ReportView::frame(bars) else {
        return;
    };
    let whole = (last.as_second() - first.as_second()).max(1);
    let place = |at: jiff::Timestamp| LABELS + (at.as_second() - first.as_second()) * (WIDTH - LABELS) / whole;
    let rows = i64::try_from(bars.len()).unwrap_or(i64::MAX - 2).saturating_add(2);
    let height = rows.saturating_mul(ROW);
    let _ = writeln!(
        text,
        "<h2>Timeline</h2>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n<title>When each migration ran</title>\n\
         <text x=\"{LABELS}\" y=\"14\">{}</text><text x=\"{WIDTH}\" y=\"14\" text-anchor=\"end\">{}</text>",
        instant(first),
        instant(last)
    );
    for (row, bar) in (1..).zip(bars) {
        let class = match bar.kind {
            BarKind::Arrived => "arrived",
            BarKind::Lost => "lost",
            BarKind::Running => "running",
            BarKind::Database => "database",
        };
        let (indent, label) = (
            if bar.kind == BarKind::Database { 16 } else { 0 },
            xml::text(&bar.label),
        );
        let (top, from, until) = (row * ROW, place(bar.from), place(bar.until));
        let _ = writeln!(
            text,
            "<text x=\"{indent}\" y=\"{}\">{label}</text><rect class=\"{class}\" x=\"{from}\" y=\"{}\" width=\"{}\" \
             height=\"14\"><title>{label}: {}</title></rect>",
            top + 14,
            top + 3,
            (until - from).max(2),
            length(between(bar.from, bar.until))
        );
    }
    text.push_str("</svg>\n");
}

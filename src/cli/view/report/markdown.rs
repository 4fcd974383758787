//! A report as Markdown: tables, and the chart as Mermaid, which forges draw.

use std::fmt::Write;

use super::{ATTEMPTS, Bar, BarKind, DATABASES, RUNS, ReportView, database, remarks, run};
use crate::cli::view::plan::markdown::{cell, escaped, fenced};
use crate::cli::view::time::instant;

/// The report.
pub(crate) fn render(view: &ReportView) -> String {
    let (arrived, all) = view.arrived();
    let mut text = String::from("# Migration report\n\n");
    if view.is_simulated {
        text.push_str("**SIMULATED**: nothing of this happened in Azure.\n\n");
    }
    let _ = writeln!(
        text,
        "{arrived} of {all} databases have arrived, as of {}.\n",
        instant(view.now)
    );
    for note in &view.notes {
        let _ = writeln!(text, "> {}\n", escaped(note));
    }
    let rows = view.attempts.iter().map(|attempt| attempt.cells(view.now));
    table(&mut text, &ATTEMPTS, rows);
    let bars = view.bars();
    if !bars.is_empty() {
        let _ = write!(text, "## Timeline\n\n{}\n", fenced("mermaid", gantt(&bars).trim_end()));
    }
    for attempt in &view.attempts {
        let migration = &attempt.migration;
        let _ = writeln!(
            text,
            "## {} {}\n",
            escaped(&attempt.unit.to_string()),
            escaped(migration.id.name())
        );
        if attempt.number > 1 {
            let _ = writeln!(text, "Attempt {}.\n", attempt.number);
        }
        let rows = migration.databases.iter();
        table(
            &mut text,
            &DATABASES,
            rows.map(|name| database(name, migration.progress.get(name))),
        );
        let remarks = remarks(migration);
        for remark in &remarks {
            let _ = writeln!(text, "- {}", escaped(remark));
        }
        if !remarks.is_empty() {
            text.push('\n');
        }
    }
    if !view.missing.is_empty() {
        text.push_str("## Not found in Azure\n\n");
        for missing in &view.missing {
            let _ = writeln!(text, "- {}", escaped(missing));
        }
        text.push('\n');
    }
    if !view.history.is_empty() {
        text.push_str("## Runs\n\n");
        table(&mut text, &RUNS, view.history.iter().map(run));
    }
    text
}

fn table<const N: usize>(text: &mut String, headings: &[&str; N], rows: impl Iterator<Item = [String; N]>) {
    let _ = writeln!(text, "| {} |\n|{}", headings.join(" | "), " --- |".repeat(N));
    for row in rows {
        let cells = row.map(|text| cell(&escaped(&text)));
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text.push('\n');
}

fn gantt(bars: &[Bar]) -> String {
    let mut text = String::from("gantt\n  dateFormat X\n  axisFormat %m-%d %H:%M\n");
    for bar in bars {
        let word = match bar.kind {
            BarKind::Arrived => "done, ",
            BarKind::Lost => "crit, ",
            BarKind::Running => "active, ",
            BarKind::Database => "",
        };
        if bar.kind != BarKind::Database {
            let _ = writeln!(text, "  section {}", label(&bar.label));
        }
        let (from, until) = (bar.from.as_second(), bar.until.as_second());
        let _ = writeln!(text, "  {} :{word}{from}, {}", label(&bar.label), until.max(from + 1));
    }
    text
}

/// A label that means nothing to Mermaid.
fn label(text: &str) -> String {
    let kept = text.chars().map(|c| match c {
        c if c.is_alphanumeric() => c,
        '.' | '_' | '-' => c,
        _ => ' ',
    });
    kept.collect()
}

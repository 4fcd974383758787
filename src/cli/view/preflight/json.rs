//! What preflight found as one JSON document: servers, then every rule in every place with what came of it.

use serde_json::{Value as Json, json};

use super::{Numbers, told};
use crate::database::End;
use crate::preflight::contact::Contact;
use crate::preflight::finding::Counts;
use crate::preflight::waiver::Waived;
use crate::preflight::{Finding, Fix, Outcome, Report, Seen, Severity, Verdict};

/// The version of the document's shape.
const FORMAT: &str = "0.1";

/// The document.
pub(crate) fn document(report: &Report, seen: &[Seen]) -> Json {
    let numbers = Numbers::of(report);
    json!({
        "format_version": FORMAT,
        "pgferry_version": env!("CARGO_PKG_VERSION"),
        "summary": {
            "errors": numbers.errors,
            "warnings": numbers.warnings,
            "notes": numbers.notes,
            "waived": numbers.waived,
            "passed": numbers.passed,
            "skipped": numbers.skipped,
        },
        "servers": seen.iter().map(server).collect::<Vec<_>>(),
        "outcomes": report.outcomes.iter().map(outcome).collect::<Vec<_>>(),
    })
}

fn end(end: End) -> &'static str {
    match end {
        End::Source => "source",
        End::Target => "target",
    }
}

fn server(seen: &Seen) -> Json {
    let databases: Vec<&str> = seen.databases.iter().map(|(chosen, _)| chosen.name.as_str()).collect();
    json!({
        "address": seen.wanted.address.to_string(),
        "end": end(seen.wanted.end),
        "server": seen.wanted.endpoint.to_string(),
        "version": seen.contact.facts().map(|facts| facts.version.to_string()),
        "refused": match &seen.contact {
            Contact::Met(_) => Json::Null,
            Contact::Refused(refused) => json!(refused.said),
        },
        "databases": databases,
    })
}

fn outcome(outcome: &Outcome) -> Json {
    let looked = outcome.rule.asks.iter().map(|ask| ask.wanted).collect::<Vec<_>>();
    let mut told = json!({
        "code": outcome.rule.code.as_str(),
        "server": outcome.place.server.to_string(),
        "end": end(outcome.place.end),
        "database": outcome.place.database.as_ref().map(|database| database.as_str()),
        "looked_at": looked,
        "service_codes": outcome.rule.service,
    });
    let more = match &outcome.verdict {
        Verdict::Passed => json!({ "result": "passed" }),
        Verdict::Skipped(why) => json!({ "result": "skipped", "reason": why }),
        Verdict::Found { finding, waived } => found(outcome, finding, waived.as_ref()),
    };
    if let (Json::Object(told), Json::Object(more)) = (&mut told, more) {
        told.extend(more);
    }
    told
}

fn found(outcome: &Outcome, finding: &Finding, waived: Option<&Waived>) -> Json {
    let (cause, advice) = told(outcome.rule.code);
    json!({
        "result": "found",
        "severity": match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        },
        "summary": finding.summary,
        "objects": finding.objects,
        "cause": cause,
        "advice": advice,
        "fixes": finding.fixes.iter().map(fix).collect::<Vec<_>>(),
        "waived": waived.map(|waived| json!({
            "owner": waived.owner,
            "reason": waived.reason,
            "until": waived.until.to_string(),
        })),
    })
}

fn fix(fix: &Fix) -> Json {
    match fix {
        Fix::Sql { on, script } => json!({ "on": end(*on), "sql": script }),
        Fix::Parameter { name, value, counts } => json!({
            "on": end(End::Target),
            "parameter": name,
            "value": value,
            "restart": match counts {
                Counts::AtOnce => false,
                Counts::AfterRestart => true,
            },
        }),
    }
}

//! What a comparison found as one JSON document: databases, their tables, and every difference.

use serde_json::{Value as Json, json};

use super::{Keys, headline, shown_repair};
use crate::verify::report::{Compared, RowsVerdict, TableOutcome};
use crate::verify::rows::RowDifference;
use crate::verify::{Detail, Difference, Gravity, Level, Options, Report};

/// The version of the document's shape.
const FORMAT: &str = "0.1";

/// The document.
pub(crate) fn document(report: &Report, options: &Options, keys: Keys) -> Json {
    json!({
        "format_version": FORMAT,
        "pgferry_version": env!("CARGO_PKG_VERSION"),
        "level": match options.level {
            Level::Schema => "schema",
            Level::Counts => "counts",
            Level::Checksum => "checksum",
        },
        "tables": options.tables.iter().map(|pattern| pattern.as_str()).collect::<Vec<_>>(),
        "sample_percent": options.sample.map(|sample| sample.percent()),
        "differences": report.counting(),
        "databases": report.databases.iter().map(|compared| database(compared, keys)).collect::<Vec<_>>(),
    })
}

fn database(compared: &Compared, keys: Keys) -> Json {
    let versions = compared
        .versions
        .map(|versions| versions.map(|version| version.to_string()));
    let objects: serde_json::Map<String, Json> = compared
        .objects
        .iter()
        .map(|(kind, number)| ((*kind).to_owned(), json!(number)))
        .collect();
    json!({
        "batch": compared.batch.to_string(),
        "database": compared.database.as_str(),
        "source_version": versions.as_ref().map(|[source, _]| source),
        "target_version": versions.as_ref().map(|[_, target]| target),
        "objects": objects,
        "tables": compared.tables.iter().map(table).collect::<Vec<_>>(),
        "differences": compared.differences.iter().map(|found| difference(found, keys)).collect::<Vec<_>>(),
    })
}

fn table(table: &TableOutcome) -> Json {
    let (result, source, target, reason) = match &table.verdict {
        RowsVerdict::Same(rows) => ("same", Some(rows), Some(rows), None),
        RowsVerdict::Different([source, target]) => ("different", Some(source), Some(target), None),
        RowsVerdict::Proven => ("found the same by an earlier run", None, None, None),
        RowsVerdict::Unread(why) => ("unread", None, None, Some(why)),
    };
    json!({
        "schema": &*table.name.schema,
        "name": &*table.name.name,
        "result": result,
        "source_rows": source,
        "target_rows": target,
        "reason": reason,
        "columns_left_out": table.left_out,
    })
}

fn difference(difference: &Difference, keys: Keys) -> Json {
    let (counts, expected) = match &difference.gravity {
        Gravity::Counts => (true, None),
        Gravity::Expected(why) => (false, Some(why)),
    };
    let mut told = json!({
        "code": difference.code.as_str(),
        "counts": counts,
        "expected_because": expected,
        "kind": difference.kind,
        "subject": difference.subject,
        "summary": headline(difference),
        "repair": shown_repair(difference, keys),
    });
    let more = match &difference.detail {
        Detail::Missing => json!({ "how": "missing" }),
        Detail::Extra => json!({ "how": "extra" }),
        Detail::Differs(attributes) => json!({
            "how": "differs",
            "attributes": attributes
                .iter()
                .map(|attribute| json!({
                    "name": attribute.name,
                    "source": attribute.source,
                    "target": attribute.target,
                }))
                .collect::<Vec<_>>(),
        }),
        Detail::Counts([source, target]) => json!({ "how": "counts", "source_rows": source, "target_rows": target }),
        Detail::Rows { rows, different } => rows_of(rows, different, keys),
        Detail::Behind { target, of, at } => json!({ "how": "behind", "target": target, "behind": of, "at": at }),
        Detail::Unread(why) => json!({ "how": "unread", "reason": why }),
    };
    if let (Json::Object(told), Json::Object(more)) = (&mut told, more) {
        told.extend(more);
    }
    told
}

fn rows_of([source, target]: &[u64; 2], different: &RowDifference, keys: Keys) -> Json {
    let named: Vec<Json> = different
        .named
        .iter()
        .map(|row| {
            let how = row.how.word();
            if different.key.is_empty() {
                json!({ "how": how, "digest": row.key.iter().flatten().next() })
            } else {
                json!({ "how": how, "key": row.key })
            }
        })
        .collect();
    json!({
        "how": "rows",
        "source_rows": source,
        "target_rows": target,
        "missing": different.missing,
        "extra": different.extra,
        "changed": different.changed,
        "still_changing": different.moving,
        "at_least": different.at_least,
        "key_columns": different.key,
        "named": match keys {
            Keys::Shown => json!(named),
            Keys::Hidden => Json::Null,
        },
    })
}

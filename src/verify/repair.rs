//! SQL that would make the target what the source is, for a person to read and run. pgferry never runs it, and no row's content is in
//! it: rows to be copied are named by their keys.

use super::report::{Compared, Difference, Gravity, Report};
use super::rows::{How, NamedRow, RowDifference};
use super::table::{Holder, Table};
use crate::database::{quote_identifier, quote_literal};

/// Statements for the named rows of a table.
pub fn rows(table: &Table, different: &RowDifference) -> String {
    let name = table.name.quoted();
    match table.holder {
        Holder::MaterialisedView => return format!("refresh materialized view {name};"),
        Holder::LargeObjects => {
            let all: Vec<&NamedRow> = different.named.iter().collect();
            return format!(
                "-- with lo_export and lo_import: {}",
                one_line(&any(&different.key, &all))
            );
        }
        Holder::Table if different.key.is_empty() => {
            return "-- nothing identifies a row: empty the table and copy it anew".to_owned();
        }
        Holder::Table => {}
    }
    let chosen =
        |hows: &[How]| -> Vec<&NamedRow> { different.named.iter().filter(|row| hows.contains(&row.how)).collect() };
    let mut lines = Vec::new();
    let removed = chosen(&[How::Extra, How::Changed]);
    if !removed.is_empty() {
        lines.push(format!("delete from {name} where {};", any(&different.key, &removed)));
    }
    let copied = chosen(&[How::Missing, How::Changed]);
    if !copied.is_empty() {
        lines.push("-- then, from the source to the target:".to_owned());
        lines.push(format!(
            "--   copy (select * from {name} where {}) to stdout",
            one_line(&any(&different.key, &copied))
        ));
        lines.push(format!("--   copy {name} from stdin"));
    }
    let all = different.missing + different.extra + different.changed;
    let named = u64::try_from(different.named.len()).unwrap_or(u64::MAX);
    if different.at_least || all > named {
        lines.push(format!(
            "-- these are {named} of {all} rows or more: copy the table anew instead"
        ));
    }
    lines.join("\n")
}

/// A statement that a server wrote. What it calls a name could be anything, and psql takes a backslash for a command of its own, such as
/// one that runs a program: with one in it, it is there to be read only.
pub(super) fn from_server(statement: String) -> String {
    match statement.contains('\\') {
        true => format!(
            "-- to be judged by eye, for the backslash in it: {}",
            one_line(&statement)
        ),
        false => statement,
    }
}

/// All that could mend what differs, as one script.
pub fn script(report: &Report) -> String {
    let mut text = String::from(
        "-- What would make the targets what their sources are. Read it before you run it; pgferry does not.\n",
    );
    for compared in &report.databases {
        let statements: Vec<&Difference> = counting(compared)
            .filter(|difference| difference.repair.is_some())
            .collect();
        if statements.is_empty() {
            continue;
        }
        text.push_str(&format!(
            "\n-- {}, database {}\n\\connect {}\n",
            compared.batch,
            one_line(compared.database.as_str()),
            compared.database.quoted()
        ));
        for difference in statements {
            let head = format!("{}: {} {}", difference.code, difference.kind, difference.subject);
            let repair = difference.repair.as_deref().unwrap_or_default();
            text.push_str(&format!("\n-- {}\n{repair}\n", one_line(&head)));
        }
    }
    text
}

fn counting(compared: &Compared) -> impl Iterator<Item = &Difference> {
    compared
        .differences
        .iter()
        .filter(|difference| difference.gravity == Gravity::Counts)
}

fn any(key: &[String], rows: &[&NamedRow]) -> String {
    let one = |row: &&NamedRow| {
        let parts: Vec<String> = key
            .iter()
            .zip(&row.key)
            .map(|(column, value)| match value {
                Some(value) => format!("{} = {}", quote_identifier(column), quote_literal(value)),
                None => format!("{} is null", quote_identifier(column)),
            })
            .collect();
        format!("({})", parts.join(" and "))
    };
    rows.iter().map(one).collect::<Vec<_>>().join(" or ")
}

/// In a comment, a line break would end it and let what follows run.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_psql_would_take_for_a_command_is_left_to_run() {
        let plain = "alter table public.t\n  owner to clerk;";
        assert_eq!(from_server(plain.to_owned()), plain);
        let hostile = from_server("comment on table t is 'x';\n\\! rm -rf ~".to_owned());
        assert!(hostile.starts_with("-- ") && !hostile.contains('\n'), "{hostile}");
    }
}

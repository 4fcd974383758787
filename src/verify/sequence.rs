//! Where sequences stand: the target's must have passed the source's, and every value of the columns they feed. It moves none.

use std::collections::BTreeMap;

use futures_util::future::try_join;

use super::report::{Detail, Difference, Gravity};
use super::side::{Side, SideError, ask};
use crate::database::quote_literal;
use crate::diagnostic::code::SEQUENCE_BEHIND;
use crate::postgres::{QueryFailure, Question};

/// A sequence as one end has it.
#[derive(Clone, Debug)]
struct Standing {
    increment: i64,
    last: Option<i64>,
    readable: bool,
    /// Tables and columns, as SQL writes them.
    feeds: Vec<[String; 2]>,
}

/// Compares where the sequences of both ends stand. Those that one end lacks are told elsewhere.
///
/// # Errors
/// When an end cannot be read.
pub async fn compare(source: &Side, target: &Side) -> Result<Vec<Difference>, SideError> {
    let (ours, theirs) = try_join(standings(source), standings(target)).await?;
    let mut found = Vec::new();
    for (name, standing) in &theirs {
        let behind = |of: &str, at: i64| Difference {
            code: SEQUENCE_BEHIND,
            gravity: Gravity::Counts,
            kind: "sequence",
            subject: name.clone(),
            detail: Detail::Behind {
                target: standing.last,
                of: of.to_owned(),
                at,
            },
            repair: Some(format!("select setval({}, {at});", quote_literal(name))),
        };
        let unread = |why: &str| Difference {
            detail: Detail::Unread(why.to_owned()),
            repair: None,
            ..behind("", 0)
        };
        if !standing.readable || ours.get(name).is_some_and(|ours| !ours.readable) {
            found.push(unread("the user may not read the sequence"));
            continue;
        }
        let down = standing.increment < 0;
        let short = |of: i64| {
            standing
                .last
                .is_none_or(|last| if down { last > of } else { last < of })
        };
        let mut reasons: Vec<(String, i64)> = Vec::new();
        reasons.extend(
            ours.get(name)
                .and_then(|ours| ours.last)
                .map(|last| ("the source".to_owned(), last)),
        );
        for [table, column] in &standing.feeds {
            let extreme = if down { "min" } else { "max" };
            let sql = format!("select {extreme}({column})::int8 as at from {table}");
            let wanted = format!("the values of {table}.{column}");
            let question = Question {
                wanted: &wanted,
                sql: &sql,
            };
            let asked = target
                .first()
                .one(&question, |row| row.maybe("at")?.map(|_| row.number("at")).transpose());
            match asked.await {
                Ok(at) => reasons.extend(at.map(|at| (format!("{table}.{column}"), at))),
                Err(error) => {
                    target.recover().await?;
                    found.push(unread(&format!(
                        "the values of {table}.{column} cannot be read: {}",
                        error.failure
                    )));
                }
            }
        }
        // The furthest of them is what it must pass.
        let furthest = reasons
            .into_iter()
            .filter(|(_, at)| short(*at))
            .max_by(|(_, one), (_, other)| if down { other.cmp(one) } else { one.cmp(other) });
        found.extend(furthest.map(|(of, at)| behind(&of, at)));
    }
    Ok(found)
}

async fn standings(side: &Side) -> Result<BTreeMap<String, Standing>, SideError> {
    let rows = ask(
        side.first(),
        "sequences",
        include_str!("sql/data/sequences.sql"),
        |row| {
            let feeds = match row.maybe("feeds")? {
                None => Vec::new(),
                Some(json) => serde_json::from_str(json)
                    .map_err(|error| QueryFailure::Misshapen(format!("`feeds` is no list of columns: {error}")))?,
            };
            let standing = Standing {
                increment: row.number("increment")?,
                last: row.maybe("last")?.map(|_| row.number("last")).transpose()?,
                readable: row.flag("readable")?,
                feeds,
            };
            Ok((row.text("sequence")?.to_owned(), standing))
        },
    );
    Ok(rows.await?.into_iter().collect())
}

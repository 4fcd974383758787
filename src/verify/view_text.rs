//! Views whose text differs only in how servers print it: from 16 on, columns of a single relation lose their prefix. The target reads
//! the source's text in a transaction that is taken back, and prints it its own way. Nothing stays behind.

use super::pair::Pair;
use super::report::{Detail, Difference};
use super::side::SideError;
use crate::postgres::{Access, Errand, Question, Session, connect};

/// Those of the differences that remain when the target prints both texts.
///
/// # Errors
/// When the target cannot be connected to.
pub(super) async fn settle(pair: &Pair, differences: Vec<Difference>) -> Result<Vec<Difference>, SideError> {
    if !differences.iter().any(|difference| texts(difference).is_some()) {
        return Ok(differences);
    }
    let [_, limits] = pair.limits;
    let session = connect(&pair.target, &pair.database, Errand::Verify, Access::ReadWrite, limits).await?;
    let mut remaining = Vec::new();
    for difference in differences {
        let same = match texts(&difference) {
            Some((source, target)) => reprinted(&session, source)
                .await
                .is_some_and(|printed| printed == target),
            None => false,
        };
        if !same {
            remaining.push(difference);
        }
    }
    Ok(remaining)
}

/// Both texts of a view that differs in nothing else.
fn texts(difference: &Difference) -> Option<(&str, &str)> {
    match &difference.detail {
        Detail::Differs(attributes) => match attributes.as_slice() {
            [only] if only.name == "definition" => Some((only.source.as_deref()?, only.target.as_deref()?)),
            _ => None,
        },
        Detail::Missing
        | Detail::Extra
        | Detail::Counts(_)
        | Detail::Rows { .. }
        | Detail::Behind { .. }
        | Detail::Unread(_) => None,
    }
}

/// How the target prints a text; nothing where it cannot read it, which leaves the difference standing.
async fn reprinted(session: &Session, text: &str) -> Option<String> {
    let wanted = "a view in the target's words";
    session.run(&Question { wanted, sql: "begin" }).await.ok()?;
    // The text is the source's: whoever rules there could have it say more than one statement.
    let sql = format!("create temporary view pgferry_view as {text}");
    let made = session.run_single(&Question { wanted, sql: &sql }).await;
    let printed = match made {
        Err(_) => None,
        Ok(()) => {
            let sql = "select pg_get_viewdef('pg_temp.pgferry_view'::regclass) as text";
            let question = Question { wanted, sql };
            let answer = session.one(&question, |row| Ok(row.text("text")?.to_owned()));
            answer.await.ok()
        }
    };
    let sql = "rollback";
    session.run(&Question { wanted, sql }).await.ok()?;
    printed
}

//! Questions that the service asks a migration's owner on the way, and what becomes of each. Pure.

use std::collections::BTreeMap;

use crate::arm::migration::Substate;
use crate::arm::{Body, Draft};
use crate::kind::database_batch::{Batch, LossConsent};

use super::step::{Answer, Response, Why};

/// What becomes of each question, by the substate it is asked in, for a migration that moves these databases of the batch. One
/// that is not here is left to a person without a word.
pub fn of(batch: &Batch, databases: &[String]) -> BTreeMap<String, Response> {
    let names = databases.iter().map(|name| Body::text(name.as_str())).collect();
    let logical_replication = match batch.setup_logical_replication {
        Some(true) => answer(
            "setup_logical_replication",
            ("setupLogicalReplicationOnSourceDbIfNeeded", Body::text("True")),
        ),
        Some(false) | None => Response::Person(Why::Replication),
    };
    let overwrite = match may_overwrite(batch, databases) {
        true => answer("accept_loss", ("overwriteDbsInTarget", Body::text("True"))),
        false => Response::Person(Why::Overwrite),
    };
    let questions = [
        (
            Substate::WaitingForDatabases,
            answer("databases", ("dbsToMigrate", Body::List(names))),
        ),
        (
            Substate::WaitingForScheduling,
            answer("databases", ("startDataMigration", Body::text("True"))),
        ),
        (Substate::WaitingForLogicalReplicationSetup, logical_replication),
        (Substate::WaitingForOverwrite, overwrite),
    ];
    let by_substate = questions.map(|(substate, response)| (substate.as_str().to_owned(), response));
    by_substate.into()
}

/// Whether all of these may be lost on the target.
pub(super) fn may_overwrite(batch: &Batch, databases: &[String]) -> bool {
    let consent = |name: &String| batch.accept_loss.get(name) == Some(&LossConsent::Overwrite);
    !databases.is_empty() && databases.iter().all(consent)
}

/// An answer from the attribute `from`, sent as this property.
fn answer(from: &str, (key, value): (&str, Body<Draft>)) -> Response {
    Response::Answer(Answer {
        from: from.to_owned(),
        body: Body::object([("properties", Body::object([(key, value)]))]),
    })
}

//! A look at the migrations of a project, and further looks that never take more than a tenth of the quota of reads. It changes
//! nothing, holds no lock and works beside a running apply.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pgferry_state::{OpenRun, Snapshot, StepPhase};

use super::Call;
use super::dealt::{Dealt, Lists, deal_all, neighbours};
use super::error::CommandError;
use super::exit::Exit;
use super::polling::{IDLE, Polling};
use super::project::Purpose;
use super::session::Session;
use super::view::layout::count;
use super::view::status::{Row, Seen, StatusView};
use super::view::time::{between, instant};
use crate::address::{Address, UnitAddress};
use crate::apply::pace;
use crate::arm::migration::Standing;
use crate::arm::{ArmId, Outputs};
use crate::azure::policy::govern::Class;
use crate::block::Import;
use crate::graph::Graph;
use crate::plan::Mode;
use crate::prior::{Prior, UnitRecord};

/// Between readings of what is remembered. They take nothing of Azure's quotas.
const REMEMBER: Duration = Duration::from_secs(60);

/// The service whose quota lists of migrations draw on.
const SERVICE: &str = "microsoft.dbforpostgresql";

/// What is looked at.
pub(crate) struct Lookout<'a> {
    call: &'a Call<'a>,
    session: Session,
    /// Only this batch or migration.
    address: Option<UnitAddress>,
    graph: Graph,
    imports: Vec<Import>,
    snapshot: Option<Snapshot>,
    prior: Prior,
    /// When these two were read.
    remembered: Timestamp,
    lists: Lists,
    polling: Polling,
    /// What was shown once is shown on, also where it ends without ever being remembered.
    shown: BTreeMap<UnitAddress, (ArmId, usize)>,
}

impl<'a> Lookout<'a> {
    /// Looks for the first time, at everything.
    ///
    /// # Errors
    /// When the project, its state or Azure cannot be read, or nothing is known under the address.
    pub(crate) async fn open(call: &'a Call<'a>, address: Option<UnitAddress>) -> Result<Self, CommandError> {
        let session = call.session(Purpose::Look).await?;
        let (snapshot, prior) = session.remembered_as_declared().await?;
        // A configuration that does not hold declares none: what runs is shown all the same.
        let declared = session.project.program.declare(&Outputs::default());
        let (graph, imports) = match declared {
            Ok(declared) => (declared.graph, declared.imports),
            Err(_) => {
                call.ui.alert(&format!(
                    "The configuration does not hold, so what is to come is not shown: {}\n\n",
                    call.calling.line("validate")
                ));
                (Graph::default(), Vec::new())
            }
        };
        let mut lookout = Self {
            call,
            address,
            graph,
            imports,
            snapshot,
            prior,
            remembered: session.clock.now(),
            lists: Lists::default(),
            polling: Polling::default(),
            shown: BTreeMap::new(),
            session,
        };
        let targets = lookout.targets();
        lookout.lists = Lists::read(&lookout.session, targets.clone()).await?;
        lookout.note(&targets);
        let dealt = lookout.dealt();
        if let Some(address) = &lookout.address
            && !is_known(address, &lookout.records(), &dealt)
        {
            return Err(unknown(address, &lookout.prior, &lookout.graph));
        }
        Ok(lookout)
    }

    /// What may be read grows with time, by what the service last said is left.
    fn grow(&mut self) {
        let left = self.session.client.remaining();
        let left = left.iter().map(|remaining| (&remaining.bucket, remaining.left));
        let left = left.filter(|(bucket, _)| bucket.class == Class::Read && bucket.service == SERVICE);
        let left = left.map(|(bucket, left)| (bucket.subscription.as_str(), left));
        self.polling.grow(self.session.clock.now(), left);
    }

    /// Waits until something is worth another look, and looks. What cannot be read now is told in its row and read again later.
    pub(crate) async fn again(&mut self) {
        self.grow();
        let clock = Arc::clone(&self.session.clock);
        clock.sleep(self.polling.wait(clock.now())).await;
        let now = clock.now();
        if between(self.remembered, now) >= REMEMBER {
            self.remembered = now;
            // Memory that cannot be read now is as it was; the next minute knows more.
            if let Ok((snapshot, prior)) = self.session.remembered_as_declared().await {
                (self.snapshot, self.prior) = (snapshot, prior);
            }
        }
        self.grow();
        let new = self.targets().into_iter().filter(|target| !self.polling.knows(target));
        let mut targets: BTreeSet<ArmId> = new.collect();
        targets.extend(self.polling.due(now));
        let before = self.sent();
        self.lists.read_again(&self.session, targets.clone()).await;
        let more = (self.sent() - before).saturating_sub(targets.len().try_into().unwrap_or(u64::MAX));
        self.polling.spent(more);
        self.note(&targets);
    }

    /// What was read so far, by requests.
    fn sent(&self) -> u64 {
        let requests = self.session.client.requests();
        requests.reads + requests.retries
    }

    fn note(&mut self, targets: &BTreeSet<ArmId>) {
        let now = self.session.clock.now();
        for target in targets {
            let migrations = match self.lists.of(target) {
                Some(Ok(migrations)) => migrations,
                Some(Err(_)) | None => &[],
            };
            let pauses = migrations.iter().filter_map(|migration| pace::of(migration, now));
            let unread = matches!(self.lists.of(target), Some(Err(_)));
            let usual = if unread || self.run().is_some() {
                pace::usual(Duration::MAX)
            } else {
                IDLE
            };
            self.polling.looked(target, now, pauses.min().unwrap_or(usual));
        }
    }

    fn run(&self) -> Option<&OpenRun> {
        self.snapshot.as_ref()?.run.as_ref()
    }

    fn wanted(&self, unit: &UnitAddress) -> bool {
        self.address.as_ref().is_none_or(|address| covers(address, unit))
    }

    fn records(&self) -> Vec<(&UnitAddress, &UnitRecord)> {
        self.prior
            .iter()
            .map(|(unit, remembered)| (unit, &remembered.record))
            .filter(|(unit, record)| !record.attempts.is_empty() && self.wanted(unit))
            .collect()
    }

    fn resource(&self) -> Option<&Address> {
        self.address.as_ref().map(|address| &address.resource)
    }

    /// Where migrations are, or will be.
    fn targets(&self) -> BTreeSet<ArmId> {
        let records = self.records();
        let attempts = records.iter().filter_map(|(_, record)| record.attempts.last());
        let targets = attempts.filter_map(|attempt| attempt.id.parent());
        let batches = neighbours(&self.graph, self.resource());
        targets
            .chain(batches.iter().map(|batch| batch.target.clone()))
            .collect()
    }

    fn dealt(&self) -> BTreeMap<Address, Option<Dealt>> {
        let resource = self.resource();
        let batches = neighbours(&self.graph, resource);
        let mut found = deal_all(&batches, (&self.graph, &self.imports), &self.prior, &self.lists);
        let shown = batches.iter().map(|batch| &batch.address);
        let shown = shown.filter(|address| resource.is_none_or(|resource| resource == *address));
        shown
            .map(|address| {
                let mut dealt = found.remove(address);
                if let Some(dealt) = &mut dealt {
                    dealt.queued.retain(|queued| self.wanted(&queued.unit));
                }
                (address.clone(), dealt)
            })
            .collect()
    }

    /// What there is now.
    pub(crate) fn view(&mut self) -> StatusView {
        let batches = self.dealt();
        // What runs is shown where nothing is remembered of it, too: a plan would take it up.
        let unrecorded = batches.values().flatten().flat_map(|dealt| &dealt.unrecorded);
        let unrecorded = unrecorded
            .filter(|unrecorded| self.wanted(&unrecorded.unit))
            .map(|unrecorded| Row {
                unit: unrecorded.unit.clone(),
                seen: Seen::Migration(Box::new(unrecorded.migration.clone())),
                earlier: unrecorded.earlier,
            });
        let mut rows: BTreeMap<UnitAddress, Row> = unrecorded.map(|row| (row.unit.clone(), row)).collect();
        for (unit, record) in self.records() {
            let Some(attempt) = record.attempts.last().filter(|_| !rows.contains_key(unit)) else {
                continue;
            };
            // What began since and has ended already is newer than the memory of it.
            let earlier = record.attempts.len() - 1;
            let (id, earlier) = match self.shown.get(unit) {
                Some((id, shown)) if *shown > earlier => (id, *shown),
                Some(_) | None => (&attempt.id, earlier),
            };
            rows.extend(row(unit, id, earlier, &self.lists).map(|row| (unit.clone(), row)));
        }
        for (unit, (id, earlier)) in &self.shown {
            if !rows.contains_key(unit) {
                rows.extend(row(unit, id, *earlier, &self.lists).map(|row| (unit.clone(), row)));
            }
        }
        for row in rows.values() {
            if let Seen::Migration(migration) = &row.seen {
                self.shown.insert(row.unit.clone(), (migration.id.clone(), row.earlier));
            }
        }
        StatusView {
            rows: rows.into_values().collect(),
            over: 0,
            batches,
            run: self.run().map(open_run),
            now: self.session.clock.now(),
            calling: self.call.calling.clone(),
        }
    }
}

fn row(unit: &UnitAddress, id: &ArmId, earlier: usize, lists: &Lists) -> Option<Row> {
    let seen = match lists.of(&id.parent()?)? {
        Err(why) => Seen::Unreadable(why.to_owned()),
        Ok(migrations) => migrations.iter().find(|migration| migration.id == *id).map_or_else(
            || Seen::Missing(id.name().to_owned()),
            |found| Seen::Migration(Box::new(found.clone())),
        ),
    };
    Some(Row {
        unit: unit.clone(),
        seen,
        earlier,
    })
}

/// Whether nothing that is shown goes on or is about to: all has ended, and no open run would begin more.
pub(crate) fn is_over(view: &StatusView) -> bool {
    let has_ended = |row: &Row| match &row.seen {
        Seen::Migration(migration) => migration.state.ending().is_some(),
        Seen::Missing(_) => true,
        Seen::Unreadable(_) => false,
    };
    let is_to_come = view.run.is_some() && view.batches.values().flatten().any(|dealt| !dealt.queued.is_empty());
    view.rows.iter().all(has_ended) && !is_to_come
}

/// How whoever looked leaves, as `wait` does where nothing is open.
pub(crate) fn conclude(view: &StatusView) -> Exit {
    let of_row = |row: &Row| match &row.seen {
        Seen::Unreadable(_) => Exit::Error,
        Seen::Missing(_) => Exit::Done,
        Seen::Migration(migration) => match (migration.standing(), view.waits_for_person(row)) {
            (Standing::Ended(_), true) => Exit::Error,
            (Standing::Ended(_), false) => Exit::Done,
            (_, true) => Exit::WaitingForPerson,
            (_, false) => Exit::InFlight,
        },
    };
    let of_batch = |dealt: &Option<Dealt>| match dealt {
        None => Exit::Error,
        Some(dealt) if !dealt.queued.is_empty() => Exit::InFlight,
        Some(_) => Exit::Done,
    };
    let rows = view.rows.iter().map(of_row);
    rows.chain(view.batches.values().map(of_batch))
        .fold(Exit::Done, Exit::and)
}

/// Whether an address means a unit: itself, or all of its resource.
pub(crate) fn covers(address: &UnitAddress, unit: &UnitAddress) -> bool {
    unit.resource == address.resource && (address.part.is_none() || unit.part == address.part)
}

fn is_known(
    address: &UnitAddress,
    records: &[(&UnitAddress, &UnitRecord)],
    dealt: &BTreeMap<Address, Option<Dealt>>,
) -> bool {
    let is_queued = |dealt: &Dealt| {
        let mut running = dealt.unrecorded.iter().map(|unrecorded| &unrecorded.unit);
        let mut queued = dealt.queued.iter().map(|queued| &queued.unit);
        queued.any(|unit| covers(address, unit)) || running.any(|unit| covers(address, unit))
    };
    let is_declared = match (&address.part, dealt.get(&address.resource)) {
        (_, None) => false,
        (None, Some(_)) | (Some(_), Some(None)) => true,
        (Some(_), Some(Some(dealt))) => is_queued(dealt),
    };
    is_declared || !records.is_empty()
}

/// The error for an address that nothing is declared or remembered of.
pub(crate) fn unknown(address: &UnitAddress, prior: &Prior, graph: &Graph) -> CommandError {
    let mut known: BTreeSet<String> = graph.batches().map(|(_, batch)| batch.address.to_string()).collect();
    for (unit, remembered) in prior.iter() {
        if !remembered.record.attempts.is_empty() {
            known.insert(match address.part {
                Some(_) => unit.to_string(),
                None => unit.resource.to_string(),
            });
        }
    }
    CommandError::NothingThere {
        what: if address.part.is_some() { "migration" } else { "batch" },
        address: address.to_string(),
        known: known.into_iter().collect(),
    }
}

/// An open run in words.
fn open_run(run: &OpenRun) -> String {
    let OpenRun {
        started,
        by,
        steps,
        plan,
        ..
    } = run;
    let done = steps.values().filter(|step| step.phase == StepPhase::Done).count();
    let all = plan
        .get("steps")
        .and_then(serde_json::Value::as_array)
        .map_or(done, Vec::len);
    let what = crate::apply::mode(run).command();
    let next = match crate::apply::mode(run) {
        Mode::Destroy => "`pgferry destroy` goes on with it",
        Mode::Apply | Mode::Refresh => {
            "`pgferry wait` goes on with it, and `pgferry plan` says what the next apply would do"
        }
    };
    format!(
        "The {what} of {by}, begun {}, is open, with {done} of {} done. If it no longer runs, {next}.",
        instant(*started),
        count(all, "step")
    )
}

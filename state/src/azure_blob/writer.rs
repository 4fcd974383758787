//! Takes the lock and writes under it. A write that got no answer is looked for in the log before it counts as done or
//! as not done; a lock that was lost is found out by the service, which refuses the write.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::{Method, StatusCode};
use uuid::Uuid;

use super::heart::{self, Lease, Wanted};
use super::log::{self, KNOWN, Log, Meta, Replayed, Standing};
use super::wire::{Call, Undone, Wire};
use crate::ledger::Ledger;
use crate::rows::RowKey;
use crate::shared::{Frame, Mark, Medium, Payload, damaged};
use crate::snapshot::Actor;
use crate::store::{Damage, HeldLock, Holder, StoreError};

/// Rows that come to more than this get a blob of their own: the service takes 4 MiB at a time.
const LARGEST_FRAME: usize = 1 << 20;

/// A log up to this size is never begun anew.
const SMALL_LOG: u64 = 1 << 20;

/// The service takes 50,000 writes to one log; this leaves room for a base that cannot be written at the moment.
const MOST_BLOCKS: u64 = 20_000;

/// How often a lock is broken that its holder goes on writing under.
const BREAKS: u32 = 20;

/// How many of these are made only if nothing was written since the holder's name was read.
const CAREFUL_BREAKS: u32 = 5;

/// The writer's side of a log.
pub(super) struct LogWriter {
    wire: Arc<Wire>,
    lease: Lease,
    standing: Standing,
    blocks: u64,
    parts: Vec<String>,
    /// Where the log has to arrive before another base is tried.
    rebase_at: Rebase,
    /// Why the log is not known any more: beginning it anew may have been done or not.
    doubt: Option<StoreError>,
}

/// When a log is begun anew.
#[derive(Clone, Copy)]
struct Rebase {
    bytes: u64,
    blocks: u64,
}

/// What came of asking for the lock.
pub(super) enum Asked {
    Taken(Box<(Ledger, LogWriter)>),
    /// Somebody has it, and said who, unless they are just taking or leaving it.
    Held(Option<Holder>),
}

/// Asks for the lock, making the log if there never was one.
pub(super) async fn take(wire: &Arc<Wire>, holder: &Holder) -> Result<Asked, StoreError> {
    loop {
        match Lease::take(wire).await? {
            Wanted::NoLog => make(wire).await?,
            Wanted::Held => {
                let standing = log::peek(wire).await?;
                return Ok(Asked::Held(standing.and_then(|standing| standing.meta.holder)));
            }
            Wanted::Taken(lease) => return enter(wire, lease, holder).await.map(Box::new).map(Asked::Taken),
        }
    }
}

/// Ends the lock of this holder, and moves the log on so that the holder cannot take it again.
pub(super) async fn break_lock(wire: &Arc<Wire>, whose: &Actor) -> Result<Option<Holder>, StoreError> {
    let mut broken: Option<Holder> = None;
    for round in 0..BREAKS {
        let Some(standing) = log::peek(wire).await? else {
            return Ok(broken);
        };
        let Some(HeldLock { holder, .. }) = standing.held() else {
            return Ok(broken);
        };
        match &broken {
            // It is out, and somebody else was let in meanwhile.
            Some(before) if *before != holder => return Ok(broken),
            None if holder.who != *whose => {
                return Err(StoreError::HeldByAnother {
                    named: whose.clone(),
                    holder: Box::new(holder),
                });
            }
            Some(_) | None => broken = Some(holder),
        }
        // A holder that writes all the time moves the log before it can be met as it was; its name has not changed.
        let as_seen = Some(standing.etag.as_str()).filter(|_| round < CAREFUL_BREAKS);
        heart::end(wire, as_seen).await?;
        // Where it is held all the same, its holder wrote in between or was faster in taking it again.
        if let Wanted::Taken(lease) = Lease::take(wire).await? {
            return evict(wire, lease).await.map(|()| broken);
        }
    }
    Err(broken.map_or(StoreError::Unusable, StoreError::Locked))
}

/// Takes the holder's name out of the log under a lease of our own.
async fn evict(wire: &Arc<Wire>, lease: Lease) -> Result<(), StoreError> {
    let noted = match log::peek(wire).await {
        Ok(Some(Standing { meta, .. })) => {
            let left = Meta { holder: None, ..meta };
            note(wire, &lease, &left).await.map(drop)
        }
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    lease.release().await.and(noted)
}

/// Makes an empty log; one that somebody else made at the same moment is as good.
async fn make(wire: &Wire) -> Result<(), StoreError> {
    if log::is_known(wire).await? {
        return match log::peek(wire).await? {
            // Somebody made it since it was missed.
            Some(_) => Ok(()),
            None => Err(damaged(&wire.place(), Damage::Gone("the log"))),
        };
    }
    let mut headers = Meta::default().headers();
    headers.push(("x-ms-blob-type", "AppendBlob".to_owned()));
    create(wire, "", headers, Vec::new()).await
}

/// Writes a blob that is not there yet; what stands under its name already was written by the same request, sent twice,
/// or by somebody who wanted the same.
async fn create(
    wire: &Wire,
    ending: &str,
    mut headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
) -> Result<(), StoreError> {
    headers.push(("if-none-match", "*".to_owned()));
    let call = Call {
        doing: "write the state in",
        method: Method::PUT,
        ending: ending.to_owned(),
        component: None,
        headers,
        body,
    };
    match wire.send(&call).await {
        Ok(_) => Ok(()),
        Err(Undone::Refused(refusal))
            if matches!(refusal.status, StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED) =>
        {
            Ok(())
        }
        Err(undone) => Err(wire.explain(call.doing, undone)),
    }
}

async fn create_block(wire: &Wire, ending: &str, body: Vec<u8>) -> Result<(), StoreError> {
    create(wire, ending, vec![("x-ms-blob-type", "BlockBlob".to_owned())], body).await
}

/// Reads what the lease guards and says who is inside.
async fn enter(wire: &Arc<Wire>, lease: Lease, holder: &Holder) -> Result<(Ledger, LogWriter), StoreError> {
    match opened(wire, &lease, holder).await {
        Ok((ledger, log, replayed)) => {
            let mut writer = LogWriter {
                wire: Arc::clone(wire),
                lease,
                standing: log.standing,
                blocks: log.blocks,
                parts: replayed.parts,
                rebase_at: Rebase::after(replayed.base_bytes),
                doubt: None,
            };
            match ledger {
                Some(ledger) => Ok((ledger, writer)),
                None => match writer.begin().await {
                    Ok(ledger) => Ok((ledger, writer)),
                    Err(error) => {
                        drop(writer.lease.release().await);
                        Err(error)
                    }
                },
            }
        }
        Err(error) => {
            drop(lease.release().await);
            Err(error)
        }
    }
}

async fn opened(
    wire: &Arc<Wire>,
    lease: &Lease,
    holder: &Holder,
) -> Result<(Option<Ledger>, Log, Replayed), StoreError> {
    let log = log::fetch(wire).await?;
    let mut log = log.ok_or_else(|| damaged(&wire.place(), Damage::Gone("the log")))?;
    let mut replayed = log::read(wire, &log).await?;
    log.standing.meta.holder = Some(holder.clone());
    log.standing.etag = note(wire, lease, &log.standing.meta).await?;
    Ok((replayed.ledger.take(), log, replayed))
}

/// Writes the log's metadata, and answers with the ETag that this gave the log.
async fn note(wire: &Wire, lease: &Lease, meta: &Meta) -> Result<String, StoreError> {
    let doing = "lock the state in";
    let mut headers = meta.headers();
    headers.push(("x-ms-lease-id", lease.id().to_owned()));
    let call = Call {
        doing,
        method: Method::PUT,
        ending: String::new(),
        component: Some("metadata"),
        headers,
        body: Vec::new(),
    };
    let reply = wire.must(&call).await?;
    wire.etag(doing, &reply)
}

#[async_trait]
impl Medium for LogWriter {
    async fn write(&mut self, rows: &BTreeSet<RowKey>, ledger: &Ledger) -> Result<(), StoreError> {
        if let Some(doubt) = self.doubt.take() {
            return Err(doubt);
        }
        let lines = Frame::lines(rows, ledger);
        self.frame(lines, rows.len(), ledger).await?;
        if self.standing.length >= self.rebase_at.bytes || self.blocks >= self.rebase_at.blocks {
            // The write itself is done and stays so whatever becomes of this.
            self.doubt = self.rebase(ledger).await.err();
        }
        Ok(())
    }

    async fn release(self) -> Result<(), StoreError> {
        let Self {
            wire,
            lease,
            mut standing,
            ..
        } = self;
        standing.meta.holder = None;
        // A name that stays says no more than who was inside last: the lease decides.
        let noted = note(&wire, &lease, &standing.meta).await;
        if let Err(error) = noted {
            tracing::debug!(%error, "the holder's name stays in the log");
        }
        lease.release().await
    }
}

impl Rebase {
    fn after(base_bytes: u64) -> Self {
        Self {
            bytes: SMALL_LOG.max(base_bytes),
            blocks: MOST_BLOCKS,
        }
    }
}

impl LogWriter {
    /// The first frame of a state, and the mark that there is one.
    async fn begin(&mut self) -> Result<Ledger, StoreError> {
        let ledger = Ledger::fresh();
        let (lines, count) = Frame::all_lines(&ledger);
        self.frame(lines, count, &ledger).await?;
        create_block(&self.wire, KNOWN, Vec::new()).await?;
        Ok(ledger)
    }

    async fn frame(&mut self, lines: String, count: usize, ledger: &Ledger) -> Result<(), StoreError> {
        let frame = if lines.len() <= LARGEST_FRAME {
            Mark::of(ledger, self.lease.id(), Payload::Follow(count)).line() + &lines
        } else {
            let name = format!(".part-{}", Uuid::new_v4());
            create_block(&self.wire, &name, lines.into_bytes()).await?;
            self.parts.push(name.clone());
            Mark::of(ledger, self.lease.id(), Payload::Apart { name, lines: count }).line()
        };
        self.append(frame.into_bytes()).await
    }

    async fn append(&mut self, frame: Vec<u8>) -> Result<(), StoreError> {
        let doing = "write the state in";
        let mut call = Call {
            doing,
            method: Method::PUT,
            ending: String::new(),
            component: Some("appendblock"),
            headers: Vec::new(),
            body: frame,
        };
        let mut retaken = false;
        loop {
            call.headers = vec![
                ("x-ms-lease-id", self.lease.id().to_owned()),
                ("if-match", self.standing.etag.clone()),
                ("x-ms-blob-condition-appendpos", self.standing.length.to_string()),
            ];
            match self.wire.send(&call).await {
                Ok(reply) => {
                    self.arrived(self.wire.etag(doing, &reply)?, call.body.len());
                    return Ok(());
                }
                Err(Undone::Refused(refusal)) if matches!(refusal.status.as_u16(), 404 | 409 | 412) => {
                    let now = self.now().await?;
                    if self.is_ours(&now, &call.body).await? {
                        self.arrived(now.etag, call.body.len());
                        return Ok(());
                    }
                    if retaken || !self.retake(&now).await? {
                        return Err(self.lost(now));
                    }
                    retaken = true;
                }
                Err(undone) => return Err(self.wire.explain(doing, undone)),
            }
        }
    }

    /// What the log is now, after a write was refused.
    async fn now(&self) -> Result<Standing, StoreError> {
        let now = log::peek(&self.wire).await?;
        now.ok_or_else(|| damaged(&self.wire.place(), Damage::Gone("the log")))
    }

    /// Whether the log is as it would be after this write of ours, whose answer never came.
    async fn is_ours(&self, now: &Standing, frame: &[u8]) -> Result<bool, StoreError> {
        let before = self.standing.length;
        if now.length != before + frame.len() as u64 || now.meta.base != self.standing.meta.base {
            return Ok(false);
        }
        // The frame names the lock that it was written under, so nobody else's is the same.
        Ok(log::fetch_end(&self.wire, before).await? == frame)
    }

    /// Takes the lease again where it lapsed and nobody was inside since.
    async fn retake(&mut self, now: &Standing) -> Result<bool, StoreError> {
        Ok(now.etag == self.standing.etag && self.lease.retake(&self.wire, &now.etag).await?)
    }

    /// Somebody else was let in. Where the log still has our name, whoever that is left none.
    fn lost(&self, now: Standing) -> StoreError {
        let own = self.standing.meta.holder.as_ref();
        let is_own = |holder: &Holder| {
            own.is_some_and(|own| (&own.who, own.process, own.since) == (&holder.who, holder.process, holder.since))
        };
        StoreError::LockLost {
            now: now.meta.holder.filter(|holder| !is_own(holder)).map(Box::new),
        }
    }

    fn arrived(&mut self, etag: String, bytes: usize) {
        self.standing.etag = etag;
        self.standing.length += bytes as u64;
        self.blocks += 1;
    }

    /// Writes all rows as a new base and begins the log anew. What is committed stands either way, so a base that cannot
    /// be written is tried again later; but a log whose fate is unknown takes no more.
    async fn rebase(&mut self, ledger: &Ledger) -> Result<(), StoreError> {
        let (lines, count) = Frame::all_lines(ledger);
        let mark = Mark::of(ledger, self.lease.id(), Payload::Follow(count)).line();
        let base = format!(".base-{}", Uuid::new_v4());
        let body = (mark + &lines).into_bytes();
        let bytes = body.len() as u64;
        if let Err(error) = create_block(&self.wire, &base, body).await {
            tracing::warn!(%error, "the log of the state was not begun anew");
            let Rebase { bytes, blocks } = self.rebase_at;
            self.rebase_at = Rebase {
                bytes: bytes + self.standing.length,
                blocks: blocks + MOST_BLOCKS / 10,
            };
            return Ok(());
        }
        let before = self.standing.meta.clone();
        let meta = Meta {
            base: Some(base),
            earlier: before.base.clone(),
            holder: before.holder.clone(),
        };
        self.standing.etag = self.restart(&meta).await?;
        self.standing.length = 0;
        self.standing.meta = meta;
        self.blocks = 0;
        self.rebase_at = Rebase::after(bytes);
        let dropped = std::mem::take(&mut self.parts).into_iter().chain(before.earlier);
        for ending in dropped {
            self.forget(&ending).await;
        }
        Ok(())
    }

    /// Empties the log and gives it this metadata, in one request that the lease outlives.
    async fn restart(&self, meta: &Meta) -> Result<String, StoreError> {
        let doing = "write the state in";
        let mut headers = meta.headers();
        headers.push(("x-ms-blob-type", "AppendBlob".to_owned()));
        headers.push(("x-ms-lease-id", self.lease.id().to_owned()));
        headers.push(("if-match", self.standing.etag.clone()));
        let call = Call {
            doing,
            method: Method::PUT,
            ending: String::new(),
            component: None,
            headers,
            body: Vec::new(),
        };
        match self.wire.send(&call).await {
            Ok(reply) => self.wire.etag(doing, &reply),
            Err(Undone::Refused(refusal)) if matches!(refusal.status.as_u16(), 404 | 409 | 412) => {
                let now = self.now().await?;
                if now.length == 0 && now.meta.base == meta.base {
                    Ok(now.etag)
                } else {
                    Err(self.lost(now))
                }
            }
            Err(undone) => Err(self.wire.explain(doing, undone)),
        }
    }

    /// Deletes a blob that nothing refers to any more; one that stays costs its bytes and nothing else.
    async fn forget(&self, ending: &str) {
        let call = Call {
            doing: "clear up the state in",
            method: Method::DELETE,
            ending: ending.to_owned(),
            component: None,
            headers: Vec::new(),
            body: Vec::new(),
        };
        if let Err(error) = self.wire.must(&call).await {
            tracing::debug!(%error, ending, "a blob that nothing refers to stays");
        }
    }
}

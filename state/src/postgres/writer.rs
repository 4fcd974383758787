//! Takes the lock and writes under it, over one connection after another if need be. Taking a new one raises the fence,
//! so that a write which is still on its way over the old one is refused, and its fate known.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant};
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::Between;
use super::line::{Line, Unanswered, written};
use crate::ledger::Ledger;
use crate::rows::{Cell, Content, RowKey};
use crate::shared::Medium;
use crate::snapshot::Serial;
use crate::store::{Holder, StoreError};

/// How often the lease is renewed within its time.
const BEATS: u32 = 4;

/// No lease that a pgferry takes is longer than this.
const LONGEST: Duration = Duration::from_secs(60);

/// How often a lock is asked for that was free a moment later.
const ASKS: u32 = 10;

/// Between two attempts to reach the server again.
const PAUSE: Duration = Duration::from_millis(250);

/// The writer's side of a state.
pub(super) struct RowWriter {
    tenure: Arc<Mutex<Tenure>>,
    serial: Serial,
    heart: JoinHandle<()>,
}

/// A lock that is held, and the connection over which.
struct Tenure {
    line: Line,
    token: String,
    fence: i64,
    guard: Guard,
}

/// What tells others that the holder lives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Guard {
    /// The advisory lock of its connection, and the lease.
    Session,
    /// The lease alone.
    Lease,
}

/// What is stored, as a holder found it when it came back.
struct Found {
    serial: Serial,
    checksum: String,
}

/// Takes the lock, making the state if there is none.
pub(super) async fn take(line: Line, holder: &Holder) -> Result<(Ledger, RowWriter), StoreError> {
    line.prepare().await?;
    // Before anything is written: a later form may have another idea of locks.
    line.holder().await?;
    let guard = guard_over(&line).await?;
    let token = Uuid::new_v4().to_string();
    let holder_text = serde_json::to_string(holder).expect("values with string keys always have a JSON text");
    let lease = line.manners.lease.as_secs_f64();
    let mut asked = 0;
    let fence = loop {
        asked += 1;
        let taken = line
            .ask(
                &line.statements.take,
                &[
                    (&token, Type::TEXT),
                    (&holder_text, Type::TEXT),
                    (&guard.as_str(), Type::TEXT),
                    (&lease, Type::FLOAT8),
                    (&(guard == Guard::Session), Type::BOOL),
                ],
            )
            .await
            .map_err(|unanswered| line.failed("lock", unanswered))?;
        if let Some(row) = taken.first() {
            break line.field("lock", row, "fence")?;
        }
        let longest: f64 = LONGEST.max(line.manners.lease).as_secs_f64();
        let shortened = line.ask(&line.statements.shorten, &[(&longest, Type::FLOAT8)]).await;
        shortened.map_err(|unanswered| line.failed("lock", unanswered))?;
        // Whoever held it may have let go in between.
        match line.holder().await? {
            Some(other) => return Err(StoreError::Locked(other)),
            None if asked < ASKS => {}
            None => return Err(StoreError::Locked(Holder::unknown())),
        }
    };
    let mut tenure = Tenure {
        fence,
        line,
        token,
        guard,
    };
    match tenure.opened().await {
        Ok(ledger) => {
            let serial = ledger.serial();
            let between = tenure.line.manners.lease / BEATS;
            let tenure = Arc::new(Mutex::new(tenure));
            let heart = beat(Arc::clone(&tenure), between);
            Ok((ledger, RowWriter { tenure, serial, heart }))
        }
        Err(error) => {
            drop(tenure.release().await);
            Err(error)
        }
    }
}

async fn guard_over(line: &Line) -> Result<Guard, StoreError> {
    match line.manners.between {
        Between::Pooler => Ok(Guard::Lease),
        Between::Nothing if line.try_advisory().await? => Ok(Guard::Session),
        Between::Nothing => Ok(Guard::Lease),
    }
}

fn beat(tenure: Arc<Mutex<Tenure>>, between: Duration) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(between).await;
            match tenure.lock().await.renew().await {
                Ok(()) => {}
                Err(error @ StoreError::LockLost { .. }) => {
                    // The next write finds it out too.
                    tracing::warn!(%error, "the lock of the state was not renewed");
                    return;
                }
                Err(error) => tracing::warn!(%error, "the lock of the state was not renewed yet"),
            }
        }
    })
}

#[async_trait]
impl Medium for RowWriter {
    async fn write(&mut self, rows: &BTreeSet<RowKey>, ledger: &Ledger) -> Result<(), StoreError> {
        self.tenure.lock().await.write(self.serial, rows, ledger).await?;
        self.serial = ledger.serial();
        Ok(())
    }

    async fn release(self) -> Result<(), StoreError> {
        self.heart.abort();
        self.tenure.lock().await.release().await
    }
}

impl Drop for RowWriter {
    fn drop(&mut self) {
        self.heart.abort();
    }
}

impl Tenure {
    async fn opened(&mut self) -> Result<Ledger, StoreError> {
        if let Some(ledger) = self.line.load().await? {
            return Ok(ledger);
        }
        let ledger = Ledger::fresh();
        let rows: BTreeSet<RowKey> = ledger.rows().iter().map(|(key, _)| key.clone()).collect();
        self.write(Serial::ZERO, &rows, &ledger).await?;
        Ok(ledger)
    }

    async fn write(&mut self, before: Serial, rows: &BTreeSet<RowKey>, ledger: &Ledger) -> Result<(), StoreError> {
        let until = Instant::now() + self.line.manners.patience;
        let checksum = written(ledger.checksum());
        loop {
            match self.send(before, rows, ledger, &checksum).await {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(self.lost().await),
                Err(unanswered @ Unanswered::Refused(_)) => return Err(self.line.failed("write", unanswered)),
                Err(unanswered @ Unanswered::Gone(_)) => {
                    let found = self.come_back(until, unanswered).await?;
                    if found.serial == ledger.serial() && found.checksum == checksum {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Sends one write and tells whether the lock was still ours.
    async fn send(
        &self,
        before: Serial,
        rows: &BTreeSet<RowKey>,
        ledger: &Ledger,
        checksum: &str,
    ) -> Result<bool, Unanswered> {
        let mut gone = Vec::new();
        let (mut keys, mut revisions, mut contents) = (Vec::new(), Vec::new(), Vec::new());
        for key in rows {
            match ledger.rows().get(key) {
                Some(Cell {
                    revision,
                    content: Content::Inline(text),
                }) => {
                    keys.push(key.to_text());
                    revisions.push(revision.get().cast_signed());
                    contents.push(text.to_string());
                }
                // A ledger whose backend keeps every text in its row never holds one elsewhere.
                Some(Cell {
                    content: Content::Large(_),
                    ..
                })
                | None => gone.push(key.to_text()),
            }
        }
        let [before, serial] = [before, ledger.serial()].map(|serial| serial.get().cast_signed());
        let lease = self.line.manners.lease.as_secs_f64();
        let answer = self
            .line
            .ask(
                &self.line.statements.write,
                &[
                    (&self.token, Type::TEXT),
                    (&self.fence, Type::INT8),
                    (&before, Type::INT8),
                    (&serial, Type::INT8),
                    (&checksum, Type::TEXT),
                    (&lease, Type::FLOAT8),
                    (&gone, Type::TEXT_ARRAY),
                    (&keys, Type::TEXT_ARRAY),
                    (&revisions, Type::INT8_ARRAY),
                    (&contents, Type::TEXT_ARRAY),
                ],
            )
            .await?;
        let written = answer.first().map(|row| row.try_get::<_, i64>("written"));
        match written.transpose() {
            Ok(written) => Ok(written == Some(1)),
            Err(error) => Err(Unanswered::Refused(error)),
        }
    }

    /// Dials anew until the server says that the lock still is ours, and what is stored.
    async fn come_back(&mut self, until: Instant, unanswered: Unanswered) -> Result<Found, StoreError> {
        let mut last = self.line.failed("write", unanswered);
        loop {
            match self.resume().await {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => return Err(self.lost().await),
                Err(error) => {
                    last = if Instant::now() + PAUSE < until {
                        error
                    } else {
                        return Err(last);
                    }
                }
            }
            tracing::debug!(error = %last, "the state's server is dialled again");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A new connection for the same lock; `None` where it is somebody else's by now.
    async fn resume(&mut self) -> Result<Option<Found>, StoreError> {
        let doing = "lock";
        self.line.redial().await?;
        self.guard = guard_over(&self.line).await?;
        let lease = self.line.manners.lease.as_secs_f64();
        let sql = &self.line.statements.resume;
        let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] = [
            (&self.token, Type::TEXT),
            (&self.guard.as_str(), Type::TEXT),
            (&lease, Type::FLOAT8),
        ];
        let rows = self.line.ask(sql, &parameters).await;
        let rows = rows.map_err(|unanswered| self.line.failed(doing, unanswered))?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        self.fence = self.line.field(doing, row, "fence")?;
        let serial: i64 = self.line.field(doing, row, "serial")?;
        Ok(Some(Found {
            serial: Serial::new(serial.cast_unsigned()),
            checksum: self.line.field(doing, row, "checksum")?,
        }))
    }

    async fn renew(&mut self) -> Result<(), StoreError> {
        let lease = self.line.manners.lease.as_secs_f64();
        let renewed = self
            .line
            .ask(
                &self.line.statements.renew,
                &[(&self.token, Type::TEXT), (&lease, Type::FLOAT8)],
            )
            .await;
        match renewed {
            Ok(rows) if rows.is_empty() => Err(self.lost().await),
            Ok(_) => Ok(()),
            Err(Unanswered::Gone(_)) => match self.resume().await? {
                Some(_) => Ok(()),
                None => Err(self.lost().await),
            },
            Err(unanswered) => Err(self.line.failed("renew the lock of", unanswered)),
        }
    }

    /// Lets the next one in. A lock that is lost, or whose connection is gone, lapses by itself.
    async fn release(&self) -> Result<(), StoreError> {
        let advisory = match self.guard {
            Guard::Session => Some(self.line.statements.lock_key),
            Guard::Lease => None,
        };
        let released = self
            .line
            .ask(
                &self.line.statements.release,
                &[(&self.token, Type::TEXT), (&advisory, Type::INT8)],
            )
            .await;
        released
            .map(drop)
            .map_err(|unanswered| self.line.failed("unlock", unanswered))
    }

    async fn lost(&self) -> StoreError {
        let now = self.line.holder().await.ok().flatten();
        StoreError::LockLost { now: now.map(Box::new) }
    }
}

impl Guard {
    fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Lease => "lease",
        }
    }
}

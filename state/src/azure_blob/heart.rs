//! The lease that is the lock: taking it, renewing it while its holder lives, letting it go. Never one without end.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::wire::{Call, Undone, Wire};
use crate::shared::{Inside, to_the_end};
use crate::store::StoreError;

/// A lease that is renewed until this is dropped. One that is dropped is let go in passing.
pub(super) struct Lease {
    wire: Arc<Wire>,
    id: String,
    heart: JoinHandle<()>,
    is_over: bool,
}

/// What came of asking for the lease.
pub(super) enum Wanted {
    Taken(Lease),
    /// Somebody has it.
    Held,
    /// There is no log.
    NoLog,
}

/// How often a lease is renewed within its time.
const BEATS: u32 = 4;

impl Lease {
    /// Asks for the lease of the log. A lease that is granted after the caller gave up is let go.
    pub(super) async fn take(wire: &Arc<Wire>) -> Result<Wanted, StoreError> {
        to_the_end(Self::ask(Arc::clone(wire))).await
    }

    async fn ask(wire: Arc<Wire>) -> Result<Wanted, StoreError> {
        let id = Uuid::new_v4().to_string();
        match wire.send(&acquiring(&wire, &id, None)).await {
            Ok(_) => Ok(Wanted::Taken(Self {
                heart: beat(Arc::clone(&wire), id.clone()),
                wire,
                id,
                is_over: false,
            })),
            Err(Undone::Refused(refusal)) if refusal.status == StatusCode::CONFLICT => Ok(Wanted::Held),
            Err(Undone::Refused(refusal)) if super::log::is_absent(&refusal) => Ok(Wanted::NoLog),
            Err(undone) => Err(wire.explain("lock the state in", undone)),
        }
    }

    /// Takes the lease again that lapsed, if the log still is as its holder left it: then nobody was in between. Answers
    /// whether that was so.
    pub(super) async fn retake(&mut self, wire: &Arc<Wire>, etag: &str) -> Result<bool, StoreError> {
        match wire.send(&acquiring(wire, &self.id, Some(etag))).await {
            Ok(_) => {
                self.heart.abort();
                self.heart = beat(Arc::clone(wire), self.id.clone());
                Ok(true)
            }
            Err(Undone::Refused(refusal)) if matches!(refusal.status.as_u16(), 404 | 409 | 412) => Ok(false),
            Err(undone) => Err(wire.explain("lock the state in", undone)),
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Lets the next one in. One that lapsed is let go already.
    pub(super) async fn release(mut self) -> Result<(), StoreError> {
        self.heart.abort();
        let released = let_go(&self.wire, &self.id).await;
        self.is_over = true;
        released
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.heart.abort();
        // Without a runtime there is nobody to send anything, and the lease lapses.
        let Some(runtime) = Handle::try_current().ok().filter(|_| !self.is_over) else {
            return;
        };
        let (wire, id, inside) = (Arc::clone(&self.wire), self.id.clone(), Inside::enter());
        runtime.spawn(async move {
            if let Err(error) = let_go(&wire, &id).await {
                tracing::warn!(%error, "the lock of the state stays until it lapses");
            }
            drop(inside);
        });
    }
}

async fn let_go(wire: &Wire, id: &str) -> Result<(), StoreError> {
    let call = leasing("unlock the state in", "release", vec![("x-ms-lease-id", id.to_owned())]);
    match wire.send(&call).await {
        Ok(_) => Ok(()),
        Err(Undone::Refused(refusal)) if matches!(refusal.status.as_u16(), 404 | 409 | 412) => Ok(()),
        Err(undone) => Err(wire.explain(call.doing, undone)),
    }
}

/// Ends whatever lease there is, at once. With an ETag only if the log still is as that says; otherwise the lease stays.
pub(super) async fn end(wire: &Wire, etag: Option<&str>) -> Result<(), StoreError> {
    let mut headers = vec![("x-ms-lease-break-period", "0".to_owned())];
    headers.extend(etag.map(|etag| ("if-match", etag.to_owned())));
    let call = leasing("break the lock of the state in", "break", headers);
    match wire.send(&call).await {
        Ok(_) => Ok(()),
        Err(Undone::Refused(refusal)) if matches!(refusal.status.as_u16(), 404 | 409 | 412) => Ok(()),
        Err(undone) => Err(wire.explain(call.doing, undone)),
    }
}

fn beat(wire: Arc<Wire>, id: String) -> JoinHandle<()> {
    tokio::spawn(async move {
        let renewing = leasing("renew the lock of the state in", "renew", vec![("x-ms-lease-id", id)]);
        let between = wire.lease() / BEATS;
        loop {
            tokio::time::sleep(between).await;
            match wire.send(&renewing).await {
                Ok(_) => {}
                Err(Undone::Refused(refusal)) => {
                    // What that means for the state shows at the next write, which the service checks by itself.
                    tracing::warn!(code = refusal.code, "the lock of the state was not renewed");
                    return;
                }
                Err(Undone::Failed(error)) => tracing::warn!(%error, "the lock of the state was not renewed yet"),
            }
        }
    })
}

fn acquiring(wire: &Wire, id: &str, etag: Option<&str>) -> Call {
    // A request that is sent twice asks for the same lease twice, which the service grants.
    let mut headers = vec![
        ("x-ms-lease-duration", wire.lease().as_secs().to_string()),
        ("x-ms-proposed-lease-id", id.to_owned()),
    ];
    headers.extend(etag.map(|etag| ("if-match", etag.to_owned())));
    leasing("lock the state in", "acquire", headers)
}

fn leasing(doing: &'static str, action: &str, mut headers: Vec<(&'static str, String)>) -> Call {
    headers.push(("x-ms-lease-action", action.to_owned()));
    Call {
        doing,
        method: Method::PUT,
        ending: String::new(),
        component: Some("lease"),
        headers,
        body: Vec::new(),
    }
}

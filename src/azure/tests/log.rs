//! What the trace shows at its most talkative.

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use tracing::Dispatch;
use tracing_subscriber::fmt::MakeWriter;

use super::rig::{BASE, Rig, SERVER, answer, call, id};
use crate::arm::{ArmRead, ArmWrite, Body, Verb};
use crate::secret::Secret;

#[derive(Clone, Default)]
pub(super) struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Captured {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// With a single subscriber alive, a call site that is first reached on another test's thread would be switched off for all.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(tracing_subscriber::registry()));

/// Keeps the trace of this thread until the guard is dropped.
pub(super) fn capture() -> (Captured, tracing::subscriber::DefaultGuard) {
    LazyLock::force(&SECOND);
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(captured.clone())
        .with_ansi(false)
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    (captured, guard)
}

#[tokio::test]
async fn a_trace_shows_the_call_and_none_of_its_secrets() {
    let (captured, _guard) = capture();
    let poll = format!("{BASE}/subscriptions/s/o/1?api-version=2025-08-01&t=638&c=MIIHcert&s=SIGNATURE&h=HASH");
    let rig = Rig::new(vec![
        answer(
            202,
            &[
                ("azure-asyncoperation", &poll),
                ("set-cookie", "COOKIE"),
                ("x-ms-request-id", "request-1"),
                ("retry-after", "1"),
            ],
            r#"{"echo":"BODY-SECRET"}"#,
        ),
        answer(200, &[], r#"{"status":"Succeeded"}"#),
        answer(
            200,
            &[],
            r#"{"properties":{"administratorLoginPassword":"BODY-SECRET"}}"#,
        ),
    ]);
    let sent = Body::object([("password", Body::Secret(Secret::new("PASSWORD")))]);
    let operation = rig.client.begin(&call(Verb::Put, SERVER), Some(&sent)).await.unwrap();
    rig.client
        .finish(operation, std::time::Duration::from_secs(60))
        .await
        .unwrap();

    let text = captured.text();
    for shown in [
        "method=\"PUT\"",
        "/flexibleServers/pg?api-version=2025-08-01",
        "status=202",
        "request_id=\"request-1\"",
        "milliseconds=",
        "c=REDACTED&s=REDACTED",
        "authorization: REDACTED",
        "x-ms-client-request-id: ",
        "set-cookie: REDACTED",
    ] {
        assert!(text.contains(shown), "{shown} is missing in\n{text}");
    }
    for hidden in [
        "token-1",
        "PASSWORD",
        "MIIHcert",
        "SIGNATURE",
        "HASH",
        "t=638",
        "COOKIE",
        "BODY-SECRET",
    ] {
        assert!(!text.contains(hidden), "{hidden} is shown in\n{text}");
    }
}

#[tokio::test]
async fn a_failed_call_is_traced_without_its_link() {
    let (captured, _guard) = capture();
    let rig = Rig::new(vec![super::rig::refusal(403, &[], "AuthorizationFailed")]);
    rig.client.get(&id(SERVER)).await.unwrap_err();
    assert!(captured.text().contains("status=403"));
    assert!(!captured.text().contains("token-1"));
}

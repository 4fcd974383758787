//! A gate between a project and the service that keeps its state. It counts what the project sends, and at one count of the
//! caller's choice it has the project struck: what is in its hands at that moment reaches the service or does not.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// What becomes of the message at which the project is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It never arrives.
    Lost,
    /// It arrives, and nobody hears the answer.
    Arrives,
}

/// The gate. It carries until the process ends.
pub(crate) struct Gate {
    /// Where projects reach it.
    pub(crate) port: u16,
    /// Where it leads.
    pub(crate) service: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    sent: AtomicU64,
    strike: Mutex<Option<Strike>>,
    /// Whether nothing passes.
    shut: AtomicBool,
    /// How long each answer takes, in milliseconds.
    slow: AtomicU64,
    carried: Mutex<Vec<(TcpStream, TcpStream)>>,
}

struct Strike {
    at: u64,
    fate: Fate,
    /// The moment has come.
    due: SyncSender<()>,
    /// The project is dead.
    struck: Receiver<()>,
}

/// A strike that is prepared.
pub(crate) struct Prepared {
    due: Receiver<()>,
    struck: SyncSender<()>,
}

impl Gate {
    /// A gate before this port of this machine.
    pub(crate) fn before(service: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let inside = Arc::clone(&shared);
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if inside.shut.load(Ordering::SeqCst) {
                    continue;
                }
                let server = TcpStream::connect(("127.0.0.1", service)).unwrap();
                let (answers, asker) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let both = (client.try_clone().unwrap(), server.try_clone().unwrap());
                inside.carried.lock().unwrap_or_else(PoisonError::into_inner).push(both);
                let (inside, for_answers) = (Arc::clone(&inside), Arc::clone(&inside));
                thread::spawn(move || upward(client, server, &inside));
                thread::spawn(move || downward(answers, asker, &for_answers));
            }
        });
        Self { port, service, shared }
    }

    /// How many messages were sent.
    pub(crate) fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::SeqCst)
    }

    /// Lets nothing pass any more: connections end on both sides, and new ones are not carried.
    pub(crate) fn shut(&self) {
        self.shared.shut.store(true, Ordering::SeqCst);
        let carried = std::mem::take(&mut *self.shared.carried.lock().unwrap_or_else(PoisonError::into_inner));
        for (client, server) in carried {
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        }
    }

    /// Carries again.
    pub(crate) fn open(&self) {
        self.shared.shut.store(false, Ordering::SeqCst);
    }

    /// Lets each answer from now on take so long.
    pub(crate) fn slow_down(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap();
        self.shared.slow.store(by, Ordering::SeqCst);
    }

    /// Prepares to strike at the `nth` message from now on.
    pub(crate) fn strike_at(&self, nth: u64, fate: Fate) -> Prepared {
        let (tell, due) = sync_channel(1);
        let (struck, wait) = sync_channel(1);
        let strike = Strike {
            at: self.sent() + nth,
            fate,
            due: tell,
            struck: wait,
        };
        *self.shared.strike.lock().unwrap_or_else(PoisonError::into_inner) = Some(strike);
        Prepared { due, struck }
    }
}

impl Prepared {
    /// Whether the moment has come. Until [`Self::done`] the message is held.
    pub(crate) fn is_due(&self) -> bool {
        self.due.try_recv().is_ok()
    }

    /// The project is dead, and the message may meet its fate.
    pub(crate) fn done(self) {
        // Nobody waits where the strike was never due.
        let _ = self.struck.try_send(());
    }
}

fn upward(mut client: TcpStream, mut server: TcpStream, inside: &Shared) {
    let mut bytes = vec![0; 1 << 18];
    loop {
        let count = client.read(&mut bytes).unwrap_or(0);
        if count == 0 {
            let _ = server.shutdown(Shutdown::Both);
            return;
        }
        let sent = inside.sent.fetch_add(1, Ordering::SeqCst) + 1;
        let mut prepared = inside.strike.lock().unwrap_or_else(PoisonError::into_inner);
        let strike = prepared.take_if(|strike| sent >= strike.at);
        drop(prepared);
        if let Some(strike) = strike {
            let _ = strike.due.send(());
            // The striker is gone where its test failed.
            let _ = strike.struck.recv();
            if strike.fate == Fate::Lost {
                let _ = server.shutdown(Shutdown::Both);
                return;
            }
        }
        if server.write_all(&bytes[..count]).is_err() {
            let _ = client.shutdown(Shutdown::Both);
            return;
        }
    }
}

fn downward(mut server: TcpStream, mut client: TcpStream, inside: &Shared) {
    let mut bytes = vec![0; 1 << 18];
    loop {
        let count = server.read(&mut bytes).unwrap_or(0);
        thread::sleep(Duration::from_millis(inside.slow.load(Ordering::SeqCst)));
        if count == 0 || client.write_all(&bytes[..count]).is_err() {
            let _ = client.shutdown(Shutdown::Both);
            return;
        }
    }
}

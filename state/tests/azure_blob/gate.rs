//! A gate between a store and the emulator: it notes every request, and loses those that a test wants lost, before the
//! service sees them or after it carried them out.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use pgferry_state::testing::azurite;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Passes,
    /// The service never sees it, and the client gets no answer.
    LostBefore,
    /// The service carries it out, and the client gets no answer.
    LostAfter,
}

/// Decides over a request by its line, such as `PUT /pgferry/states-1/team/prod?comp=lease`.
type Judge = Box<dyn FnMut(&str) -> Fate + Send>;

pub(crate) struct Gate {
    port: u16,
    inside: Arc<Mutex<Inside>>,
}

struct Inside {
    judge: Judge,
    seen: Vec<Seen>,
}

/// A request that came to the gate.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Verb and address without the signature.
    pub(crate) line: String,
    /// The bytes of its body.
    pub(crate) bytes: usize,
}

impl Gate {
    /// A gate before the emulator on this port that lets everything pass.
    pub(crate) fn before(service: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let inside = Arc::new(Mutex::new(Inside {
            judge: Box::new(|_| Fate::Passes),
            seen: Vec::new(),
        }));
        let shared = Arc::clone(&inside);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let inside = Arc::clone(&shared);
                // A client that goes away in the middle is nothing to the gate.
                thread::spawn(move || drop(carry(client, service, &inside)));
            }
        });
        Self { port, inside }
    }

    pub(crate) fn endpoint(&self) -> String {
        azurite::endpoint("http", self.port)
    }

    /// From now on this decides.
    pub(crate) fn judge(&self, judge: impl FnMut(&str) -> Fate + Send + 'static) {
        self.inside.lock().unwrap().judge = Box::new(judge);
    }

    /// What came since the last time this was asked.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.inside.lock().unwrap().seen)
    }
}

/// Carries one request to the service and its answer back.
fn carry(mut client: TcpStream, service: u16, inside: &Mutex<Inside>) -> io::Result<()> {
    let (head, body) = read_request(&mut client)?;
    let first = head.lines().next().unwrap_or_default();
    let line = without_signature(first);
    let fate = {
        let mut inside = inside.lock().unwrap();
        inside.seen.push(Seen {
            line: line.clone(),
            bytes: body.len(),
        });
        (inside.judge)(&line)
    };
    if fate == Fate::LostBefore {
        return client.shutdown(Shutdown::Both);
    }
    let mut upstream = TcpStream::connect(("127.0.0.1", service))?;
    let kept = head
        .lines()
        .filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let head: Vec<&str> = kept.chain(["connection: close", "", ""]).collect();
    upstream.write_all(head.join("\r\n").as_bytes())?;
    upstream.write_all(&body)?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    if fate == Fate::Passes {
        client.write_all(&answer)?;
    }
    client.shutdown(Shutdown::Both)
}

fn read_request(client: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).trim_end().to_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    client.read_exact(&mut body)?;
    Ok((head, body))
}

fn without_signature(line: &str) -> String {
    let mut words = line.split(' ');
    let (verb, address) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    match query.split('&').find(|part| part.starts_with("comp=")) {
        Some(part) => format!("{verb} {path}?{part}"),
        None => format!("{verb} {path}"),
    }
}

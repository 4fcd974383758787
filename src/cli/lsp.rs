//! `pgferry lsp`: a language server over standard input and output. It speaks the protocol and reads files; what it answers is
//! found out in [`crate::editor`] and by the same steps as `pgferry validate`.

mod check;
mod server;
mod uri;
mod wire;

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use clap::Args;

use super::env::Env;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::Wishes;
use super::ui::Ui;
use server::{Server, Turn};
use wire::Frame;

/// Who types is not checked after each letter.
const PAUSE: Duration = Duration::from_millis(200);

/// Serve an editor: diagnostics, completion, documentation
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry lsp", "editors start it; it speaks on standard input and output"),
]))]
pub(crate) struct LspArgs {
    /// For editors that insist on naming the channel, which is always this one
    #[arg(long, hide = true)]
    stdio: bool,
}

pub(crate) fn run(_: &LspArgs, wishes: &Wishes, env: &Env, ui: &Ui) -> Result<Exit, CommandError> {
    let (send, frames) = sync_channel(64);
    let reading = move || {
        let mut input = io::stdin().lock();
        loop {
            let frame = wire::read(&mut input);
            let ended = matches!(frame, Frame::End);
            if send.send(frame).is_err() || ended {
                break;
            }
        }
    };
    // The thread ends with its input, or with the process.
    thread::Builder::new()
        .spawn(reading)
        .map_err(|source| CommandError::System {
            doing: "start a thread that reads",
            source,
        })?;
    let mut server = Server::new(wishes.clone(), env.clone());
    loop {
        let turn = match next(&frames, &server) {
            Next::Frame(Frame::Message(message)) => server.receive(&message),
            Next::Frame(Frame::Refused(why)) => Turn::Answer(vec![wire::refusal(&why)]),
            Next::Frame(Frame::End) => return Ok(server.exit()),
            Next::Pause => Turn::Answer(server.check()),
        };
        match turn {
            Turn::Answer(messages) => {
                for message in messages {
                    ui.protocol(&wire::written(&message));
                }
            }
            Turn::Exit => return Ok(server.exit()),
        }
    }
}

enum Next {
    Frame(Frame),
    /// Nobody has said anything for a while, and something is to be checked.
    Pause,
}

fn next(frames: &Receiver<Frame>, server: &Server) -> Next {
    if !server.has_to_check() {
        return Next::Frame(frames.recv().unwrap_or(Frame::End));
    }
    match frames.recv_timeout(PAUSE) {
        Ok(frame) => Next::Frame(frame),
        Err(RecvTimeoutError::Timeout) => Next::Pause,
        Err(RecvTimeoutError::Disconnected) => Next::Frame(Frame::End),
    }
}

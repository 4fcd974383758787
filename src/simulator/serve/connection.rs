//! Connections that can be broken from within a request, to lose a reply, or told to send a reply once more. Never looks at
//! what passes through.

use std::collections::HashMap;
use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready as ready_or_return};

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The open connections, by the client's address.
#[derive(Debug, Clone, Default)]
pub(super) struct Breakers(Arc<Mutex<HashMap<SocketAddr, Arc<Wishes>>>>);

/// What is to become of what is written to a client.
#[derive(Debug, Default)]
struct Wishes {
    broken: AtomicBool,
    twice: AtomicBool,
}

impl Breakers {
    /// From now on nothing is written to that client any more.
    pub(super) fn break_off(&self, peer: SocketAddr) {
        self.wish(peer, |wishes| wishes.broken.store(true, Ordering::Relaxed));
    }

    /// What is written to that client next, up to the next flush, is written once more.
    pub(super) fn repeat(&self, peer: SocketAddr) {
        self.wish(peer, |wishes| wishes.twice.store(true, Ordering::Relaxed));
    }

    fn wish(&self, peer: SocketAddr, wish: impl FnOnce(&Wishes)) {
        if let Some(wishes) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&peer) {
            wish(wishes);
        }
    }

    fn register(&self, peer: SocketAddr) -> Arc<Wishes> {
        let wishes = Arc::new(Wishes::default());
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(peer, Arc::clone(&wishes));
        wishes
    }

    fn forget(&self, peer: SocketAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&peer);
    }
}

/// Accepts connections so that they can be broken.
#[derive(Debug, Clone)]
pub(super) struct Breakable {
    breakers: Breakers,
}

impl Breakable {
    pub(super) fn new(breakers: Breakers) -> Self {
        Self { breakers }
    }
}

impl<S> Accept<TcpStream, S> for Breakable {
    type Stream = BreakableStream;
    type Service = S;
    type Future = Ready<io::Result<(Self::Stream, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let opened = stream.set_nodelay(true).and_then(|()| stream.peer_addr());
        ready(opened.map(|peer| {
            let wishes = self.breakers.register(peer);
            (
                BreakableStream {
                    stream,
                    wishes,
                    again: Vec::new(),
                    peer,
                    breakers: self.breakers.clone(),
                },
                service,
            )
        }))
    }
}

/// A TCP stream with a breaking point.
#[derive(Debug)]
pub(super) struct BreakableStream {
    stream: TcpStream,
    wishes: Arc<Wishes>,
    /// What is to be written once more.
    again: Vec<u8>,
    peer: SocketAddr,
    breakers: Breakers,
}

impl BreakableStream {
    fn check(&self) -> io::Result<()> {
        if self.wishes.broken.load(Ordering::Relaxed) {
            Err(io::ErrorKind::ConnectionReset.into())
        } else {
            Ok(())
        }
    }

    fn note<'b>(&mut self, buffers: impl IntoIterator<Item = &'b [u8]>, written: usize) {
        if self.wishes.twice.load(Ordering::Relaxed) {
            let all = buffers.into_iter().flatten();
            self.again.extend(all.take(written));
        }
    }

    /// Writes once more what is to be.
    fn poll_again(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.again.is_empty() {
            self.wishes.twice.store(false, Ordering::Relaxed);
            let written = ready_or_return!(Pin::new(&mut self.stream).poll_write(context, &self.again))?;
            self.again.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for BreakableStream {
    fn drop(&mut self) {
        self.breakers.forget(self.peer);
    }
}

impl AsyncRead for BreakableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for BreakableStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        let written = ready_or_return!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.note([bytes], written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        let written = ready_or_return!(Pin::new(&mut self.stream).poll_write_vectored(context, buffers))?;
        self.note(buffers.iter().map(|buffer| &**buffer), written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        ready_or_return!(self.poll_again(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

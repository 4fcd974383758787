//! Connections that can be broken from within a request, to lose a reply. Never looks at what passes through.

use std::collections::HashMap;
use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The open connections, by the client's address.
#[derive(Debug, Clone, Default)]
pub(super) struct Breakers(Arc<Mutex<HashMap<SocketAddr, Arc<AtomicBool>>>>);

impl Breakers {
    /// From now on nothing is written to that client any more.
    pub(super) fn break_off(&self, peer: SocketAddr) {
        if let Some(broken) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&peer) {
            broken.store(true, Ordering::Relaxed);
        }
    }

    fn register(&self, peer: SocketAddr) -> Arc<AtomicBool> {
        let broken = Arc::new(AtomicBool::new(false));
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(peer, Arc::clone(&broken));
        broken
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
            let broken = self.breakers.register(peer);
            (
                BreakableStream {
                    stream,
                    broken,
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
    broken: Arc<AtomicBool>,
    peer: SocketAddr,
    breakers: Breakers,
}

impl BreakableStream {
    fn check(&self) -> io::Result<()> {
        if self.broken.load(Ordering::Relaxed) {
            Err(io::ErrorKind::ConnectionReset.into())
        } else {
            Ok(())
        }
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
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

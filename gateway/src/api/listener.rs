//! The listening side with its bounds: so many connections, so many bytes per request, so long without an answer.
//!
//! A connection over the limit waits in the kernel's queue. One that sends without end or sits without asking is
//! closed, so that it frees its place: a browser opens a new one without a word.

use axum::serve::Listener;
use facility_config::limits::{API_CONNECTIONS_MAX, API_IDLE_MS_MAX, API_REQUEST_BYTES_MAX};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

const IDLE_MAX: Duration = Duration::from_millis(API_IDLE_MS_MAX);

/// A listener that takes no more connections than it has places.
#[derive(Debug)]
pub(super) struct Bounded {
    tcp: TcpListener,
    places: Arc<Semaphore>,
}

/// A connection and its place.
#[derive(Debug)]
pub(super) struct Connection {
    tcp: TcpStream,
    idle: Pin<Box<Sleep>>,
    unanswered_bytes: usize,
    _place: OwnedSemaphorePermit,
}

impl Bounded {
    pub(super) fn new(tcp: TcpListener) -> Self {
        Self { tcp, places: Arc::new(Semaphore::new(API_CONNECTIONS_MAX)) }
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
            // Nobody closes the semaphore; without it there is nothing to accept.
            return std::future::pending().await;
        };
        let (tcp, addr) = Listener::accept(&mut self.tcp).await;
        (Connection { tcp, idle: Box::pin(tokio::time::sleep(IDLE_MAX)), unanswered_bytes: 0, _place: place }, addr)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

impl Connection {
    /// The end of waiting, once there was no answer for too long.
    fn overdue<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.idle.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn answered(&mut self) {
        self.unanswered_bytes = 0;
        self.idle.as_mut().reset(Instant::now() + IDLE_MAX);
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.tcp).poll_read(cx, buf) {
            Poll::Pending => self.overdue(cx),
            Poll::Ready(Ok(())) => {
                self.unanswered_bytes = self.unanswered_bytes.saturating_add(buf.filled().len().saturating_sub(before));
                let too_long = self.unanswered_bytes > API_REQUEST_BYTES_MAX;
                Poll::Ready(if too_long { Err(io::ErrorKind::InvalidData.into()) } else { Ok(()) })
            }
            failed => failed,
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.tcp).poll_write(cx, bytes) {
            Poll::Pending => self.overdue(cx),
            Poll::Ready(written) => {
                self.answered();
                Poll::Ready(written)
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

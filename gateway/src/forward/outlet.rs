//! The ends a destination can have, behind one call.

use super::NotReady;
use super::files::Files;
use super::http::{Writer, gzip};
use super::outcome::Outcome;
use super::platform::Platform;
use bytes::Bytes;
use facility_config::site::{self, Target};
use facility_drivers::Clock;
use facility_drivers::mqtt::Message;
use std::sync::Arc;

/// What takes requests.
#[derive(Debug)]
pub(super) enum Outlet {
    Database(Box<Writer>),
    Platform(Box<Platform>),
    Files(Files),
}

/// Lines as they travel. Cheap to copy.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// In one piece, compressed.
    Gzip(Bytes),
    /// For a platform.
    Messages(Arc<[Message]>),
}

impl Body {
    /// Bytes that leave, without what the protocol puts around them.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Gzip(bytes) => bytes.len(),
            Self::Messages(messages) => messages.iter().map(|message| message.topic.len() + message.payload.len()).sum(),
        }
    }
}

impl Outlet {
    /// Reads what it needs; sends nothing.
    ///
    /// # Errors
    /// [`NotReady`] in words for the technician.
    pub(super) fn open(forward: &site::Forward) -> Result<Self, NotReady> {
        match &forward.target {
            Target::Database(database) => Ok(Self::Database(Box::new(Writer::new(database)?))),
            Target::Platform(platform) => Ok(Self::Platform(Box::new(Platform::open(platform)?))),
            Target::Files(files) => Ok(Self::Files(Files::open(files, &forward.name)?)),
        }
    }

    /// Lines as this end takes them; the same lines always give the same bytes.
    pub(super) fn body(&self, lines: &str) -> Body {
        match self {
            Self::Database(_) | Self::Files(_) => Body::Gzip(gzip(lines)),
            Self::Platform(platform) => Body::Messages(platform.messages(lines)),
        }
    }

    /// Sends what [`body`](Self::body) made and says what became of it.
    pub(super) async fn send(&mut self, body: Body, clock: &Clock) -> Outcome {
        match (self, body) {
            (Self::Database(writer), Body::Gzip(body)) => {
                if writer.is_distrusted()
                    && let Err(error) = writer.reload().await
                {
                    tracing::warn!(%error, "certificates stay as they were");
                }
                writer.send(body, clock.now_ms()).await
            }
            (Self::Platform(platform), Body::Messages(messages)) => platform.send(messages, clock).await,
            // A slow card must not hold up the collection of readings.
            (Self::Files(files), Body::Gzip(body)) => {
                let (files, now_ms) = (files.clone(), clock.now_ms());
                let kept = tokio::task::spawn_blocking(move || files.send(&body, now_ms));
                kept.await.unwrap_or_else(|error| Outcome::unanswered(error.to_string()))
            }
            (_, body) => Outcome::unanswered(format!("{} bytes were made for another destination", body.len())),
        }
    }

    /// Whether it is reached through TLS, which needs a clock that is right.
    pub(super) fn is_tls(&self) -> bool {
        match self {
            Self::Database(writer) => writer.is_tls(),
            Self::Platform(platform) => platform.is_tls(),
            Self::Files(_) => false,
        }
    }

    /// Reads secrets and certificates again; true if token or password is another one than before.
    ///
    /// # Errors
    /// [`NotReady`]; what was read before stays in use.
    pub(super) async fn reload(&mut self) -> Result<bool, NotReady> {
        match self {
            Self::Database(writer) => writer.reload().await,
            Self::Platform(_) | Self::Files(_) => Ok(false),
        }
    }
}

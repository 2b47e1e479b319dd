//! The two ends a destination can have, behind one call.

use super::NotReady;
use super::files::Files;
use super::http::Writer;
use super::outcome::Outcome;
use bytes::Bytes;
use facility_config::site::{self, Target};

/// What takes requests.
#[derive(Debug)]
pub(super) enum Outlet {
    Database(Box<Writer>),
    Files(Files),
}

impl Outlet {
    /// Reads what it needs; sends nothing.
    ///
    /// # Errors
    /// [`NotReady`] in words for the technician.
    pub(super) fn open(forward: &site::Forward) -> Result<Self, NotReady> {
        match &forward.target {
            Target::Database(database) => Ok(Self::Database(Box::new(Writer::new(database)?))),
            Target::Files(files) => Ok(Self::Files(Files::open(files, &forward.name)?)),
        }
    }

    /// Sends a compressed request and says what became of it.
    pub(super) async fn send(&self, body: Bytes, now_ms: i64) -> Outcome {
        match self {
            Self::Database(writer) => writer.send(body, now_ms).await,
            // A slow card must not hold up the collection of readings.
            Self::Files(files) => {
                let files = files.clone();
                let kept = tokio::task::spawn_blocking(move || files.send(&body, now_ms));
                kept.await.unwrap_or_else(|error| Outcome::unanswered(error.to_string()))
            }
        }
    }

    /// Whether it is reached through TLS, which needs a clock that is right.
    pub(super) fn is_tls(&self) -> bool {
        matches!(self, Self::Database(writer) if writer.is_tls())
    }

    /// Reads secrets and certificates again; true if token or password is another one than before.
    ///
    /// # Errors
    /// [`NotReady`]; what was read before stays in use.
    pub(super) fn reload(&mut self) -> Result<bool, NotReady> {
        match self {
            Self::Database(writer) => writer.reload(),
            Self::Files(_) => Ok(false),
        }
    }
}

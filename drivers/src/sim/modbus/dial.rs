//! A DTU: dials a listening gateway, says who it is, and passes on a serial line.

use super::serve::{Source, serve};
use facility_config::site::Framing;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// Wait before the next attempt to connect.
const AGAIN: Duration = Duration::from_millis(100);

/// What a DTU says besides what comes from its line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dtu {
    /// First bytes of every connection; empty for none.
    pub registration: Vec<u8>,
    /// Bytes that keep the connection alive, and how often they go out.
    pub heartbeat: Option<(Vec<u8>, Duration)>,
}

/// Dials for ever.
pub(super) async fn dial(gateway: SocketAddr, dtu: Dtu, framing: Framing, source: Source) {
    loop {
        // However the connection ended, the next one is the same; there is nobody to tell.
        let _: io::Result<()> = connection(gateway, &dtu, framing, source.clone()).await;
        tokio::time::sleep(AGAIN).await;
    }
}

async fn connection(gateway: SocketAddr, dtu: &Dtu, framing: Framing, source: Source) -> io::Result<()> {
    let mut stream = TcpStream::connect(gateway).await?;
    stream.set_nodelay(true)?;
    stream.write_all(&dtu.registration).await?;
    serve(stream, framing, source, dtu.heartbeat.clone()).await
}

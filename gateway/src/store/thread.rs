//! The store's own thread: the only place that touches its files.
//!
//! Waits on a small runtime of its own; a slow disk stalls nobody else. The commit delay is real time, whatever the
//! gateway's clock says: it buys fewer flash writes, and flash does not know about a demonstration's speed.

use super::disk::Disk;
use super::handle::{Append, Request};
use super::log::Log;
use std::time::Instant;
use tokio::sync::mpsc;

/// Serves requests until the store is closed or nobody holds it any more.
pub(super) async fn run<D: Disk>(mut log: Log<D>, mut appends: mpsc::Receiver<Append>, mut requests: mpsc::Receiver<Request>) {
    let done = loop {
        let wake_at = log.wake_at().map(tokio::time::Instant::from_std);
        tokio::select! {
            append = appends.recv(), if log.takes_more() && !appends.is_closed() => match append {
                Some(append) => take(&mut log, append, &mut appends),
                None => continue,
            },
            request = requests.recv() => match request {
                Some(Request::Close { reply }) => break Some(reply),
                Some(request) => serve(&mut log, request),
                None => break None,
            },
            () = sleep_until(wake_at) => {}
        }
        log.work(Instant::now());
    };
    close(&mut log, &mut appends);
    // The folder is free again before anyone is told.
    drop(log);
    if let Some(reply) = done {
        _ = reply.send(());
    }
}

/// Takes a request and all that wait behind it, up to one commit: load makes bigger commits, not more.
fn take<D: Disk>(log: &mut Log<D>, append: Append, appends: &mut mpsc::Receiver<Append>) {
    let now = Instant::now();
    log.append(append, now);
    while log.takes_more() {
        match appends.try_recv() {
            Ok(append) => log.append(append, now),
            Err(_) => return,
        }
    }
}

fn serve<D: Disk>(log: &mut Log<D>, request: Request) {
    match request {
        // A reader that went away needs no answer.
        Request::Read { from, points_max, reply } => _ = reply.send(log.shared(from, points_max, Instant::now())),
        Request::Advance { sink, cursor } => log.advance(sink, cursor, Instant::now()),
        Request::Cursor { sink, reply } => _ = reply.send(log.cursor(sink)),
        Request::History { query, reply } => _ = reply.send(log.history(&query)),
        Request::GapTaken { gap } => log.gap_taken(&gap, Instant::now()),
        Request::Close { .. } => {}
    }
}

/// Takes what was queued before the end, then commits. If the disk fails the rest stays unacknowledged.
fn close<D: Disk>(log: &mut Log<D>, appends: &mut mpsc::Receiver<Append>) {
    appends.close();
    let now = Instant::now();
    while let Ok(append) = appends.try_recv() {
        if !log.takes_more() && !log.flush(now) {
            break;
        }
        log.append(append, now);
    }
    if !log.close(now) {
        tracing::error!(store = log.name, "stopped with readings that could not be written; they were not acknowledged");
    }
}

async fn sleep_until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

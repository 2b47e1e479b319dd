//! A line under a path, and its link.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::serial::Serial;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("facility-pty-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

async fn passes(path: &Path, far: &mut Serial) {
    let mut gateway = Serial::new(serial2::SerialPort::open(path, 9600).unwrap()).unwrap();
    let bytes: Vec<u8> = (0..=255).collect();
    let mut heard = vec![0; bytes.len()];
    gateway.write_all(&bytes).await.unwrap();
    far.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, bytes, "raw");
    far.write_all(&bytes).await.unwrap();
    gateway.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, bytes, "raw, without echo");
}

#[tokio::test]
async fn every_byte_passes_and_a_line_is_opened_again() {
    let (pty, mut far) = Pty::open().unwrap();
    passes(pty.path(), &mut far).await;
    passes(pty.path(), &mut far).await;
}

#[tokio::test]
async fn a_link_leads_to_the_line_and_goes_with_it() {
    let folder = folder("link");
    let link = folder.join("usb-sim");
    let (first, _far) = Pty::open_at(&link).unwrap();
    // Plugged in again while the old line is still there.
    let (second, mut far) = Pty::open_at(&link).unwrap();
    assert_eq!(second.path(), link);
    drop(first);
    passes(&link, &mut far).await;
    drop(second);
    assert!(!link.is_symlink());
    std::fs::write(&link, "somebody's file").unwrap();
    assert_eq!(Pty::open_at(&link).map(|_| ()).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    std::fs::remove_dir_all(folder).unwrap();
}

//! What a broker's answers mean; a real broker with real rules is asked in the tests of the whole.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::sim::broker::wire::DEADLINE;
use std::io;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

fn messages(topics: &[&str]) -> Vec<Message> {
    topics.iter().map(|topic| Message { topic: (*topic).to_owned(), payload: "x".into() }).collect()
}

/// A broker that answers the CONNECT with these bytes, whatever is published with those, and then hangs up.
async fn asked(to_connect: &'static [u8], to_publish: &'static [u8]) -> Permission {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = MqttOptions::new("gw-1", "127.0.0.1", listener.local_addr().unwrap().port());
    let broker = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = [0; 1_024];
        let is_short = to_publish.is_empty();
        for answer in [to_connect, to_publish].into_iter().take(if is_short { 1 } else { 2 }) {
            let _ = stream.read(&mut heard).await;
            stream.write_all(answer).await.unwrap();
        }
    });
    let permission = tokio::time::timeout(DEADLINE, ask(&options, &messages(&["a/b"]), DEADLINE)).await.unwrap();
    broker.abort();
    permission
}

#[tokio::test]
async fn only_a_broker_that_says_no_is_understood_as_a_no() {
    const LET_IN: &[u8] = &[0x20, 3, 0, 0, 0];
    let refused = Permission::Refused("a/b".to_owned());
    let table: [(&[u8], &[u8], Permission); 9] = [
        (LET_IN, &[0x40, 2, 0, 1], Permission::Granted),
        (LET_IN, &[0x40, 4, 0, 1, 0x10, 0], Permission::Granted),
        (LET_IN, &[0x40, 4, 0, 1, 0x87, 0], refused.clone()),
        (LET_IN, &[0x40, 4, 0, 1, 0x90, 0], refused.clone()),
        (LET_IN, &[0xe0, 2, 0x87, 0], refused),
        // A quota; an end without a word.
        (LET_IN, &[0x40, 4, 0, 1, 0x97, 0], Permission::Unanswered),
        (LET_IN, &[], Permission::Unanswered),
        // Of 3.1.1: "unacceptable protocol version", and one that hangs up at once.
        (&[0x20, 2, 0, 1], &[], Permission::CannotSay),
        (&[], &[], Permission::CannotSay),
    ];
    for (to_connect, to_publish, expected) in table {
        assert_eq!(asked(to_connect, to_publish).await, expected, "{to_connect:02x?} {to_publish:02x?}");
    }
    // Whoever is not let in has not been told anything about topics.
    assert_eq!(asked(&[0x20, 3, 0, 0x87, 0], &[]).await, Permission::Unanswered);
}

#[tokio::test]
async fn a_broker_that_is_not_there_has_not_answered() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let permission = ask(&MqttOptions::new("gw-1", "127.0.0.1", port), &messages(&["a", "b"]), DEADLINE).await;
    assert_eq!(permission, Permission::Unanswered);
    let late = ConnectionError::Io(io::Error::from(ErrorKind::ConnectionReset));
    assert_eq!(judged(&late, true, &messages(&["a"])), Permission::Unanswered, "let in, and cut off");
}

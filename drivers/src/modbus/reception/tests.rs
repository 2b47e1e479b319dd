//! Which of a DTU's connections is taken.
#![allow(clippy::unwrap_used)]

use super::*;
use facility_config::site::Framing;
use tokio::io::AsyncWriteExt as _;

/// A DTU may dial many times while its bus has nothing to ask: the last connection is the one that lives.
#[tokio::test]
async fn of_many_connections_the_newest_is_taken_and_the_others_are_closed() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let transport = Transport::Listen { address, registration: Some(Box::from(*b"DTU-1")), heartbeat: None };
    let (mut receptions, mut arrivals) = Reception::of(&[Bus::plain("gate", Framing::Rtu, transport)]);
    let (reception, arrivals) = (receptions.remove(0), arrivals.remove(0).unwrap());
    let stop = CancellationToken::new();
    let running = tokio::spawn(reception.run(stop.clone()));
    let dial = async || loop {
        if let Ok(mut stream) = TcpStream::connect(address).await {
            stream.write_all(b"DTU-1").await.unwrap();
            return stream;
        }
        tokio::task::yield_now().await;
    };
    let mut older = Vec::new();
    for _ in 0..5 {
        let dialled = dial().await;
        while !arrivals.waiting() || arrivals.newest().as_ref().unwrap().peer_addr().unwrap() != dialled.local_addr().unwrap() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        older.push(dialled);
    }
    let newest = older.pop().unwrap();
    assert_eq!(arrivals.next().await.peer_addr().unwrap(), newest.local_addr().unwrap());
    assert!(!arrivals.waiting());
    for mut closed in older {
        assert_eq!(closed.read(&mut [0; 1]).await.unwrap_or(0), 0, "hung up on");
    }
    stop.cancel();
    running.await.unwrap();
}

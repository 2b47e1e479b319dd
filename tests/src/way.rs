//! The way from a gateway to a database, as bad lines and proxies are: requests meet a list of faults in turn.
//!
//! Passes a request on as it is, on a connection of its own, and looks at nothing but its length.

use crate::servers::listening;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How long an answer is held back; long enough for others to overtake it.
const LATE: Duration = Duration::from_millis(300);

/// What a request meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: request and answer pass.
    None,
    /// The connection is reset before the database hears of it.
    Reset,
    /// The database stores, then the connection is reset: the answer is lost.
    AnswerLost,
    /// The database stores, and its answer breaks off in the middle of its first line.
    AnswerCut,
    /// 503 with a `Retry-After` of one second.
    Busy,
    /// The answer comes late.
    Late,
}

#[derive(Debug, Default)]
struct Plan {
    turns: Vec<Fault>,
    taken: usize,
    body_bytes_max: Option<usize>,
    met: Vec<Fault>,
    too_large: usize,
}

/// A listener in front of a database.
#[derive(Debug)]
pub struct Way {
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    plan: Arc<Mutex<Plan>>,
    server: tokio::task::JoinHandle<()>,
}

impl Way {
    /// A way to the database at this port of 127.0.0.1, without faults.
    ///
    /// # Panics
    /// Without a port.
    #[expect(clippy::expect_used, reason = "a machine without ports runs no test")]
    pub async fn to(database: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let plan = Arc::<Mutex<Plan>>::default();
        let shared = Arc::clone(&plan);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(stream, database, Arc::clone(&shared)));
            }
        });
        listening("the way", port).await;
        Self { port, plan, server }
    }

    /// Base address for `[forward.NAME] url`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on requests meet these in turn, over and over; an empty list is a way without faults.
    pub fn meets(&self, turns: &[Fault]) {
        self.plan().turns = turns.to_vec();
    }

    /// Answers 413 to larger bodies, as they are on the wire.
    pub fn limit_body(&self, bytes_max: Option<usize>) {
        self.plan().body_bytes_max = bytes_max;
    }

    /// How many requests met a fault so far.
    #[must_use]
    pub fn met(&self, fault: Fault) -> usize {
        self.plan().met.iter().filter(|met| **met == fault).count()
    }

    /// How many requests came so far.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.plan().met.len()
    }

    /// How many requests were too large so far.
    #[must_use]
    pub fn too_large(&self) -> usize {
        self.plan().too_large
    }

    fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        locked(&self.plan)
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Nothing panics while holding it.
fn locked(plan: &Mutex<Plan>) -> std::sync::MutexGuard<'_, Plan> {
    plan.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request; whatever goes wrong ends the connection, as it would on a real way.
async fn carry(mut client: TcpStream, database: u16, plan: Arc<Mutex<Plan>>) -> io::Result<()> {
    let (head, body) = request(&mut client).await?;
    let (fault, too_large) = {
        let mut plan = locked(&plan);
        let too_large = plan.body_bytes_max.is_some_and(|bytes_max| body.len() > bytes_max);
        plan.too_large += usize::from(too_large);
        // A request that is too large takes nobody's turn.
        let turn = plan.taken % plan.turns.len().max(1);
        let fault = if too_large { Fault::None } else { plan.turns.get(turn).copied().unwrap_or(Fault::None) };
        plan.taken += usize::from(!too_large);
        plan.met.push(fault);
        (fault, too_large)
    };
    if too_large {
        return client.write_all(b"HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
    }
    match fault {
        Fault::Reset => return reset(&client),
        Fault::Busy => {
            let answer = b"HTTP/1.1 503 Busy\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
            return client.write_all(answer).await;
        }
        Fault::None | Fault::AnswerLost | Fault::AnswerCut | Fault::Late => {}
    }
    let answer = ask(database, &head, &body).await?;
    match fault {
        Fault::AnswerLost => return reset(&client),
        Fault::AnswerCut => return client.write_all(&answer[..answer.len().min(7)]).await,
        Fault::Late => tokio::time::sleep(LATE).await,
        Fault::None | Fault::Reset | Fault::Busy => {}
    }
    client.write_all(&answer).await
}

/// Head and body of a request with a `content-length`.
async fn request(client: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if client.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let mut body = bytes.split_off(end);
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    let length = length.unwrap_or_default();
    let got = body.len();
    body.resize(length.max(got), 0);
    client.read_exact(&mut body[got..]).await?;
    Ok((head, body))
}

/// The answer of the database, which closes the connection behind it.
async fn ask(database: u16, head: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", database)).await?;
    let (first, rest) = head.split_once("\r\n").unwrap_or_default();
    stream.write_all(format!("{first}\r\nconnection: close\r\n{rest}").as_bytes()).await?;
    stream.write_all(body).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

/// The connection ends with a reset instead of an orderly end.
fn reset(client: &TcpStream) -> io::Result<()> {
    client.set_zero_linger()
}

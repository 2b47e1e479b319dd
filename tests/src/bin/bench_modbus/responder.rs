//! A Modbus TCP server that costs as little as one can, in a process of its own: whatever asks for 20 registers gets the
//! same 20 with its own transaction number.

use crate::wire::REGISTERS;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const ASKED: usize = 12;
const ANSWERED: usize = 9 + 2 * REGISTERS as usize;

/// The process; ends when dropped.
#[derive(Debug)]
pub(crate) struct Responder {
    pub(crate) addr: SocketAddr,
    child: Child,
}

impl Responder {
    pub(crate) fn start() -> Self {
        let me = std::env::current_exe().expect("path of this program");
        let child = Command::new(me).arg("respond").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("a child");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("its address");
        Self { addr: line.trim().parse().expect("an address"), child }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The child's part: says where it listens, and answers until it is killed.
pub(crate) fn run() {
    let runtime = crate::client::runtime();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        println!("{}", listener.local_addr().expect("its address"));
        std::io::stdout().flush().expect("an output");
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
}

async fn answer(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let (mut asked, mut answer) = ([0; ASKED], [0; ANSWERED]);
    while stream.read_exact(&mut asked).await.is_ok() {
        answer[..2].copy_from_slice(&asked[..2]);
        answer[5] = (ANSWERED - 6) as u8;
        answer[6] = asked[6];
        answer[7] = asked[7];
        answer[8] = (2 * REGISTERS) as u8;
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

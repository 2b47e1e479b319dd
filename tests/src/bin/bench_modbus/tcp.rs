//! Polls per second through TCP on loopback, and what one costs the processor: the driver, and a loop of tokio-modbus
//! that asks the same and does nothing with it. They take turns, so that whatever else the machine does meets both.

use crate::client::{Polled, runtime, through_tcp, unit};
use crate::figures::{CONNECTIONS, Connections};
use crate::responder::Responder;
use crate::wire::REGISTERS;
use facility_tests::table::{Table, rounded, spread};
use rustix::time::{ClockId, clock_gettime};
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio_modbus::client::tcp::connect_slave;
use tokio_modbus::prelude::{Reader as _, Slave};

/// Turns of each.
const TURNS: usize = 5;
const TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) fn measure(table: &mut Table, span: Duration) {
    let server = Responder::start();
    for connections in &CONNECTIONS {
        let mut runs: [Vec<Run>; 2] = Default::default();
        for turn in 0..TURNS {
            let [ours, bare] = [driver(server.addr, connections.count, span), bare(server.addr, connections.count, span)];
            eprintln!("{} connections, turn {}: {:.0}/s, bare {:.0}/s", connections.count, turn + 1, ours.rate, bare.rate);
            runs[0].push(ours);
            runs[1].push(bare);
        }
        add(table, connections, &runs);
    }
}

fn add(table: &mut Table, connections: &'static Connections, [ours, bare]: &[Vec<Run>; 2]) {
    let of = |runs: &[Run], what: fn(&Run) -> f64| spread(&runs.iter().map(what).collect::<Vec<_>>());
    let (rates, bare_rates) = (of(ours, |run| run.rate), of(bare, |run| run.rate));
    let (cpus, bare_cpus) = (of(ours, |run| run.cpu_us), of(bare, |run| run.cpu_us));
    table.add(&connections.rate, rates.1);
    table.add(&connections.bare, bare_rates.1);
    table.add(&connections.ratio, rates.1 / bare_rates.1);
    table.add(&connections.cpu, cpus.1);
    table.add(&connections.bare_cpu, bare_cpus.1);
    table.add(&connections.cpu_ratio, cpus.1 / bare_cpus.1);
    let shown = |(least, middle, most): (f64, f64, f64)| format!("{} {} {}", rounded(least), rounded(middle), rounded(most));
    table.note(format!(
        "tcp: {} connections, least, median and greatest of {TURNS} turns: {} polls/s, bare {}; {} us, bare {}",
        connections.count,
        shown(rates),
        shown(bare_rates),
        shown(cpus),
        shown(bare_cpus)
    ));
}

#[derive(Debug)]
struct Run {
    rate: f64,
    /// Processor time per poll of this process, the client's only.
    cpu_us: f64,
}

/// Counts polls from `polls` over a span.
async fn timed<F: Future<Output = u64>>(span: Duration, polls: impl FnOnce(Duration) -> F) -> Run {
    let (began, before) = (Instant::now(), cpu());
    let count = polls(span).await as f64;
    Run { rate: count / began.elapsed().as_secs_f64(), cpu_us: (cpu() - before).as_secs_f64() * 1e6 / count.max(1.0) }
}

fn driver(to: SocketAddr, connections: usize, span: Duration) -> Run {
    runtime().block_on(async {
        let bus = || (through_tcp(to), vec![unit(1, Duration::ZERO, TIMEOUT)]);
        let mut polled = Polled::start((0..connections).map(|_| bus()).collect());
        polled.warm_up(20 * connections).await;
        timed(span, async |span| polled.count(span).await.values().sum()).await
    })
}

fn bare(to: SocketAddr, connections: usize, span: Duration) -> Run {
    let runtime = runtime();
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        let count = Rc::new(Cell::new(0u64));
        for _ in 0..connections {
            let mut context = connect_slave(to, Slave(1)).await.expect("a connection");
            let count = Rc::clone(&count);
            tokio::task::spawn_local(async move {
                loop {
                    let words = tokio::time::timeout(TIMEOUT, context.read_holding_registers(0, REGISTERS)).await;
                    let words = words.expect("in time").expect("an answer").expect("no refusal");
                    assert_eq!(words.len(), usize::from(REGISTERS));
                    count.set(count.get() + 1);
                }
            });
        }
        while count.get() < 20 * connections as u64 {
            tokio::task::yield_now().await;
        }
        count.set(0);
        timed(span, async |span| {
            tokio::time::sleep(span).await;
            count.get()
        })
        .await
    })
}

/// Processor time of this process so far, user and system.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

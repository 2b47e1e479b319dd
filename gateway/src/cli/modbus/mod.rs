//! `modbus`: a line in the hands of a technician. Reads only, whatever is asked: nothing here can write to a device or open
//! a lock.

mod guess;
mod line;
mod plan;
mod read;
mod replay;
mod scan;
mod serve;
mod table;
mod trace;

use super::Exit;
use super::store::no_output;
use clap::Subcommand;
use facility_drivers::modbus::NoAnswer;
use std::future::Future;
use std::io::Write as _;

const EXIT_CODES: &str = "Exit codes: 0 well · 2 wrong usage · 65 input that cannot be used · 66 nothing there to read · 69 no device answers · 74 the output cannot be written · 75 the port is in use · 77 no permission · 78 configuration wrong";
/// A device, or a whole line, does not answer.
const UNAVAILABLE: u8 = 69;

/// What to do with a line.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum ModbusCommand {
    /// Find what is on a line, name the models and the likely wiring fault 扫描总线
    Scan(scan::ScanArgs),
    /// Read registers, or every point of a device 读取
    Read(read::ReadArgs),
    /// Show the frames on a line as they pass 监视报文
    Trace(trace::TraceArgs),
    /// Find the register that holds what a display shows 反推寄存器
    Guess(guess::GuessArgs),
    /// Explain how devices are polled, and what it costs 轮询计划
    Plan(plan::PlanArgs),
    /// Serve simulated devices 模拟设备
    Sim(serve::SimArgs),
    /// Serve what was recorded 回放
    Replay(replay::ReplayArgs),
}

/// Does what was asked for.
pub(super) fn act(command: &ModbusCommand) -> Exit {
    let done = match command {
        ModbusCommand::Scan(args) => run(scan::scan(args)),
        ModbusCommand::Read(args) => run(read::read(args)),
        ModbusCommand::Trace(args) => run(trace::trace(args)),
        ModbusCommand::Guess(args) => run(guess::guess(args)),
        ModbusCommand::Plan(args) => plan::plan(args),
        ModbusCommand::Sim(args) => run(serve::sim(args)),
        ModbusCommand::Replay(args) => run(replay::replay(args)),
    };
    done.unwrap_or_else(|exit| exit)
}

fn run(work: impl Future<Output = Result<Exit, Exit>>) -> Result<Exit, Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| Exit::Defect(error.to_string()))?;
    runtime.block_on(work)
}

/// Writes to the standard output.
fn print(text: &str) -> Result<(), Exit> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| no_output(&error))
}

/// Says something beside the output.
#[expect(clippy::print_stderr, reason = "for the person who started the command")]
fn tell(text: &str) {
    eprintln!("{text}");
}

/// Writes a value as JSON.
fn print_json(value: &impl serde::Serialize) -> Result<(), Exit> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Exit::Defect(error.to_string()))?;
    print(&(text + "\n"))
}

/// The command was used wrongly in a way that its grammar cannot see.
fn usage(message: impl Into<String>) -> Exit {
    Exit::Start { code: 2, message: message.into() }
}

/// Why there are no values, in a few words.
fn why(no: &NoAnswer) -> String {
    match no {
        NoAnswer::Timeout => "no answer".into(),
        NoAnswer::Damaged => "the answer is damaged".into(),
        NoAnswer::Refused(code) => format!("refused, exception {code} ({})", exception(*code)),
        NoAnswer::Nonsense => "the answer makes no sense".into(),
        NoAnswer::Lost(error) => format!("connection lost: {error}"),
    }
}

/// Modbus application protocol V1.1b3, 7.
fn exception(code: u8) -> &'static str {
    match code {
        1 => "illegal function",
        2 => "illegal address",
        3 => "illegal count",
        4 => "device failure",
        5 | 6 => "busy",
        10 => "gateway has no path",
        11 => "nobody behind the gateway answers",
        _ => "unknown",
    }
}

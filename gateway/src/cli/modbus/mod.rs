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
use super::say::{UNAVAILABLE, print, print_json, run, tell, usage};
use clap::Subcommand;
use facility_drivers::modbus::NoAnswer;

const EXIT_CODES: &str = "Exit codes: 0 well · 2 wrong usage · 65 input that cannot be used · 66 nothing there to read · 69 no device answers · 74 the output cannot be written · 75 the port is in use · 77 no permission · 78 configuration wrong";

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

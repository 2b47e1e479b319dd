//! The commands. Parsing fills these records and never acts; [`Cli::act`] hands each to its file.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

pub mod alarm;
mod check;
pub mod coldchain;
pub mod deadletter;
pub mod demo;
pub mod doctor;
mod exit;
pub mod explain;
pub mod forward;
mod log;
pub mod modbus;
pub mod mqtt;
pub mod privacy;
pub mod profile;
mod remote;
mod run;
mod say;
mod screen;
pub mod simulate;
pub mod store;

pub use exit::Exit;

/// Reads parcel lockers, refrigerated cabinets and vending machines, keeps every reading on flash, and forwards
/// metrics and alarms to a time-series database.
///
/// 社区便民设施物联网网关：智能信包箱、智能冷柜、自助售卖机。
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 well · 2 wrong usage · 70 defect · 75 store in use by another process · 78 configuration wrong, or not usable here"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// What to log: error, warn, info, debug, or per module (`info,facility_drivers::mqtt=debug`).
    #[arg(long, global = true, env = "GW_LOG", value_name = "FILTER", default_value = "info", hide_default_value = true)]
    log: String,
    /// One JSON object per log line.
    #[arg(long, global = true)]
    log_json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway 运行网关
    Run(RunArgs),
    /// Check a configuration and print every problem at once 检查配置
    Check(CheckArgs),
    /// Run a simulated neighbourhood through the real gateway 演示
    Demo(DemoArgs),
    /// Find, read and watch what is on a Modbus line 查找、读取、监视总线设备
    #[command(subcommand)]
    Modbus(modbus::ModbusCommand),
    /// Watch what devices send, explain it, declare the unknown ones 查看、解析报文，登记设备
    #[command(subcommand)]
    Mqtt(mqtt::MqttCommand),
    /// Alarms: list, acknowledge, shelve, maintenance 报警：查看、确认、搁置、维护
    #[command(subcommand)]
    Alarm(alarm::AlarmCommand),
    /// Destinations: how they stand, whether they take a line 转发目标：状态、测试
    #[command(subcommand)]
    Forward(forward::ForwardCommand),
    /// What keeps this gateway from working, and what to do 诊断
    Doctor(doctor::DoctorArgs),
    /// Messages that could not be decoded: list, show, decode again, remove 死信：查看、重新解析、删除
    #[command(subcommand)]
    Deadletter(deadletter::LetterCommand),
    /// Look at the data on a card, check it, take it out, put it in 存储卡数据：查看、校验、导出、导入
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// The cold-chain log: verify it, write it for an inspector 冷链记录：校验、导出
    #[command(subcommand)]
    Coldchain(coldchain::ColdChainCommand),
    /// Device models: list, show, write one of your own in TOML or a spreadsheet 设备型号：查看、导出、导入、检查
    #[command(subcommand)]
    Profile(profile::ProfileCommand),
    /// Why there is no data of a device, hop by hop 数据缺失原因
    Explain(explain::ExplainArgs),
    /// A month of a simulated neighbourhood through the real figures and alarms, in a minute or two 模拟月报
    Simulate(simulate::SimulateArgs),
    /// What this configuration can ever store or send 隐私审计
    #[command(subcommand)]
    Privacy(privacy::PrivacyCommand),
}

/// Arguments of `run`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  facility-gateway run\n  facility-gateway run --config site.toml --log debug\n  GW__FORWARD__MAIN__URL=http://10.0.0.5:8428 facility-gateway run"
)]
pub struct RunArgs {
    /// Configuration; `conf.d/*.toml` beside it is merged in.
    #[arg(long, short, value_name = "FILE", default_value = "/etc/facility-gateway/gateway.toml")]
    config: PathBuf,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  facility-gateway check --config site.toml\n  facility-gateway check --json | jq '.[].message'\n\nExit codes: 0 valid · 78 problems found"
)]
pub struct CheckArgs {
    /// Configuration; `conf.d/*.toml` beside it is merged in.
    #[arg(long, short, value_name = "FILE", default_value = "/etc/facility-gateway/gateway.toml")]
    config: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Arguments of `demo`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  facility-gateway demo\n  facility-gateway demo --for 90s\n  facility-gateway demo --devices 200 --speed 600 --for 60s\n  facility-gateway demo --influx http://127.0.0.1:8428 --org demo --bucket demo --for 2m\n\nEverything is on loopback; nothing is written outside a temporary directory unless --influx says so."
)]
pub struct DemoArgs {
    /// How long to run in real time (30s, 2m); without it until ctrl-c.
    #[arg(long = "for", value_name = "TIME", value_parser = parse_span)]
    pub span: Option<std::time::Duration>,
    /// Simulated devices. Six is the cast of the story; more repeat the mix.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(6..=1900))]
    pub devices: u16,
    /// Seed of everything random: the same seed behaves the same.
    #[arg(long, default_value_t = 15)]
    pub seed: u64,
    /// Simulated seconds per real second.
    #[arg(long, default_value_t = 60.0, value_parser = parse_speed)]
    pub speed: f64,
    /// Write to this InfluxDB v2 endpoint instead of the built-in one.
    #[arg(long, value_name = "URL")]
    pub influx: Option<String>,
    /// Organisation at --influx.
    #[arg(long, default_value = "demo", requires = "influx")]
    pub org: String,
    /// Bucket at --influx.
    #[arg(long, default_value = "demo", requires = "influx")]
    pub bucket: String,
    /// File with the token for --influx, mode 0600.
    #[arg(long, value_name = "FILE", requires = "influx")]
    pub token_file: Option<PathBuf>,
    /// Port of the status page; 0 takes any free one.
    #[arg(long, default_value_t = 8600)]
    pub port: u16,
    /// Keep the store and the generated configuration in this directory.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Print one line per event instead of a live screen (the default when output is no terminal).
    #[arg(long)]
    pub plain: bool,
    /// Print the account at the end as JSON.
    #[arg(long)]
    pub json: bool,
}

impl Cli {
    /// Does what was asked for.
    #[must_use]
    pub fn act(self) -> ExitCode {
        let result = match self.command {
            Command::Run(args) => {
                log::start(&self.log, self.log_json, log::Place::Stderr);
                run::run(&args)
            }
            Command::Check(args) => check::check(&args),
            Command::Demo(args) => demo::demo(&args, &self.log, self.log_json),
            Command::Modbus(command) => modbus::act(&command),
            Command::Mqtt(command) => mqtt::act(&command),
            Command::Alarm(command) => alarm::act(&command),
            Command::Forward(command) => forward::act(&command),
            Command::Doctor(args) => doctor::act(&args),
            Command::Deadletter(command) => deadletter::act(&command),
            Command::Store(command) => store::act(&command),
            Command::Coldchain(command) => coldchain::act(&command),
            Command::Profile(command) => profile::act(&command),
            Command::Explain(args) => explain::act(&args),
            Command::Simulate(args) => simulate::act(&args),
            Command::Privacy(command) => privacy::act(&command),
        };
        result.report()
    }
}

fn parse_span(text: &str) -> Result<std::time::Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let number: f64 = number.parse().map_err(|_| format!("{text:?} is no time; write 90s, 2m or 1h"))?;
    let seconds = match unit {
        "" | "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(format!("{unit:?} is no unit of time; write s, m or h")),
    };
    if !(1.0..=86_400.0).contains(&seconds) {
        return Err("between 1s and 24h".into());
    }
    Ok(std::time::Duration::from_secs_f64(seconds))
}

fn parse_speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (1.0..=3600.0).contains(&speed) => Ok(speed),
        _ => Err("between 1 (real time) and 3600".into()),
    }
}

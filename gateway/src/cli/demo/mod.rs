//! `demo`: the real gateway in front of a simulated neighbourhood, over real loopback sockets.
//!
//! The gateway is built through the same door as on a board: a configuration text, checked, then [`App`]. Only its
//! clock is faster. The neighbourhood lives on a thread of its own, so that its work is not the gateway's.

mod world;

use super::screen::{Screen, Sink};
use super::{DemoArgs, Exit, log, run};
use crate::app::{App, End};
use crate::status::Status;
use facility_drivers::Clock;
use facility_drivers::sim::story::Story;
use std::fs::File;
use std::time::Duration;
pub(super) use world::Told;
use world::{Setting, World};

/// Length of the story when nobody said how long to run.
const STORY: Duration = Duration::from_secs(90);

/// Runs the demonstration.
#[must_use]
pub fn demo(args: &DemoArgs, filter: &str, log_json: bool) -> Exit {
    match prepare_and_run(args, filter, log_json) {
        Ok(exit) => exit,
        Err(error) => Exit::Start { code: 78, message: format!("{error:#}") },
    }
}

fn prepare_and_run(args: &DemoArgs, filter: &str, log_json: bool) -> anyhow::Result<Exit> {
    // Kept until the end: dropping it deletes the directory.
    let temporary = tempfile::Builder::new().prefix("facility-gateway-demo-").tempdir()?;
    // The configuration that stays there names the store, and must find it from wherever it is read.
    let dir = std::path::absolute(args.dir.as_deref().unwrap_or(temporary.path()))?;
    std::fs::create_dir_all(&dir)?;
    let log_file = dir.join("demo.log");
    log::start(filter, log_json, log::Place::File(File::create(&log_file)?));

    let span = args.span.unwrap_or(STORY);
    // The last simulated moment is now, so that a real database sees no point from the future.
    let start_ms = Clock::system().now_ms() - (span.as_secs_f64() * args.speed * 1e3) as i64;
    let clock = Clock::scaled(start_ms, args.speed);
    let setting = Setting {
        devices: usize::from(args.devices),
        seed: args.seed,
        start_ms,
        clock: clock.clone(),
        story: Story::new(span, args.speed, usize::from(args.devices)),
        own_database: args.influx.is_none(),
    };
    let world = World::start(setting)?;
    let text = world.config(args, &dir)?;
    std::fs::write(dir.join("gateway.toml"), &text)?;
    let site = match facility_config::from_toml("gateway.toml", &text) {
        Ok(site) => site,
        Err(problems) => anyhow::bail!("the demonstration's own configuration does not validate:\n{problems}"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let app = match App::build(site, clock) {
            Ok(app) => app,
            Err(error) => return Ok(run::start_failed(error)),
        };
        let mut status = app.status();
        let mut screen = Screen::new(args.plain, args.json, app.page(), log_file);
        let end = {
            let stop = stop_at(args.span);
            let running = app.run(stop);
            tokio::pin!(running);
            let mut frames = tokio::time::interval(Duration::from_millis(500));
            loop {
                tokio::select! {
                    end = &mut running => break end,
                    _ = frames.tick() => screen.frame(&status.borrow_and_update(), &world.told()),
                }
            }
        };
        let told = world.stop();
        let last = status.borrow_and_update().clone();
        screen.end(&last, &told);
        Ok(verdict(end, &last, &told))
    })
}

async fn stop_at(span: Option<Duration>) {
    let limit = async {
        match span {
            Some(span) => tokio::time::sleep(span).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = limit => {}
        () = run::terminated() => {}
    }
}

/// The demonstration is also a test: an account that does not balance is a defect.
fn verdict(end: End, status: &Status, told: &Told) -> Exit {
    match end {
        End::Stopped => {}
        End::NotStarted(message) => return Exit::Start { code: 78, message },
        End::Fatal(fatal) => return Exit::Defect(format!("GW-T002 {} ended; see demo.log (--dir keeps it)", fatal.task)),
    }
    if let Some(row) = status.accounts.iter().find(|row| row.missing() != 0) {
        return Exit::Defect(format!("the account does not balance, {} are missing: {row}", row.missing()));
    }
    match &told.database {
        Some(Sink { conflicts, .. }) if *conflicts > 0 => {
            Exit::Defect(format!("the database was sent {conflicts} points twice with different values"))
        }
        _ => Exit::Done,
    }
}

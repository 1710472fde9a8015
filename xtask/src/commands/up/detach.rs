//! `up --detach`: the same command again in the background, watched until it is ready.

use crate::checkout::Checkout;
use crate::failure::{Failure, Outcome, While};
use crate::process::Crew;
use rustix::process::Signal;
use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// A first start installs a database and compiles everything.
const PATIENCE: Duration = Duration::from_hours(1);

/// Shows what the background half prints, and returns when it is ready or has failed.
pub(crate) fn run(checkout: &Checkout) -> Outcome {
    let _turn = checkout.wait_lock("detach")?;
    let _ = fs::remove_file(marker(checkout));
    let program = std::env::current_exe().while_doing(|| "finding this program".into())?;
    let mut command = Command::new(program);
    command
        .args(std::env::args_os().skip(1))
        .arg("--background");
    let crew = Crew::assemble(checkout, "detach")?;
    crew.start("up", &mut command, Signal::TERM)?;
    let log = checkout.log("up");
    let mut shown = File::open(&log).while_doing(|| format!("opening {}", log.display()))?;
    let ready = crew.wait_until("the stack", PATIENCE, || {
        show_news(&mut shown);
        marker(checkout).exists()
    });
    show_news(&mut shown);
    if let Err(failure) = ready {
        // What it died of has just been shown, in its own words.
        let died = !failure.is_interruption();
        return Err(if died {
            Failure::new("the stack did not start; the reason is above")
        } else {
            failure
        });
    }
    crew.release();
    Ok(())
}

/// Called by the background half.
pub(crate) fn tell_ready(checkout: &Checkout) -> Outcome {
    let path = marker(checkout);
    File::create(&path)
        .map(drop)
        .while_doing(|| format!("writing {}", path.display()))
}

/// Exists once the table has been printed.
fn marker(checkout: &Checkout) -> PathBuf {
    checkout.state.join("up.ready")
}

/// What has been added since the last call.
fn show_news(log: &mut File) {
    let mut news = Vec::new();
    if log.read_to_end(&mut news).is_ok() {
        eprint!("{}", String::from_utf8_lossy(&news));
    }
}

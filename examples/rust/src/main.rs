//! Follows the statuses of a project and prints one line per change:
//!
//!     follow-status [SLUG [BASE]] [--until N]
//!
//! What goes over the wire is in docs/API.md, "Stream".

mod board;
mod follow;
mod sse;

use follow::{End, Follower};
use std::process::ExitCode;

const USAGE: &str = "follow-status [SLUG [BASE]] [--until N]";

/// One thread is plenty for one stream.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // Only because this workspace's reqwest comes without a choice of cryptography; with its default features it has one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (address, until) = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    let follower = match Follower::new(address, until) {
        Ok(follower) => follower,
        Err(error) => {
            eprintln!("no HTTP client: {error}");
            return ExitCode::FAILURE;
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => ExitCode::SUCCESS,
        end = follower.run() => match end {
            // Nobody reads on, as behind `| head`, or enough was read.
            End::Output(_) | End::Reached => ExitCode::SUCCESS,
            end => {
                eprintln!("{end}");
                ExitCode::FAILURE
            }
        },
    }
}

/// The stream's address, and after how many changes to end.
fn options(arguments: impl Iterator<Item = String>) -> Result<(reqwest::Url, Option<u64>), String> {
    let (mut words, mut until) = (Vec::new(), None);
    let mut arguments = arguments;
    while let Some(word) = arguments.next() {
        match word.as_str() {
            "--until" => {
                let number = arguments.next().and_then(|it| it.parse().ok());
                until = Some(
                    number
                        .filter(|it| *it > 0)
                        .ok_or("--until wants a number")?,
                );
            }
            flag if flag.starts_with('-') => return Err(USAGE.into()),
            _ => words.push(word),
        }
    }
    let slug = words.first().map_or("harbour-tower", String::as_str);
    let stack = std::env::var("PUBLIC_URL").unwrap_or_else(|_| "http://127.0.0.1:8080".into());
    let base = words.get(1).unwrap_or(&stack);
    if words.len() > 2 {
        return Err(USAGE.into());
    }
    let wrong = || format!("{base} is no http:// or https:// address");
    let mut address = reqwest::Url::parse(base).map_err(|_| wrong())?;
    if !matches!(address.scheme(), "http" | "https") {
        return Err(wrong());
    }
    let mut path = address.path_segments_mut().map_err(|()| wrong())?;
    path.pop_if_empty()
        .extend(["api", "public", slug, "status", "stream"]);
    drop(path);
    Ok((address, until))
}

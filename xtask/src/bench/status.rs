//! `cargo xtask bench status`: GET of a project's status, beside nginx serving the same bytes from a
//! file, in interleaved rounds on one core each.

use super::ground::Ground;
use super::load::{self, Gets};
use super::nginx::Nginx;
use super::options::Status;
use super::servers::{Running, status_path};
use super::{machine, table};
use crate::failure::{Failure, Outcome, While};
use crate::probe;
use crate::process::Crew;
use crate::say;
use std::fs;

/// The file that nginx serves.
const FILE: &str = "status.json";

/// The runs of both, in the order of the rounds.
#[derive(Default)]
pub(super) struct Rounds {
    pub(super) service: Vec<Gets>,
    pub(super) nginx: Vec<Gets>,
}

/// Measures and returns what to print.
pub(super) fn run(crew: &Crew<'_>, options: &Status) -> Outcome<String> {
    let nginx = Nginx::find(crew, options.peers)?;
    let ground = Ground::prepare(crew, true)?;
    let _upstream = Running::upstream(&ground)?;
    let mut rounds = Rounds::default();
    for round in 1..=options.rounds {
        let service = Running::service(&ground, &[])?;
        let run = gets(&ground, options, &service, &service.status_url())?;
        say::step(&format!(
            "round {round}, service: {:.0}/s",
            run.requests_per_second
        ));
        rounds.service.push(run);
        let Some(nginx) = &nginx else { continue };
        let body = probe::body(service.port, &status_path())
            .ok_or_else(|| Failure::new("the service does not answer"))?;
        drop(service);
        let run = beside(&ground, options, nginx, &body)?;
        say::step(&format!(
            "round {round}, nginx: {:.0}/s",
            run.requests_per_second
        ));
        rounds.nginx.push(run);
    }
    Ok(table::status(&machine::described(crew), &rounds, options))
}

fn beside(ground: &Ground<'_>, options: &Status, nginx: &Nginx, body: &str) -> Outcome<Gets> {
    let server = Running::nginx(ground, nginx, options.connections)?;
    let path = ground
        .crew
        .checkout
        .state
        .join("bench-nginx/files")
        .join(FILE);
    fs::write(&path, body).while_doing(|| format!("writing {}", path.display()))?;
    gets(ground, options, &server, &server.url(&format!("/{FILE}")))
}

fn gets(ground: &Ground<'_>, options: &Status, server: &Running<'_>, url: &str) -> Outcome<Gets> {
    let arguments = [
        ("--url", url.to_owned()),
        ("--connections", options.connections.to_string()),
        ("--seconds", options.seconds.to_string()),
        ("--server-pid", server.pid.to_string()),
    ];
    let mut args = vec!["gets".to_owned()];
    args.extend(
        arguments
            .into_iter()
            .flat_map(|(name, value)| [name.to_owned(), value]),
    );
    load::run(ground, &args)
}

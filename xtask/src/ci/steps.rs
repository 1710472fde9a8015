//! The checks of `cargo xtask ci`, in the order in which they run: quick and telling ones first.

use super::lab::Lab;
use super::needs::{
    self, CADDY, CHROMIUM, COMPOSE, CURL, GIT, INFLUXDB, MUSL, NCHAN, NGINX, NODE, Need, POSTGRES,
    PROMETHEUS, PYTHON, STRACE, SYSTEMD,
};
use super::supply;
use crate::failure::{Failure, Outcome};
use crate::servers::postgres_programs;
use std::process::Command;

/// `name` is for `--only` and the summary, `what` says what a pass proves.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) needs: &'static [Need],
    pub(crate) run: fn(&Lab<'_>) -> Outcome,
}

/// How long each fuzz target hunts. Longer hunts are for people: cargo run --release -p farol-fuzz.
const HUNT_SECONDS: &str = "45";

pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "fernet",
        what: "Python's cryptography reads what we seal, and we what it seals",
        needs: &[PYTHON],
        run: |lab| lab.check("fernet", &mut lab.python("ci/fernet_check.py")?),
    },
    Step {
        name: "broker-peer",
        what: "a Python program and we understand each other over RabbitMQ, whoever declares first",
        needs: &[PYTHON],
        run: |lab| lab.check("broker-peer", &mut lab.python("ci/broker_peer.py")?),
    },
    Step {
        name: "gateway-peer",
        what: "a Python backend and its clients find the gateway that they were written for",
        needs: &[PYTHON, NGINX],
        run: |lab| lab.check("gateway-peer", &mut lab.python("ci/gateway/peer_test.py")?),
    },
    Step {
        name: "telemetry-peer",
        what: "a Python program sees its tenant's readings and alerts, and never another's",
        needs: &[PYTHON],
        run: |lab| {
            lab.check(
                "telemetry-peer",
                &mut lab.python("ci/telemetry/peer_test.py")?,
            )
        },
    },
    Step {
        name: "openapi",
        what: "three services answer what their OpenAPI documents say, and never with a 5xx",
        needs: &[PYTHON],
        run: |lab| lab.check("openapi", &mut lab.python("ci/openapi_check.py")?),
    },
    Step {
        name: "deploy",
        what: "what docker-compose.yml and deploy/Dockerfile name exists, and what of it can run without containers works",
        needs: &[PYTHON, NGINX],
        run: |lab| lab.check("deploy", &mut lab.python("ci/deploy_check.py")?),
    },
    Step {
        name: "compose",
        what: "docker-compose.yml is read by compose itself with all profiles, and refused without secrets",
        needs: &[PYTHON, COMPOSE],
        run: compose,
    },
    Step {
        name: "supply-chain",
        what: "licences, sources and duplicates of dependencies are those of deny.toml; no advisory is open, where they can be read",
        needs: &[GIT],
        run: supply::chain,
    },
    Step {
        name: "nginx",
        what: "nginx as deploy/nginx has it, in front of every service: streams, sockets, refusals, reloads, drains",
        needs: &[PYTHON, NGINX, CHROMIUM],
        run: |lab| browsers(lab, "nginx", "ci/nginx_test.py"),
    },
    Step {
        name: "caddy",
        what: "Caddy as deploy/caddy has it, in front of every service",
        needs: &[PYTHON, CADDY, CHROMIUM],
        run: |lab| browsers(lab, "caddy", "ci/caddy_test.py"),
    },
    Step {
        name: "systemd",
        what: "the units of deploy/systemd are understood, hardened, and allow what the programs do",
        needs: &[PYTHON, SYSTEMD, STRACE],
        run: |lab| lab.check("systemd", &mut lab.python("ci/systemd_check.py")?),
    },
    Step {
        name: "kubernetes",
        what: "the manifests of deploy/kubernetes are Kubernetes's, shut who must not get in out, and start the programs as they are",
        needs: &[PYTHON],
        run: |lab| lab.check("kubernetes", &mut lab.python("ci/kubernetes_check.py")?),
    },
    Step {
        name: "metrics",
        what: "alerts fire when they should, and alerts and dashboards ask only for what the services print",
        needs: &[PYTHON, PROMETHEUS],
        run: |lab| lab.check("metrics", &mut lab.python("ci/metrics_check.py")?),
    },
    Step {
        name: "operations",
        what: "the procedures of docs/OPERATIONS.md do what it says: secrets changed, a backup restored, the broker and the portal away",
        needs: &[PYTHON, POSTGRES, CURL],
        run: operations,
    },
    Step {
        name: "influx",
        what: "readings in a real InfluxDB are answered as those in Postgres are",
        needs: &[INFLUXDB],
        run: influx,
    },
    Step {
        name: "fuzz-body",
        what: "no body of a client API breaks an invariant of the core",
        needs: &[],
        run: |lab| fuzz(lab, "body"),
    },
    Step {
        name: "fuzz-stream",
        what: "no byte stream breaks an invariant of the stream parser",
        needs: &[],
        run: |lab| fuzz(lab, "stream"),
    },
    Step {
        name: "browsers",
        what: "the viewer in a real browser, against the real service",
        needs: &[PYTHON, CHROMIUM],
        run: |lab| browsers(lab, "browsers", "ci/browser/viewer_test.py"),
    },
    Step {
        name: "gateway-browser",
        what: "curl and a page in a real browser follow a run through the gateway, whatever happens to it",
        needs: &[PYTHON, CHROMIUM, CURL],
        run: |lab| browsers(lab, "gateway-browser", "ci/gateway/browser_test.py"),
    },
    Step {
        name: "telemetry-browser",
        what: "the live page in a real browser: values, alerts, outages, and what becomes of the token",
        needs: &[PYTHON, CHROMIUM],
        run: |lab| browsers(lab, "telemetry-browser", "ci/telemetry/live_test.py"),
    },
    Step {
        name: "examples",
        what: "each program of examples/ shows every change, whatever becomes of the service or its stream",
        needs: &[PYTHON, NODE, CURL, CHROMIUM],
        run: |lab| browsers(lab, "examples", "ci/examples_test.py"),
    },
    Step {
        name: "console-browser",
        what: "the console in a real browser: an API connected, runs driven, letters dropped, in both languages",
        needs: &[PYTHON, CHROMIUM],
        run: |lab| browsers(lab, "console-browser", "ci/console/console_test.py"),
    },
    Step {
        name: "release",
        what: "the Dockerfile's commands build what the image needs, and `cargo xtask dist` a tarball that works where it is unpacked",
        needs: &[PYTHON, MUSL],
        run: release,
    },
    Step {
        name: "bench-smoke",
        what: "the benches of fan-out, gateway and telemetry run and lose nothing",
        needs: &[NGINX, NCHAN],
        run: bench_smoke,
    },
];

/// It loses databases, so it starts servers of its own.
fn operations(lab: &Lab<'_>) -> Outcome {
    let postgres = postgres_programs().ok_or_else(|| Failure::new("no Postgres is installed"))?;
    let mut check = lab.python("ci/operations_check.py")?;
    lab.check("operations", check.env("POSTGRES_BIN_DIR", postgres))
}

/// Starts nothing: compose resolves and judges the files without an engine.
fn compose(lab: &Lab<'_>) -> Outcome {
    let words = needs::compose().ok_or_else(|| Failure::new("no compose command"))?;
    let mut check = lab.python("ci/compose_check.py")?;
    lab.check("compose", check.env("COMPOSE", words.join(" ")))
}

/// Each test starts an influxd of its own. Plain `cargo test` and `clippy --all-targets` leave this program out, so
/// that nobody needs influxd to work on the rest. Of the whole workspace, because another choice of packages is
/// another set of features and builds everything anew.
fn influx(lab: &Lab<'_>) -> Outcome {
    let chosen = ["--workspace", "--test", "influx"];
    let strict = ["--", "-D", "warnings"];
    lab.cargo("influx", &[&["clippy"][..], &chosen, &strict].concat())?;
    lab.cargo("influx", &[&["test"][..], &chosen].concat())
}

/// Builds everything twice. Without the musl target `dist` builds for the machine's own glibc, and says so.
fn release(lab: &Lab<'_>) -> Outcome {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let mut rustup = Command::new("rustup");
    if lab
        .check("rustup", rustup.args(["target", "add", &target]))
        .is_err()
    {
        lab.remark("not static: no musl target for this toolchain");
    }
    let xtask = lab.program("xtask")?;
    let mut check = lab.python("ci/release_check.py")?;
    lab.check("release", check.env("XTASK", xtask.get_program()))
}

/// A release build: it tries ten times as many inputs in the same time.
fn fuzz(lab: &Lab<'_>, target: &str) -> Outcome {
    lab.cargo(
        "fuzz",
        &[
            "run",
            "--release",
            "-p",
            "farol-fuzz",
            "--",
            target,
            "--seconds",
            HUNT_SECONDS,
        ],
    )
}

/// The scripts start their own services and demo world, and kill them in their cases.
fn browsers(lab: &Lab<'_>, name: &'static str, script: &str) -> Outcome {
    let chromium = needs::chromium().ok_or_else(|| Failure::new("no Chromium"))?;
    lab.check(name, lab.python(script)?.env("CHROMIUM", chromium))
}

/// This program again, as it was just built: the file that it was started from may be replaced by
/// that build, and the running program no longer knows its own place then.
fn bench_smoke(lab: &Lab<'_>) -> Outcome {
    for bench in ["fanout", "gateway", "telemetry"] {
        let mut xtask = lab.program("xtask")?;
        lab.check("bench", xtask.args(["bench", bench, "--smoke"]))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_names_the_steps_in_their_order() {
        let manual = include_str!("../../../docs/OPERATIONS.md");
        let row = manual
            .lines()
            .find(|line| line.starts_with("| `cargo xtask ci` |"));
        let told = row
            .and_then(|row| row.split(": ").nth(1))
            .unwrap_or_default();
        let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        assert_eq!(told.trim_end_matches(" |"), names.join(", "));
    }
}

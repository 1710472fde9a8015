//! `cargo xtask test`: format check, lints, then all tests and doc tests in one pass against a
//! private Postgres and `RabbitMQ` of their own, beside whatever `up` runs.

use crate::cargo::{self, Programs};
use crate::checkout::Checkout;
use crate::environment;
use crate::failure::{Failure, Outcome};
use crate::process::{Crew, Task};
use crate::say;
use crate::servers::{Instance, Postgres, RabbitMq, Sources};
use crate::tally::{self, Tally};

/// Not in the way of a running `up`: its own servers, on ports that nobody else knows.
pub(crate) fn run(checkout: &Checkout) -> Outcome {
    tally::closing(attempt(checkout))
}

fn attempt(checkout: &Checkout) -> Outcome {
    let began = environment::now();
    let _turn = checkout.wait_lock("test")?;
    let crew = Crew::assemble(checkout, "test")?;
    let sources = Sources::find(checkout)?;
    let wanted = Instance::throwaway("test")?;
    let (servers, (complaints, programs)) =
        crew.side_by_side(|| sources.start(&crew, &wanted), || check_and_build(&crew))?;
    let tally = run_tests(&crew, &servers, &programs)?;
    drop(crew);
    conclude(tally, &complaints, &say::elapsed(began))
}

/// Style first, then the programs that the tests start. A complaint about style does not keep the
/// tests from running: a person wants to hear about both.
fn check_and_build(crew: &Crew<'_>) -> Outcome<(Vec<Failure>, Programs)> {
    let format = style(
        crew,
        "format",
        &["fmt", "--all", "--check"],
        "Run: cargo fmt --all",
    );
    let lints = &[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    let lints = style(crew, "clippy", lints, "Mend what clippy names above.");
    let mut complaints = Vec::new();
    for failure in [format, lints].into_iter().filter_map(Result::err) {
        if failure.is_interruption() {
            return Err(failure);
        }
        complaints.push(failure);
    }
    say::step("Building the services and the tests");
    Ok((complaints, cargo::build(crew, cargo::EVERYTHING)?))
}

/// A step that changes nothing and only complains.
fn style(crew: &Crew<'_>, name: &'static str, args: &[&str], advice: &str) -> Outcome {
    let began = environment::now();
    say::step(&format!("cargo {}", args.join(" ")));
    let task = Task {
        name,
        interruptible: true,
    };
    crew.run_shown(&task, &mut cargo::cargo(crew, args))
        .map_err(|failure| failure.advice(advice))?;
    say::note(&format!("{name} is fine ({})", say::elapsed(began)));
    Ok(())
}

/// Unit, integration and doc tests of all packages, all of them also after a failure.
fn run_tests(
    crew: &Crew<'_>,
    (postgres, rabbitmq): &(Postgres, RabbitMq),
    programs: &Programs,
) -> Outcome<Tally> {
    let began = environment::now();
    say::step("cargo test --workspace");
    let mut command = cargo::cargo(crew, &["test", "--workspace", "--no-fail-fast"]);
    command
        .env("DATABASE_URL", &postgres.owner_url)
        .env("RABBITMQ_URL", &rabbitmq.url);
    if let Some(folder) = programs.folder() {
        command.env("FAROL_BIN_DIR", folder);
    }
    let log = crew.checkout.log("test");
    let (status, mut tally) = crew.run(
        &Task {
            name: "tests",
            interruptible: true,
        },
        &mut command,
        move |stdout| Tally::read(stdout, &log),
    )?;
    tally.add_unseen_failure(status.success());
    say::note(&format!(
        "tests took {} (all of their output: {})",
        say::elapsed(began),
        crew.checkout.shown(&crew.checkout.log("test"))
    ));
    Ok(tally)
}

/// The last line is the result, for people and for scripts: tests, plus a failure per style check.
fn conclude(mut tally: Tally, complaints: &[Failure], elapsed: &str) -> Outcome {
    for complaint in complaints {
        eprintln!("\nfailed: {complaint}");
        tally.failed += 1;
    }
    for name in &tally.named {
        eprintln!("{name}");
    }
    let skipped_in_ci = tally.skipped > 0 && environment::in_ci();
    let verdict = if tally.failed > 0 {
        Err(Failure::new("some checks failed")
            .why("each is named above, with its reason further up"))
    } else if skipped_in_ci {
        Err(Failure::new("some tests were skipped").why("in CI a skipped test is a failure"))
    } else if tally.passed == 0 {
        Err(Failure::new("no test ran"))
    } else {
        Ok(())
    };
    match &verdict {
        Ok(()) => eprintln!("\nFormat, lints and tests passed in {elapsed}."),
        Err(failure) => eprintln!("\nerror: {failure}"),
    }
    println!("{tally}");
    verdict.map_err(|_| Failure::told())
}

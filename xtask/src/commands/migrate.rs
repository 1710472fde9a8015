//! `cargo xtask migrate`: applies migrations/ to the database that the person means.

use crate::cargo::{self, Programs};
use crate::checkout::Checkout;
use crate::failure::{Failure, Outcome};
use crate::ports::Ports;
use crate::process::{Crew, Task};
use crate::say;
use crate::servers::{Instance, Place, Postgres, Source, given};
use crate::stack_env;

/// A chosen database, a running stack's, or the private one, started for the moment.
pub(crate) fn run(checkout: &Checkout) -> Outcome {
    let _turn = checkout.wait_lock("migrate")?;
    let lock = checkout.try_lock("up")?;
    let running = stack_env::read(&checkout.state.join("stack.env"), "DATABASE_URL")
        .filter(|_| lock.is_none());
    let source = match (given(checkout, "DATABASE_URL")?.or(running), &lock) {
        (Some(url), _) => Source::At(Place::Given(url)),
        (None, Some(_)) => Source::find(checkout)?,
        (None, None) => {
            return Err(
                Failure::new("`cargo xtask up` is still starting").advice("Wait for its table.")
            );
        }
    };
    let crew = Crew::assemble(checkout, "migrate")?;
    let programs = cargo::build(&crew, &["--bin", "farol-migrate"])?;
    let wanted = Instance {
        name: "up",
        ports: Ports::shifted(0)?.servers,
        throwaway: false,
        fresh: false,
    };
    let postgres = Postgres::start(&crew, source.settled(&crew)?, &wanted)?;
    apply(&crew, &programs, &postgres.owner_url)
}

/// Brings the schema of one database up to date.
pub(crate) fn apply(crew: &Crew<'_>, programs: &Programs, owner_url: &str) -> Outcome {
    say::step("Applying migrations");
    let task = Task {
        name: "farol-migrate",
        interruptible: true,
    };
    let mut migrate = programs.command("farol-migrate")?;
    crew.run_shown(&task, migrate.env("DATABASE_URL", owner_url))
        .map_err(|failure| {
            failure.advice("Is DATABASE_URL right, and may its user create tables and roles there?")
        })
}

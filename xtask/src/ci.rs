//! `cargo xtask ci`: the checks that a person does not need each time. Named steps, each with its
//! needs; what is missing is installed, or the step is skipped with the missing name, which in CI
//! is a failure.

mod lab;
mod needs;
mod steps;
mod supply;

use crate::checkout::Checkout;
use crate::environment;
use crate::failure::{Failure, Outcome};
use crate::process::Crew;
use crate::say;
use crate::tally::{self, Tally};
use lab::Lab;
use steps::{STEPS, Step};

pub(crate) fn run(checkout: &Checkout, only: &[String]) -> Outcome {
    tally::closing(attempt(checkout, only))
}

fn attempt(checkout: &Checkout, only: &[String]) -> Outcome {
    let steps = chosen(only)?;
    let _turn = checkout.wait_lock("ci")?;
    let crew = Crew::assemble(checkout, "ci")?;
    let missing = needs::install(&crew, steps.iter().flat_map(|step| step.needs))?;
    let lab = Lab::open(&crew)?;
    let mut tally = Tally::default();
    let mut lines = Vec::new();
    for step in steps {
        let began = environment::now();
        say::step(&format!("{}: {}", step.name, step.what));
        let lacking = step
            .needs
            .iter()
            .find(|need| missing.contains(&need.package));
        let verdict = match lacking {
            Some(need) => Err(Failure::new(format!("{} is not installed", need.package))),
            None => (step.run)(&lab),
        };
        let word = count(&mut tally, verdict, lacking.is_some())?;
        let line = format!(
            "{word:<8} {:<16} {:>12}  {}",
            step.name,
            say::elapsed(began),
            lab.last_remark()
        );
        lines.push(line.trim_end().to_owned());
    }
    drop(crew);
    conclude(&tally, &lines)
}

/// Notes one step's result; the person reads a failure where it happened, not only at the end.
fn count(tally: &mut Tally, verdict: Outcome, lacks_something: bool) -> Outcome<&'static str> {
    match verdict {
        Ok(()) => {
            tally.passed += 1;
            Ok("passed")
        }
        Err(failure) if failure.is_interruption() => Err(failure),
        Err(failure) if lacks_something && !environment::in_ci() => {
            say::note(&format!("skipped: {failure}"));
            tally.skipped += 1;
            Ok("skipped")
        }
        Err(failure) => {
            eprintln!("\nfailed: {failure}");
            tally.failed += 1;
            Ok("FAILED")
        }
    }
}

/// In CI a lacking program has been counted as a failure already.
fn conclude(tally: &Tally, lines: &[String]) -> Outcome {
    say::step("Summary");
    say::note(&lines.join("\n"));
    println!("{tally}");
    if tally.failed > 0 {
        Err(Failure::told())
    } else {
        Ok(())
    }
}

/// In the order of the table, whatever the order of the names.
fn chosen(only: &[String]) -> Outcome<Vec<&'static Step>> {
    let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
    if let Some(unknown) = only.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(Failure::new(format!("`{unknown}` is not a step of ci"))
            .advice(format!("Steps: {}", names.join(", "))));
    }
    Ok(STEPS
        .iter()
        .filter(|step| only.is_empty() || only.iter().any(|name| name == step.name))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_chosen_by_name_and_a_wrong_name_lists_the_right_ones() {
        assert_eq!(chosen(&[]).unwrap().len(), STEPS.len());
        let some = chosen(&["fernet".to_owned()]).unwrap();
        assert_eq!(
            some.iter().map(|step| step.name).collect::<Vec<_>>(),
            ["fernet"]
        );
        let Err(failure) = chosen(&["fenret".to_owned()]) else {
            panic!("accepted")
        };
        assert!(failure.to_string().contains("fernet"));
    }
}

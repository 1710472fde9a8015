//! `cargo xtask ci`: the checks that a person does not need each time.

use crate::checkout::Checkout;
use crate::failure::Outcome;

pub(crate) fn run(_checkout: &Checkout, _only: &[String]) -> Outcome {
    Ok(())
}

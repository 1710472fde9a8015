//! The one error of the developer commands: what failed, why, and what the reader can do now.

use std::fmt;

/// Shown once, by `main`, to a person who wants to go on with their work.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    why: Option<String>,
    advice: Option<String>,
    interruption: bool,
    told: bool,
}

/// What every step of a command gives back.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// `what` names the step that failed, as the reader would call it.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            why: None,
            advice: None,
            interruption: false,
            told: false,
        }
    }

    /// Not a failure of its own: somebody asked to stop, or something beside it failed.
    pub(crate) fn interrupted() -> Self {
        Self {
            interruption: true,
            ..Self::new("stopped before it was done")
        }
    }

    /// The person has read it already; only the exit code is left to set.
    pub(crate) fn told() -> Self {
        Self {
            told: true,
            ..Self::new("a check failed")
        }
    }

    /// `main` prints nothing more for such a failure.
    pub(crate) fn is_told(&self) -> bool {
        self.told
    }

    /// Such a failure exits with 130, as a shell expects of Ctrl-C.
    pub(crate) fn is_interruption(&self) -> bool {
        self.interruption
    }

    /// The cause, in the words of whoever knows it: an OS error, a program's last lines.
    pub(crate) fn why(mut self, why: impl fmt::Display) -> Self {
        self.why = Some(why.to_string());
        self
    }

    /// The next thing to type or to look at; several lines are kept as they are.
    pub(crate) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.what)?;
        if let Some(why) = &self.why {
            write!(out, "\n  why: {}", why.replace('\n', "\n       "))?;
        }
        if let Some(advice) = &self.advice {
            write!(out, "\n  do:  {}", advice.replace('\n', "\n       "))?;
        }
        Ok(())
    }
}

/// Both results, or the error that says more: an interruption is the other one's consequence.
pub(crate) fn both<A, B>(one: Outcome<A>, other: Outcome<B>) -> Outcome<(A, B)> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(first), Err(second)) => Err(if first.interruption { second } else { first }),
        (Err(failure), Ok(_)) | (Ok(_), Err(failure)) => Err(failure),
    }
}

/// Gives an error its first half: what was being done when it happened.
pub(crate) trait While<T> {
    fn while_doing(self, what: impl FnOnce() -> String) -> Outcome<T>;
}

impl<T, E: fmt::Display> While<T> for Result<T, E> {
    fn while_doing(self, what: impl FnOnce() -> String) -> Outcome<T> {
        self.map_err(|error| Failure::new(what()).why(error))
    }
}

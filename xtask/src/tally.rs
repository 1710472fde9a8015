//! Counting results, read from what `cargo test` prints or added up step by step.

use crate::failure::{Failure, Outcome};
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    /// Names of failed and ignored tests, for the end of a long output.
    pub(crate) named: Vec<String>,
}

/// The closing line's shape, which scripts read.
impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

impl Tally {
    /// Everything goes to the log; tests that passed are left out of the terminal.
    pub(crate) fn read(output: impl Read, log: &Path) -> Self {
        let mut log = File::create(log).ok();
        let mut tally = Self::default();
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some(log) = &mut log {
                let _ = writeln!(log, "{line}");
            }
            tally.count(&line);
            tally.note_name(&line);
            if is_news(&line) {
                eprintln!("{line}");
            }
        }
        tally
    }

    /// `test module::name ... FAILED`, `test module::name ... ignored, reason`
    fn note_name(&mut self, line: &str) {
        let verdict = line
            .strip_prefix("test ")
            .and_then(|rest| rest.split_once(" ... "));
        if let Some((name, verdict)) = verdict
            && (verdict == "FAILED" || verdict.starts_with("ignored"))
        {
            self.named.push(format!("{verdict}: {name}"));
        }
    }

    /// A test program that crashed, or did not compile, says no number.
    pub(crate) fn add_unseen_failure(&mut self, success: bool) {
        if !success && self.failed == 0 {
            self.failed = 1;
        }
    }

    /// `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in …`
    fn count(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        let numbers = result.split_once(". ").map_or("", |(_, numbers)| numbers);
        for part in numbers.split("; ") {
            let Some((number, what)) = part.split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" | "filtered out" => self.skipped += number,
                _ => {}
            }
        }
    }
}

/// Sees to it that the closing line also ends a run that failed before anything was counted.
pub(crate) fn closing(result: Outcome) -> Outcome {
    match result {
        Err(failure) if !failure.is_told() && !failure.is_interruption() => {
            eprintln!("\nerror: {failure}");
            let tally = Tally {
                failed: 1,
                ..Tally::default()
            };
            println!("{tally}");
            Err(Failure::told())
        }
        result => result,
    }
}

/// Hundreds of passed tests would push the one failure out of sight.
fn is_news(line: &str) -> bool {
    let is_passed = line.starts_with("test ") && line.ends_with(" ... ok");
    let is_count =
        line.starts_with("running ") && (line.ends_with(" tests") || line.ends_with(" test"));
    !(is_passed || is_count || line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\nrunning 3 tests\ntest a ... ok\ntest b ... FAILED\ntest c ... ignored\n\
        test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
        \nrunning 1 test\ntest d ... ok\n\
        test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out; finished in 0.01s\n";

    #[test]
    fn results_of_all_test_programs_add_up_to_the_closing_line() {
        let log = std::env::temp_dir().join(format!("farol-tally-{}", std::process::id()));
        let tally = Tally::read(OUTPUT.as_bytes(), &log);
        assert_eq!(tally.to_string(), "2 passed, 1 failed, 3 skipped");
        assert_eq!(tally.named, ["FAILED: b", "ignored: c"]);
        assert_eq!(std::fs::read_to_string(&log).unwrap(), OUTPUT);
        std::fs::remove_file(log).unwrap();
    }

    #[test]
    fn a_crash_without_numbers_is_still_a_failure() {
        let mut tally = Tally {
            passed: 5,
            ..Tally::default()
        };
        tally.add_unseen_failure(false);
        assert_eq!(tally.failed, 1);
    }

    #[test]
    fn passed_tests_are_no_news_but_failed_ones_are() {
        assert!(!is_news("test a::b ... ok") && !is_news("running 12 tests"));
        assert!(
            is_news("test a::b ... FAILED") && is_news("thread 'a::b' panicked at src/a.rs:1:1:")
        );
    }
}

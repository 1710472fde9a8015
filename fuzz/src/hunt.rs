//! The hunt: grow or mutate an input, check it, keep it where its outcome is of a new kind, until
//! the time is over or an invariant breaks. What is checked is up to `targets`.

use std::collections::HashSet;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{fs, io};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::hex;
use crate::mutate;
use crate::targets::Target;
use crate::watchdog::Watchdog;

/// Inputs worth mutating further; the oldest make room.
const POOL: usize = 2_000;

/// Inputs to mutate, and every kind of outcome seen so far. There is no coverage on a stable
/// toolchain: what the target makes of an input stands in for it.
struct Pool {
    inputs: Vec<Vec<u8>>,
    kinds: HashSet<u64>,
    next_out: usize,
}

/// Checks inputs of `target` for `time`. Exit code 1 = an invariant is broken.
pub(crate) fn hunt(target: Target, seed: u64, time: Duration) -> ExitCode {
    println!("{target}: seed {seed}, {} s", time.as_secs());
    let corpus = match corpus(target) {
        Ok(corpus) => corpus,
        Err(error) => {
            eprintln!("the corpus of {target} cannot be read: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut pool = Pool::new(corpus);
    let mut random = StdRng::seed_from_u64(seed);
    let watchdog = Watchdog::start();
    let end = now() + time;
    let mut turns = 0_u64;
    while now() < end {
        let input = pool.next_input(target, turns, &mut random);
        watchdog.looks_at(&input);
        match checked(target, &input) {
            Ok(kind) => pool.learn(kind, input),
            Err(broken) => {
                return failed(
                    target,
                    &format!("seed {seed}, turn {turns}: {broken}"),
                    input,
                );
            }
        }
        turns += 1;
    }
    println!(
        "{target}: {turns} inputs, {} kinds of outcome, nothing broken",
        pool.kinds.len()
    );
    ExitCode::SUCCESS
}

/// Checks one input.
pub(crate) fn replay(target: Target, input: &[u8]) -> ExitCode {
    let _watchdog = Watchdog::start();
    match checked(target, input) {
        Ok(_) => {
            println!("{target}: nothing broken");
            ExitCode::SUCCESS
        }
        Err(broken) => failed(target, &broken, input.to_vec()),
    }
}

fn failed(target: Target, broken: &str, input: Vec<u8>) -> ExitCode {
    eprintln!("FAILED: {broken}");
    let input = hex::Bytes(input);
    eprintln!("input: {input}");
    eprintln!("again: cargo run -p farol-fuzz --release -- {target} --replay {input}");
    ExitCode::FAILURE
}

/// The kind of outcome, or what is broken; a panic counts as that.
fn checked(target: Target, input: &[u8]) -> Result<u64, String> {
    catch_unwind(|| target.check(input)).unwrap_or_else(|_| Err("it panicked".to_owned()))
}

/// The seed inputs, in the order of their names so that a seed means the same everywhere.
fn corpus(target: Target) -> io::Result<Vec<Vec<u8>>> {
    let folder = format!("{}/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut paths = fs::read_dir(folder)?
        .map(|file| file.map(|file| file.path()))
        .collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    paths.into_iter().map(fs::read).collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "no runtime here whose time could be paused"
)]
fn now() -> Instant {
    Instant::now()
}

impl Pool {
    fn new(corpus: Vec<Vec<u8>>) -> Self {
        Self {
            inputs: corpus,
            kinds: HashSet::new(),
            next_out: 0,
        }
    }

    /// First the corpus as it is, then new inputs.
    fn next_input(&self, target: Target, turn: u64, random: &mut StdRng) -> Vec<u8> {
        let untouched = usize::try_from(turn)
            .ok()
            .and_then(|turn| self.inputs.get(turn));
        if let Some(input) = untouched {
            return input.clone();
        }
        let mut input = if random.random_ratio(1, 4) {
            target.grow(random)
        } else {
            mutate::pick(&self.inputs, random)
                .cloned()
                .unwrap_or_default()
        };
        if random.random_ratio(7, 8) {
            mutate::mutate(&mut input, &self.inputs, target.tokens(), random);
        }
        input
    }

    fn learn(&mut self, kind: u64, input: Vec<u8>) {
        if !self.kinds.insert(kind) {
            return;
        }
        if self.inputs.len() < POOL {
            self.inputs.push(input);
        } else if let Some(oldest) = self.inputs.get_mut(self.next_out) {
            *oldest = input;
            self.next_out = (self.next_out + 1) % POOL;
        }
    }
}

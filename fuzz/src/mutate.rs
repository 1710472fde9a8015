//! Small random damage to an input, knowing the target's tokens but not its grammar.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// Longer inputs find nothing that shorter ones do not, only later.
const MAX_LEN: usize = 1_024;

/// One of `items`; None if there is none.
pub(crate) fn pick<'a, T>(items: &'a [T], random: &mut StdRng) -> Option<&'a T> {
    items.choose(random)
}

/// One to eight changes on top of each other.
pub(crate) fn mutate(input: &mut Vec<u8>, pool: &[Vec<u8>], tokens: &[&[u8]], random: &mut StdRng) {
    for _ in 0..random.random_range(1..=8) {
        change(input, pool, tokens, random);
        input.truncate(MAX_LEN);
    }
}

fn change(input: &mut Vec<u8>, pool: &[Vec<u8>], tokens: &[&[u8]], random: &mut StdRng) {
    let at = random.random_range(0..=input.len());
    let range = at..input.len().min(at + random.random_range(1..=16));
    match random.random_range(0..8) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.random_range(0..8);
            }
        }
        1 => input.insert(at, random.random()),
        2 => drop(input.drain(range)),
        3 => {
            let copy = input.get(range).unwrap_or_default().to_vec();
            put(input, at, &copy.repeat(random.random_range(1..=4)));
        }
        4 | 5 => put(input, at, pick(tokens, random).copied().unwrap_or_default()),
        6 => {
            input.drain(range);
            put(input, at, pick(tokens, random).copied().unwrap_or_default());
        }
        _ => {
            let other = pick(pool, random).map(Vec::as_slice).unwrap_or_default();
            let from = random.random_range(0..=other.len());
            input.truncate(at);
            input.extend_from_slice(other.get(from..).unwrap_or_default());
        }
    }
}

fn put(input: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    input.splice(at..at, bytes.iter().copied());
}

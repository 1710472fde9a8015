//! What input is thrown at. Each target knows its grammar, its tokens and its invariants.

mod body;
mod stream;

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use clap::ValueEnum;
use rand::rngs::StdRng;

/// Something that must stand any bytes.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Target {
    /// The bodies that client APIs send, up to the snapshot.
    Body,
    /// The event stream parser and the encoder.
    Stream,
}

impl Target {
    /// Checks every invariant on one input. Ok is the kind of outcome, Err the broken invariant.
    pub(crate) fn check(self, input: &[u8]) -> Result<u64, String> {
        match self {
            Self::Body => body::check(input),
            Self::Stream => stream::check(input),
        }
    }

    /// A new input that is mostly well-formed.
    pub(crate) fn grow(self, random: &mut StdRng) -> Vec<u8> {
        match self {
            Self::Body => body::grow(random),
            Self::Stream => stream::grow(random),
        }
    }

    /// Pieces that mean something to the parser.
    pub(crate) fn tokens(self) -> &'static [&'static [u8]] {
        match self {
            Self::Body => body::TOKENS,
            Self::Stream => stream::TOKENS,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Body => "body",
            Self::Stream => "stream",
        })
    }
}

fn ensure(holds: bool, invariant: &str) -> Result<(), String> {
    if holds {
        Ok(())
    } else {
        Err(invariant.to_owned())
    }
}

fn kind(features: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    features.hash(&mut hasher);
    hasher.finish()
}

/// Counts are told apart by order of magnitude, or every input would be of a new kind.
fn magnitude(count: usize) -> u32 {
    usize::BITS - count.leading_zeros()
}

//! From a message to a run: what is heard, claimed, put aside, and how much of it at once. Runs themselves are
//! `ingest`'s.

pub mod caller;
pub mod consumer;
pub mod dead_letters;
pub mod slots;

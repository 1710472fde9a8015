//! Runs of ingestion while what they stand on is killed, cut or stopped: after each, one terminal state, no row
//! stuck, nothing counted twice, and the tables of an undisturbed run.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admin_dies;
mod barrier;
mod broker;
mod portal;
mod postgres;
mod stack;
mod truth;
mod worker_dies;

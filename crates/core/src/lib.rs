//! The pure heart of Farol: what a status is, what goes over an event stream, what a run of ingestion decides.
//! No IO, no clock, no runtime: everything here is a function of its arguments and cannot block.

pub mod sse;
pub mod status;
pub mod sync;

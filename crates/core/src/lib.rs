//! The pure heart of Farol: what a status is and what goes over an event stream.
//! No IO, no clock, no runtime: everything here is a function of its arguments and cannot block.

pub mod sse;
pub mod status;

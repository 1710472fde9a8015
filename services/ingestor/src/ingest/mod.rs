//! One run, from its window to its verdict: what is asked, in which order, how patiently.

pub mod answer;
pub mod breaker;
pub mod fault;
mod field;
pub mod item;
pub mod pace;
pub mod record;
pub mod retry;
mod storable;

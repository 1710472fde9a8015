//! One run, from its window to its verdict: what is asked, in which order, how patiently.

pub mod answer;
pub mod fault;
mod field;
pub mod item;
pub mod record;
mod storable;

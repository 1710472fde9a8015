//! One run, from its window to its verdict: what is asked, in which order, how patiently.

pub mod answer;
mod ask;
pub mod breaker;
mod farewell;
pub mod fault;
mod field;
mod heartbeat;
pub mod item;
mod items;
mod job;
pub mod kit;
mod outage;
pub mod pace;
mod page;
mod plan;
pub mod record;
pub mod retry;
pub mod run;
mod segment;
mod stage;
mod storable;
mod verdict;
pub mod view;

//! The kit judged by itself: clients against scripted bytes, and real servers that come and go.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod database;
mod http;
mod keys;
mod logs;
mod postgres;
mod process;
mod proxy;
mod rabbit;
mod script;
mod socket;
mod stream;
mod waiting;

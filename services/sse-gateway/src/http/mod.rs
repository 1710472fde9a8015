//! The listeners: who may ask what where, and what they are answered.

mod connection;
mod gate;
mod internal;
mod listener;
mod request;
mod routes;
mod send;
mod stream;

pub use gate::{Door, Gate};
pub use listener::{bind, listen};

//! Our own writer for streams over plain HTTP/1.1: one task, one cursor and one
//! `write` per frame, without the buffers of a general HTTP connection.
//!
//! The listener looks at the head of each new connection without consuming it.
//! A complete GET of a stream is served here; everything else, to the last byte
//! untouched, is handed to actix. docs/decisions/0003 tells what this is worth.

mod answer;
mod head;
mod listener;
mod look;
mod writer;

pub use listener::{Connection, Door, Socketed, SplitFactory};

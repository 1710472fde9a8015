//! The event stream format of the WHATWG HTML standard, section "Server-sent events": frames are
//! written here and nowhere else, and read back by a strict parser. Knows no business word.

mod encode;
mod event;
mod frame;
mod parse;

pub use encode::Event;
pub use event::{EventId, EventName, ForbiddenText};
pub use frame::Frame;
pub use parse::{Parsed, Parser};

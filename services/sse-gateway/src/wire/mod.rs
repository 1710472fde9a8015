//! HTTP/1.1 as far as a gateway needs it: heads, bodies and answers, on sockets that a stream's sender may write to
//! from anywhere. docs/decisions/0017 tells why it is our own.

mod answer;
mod body;
mod call;
mod head;
mod socket;

pub use answer::{Answer, Stamp, stream_head};
pub use body::{BadBody, Framing};
pub use call::{CallError, Caller};
pub use head::{BadHead, Head, Method};
pub use socket::Socket;

//! The public listener as HTTP: routes, headers and the shape of answers. What
//! they answer with is decided in `public`.

mod openapi;
mod pages;
mod query;
mod routes;
mod status;
mod stream;

pub use openapi::document;
pub use query::{BadQuery, StreamQuery};
pub use routes::{PUBLIC_HEADERS, State, configure, default_headers};

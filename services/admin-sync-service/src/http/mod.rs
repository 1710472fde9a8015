//! The public listener as HTTP: who may come in, routes, and the shape of answers. What they answer with is
//! decided in `sync`.

mod access;
mod audit;
mod body;
mod callback;
mod console;
mod console_assets;
mod dead_letters;
mod deployments;
mod docs;
mod estimate;
mod executions;
mod force;
mod integrations;
mod once;
mod openapi;
mod projects;
mod query;
mod read;
mod routes;
mod system;
mod tasks;

pub use access::{Access, Credentials, PasswordCheck, SessionRules};
pub use callback::CallbackSecret;
pub use console::{Console, Facts};
pub use openapi::text as openapi;
pub use routes::{State, configure, default_headers};

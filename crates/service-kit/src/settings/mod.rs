//! Settings: declared one struct per concern, layered once at start, every complaint at once.
//! Nothing else in the project reads the environment.
//!
//! `settings! { … }` declares a concern, `service_settings! { … }` the settings of a binary out of concerns, and
//! [`load`] reads them from [`Sources`]. An environment name is the upper-case field name, a TOML key the
//! lower-case one, so neither is ever written twice.

mod concerns;
mod declare;
mod known;
mod layers;
mod manual;
mod reader;
mod value;

pub use concerns::{
    DatabaseSettings, ListenSettings, LogFormat, LogSettings, OpsSettings, ShutdownSettings,
    TlsSettings,
};
pub use declare::{Concern, Field, Group, Overrides, ServiceSettings, bounds};
pub use known::KNOWN_ELSEWHERE;
pub use layers::{Complaints, Sources, load};
pub use manual::manual;
pub use reader::Reader;
pub use value::Setting;

/// A value that is wiped on drop and never prints.
pub type Secret = secrecy::SecretString;

pub use ipnet::IpNet;
pub use reqwest::Url;
pub use secrecy::ExposeSecret;

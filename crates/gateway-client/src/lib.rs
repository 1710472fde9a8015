//! The backend side of the SSE gateway: which clients are connected, under which name, and how events reach them.
//! Routes and bodies of the callback are the backend's own.
//!
//! A [`ConnectionManager`] keeps [`Identifier`]s and [`Token`]s, both ways. The backend's callback tells it of
//! connects and disconnects, which never waits for anything; events then go to everyone under an identifier by
//! [`ConnectionManager::send`]. No lock is held while the gateway is asked, so a callback of the gateway can always be
//! answered while a send to that same gateway is under way.
//!
//! ```
//! use gateway_client::{ConnectionManager, GatewayApi, Identifier, Sharing, Token};
//! use service_kit::{COMMIT, VERSION, metrics::Metrics, settings::Url};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let gateway = GatewayApi::new(&Url::parse("http://localhost:3000")?, None)?;
//! let kinds = [("task", Sharing::Shared { most: 100 }), ("version", Sharing::Single)];
//! let metrics = Metrics::new("admin-sync-service", VERSION, COMMIT)?;
//! let manager = ConnectionManager::new(gateway, &kinds, &metrics, "admin-sync-service")?;
//!
//! let page = Identifier::new("version", "page-1")?;
//! manager.connected(&page, &Token::parse("first")?, None)?;
//! let connected = manager.connected(&page, &Token::parse("second")?, None)?;
//! assert_eq!(connected.replaced, Some(Token::parse("first")?));
//! # Ok(())
//! # }
//! ```

mod batch;
mod connections;
mod departed;
mod directory;
mod error;
mod gateway_api;
mod identifier;
mod metrics;
mod token;

pub use connections::{CONNECTION_CLOSE, ConnectionManager, Reconciled};
pub use directory::{Connected, Refused, Sharing};
pub use error::GatewayError;
pub use gateway_api::{GatewayApi, Listed};
pub use identifier::{Identifier, InvalidIdentifier};
pub use token::{Instance, InvalidToken, Token};

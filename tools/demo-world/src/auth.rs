//! The credentials that a project asks for, and whether a request brought them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::message::Request;

/// What a request must carry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Auth {
    /// Nothing.
    #[default]
    None,
    /// `Authorization: Bearer <token>`.
    Bearer {
        /// The token.
        token: String,
    },
    /// The key in a header of the project's choice.
    ApiKey {
        /// Name of the header.
        header: String,
        /// The key.
        key: String,
    },
    /// `Authorization: Basic …` (RFC 7617).
    Basic {
        /// User name, without a colon.
        username: String,
        /// Password.
        password: String,
    },
}

impl Auth {
    /// A bearer token.
    pub fn bearer(token: impl Into<String>) -> Self {
        Self::Bearer {
            token: token.into(),
        }
    }

    /// A key in the named header.
    pub fn api_key(header: impl Into<String>, key: impl Into<String>) -> Self {
        Self::ApiKey {
            header: header.into(),
            key: key.into(),
        }
    }

    /// User name and password.
    pub fn basic(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Basic {
            username: username.into(),
            password: password.into(),
        }
    }

    /// 401 for credentials that are missing, 403 for credentials that are wrong.
    pub(crate) fn check(&self, request: &Request) -> Result<(), u16> {
        let (header, wanted) = match self {
            Self::None => return Ok(()),
            Self::Bearer { token } => ("authorization", format!("Bearer {token}")),
            Self::ApiKey { header, key } => (header.as_str(), key.clone()),
            Self::Basic { username, password } => {
                let pair = BASE64.encode(format!("{username}:{password}"));
                ("authorization", format!("Basic {pair}"))
            }
        };
        match request.header(header) {
            None => Err(401),
            Some(brought) if brought == wanted => Ok(()),
            Some(_) => Err(403),
        }
    }
}

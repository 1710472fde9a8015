//! Why the gateway could not be asked; what that means for a client's connection is decided by who asked.

use service_kit::http_client::OutboundError;

/// Why the gateway gave no usable answer, in words that name neither its address nor the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// Not reached, or not in time.
    #[error("the gateway gave no answer: {0}")]
    Outbound(#[from] OutboundError),
    /// It refused.
    #[error("the gateway answered {0}")]
    Status(u16),
    /// Not the body that the contract names.
    #[error("the gateway's answer cannot be read: {0}")]
    Body(String),
    /// The secret holds bytes that no header can.
    #[error("the gateway's secret cannot be sent in a header")]
    Secret,
}

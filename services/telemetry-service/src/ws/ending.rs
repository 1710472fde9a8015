//! How a socket ends: the close code and reason that its client is told, and the label under which it is counted.

use crate::identity::Denied;
use crate::wire::Fault;

/// Why a socket ends, or never began. docs/API.md tells clients what to do about each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The client said goodbye.
    Left,
    /// The connection broke, or the client went without a word.
    Lost,
    /// The client answered a ping with nothing.
    Silent,
    /// The client took nothing for as long as we wait.
    Slow,
    /// The service stops, or is being replaced.
    Drained,
    /// Not WebSocket.
    Protocol,
    /// Text that is no UTF-8.
    NotText,
    /// Bad messages in a row.
    Misbehaved,
    /// A message over the limit.
    TooBig,
    /// Tokens cannot be checked now.
    KeysAway,
    /// No place for another socket.
    Full,
    /// No token.
    TokenMissing,
    /// A token that does not hold.
    TokenInvalid,
    /// Nobody here, or of another tenant than before.
    Unauthorized,
    /// A ticket that does not hold.
    TicketInvalid,
    /// The token has ended, and no other came.
    Expired,
    /// The tenant has all the sockets that it may have.
    TenantFull,
}

impl Ending {
    /// Each.
    pub const ALL: [Self; 17] = [
        Self::Left,
        Self::Lost,
        Self::Silent,
        Self::Slow,
        Self::Drained,
        Self::Protocol,
        Self::NotText,
        Self::Misbehaved,
        Self::TooBig,
        Self::KeysAway,
        Self::Full,
        Self::TokenMissing,
        Self::TokenInvalid,
        Self::Unauthorized,
        Self::TicketInvalid,
        Self::Expired,
        Self::TenantFull,
    ];

    /// The close code and its reason; `None` where nobody is there to be told.
    pub fn close(self) -> Option<(u16, &'static str)> {
        let told = match self {
            Self::Lost | Self::Silent | Self::Slow => return None,
            Self::Left => (1000, ""),
            Self::Drained => (1001, "Going away, connect again"),
            Self::Protocol => (1002, "Protocol error"),
            Self::NotText => (1007, "Text must be UTF-8"),
            Self::Misbehaved => (1008, "Too many bad messages"),
            Self::TooBig => (1009, "Message too big"),
            Self::KeysAway => (1013, "Tokens cannot be checked right now, try again"),
            Self::Full => (1013, "Too many connections, try again"),
            Self::TokenMissing => (4001, "Missing token parameter"),
            Self::TokenInvalid => (4001, "Invalid or expired token"),
            Self::Unauthorized => (4003, "Unauthorized"),
            Self::TicketInvalid => (4008, "Invalid or expired ticket"),
            Self::Expired => (4010, "Token expired"),
            Self::TenantFull => (4029, "Too many connections of this tenant"),
        };
        Some(told)
    }

    /// As metrics tell it: the close code, 1006 for a connection that broke (as browsers call it), and a word for those
    /// that we let go of.
    pub fn label(self) -> &'static str {
        match self {
            Self::Left => "1000",
            Self::Lost => "1006",
            Self::Silent => "no_pong",
            Self::Slow => "slow",
            Self::Drained => "1001",
            Self::Protocol => "1002",
            Self::NotText => "1007",
            Self::Misbehaved => "1008",
            Self::TooBig => "1009",
            Self::KeysAway | Self::Full => "1013",
            Self::TokenMissing | Self::TokenInvalid => "4001",
            Self::Unauthorized => "4003",
            Self::TicketInvalid => "4008",
            Self::Expired => "4010",
            Self::TenantFull => "4029",
        }
    }
}

impl From<Denied> for Ending {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Missing => Self::TokenMissing,
            Denied::Invalid => Self::TokenInvalid,
            Denied::Ticket => Self::TicketInvalid,
            Denied::Unauthorized => Self::Unauthorized,
            Denied::Away => Self::KeysAway,
        }
    }
}

impl From<Fault> for Ending {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Gone => Self::Lost,
            Fault::Protocol => Self::Protocol,
            Fault::NotText => Self::NotText,
            Fault::TooBig => Self::TooBig,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_told_a_code_is_counted_under_it() {
        for ending in Ending::ALL {
            if let Some((code, reason)) = ending.close() {
                assert_eq!(ending.label(), code.to_string());
                assert!(reason.len() <= 123, "a close frame holds no more");
            }
        }
    }
}

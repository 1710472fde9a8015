//! What the use cases reach outside: the portal and Postgres, one verb each.

pub mod pncp_api;

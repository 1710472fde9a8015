//! What the use cases reach outside: the portal and Postgres, one verb each.

mod claim_repo;
mod contratacao_repo;
mod evidence_repo;
pub mod execution_repo;
pub mod items_repo;
mod order_repo;
pub mod pncp_api;
mod postgres_repo;
pub mod record_repo;
mod request_repo;
pub mod segment_repo;
pub mod source_repo;

pub use postgres_repo::RepoError;

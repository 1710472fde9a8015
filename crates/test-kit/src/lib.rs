//! What tests need and production must not have: a database of one's own, strict clients, breakable
//! connections, real processes. A dev-dependency only; everything here fails by panicking.
#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod chaos_proxy;
mod cluster_repo;
mod contract;
mod database;
mod free_port;
mod head;
mod http;
mod key_server;
mod limits;
mod log_capture;
mod paper;
mod private_postgres;
mod private_rabbit;
mod project_repo;
mod rabbit;
mod raw_amqp;
mod server_user;
mod service_process;
mod sse_client;
mod tokens;
mod transfer;
mod wait;
mod ws_client;

pub use chaos_proxy::ChaosProxy;
pub use contract::{Contract, judge_committed};
pub use database::Database;
pub use free_port::free_port;
pub use head::Head;
pub use http::{Answer, http_get, http_post, http_request};
pub use key_server::KeyServer;
pub use limits::raise_fd_limit;
pub use log_capture::LogCapture;
pub use paper::{Labels, printed_metrics, quoted, table_rows, told_metrics, told_settings};
pub use private_postgres::PrivatePostgres;
pub use private_rabbit::PrivateRabbit;
pub use project_repo::ProjectRow;
pub use rabbit::{Got, Rabbit, rabbit_url, rabbit_url_at, rabbit_url_with_password};
pub use raw_amqp::publish_with_raw_message_id;
pub use service_process::{LogLine, ServiceProcess};
pub use sse_client::{Received, SseClient};
pub use tokens::{hs256_token, token};
pub use wait::{PATIENCE, wait_until};
pub use ws_client::{WsClient, WsMessage};

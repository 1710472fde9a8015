//! The way to Postgres: a lazy pool, the compiled-in migrations, and a watch over both. No query of any service.

mod migrate;
mod schema;
mod warnings;

use std::time::Duration;

use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

pub use migrate::{migrate, migrator};
pub use schema::watch_schema;
pub use warnings::warnings_to_stderr;

use crate::settings::{DatabaseSettings, ExposeSecret as _};

/// How long a caller waits for a connection: longer than a healthy pool ever needs, shorter than a request lives.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// A process that stands still in the middle of a transaction must not hold its locks for ever: whoever goes on in
/// its place would wait for them. No transaction of ours is open across anything that takes this long.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);

/// How a service uses its connections.
#[derive(Clone, Copy, Debug)]
pub struct PoolOptions {
    /// Postgres refuses every write on these connections, whatever the role may do.
    pub read_only: bool,
    /// Shown in `pg_stat_activity`.
    pub application_name: &'static str,
    /// The longest that one statement may run.
    pub statement_timeout: Duration,
}

impl PoolOptions {
    /// Read and write, 5 s per statement: the rule for request paths.
    pub fn named(application_name: &'static str) -> Self {
        Self {
            read_only: false,
            application_name,
            statement_timeout: Duration::from_secs(5),
        }
    }
}

/// A pool that connects when it is first used, so Postgres may be away at start.
///
/// ```
/// # use service_kit::{pg, settings::DatabaseSettings};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), sqlx::Error> {
/// let settings = DatabaseSettings {
///     database_url: "postgres://farol@localhost/farol".into(),
///     db_pool_size: 10,
/// };
/// let reader = pg::PoolOptions { read_only: true, ..pg::PoolOptions::named("public-service") };
/// let pool = pg::connect_lazy(&settings, reader)?;
/// assert_eq!(pool.size(), 0);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Only for an address that cannot be parsed; the error does not quote it.
pub fn connect_lazy(
    settings: &DatabaseSettings,
    options: PoolOptions,
) -> Result<PgPool, sqlx::Error> {
    let connect: PgConnectOptions = settings.database_url.expose_secret().parse()?;
    let timeout = options.statement_timeout.as_millis().to_string();
    let idle = IDLE_IN_TRANSACTION.as_millis().to_string();
    let read_only = [("default_transaction_read_only", "on")];
    let connect = connect
        .application_name(options.application_name)
        .options([("statement_timeout", timeout)])
        .options([("idle_in_transaction_session_timeout", idle)])
        // Left alone otherwise: a role may be read-only by a setting of its own.
        .options(read_only.into_iter().filter(|_| options.read_only));
    Ok(PgPoolOptions::new()
        .max_connections(settings.db_pool_size)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_lazy_with(connect))
}

/// The database cannot be used now, and may be later: a matter for 503 and another attempt, not for 500.
pub fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| is_passing(&code)),
        // A server that hangs up where it is asked for TLS reads as one that answers nonsense.
        sqlx::Error::Protocol(text) => text.starts_with("unexpected response from SSLRequest"),
        _ => false,
    }
}

/// SQLSTATE classes 08 (connection), 53 (resources: too many connections, disk full), 57P (shutdown, crash, starting
/// up). 57014 is our own statement timeout: an overloaded database passes, too.
fn is_passing(code: &str) -> bool {
    code.starts_with("08") || code.starts_with("53") || code.starts_with("57P") || code == "57014"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_hangs_up_in_the_greeting_is_away() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("postgres://ana@{}/farol", listener.local_addr().unwrap());
        let (refused, _) = tokio::join!(
            <sqlx::PgConnection as sqlx::Connection>::connect(&url),
            async {
                let (mut client, _) = listener.accept().await.unwrap();
                let mut request = [0; 8];
                tokio::io::AsyncReadExt::read_exact(&mut client, &mut request).await
            },
        );
        let error = refused.expect_err("nobody has greeted");
        assert!(is_unavailable(&error), "{error}");
    }

    #[test]
    fn codes_that_pass_by_themselves_are_told_from_mistakes() {
        for code in ["08006", "53300", "57P01", "57P03", "57014"] {
            assert!(is_passing(code), "{code}");
        }
        for code in ["42P01", "23505", "42501", "28P01", "22P02"] {
            assert!(!is_passing(code), "{code}");
        }
    }
}

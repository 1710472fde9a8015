//! A migrated database for one test, dropped with its value.

use std::str::FromStr as _;
use std::thread;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::cluster_repo::{self, PASSWORD, login_of};
use crate::project_repo::{self, ProjectRow};

/// A database of the test's own.
#[derive(Debug)]
pub struct Database {
    name: String,
    server: PgConnectOptions,
    pool: PgPool,
}

impl Database {
    /// On the server of `DATABASE_URL`, whose user must be a superuser.
    pub async fn fresh() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "a test has no settings of its own"
        )]
        let url = std::env::var("DATABASE_URL").unwrap_or_default();
        assert!(
            !url.is_empty(),
            "no DATABASE_URL: run `cargo xtask test`, or export DATABASE_URL of a Postgres superuser"
        );
        Self::on(&url).await
    }

    /// On a server of the caller's, such as a [`crate::PrivatePostgres`].
    pub async fn on(server_url: &str) -> Self {
        let server = PgConnectOptions::from_str(server_url).expect("a Postgres URL");
        let made = cluster_repo::create(&server).await;
        let name = made.unwrap_or_else(|error| panic!("cannot make a test database: {error}"));
        let options = server.clone().database(&name);
        let pool = PgPoolOptions::new()
            .max_connections(4)
            .connect_lazy_with(options);
        Self { name, server, pool }
    }

    /// Its name, `farol_test_<seconds>_<random>`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Connects as the owner of every table.
    pub fn owner_url(&self) -> String {
        self.server
            .clone()
            .database(&self.name)
            .to_url_lossy()
            .to_string()
    }

    /// Connects as a login user with the rights of `farol_public`.
    pub fn public_url(&self) -> String {
        self.url_of("farol_public")
    }

    /// Connects as a login user with the rights of `farol_admin`.
    pub fn admin_url(&self) -> String {
        self.url_of("farol_admin")
    }

    /// Connects as a login user with the rights of `farol_ingest`.
    pub fn ingest_url(&self) -> String {
        self.url_of("farol_ingest")
    }

    /// Connects as a login user with the rights of `farol_telemetry`.
    pub fn telemetry_url(&self) -> String {
        self.url_of("farol_telemetry")
    }

    /// Connects as a login user with the rights of `farol_devices`, who writes for all tenants.
    pub fn devices_url(&self) -> String {
        self.url_of("farol_devices")
    }

    fn url_of(&self, group: &str) -> String {
        let login = self.server.clone().username(&login_of(group));
        let login = login.password(PASSWORD).database(&self.name);
        login.to_url_lossy().to_string()
    }

    /// A pool of the owner's, for what the verbs below do not say.
    pub fn owner_pool(&self) -> &PgPool {
        &self.pool
    }

    /// Writes a project and its integration.
    pub async fn insert_project(&self, row: ProjectRow) -> &Self {
        let saved = project_repo::save(&self.pool, &row).await;
        saved.unwrap_or_else(|error| panic!("cannot write {row:?}: {error}"));
        self
    }

    /// Overwrites the project of the same slug and its integration.
    pub async fn update_project(&self, row: ProjectRow) -> &Self {
        self.insert_project(row).await
    }

    /// Deletes a project and its integration.
    pub async fn delete_project(&self, slug: &str) -> &Self {
        project_repo::delete(&self.pool, slug)
            .await
            .expect("the row can be deleted");
        self
    }
}

impl Drop for Database {
    /// On a thread with a runtime of its own: a test's runtime may be of one thread, which waits
    /// here. A server that is away (tests kill it) is only told about; the sweep finds the rest.
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let dropped = cluster_repo::drop_database(&server, &name);
                let dropped = tokio::time::timeout(Duration::from_secs(15), dropped).await;
                dropped
                    .map_err(std::io::Error::other)?
                    .map_err(std::io::Error::other)
            })
        });
        if let Ok(Err(error)) = dropping.join() {
            tracing::warn!(database = self.name, %error, "a test database is left behind");
        }
    }
}

//! SQL about databases and roles of a test server: template, clones, leftovers, the login roles.

use service_kit::pg::migrator;
use sha2::{Digest, Sha256};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

/// The services' roles. Each has one login user, which holds it and nothing else.
const GROUPS: [&str; 5] = [
    "farol_public",
    "farol_admin",
    "farol_ingest",
    "farol_telemetry",
    "farol_devices",
];
/// The password of the login users; the server is a test server.
pub(crate) const PASSWORD: &str = "farol-test";

/// The login user of a role: `farol_test_admin` of `farol_admin`.
pub(crate) fn login_of(group: &str) -> String {
    group.replace("farol_", "farol_test_")
}

/// Serialises template, role and sweep among the test processes of one server ("faroltes").
const LOCK: i64 = 0x6661_726f_6c74_6573;
/// Seconds after which a test's database belongs to a run that crashed.
const LEFT_OVER: i64 = 3600;

/// Makes a migrated database for one test and returns its name.
pub(crate) async fn create(owner: &PgConnectOptions) -> sqlx::Result<String> {
    let mut server = owner.connect().await?;
    let lock = sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK);
    lock.execute(&mut server).await?;
    // The lock ends with the session, also when one of these fails.
    let template = template(&mut server, owner).await?;
    for group in GROUPS {
        login(&mut server, group).await?;
    }
    sweep(&mut server).await?;
    let name = fresh_name(&mut server).await?;
    run(
        &mut server,
        format!(r#"CREATE DATABASE "{name}" TEMPLATE "{template}""#),
    )
    .await?;
    server.close().await?;
    Ok(name)
}

/// Drops a test's database, whoever is still connected to it.
pub(crate) async fn drop_database(owner: &PgConnectOptions, name: &str) -> sqlx::Result<()> {
    let mut server = owner.connect().await?;
    run(
        &mut server,
        format!(r#"DROP DATABASE IF EXISTS "{name}" WITH (FORCE)"#),
    )
    .await?;
    server.close().await
}

/// The migrated template of this set of migrations. It is built under another name and renamed
/// when complete: a template that exists is whole, wherever a run before us was killed.
async fn template(server: &mut PgConnection, owner: &PgConnectOptions) -> sqlx::Result<String> {
    let hash = migrations_hash();
    let name = format!("farol_template_{hash}");
    let known = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)");
    if known.bind(&name).fetch_one(&mut *server).await? {
        return Ok(name);
    }
    let raw = format!("farol_building_{hash}");
    run(
        server,
        format!(r#"DROP DATABASE IF EXISTS "{raw}" WITH (FORCE)"#),
    )
    .await?;
    run(server, format!(r#"CREATE DATABASE "{raw}""#)).await?;
    let mut building = owner.clone().database(&raw).connect().await?;
    migrator().run(&mut building).await?;
    building.close().await?;
    run(
        server,
        format!(r#"ALTER DATABASE "{raw}" RENAME TO "{name}""#),
    )
    .await?;
    Ok(name)
}

/// Follows from every migration's number and content.
fn migrations_hash() -> String {
    let mut hasher = Sha256::new();
    for migration in migrator().iter() {
        hasher.update(migration.version.to_be_bytes());
        hasher.update(&migration.checksum);
    }
    let digest = hasher.finalize();
    let start = digest.iter().take(8);
    let number = start.fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{number:016x}")
}

/// Roles belong to the server, so another database's tests may have made it in this moment.
async fn login(server: &mut PgConnection, group: &str) -> sqlx::Result<()> {
    let user = login_of(group);
    let made = format!(
        "DO $$ BEGIN
             CREATE ROLE {user} LOGIN PASSWORD '{PASSWORD}';
         EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
         END $$"
    );
    run(server, made).await?;
    let is_member = sqlx::query_scalar("SELECT pg_has_role($1, $2, 'MEMBER')");
    if !is_member
        .bind(&user)
        .bind(group)
        .fetch_one(&mut *server)
        .await?
    {
        run(server, format!("GRANT {group} TO {user}")).await?;
    }
    Ok(())
}

/// Drops what crashed runs left: their names tell when they were made.
async fn sweep(server: &mut PgConnection) -> sqlx::Result<()> {
    let found = sqlx::query_scalar::<_, String>(
        "SELECT datname::text FROM pg_database
         WHERE datname ~ '^farol_test_[0-9]{9,12}_'
           AND split_part(datname, '_', 3)::bigint < extract(epoch FROM now())::bigint - $1",
    );
    for name in found.bind(LEFT_OVER).fetch_all(&mut *server).await? {
        run(
            server,
            format!(r#"DROP DATABASE IF EXISTS "{name}" WITH (FORCE)"#),
        )
        .await?;
    }
    Ok(())
}

/// The server's clock names the moment, so that one clock decides what is old.
async fn fresh_name(server: &mut PgConnection) -> sqlx::Result<String> {
    let unique = uuid::Uuid::new_v4().simple().to_string();
    let seconds = sqlx::query_scalar::<_, i64>("SELECT extract(epoch FROM now())::bigint");
    let seconds = seconds.fetch_one(server).await?;
    Ok(format!("farol_test_{seconds}_{}", &unique[..12]))
}

/// Statements that take no parameters; every name in them is made in this file.
async fn run(server: &mut PgConnection, statement: String) -> sqlx::Result<()> {
    server.execute(AssertSqlSafe(statement)).await.map(drop)
}

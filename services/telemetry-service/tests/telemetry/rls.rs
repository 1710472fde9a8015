//! Tenant isolation by Postgres itself, proven as the roles that it is for.

use service_kit::pg;
use service_kit::settings::Secret;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use telemetry_service::infra::alert_repo::AlertRepo;
use telemetry_service::infra::device_repo::DeviceRepo;
use telemetry_service::infra::telemetry_pg_repo::PgTelemetry;
use telemetry_service::store::TelemetryStore as _;
use test_kit::{Database, PrivatePostgres};

use crate::ground::{NOT_ALLOWED, number, pool, refusal, run, service_pool};
use crate::suite::{device, tenant};

const TABLES: [&str; 3] = ["telemetry", "device_state", "fleet_alert"];

/// A row of each table for two tenants, written as whoever writes for all of them.
const BOTH: &str = "
    INSERT INTO telemetry (time, tenant_id, device_id, metrics)
    SELECT now() - n * interval '1 day', t, 'one', '{\"n\": 1}' FROM unnest('{a,b}'::text[]) t, generate_series(0, 9) n;
    INSERT INTO device_state (tenant_id, device_id) VALUES ('a', 'one'), ('b', 'one'), ('b', 'two');
    INSERT INTO fleet_alert (tenant_id, device_id, alert_type, fingerprint, severity)
    VALUES ('a', 'one', 'HOT', 'f', 3), ('b', 'one', 'HOT', 'f', 3), ('b', 'two', 'HOT', 'g', 3)";

/// What has a tenant and is not held to it by exactly the two policies, whoever asks; and parts with a grant.
const LOOSE: &str = "
    SELECT c.relname::text FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname NOT IN ('pg_catalog', 'information_schema')
     WHERE c.relkind IN ('r', 'p')
       AND EXISTS (SELECT FROM pg_attribute a
                    WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)
       AND (NOT (c.relrowsecurity AND c.relforcerowsecurity)
            OR ARRAY['tenant farol_tenant (tenant_id = current_setting(''app.tenant_id''::text, true))',
                     'writer farol_devices true']
               IS DISTINCT FROM (SELECT array_agg(polname || ' ' || array_to_string(polroles::regrole[], ',') || ' '
                                                  || pg_get_expr(polqual, polrelid) ORDER BY polname)
                                   FROM pg_policy WHERE polrelid = c.oid)
            OR c.relispartition AND EXISTS (SELECT FROM aclexplode(c.relacl) WHERE grantee <> c.relowner))
     ORDER BY 1";

async fn loose(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(LOOSE).fetch_all(pool).await.unwrap()
}

async fn with_rows() -> (Database, PgPool) {
    let database = Database::fresh().await;
    run(&pool(&database.devices_url()), BOTH).await;
    let service = service_pool(&database);
    (database, service)
}

/// Rows of `table` that `service` counts after `enter`, in one transaction.
async fn counted(service: &PgPool, enter: &str, table: &str) -> i64 {
    let mut transaction = service.begin().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(enter.to_owned()))
        .execute(&mut *transaction)
        .await
        .unwrap();
    let count = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    sqlx::query_scalar(count)
        .fetch_one(&mut *transaction)
        .await
        .unwrap()
}

#[tokio::test]
async fn without_a_tenant_nothing_is_seen_and_with_one_only_its_rows() {
    let (_database, service) = with_rows().await;
    let set =
        |tenant: &str| format!("SET LOCAL ROLE farol_tenant; SET LOCAL app.tenant_id = '{tenant}'");
    for (table, of_a) in TABLES.into_iter().zip([10, 1, 1]) {
        assert_eq!(
            counted(&service, "SET LOCAL ROLE farol_tenant", table).await,
            0,
            "{table}"
        );
        assert_eq!(
            counted(&service, "SELECT 1", table).await,
            0,
            "{table}, not even the role is set"
        );
        assert_eq!(counted(&service, &set("a"), table).await, of_a, "{table}");
        assert_eq!(counted(&service, &set("c"), table).await, 0, "{table}");
        assert_eq!(counted(&service, &set(""), table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn what_the_service_reads_is_of_the_tenant_that_it_names() {
    let (_database, service) = with_rows().await;
    let (a, c) = (tenant("a"), tenant("c"));
    let (telemetry, alerts) = (
        PgTelemetry::new(service.clone()),
        AlertRepo::new(service.clone()),
    );
    let devices = DeviceRepo::new(service);

    let found = telemetry
        .latest(&a, &["one", "two"].map(device))
        .await
        .unwrap();
    assert_eq!(
        found.iter().map(|(it, _)| it.as_str()).collect::<Vec<_>>(),
        ["one"]
    );
    assert_eq!(alerts.open(&a).await.unwrap().total, 1);
    assert_eq!(devices.list(&a, 100, 0).await.unwrap().len(), 1);
    assert_eq!(devices.one(&a, &device("two")).await.unwrap(), None);
    let of_b = alerts.open(&tenant("b")).await.unwrap();
    assert_eq!(alerts.one(&a, of_b.alerts[0].alert_id).await.unwrap(), None);

    assert!(
        telemetry
            .latest(&c, &[device("one")])
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(alerts.open(&c).await.unwrap().total, 0);
    assert!(devices.list(&c, 100, 0).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_connection_goes_back_as_it_came() {
    let (database, _) = with_rows().await;
    let single = PgPoolOptions::new().max_connections(1);
    let single = single.connect_lazy(&database.telemetry_url()).unwrap();
    let state = "SELECT current_user || ' ' || coalesce(current_setting('app.tenant_id', true), '') || ' ' ||
                        current_setting('statement_timeout')";
    let told = async || {
        sqlx::query_scalar::<_, String>(state)
            .fetch_one(&single)
            .await
            .unwrap()
    };
    let before = told().await;
    let store = PgTelemetry::new(single.clone());
    assert_eq!(
        store
            .latest(&tenant("a"), &[device("one")])
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(told().await, before);
    assert_eq!(number(&single, "SELECT count(*) FROM fleet_alert").await, 0);
}

#[tokio::test]
async fn whoever_may_insert_as_a_tenant_inserts_for_that_tenant_only() {
    let (database, _) = with_rows().await;
    let scratch = format!("scratch_{}", database.name().rsplit('_').next().unwrap());
    let owner = database.owner_pool();
    run(
        owner,
        &format!("CREATE ROLE {scratch} IN ROLE farol_tenant"),
    )
    .await;
    run(
        owner,
        &format!(
            "GRANT INSERT, UPDATE, DELETE ON telemetry, device_state, fleet_alert TO {scratch}"
        ),
    )
    .await;
    run(
        owner,
        &format!("GRANT USAGE ON SEQUENCE fleet_alert_id_seq TO {scratch}"),
    )
    .await;

    let enter = format!("SET LOCAL ROLE {scratch}; SET LOCAL app.tenant_id = 'a';");
    for (tenant, is_mine) in [("a", true), ("b", false)] {
        for insert in [
            format!(
                "INSERT INTO telemetry (time, tenant_id, device_id) VALUES (now(), '{tenant}', 'x')"
            ),
            format!(
                "INSERT INTO telemetry (time, tenant_id, device_id) VALUES ('2001-01-01Z', '{tenant}', 'x')"
            ),
            format!("INSERT INTO device_state (tenant_id, device_id) VALUES ('{tenant}', 'x')"),
            format!(
                "INSERT INTO fleet_alert (tenant_id, alert_type, fingerprint, severity) VALUES ('{tenant}', 'x', 'x', 1)"
            ),
        ] {
            if is_mine {
                run(owner, &format!("BEGIN; {enter} {insert}; ROLLBACK")).await;
            } else {
                assert_eq!(
                    refusal(owner, &format!("{enter} {insert}")).await,
                    NOT_ALLOWED,
                    "{insert}"
                );
            }
        }
    }
    let handed_over = format!("{enter} UPDATE device_state SET tenant_id = 'b'");
    assert_eq!(refusal(owner, &handed_over).await, NOT_ALLOWED);
    run(
        owner,
        &format!("BEGIN; {enter} DELETE FROM device_state; COMMIT"),
    )
    .await;
    assert_eq!(
        number(owner, "SELECT count(*) FROM device_state").await,
        2,
        "those of b"
    );
    run(
        owner,
        &format!("DROP OWNED BY {scratch}; DROP ROLE {scratch}"),
    )
    .await;
}

#[tokio::test]
async fn every_table_and_part_with_a_tenant_is_held_to_it() {
    let (database, service) = with_rows().await;
    let owner = database.owner_pool();
    assert_eq!(loose(owner).await, [""; 0]);
    number(&service, "SELECT farol_ensure_partitions(12)::bigint").await;
    assert_eq!(loose(owner).await, [""; 0], "parts that are made later too");

    // The finder finds: a new table, a part that somebody made by hand, force taken away, another policy, one more
    // policy, a grant on a part.
    let (today, tomorrow): (String, String) = sqlx::query_as(
        "SELECT to_char(d, '\"telemetry_\"YYYYMMDD'), to_char(d + interval '1 day', '\"telemetry_\"YYYYMMDD')
           FROM (SELECT now() AT TIME ZONE 'UTC' AS d) AS today",
    )
    .fetch_one(owner)
    .await
    .unwrap();
    for careless in [
        "CREATE TABLE forgotten (tenant_id text)",
        "CREATE TABLE by_hand PARTITION OF telemetry FOR VALUES FROM ('1999-01-01Z') TO ('1999-01-02Z')",
        "ALTER TABLE device_state NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON fleet_alert; CREATE POLICY tenant ON fleet_alert USING (true)",
        &format!("CREATE POLICY more ON {today} TO farol_tenant USING (true)"),
        &format!("GRANT SELECT ON {tomorrow} TO farol_tenant"),
    ] {
        run(owner, careless).await;
    }
    let found = [
        "by_hand",
        "device_state",
        "fleet_alert",
        "forgotten",
        &today,
        &tomorrow,
    ];
    assert_eq!(loose(owner).await, found);
}

#[tokio::test]
async fn the_service_reads_through_parents_and_writes_nothing_but_tickets() {
    let (database, service) = with_rows().await;
    let part = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'telemetry'::regclass LIMIT 1";
    let part: String = sqlx::query_scalar(part)
        .fetch_one(database.owner_pool())
        .await
        .unwrap();
    let enter = "SET LOCAL ROLE farol_tenant; SET LOCAL app.tenant_id = 'a';";
    let mut refused = vec![
        format!("SELECT * FROM {part}"),
        "SELECT * FROM telemetry_default".to_owned(),
        "TRUNCATE telemetry".to_owned(),
        "DROP TABLE telemetry".to_owned(),
        "CREATE TABLE mine ()".to_owned(),
        "UPDATE _sqlx_migrations SET success = false".to_owned(),
        "SELECT farol_drop_partitions(1)".to_owned(),
        "SELECT farol_make_partition('2001-01-01')".to_owned(),
        "SELECT farol_isolate('telemetry')".to_owned(),
        "SELECT nextval('fleet_alert_id_seq')".to_owned(),
        "UPDATE ws_ticket SET claims = '{}'".to_owned(),
        "SELECT * FROM projects".to_owned(),
        "SELECT * FROM sync_executions".to_owned(),
        "SET ROLE farol_devices".to_owned(),
    ];
    for table in TABLES {
        refused.push(format!("INSERT INTO {table} (tenant_id) VALUES ('a')"));
        refused.push(format!("UPDATE {table} SET tenant_id = 'a'"));
        refused.push(format!("DELETE FROM {table}"));
    }
    for statement in refused {
        assert_eq!(
            refusal(&service, &statement).await,
            NOT_ALLOWED,
            "{statement}"
        );
        if !statement.starts_with("SET ROLE") {
            let as_tenant = format!("{enter} {statement}");
            assert_eq!(
                refusal(&service, &as_tenant).await,
                NOT_ALLOWED,
                "{as_tenant}"
            );
        }
    }
    let as_tenant = format!("{enter} SELECT farol_ensure_partitions(7)");
    assert_eq!(refusal(&service, &as_tenant).await, NOT_ALLOWED);
    assert_eq!(
        number(
            &service,
            "SELECT count(*) FROM _sqlx_migrations WHERE NOT success"
        )
        .await,
        0
    );
}

#[tokio::test]
async fn no_other_service_reads_rows_of_tenants() {
    let (database, _) = with_rows().await;
    for url in [
        database.public_url(),
        database.admin_url(),
        database.ingest_url(),
    ] {
        let other = pool(&url);
        for table in TABLES.into_iter().chain(["ws_ticket"]) {
            let refused = refusal(&other, &format!("SELECT * FROM {table}")).await;
            assert_eq!(refused, NOT_ALLOWED, "{table}");
        }
        assert_eq!(
            refusal(&other, "SELECT farol_ensure_partitions(7)").await,
            NOT_ALLOWED
        );
    }
}

#[tokio::test]
async fn an_owner_who_is_no_superuser_writes_as_a_member_of_the_writers_and_sees_nothing_without() {
    let server = PrivatePostgres::start().await;
    let superuser = pool(&server.url());
    run(&superuser, "CREATE ROLE deployer LOGIN CREATEROLE").await;
    run(&superuser, "CREATE DATABASE theirs OWNER deployer").await;
    let options: PgConnectOptions = server.url().parse().unwrap();
    let url = options
        .username("deployer")
        .database("theirs")
        .to_url_lossy()
        .to_string();
    pg::migrate(&Secret::from(url.as_str())).await.unwrap();

    let owner = pool(&url);
    run(&owner, BOTH).await;
    run(&owner, "INSERT INTO telemetry (time, tenant_id, device_id) VALUES (now() + interval '20 days', 'a', 'one')").await;
    assert_eq!(
        number(&owner, "SELECT count(*) FROM telemetry_default").await,
        17
    );
    // What waits in the default part moves whoever the owner is.
    run(&superuser, "REVOKE farol_devices FROM deployer").await;
    assert_eq!(
        number(&owner, "SELECT farol_ensure_partitions(20)::bigint").await,
        13
    );
    run(&superuser, "GRANT farol_devices TO deployer").await;
    assert_eq!(
        number(&owner, "SELECT count(*) FROM telemetry_default").await,
        16
    );
    assert_eq!(number(&owner, "SELECT count(*) FROM telemetry").await, 21);
    assert_eq!(loose(&owner).await, [""; 0]);

    run(&superuser, "REVOKE farol_devices FROM deployer").await;
    // A connection keeps the plans that it made as a member.
    let owner = pool(&url);
    for table in TABLES {
        assert_eq!(
            number(&owner, &format!("SELECT count(*) FROM {table}")).await,
            0,
            "{table} is forced"
        );
    }
    let insert = "INSERT INTO telemetry (time, tenant_id, device_id) VALUES (now(), 'a', 'one')";
    assert_eq!(refusal(&owner, insert).await, NOT_ALLOWED);
}

#[tokio::test]
async fn an_owner_who_may_make_no_roles_migrates_where_they_are_and_writes_once_it_is_a_member() {
    let server = PrivatePostgres::start().await;
    // The first database of the server brings the roles.
    pg::migrate(&Secret::from(server.url().as_str()))
        .await
        .unwrap();
    let superuser = pool(&server.url());
    run(&superuser, "CREATE ROLE plain LOGIN").await;
    run(&superuser, "CREATE DATABASE theirs OWNER plain").await;
    let options: PgConnectOptions = server.url().parse().unwrap();
    let options = options.username("plain").database("theirs");
    let url = options.to_url_lossy().to_string();
    pg::migrate(&Secret::from(url.as_str())).await.unwrap();

    let insert = "INSERT INTO telemetry (time, tenant_id, device_id) VALUES (now(), 'a', 'one')";
    let owner = pool(&url);
    assert_eq!(refusal(&owner, insert).await, NOT_ALLOWED);
    run(&superuser, "GRANT farol_devices TO plain").await;
    run(&pool(&url), insert).await;
}

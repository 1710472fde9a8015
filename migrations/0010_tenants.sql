-- Why: tenants watch their devices and alerts, and one must never see a row of another. Postgres itself sees to that:
-- row-level security is enabled and forced on every table with a tenant_id, so a query that forgets its tenant gets
-- nothing, whoever wrote it.
--
-- Three roles. `farol_tenant` is what a read becomes (SET LOCAL ROLE), and it sees the tenant that the transaction
-- names in `app.tenant_id`; with none named, nothing. `farol_telemetry` is the service: it may become farol_tenant.
-- `farol_devices` is whoever writes for all tenants: gateways of devices, evaluators of alerts, the demo world.
SELECT pg_advisory_xact_lock(4706230114001);

-- See 0001: roles are cluster-wide, and databases that migrate at once meet here.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['farol_tenant', 'farol_telemetry', 'farol_devices'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
    END LOOP;
END
$$;

-- A time that can be told to clients: a year of four digits, neither infinity.
CREATE FUNCTION farol_is_told(moment timestamptz) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT moment IS NULL OR (moment >= '0001-01-01 00:00Z'::timestamptz AND moment < '9999-12-31 00:00Z'::timestamptz)
$$;

CREATE TABLE device_state (
    tenant_id         text NOT NULL CHECK (octet_length(tenant_id) BETWEEN 1 AND 128),
    device_id         text NOT NULL CHECK (octet_length(device_id) BETWEEN 1 AND 128),
    site_id           text,
    status            text NOT NULL DEFAULT 'OFFLINE' CHECK (status IN ('ONLINE', 'STALE', 'OFFLINE')),
    last_heartbeat_at timestamptz,
    last_telemetry_at timestamptz,
    last_seen_at      timestamptz,
    state             jsonb NOT NULL DEFAULT '{}',
    -- Two tenants may use one name for two devices.
    PRIMARY KEY (tenant_id, device_id),
    CHECK (farol_is_told(last_heartbeat_at) AND farol_is_told(last_telemetry_at) AND farol_is_told(last_seen_at))
);

CREATE TABLE fleet_alert (
    id          bigserial PRIMARY KEY,
    created_at  timestamptz NOT NULL DEFAULT now(),
    closed_at   timestamptz,
    tenant_id   text NOT NULL CHECK (octet_length(tenant_id) BETWEEN 1 AND 128),
    site_id     text,
    device_id   text,
    alert_type  text NOT NULL,
    fingerprint text NOT NULL,
    status      text NOT NULL DEFAULT 'OPEN' CHECK (status IN ('OPEN', 'ACKNOWLEDGED', 'CLOSED')),
    severity    integer NOT NULL,
    confidence  real,
    summary     text,
    details     jsonb NOT NULL DEFAULT '{}',
    CHECK (farol_is_told(created_at) AND farol_is_told(closed_at))
);
-- One alert per cause until it is closed; an acknowledged one is not. Whoever upserts may name any stricter
-- condition: ON CONFLICT (tenant_id, fingerprint) WHERE status = 'OPEN' finds this index too.
CREATE UNIQUE INDEX fleet_alert_open ON fleet_alert (tenant_id, fingerprint) WHERE status <> 'CLOSED';
-- The open alerts of a tenant, newest first, and any page of a status.
CREATE INDEX fleet_alert_newest ON fleet_alert (tenant_id, status, created_at DESC, id DESC);

-- The one home of the rule. A table's partitions get neither row-level security nor policies from their parent, so
-- each is handed to this as well (0011). Policies are for roles: everybody else, the owner too, meets none and sees
-- nothing.
CREATE FUNCTION farol_isolate(isolated regclass) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', isolated);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', isolated);
    -- The same condition for what is written: a role with INSERT beside this one writes for its own tenant only.
    EXECUTE format(
        $policy$CREATE POLICY tenant ON %s TO farol_tenant
                USING (tenant_id = current_setting('app.tenant_id', true))$policy$,
        isolated);
    EXECUTE format('CREATE POLICY writer ON %s TO farol_devices USING (true)', isolated);
END
$$;
REVOKE ALL ON FUNCTION farol_isolate(regclass) FROM PUBLIC;
SELECT farol_isolate('device_state'), farol_isolate('fleet_alert');

-- A hint to look, once per statement and tenant, whatever the number of rows. Lost ones do no harm: watchers look by
-- themselves too, and the rows are the truth. An argument of the trigger names the channel.
CREATE FUNCTION farol_notify_tenants() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(TG_ARGV[0], tenant_id) FROM (SELECT DISTINCT tenant_id FROM changed) AS tenants;
    RETURN NULL;
END
$$;
-- A row may have changed hands: both tenants' lists have.
CREATE FUNCTION farol_notify_tenants_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(TG_ARGV[0], tenant_id)
       FROM (SELECT tenant_id FROM before UNION SELECT tenant_id FROM changed) AS tenants;
    RETURN NULL;
END
$$;
CREATE TRIGGER fleet_alert_notify_new AFTER INSERT ON fleet_alert
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION farol_notify_tenants('farol_alert');
CREATE TRIGGER fleet_alert_notify_moved AFTER UPDATE ON fleet_alert
    REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION farol_notify_tenants_moved('farol_alert');
CREATE TRIGGER fleet_alert_notify_gone AFTER DELETE ON fleet_alert
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION farol_notify_tenants('farol_alert');

-- Not right behind CREATE ROLE: see 0004.
GRANT USAGE ON SCHEMA public TO farol_tenant, farol_telemetry, farol_devices;
GRANT SELECT ON _sqlx_migrations TO farol_tenant, farol_telemetry, farol_devices;
REVOKE ALL ON device_state, fleet_alert FROM PUBLIC;
GRANT SELECT ON device_state, fleet_alert TO farol_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON device_state, fleet_alert TO farol_devices;
GRANT USAGE ON SEQUENCE fleet_alert_id_seq TO farol_devices;

-- The service becomes farol_tenant for each read. Since Postgres 16 a membership says whether it allows that; one
-- that was made without is completed.
DO $$
DECLARE
    since_16 boolean := current_setting('server_version_num')::integer >= 160000;
BEGIN
    IF NOT pg_has_role('farol_telemetry', 'farol_tenant', CASE WHEN since_16 THEN 'SET' ELSE 'MEMBER' END) THEN
        EXECUTE 'GRANT farol_tenant TO farol_telemetry' || CASE WHEN since_16 THEN ' WITH SET TRUE' ELSE '' END;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;

-- Forced means the owner too. One that is no superuser writes as what it then is: a member of farol_devices.
DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'farol_devices', 'USAGE') THEN
        EXECUTE format('GRANT farol_devices TO %I', current_user);
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE WARNING '% may not make itself a member of farol_devices, and writes no rows of tenants until somebody does',
            current_user;
END
$$;

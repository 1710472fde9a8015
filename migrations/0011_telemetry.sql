-- Why: readings come in without end, are asked for by tenant and device with the newest first, and go out by age. So
-- one table in parts of a day each (UTC): an old day is dropped, not deleted row by row.
--
-- Whatever a day has no part for goes to the default part: readings of a clock that is wrong, of a backfill, or of
-- tomorrow when nobody has prepared it. Without one the writer would be refused, and the reading lost. The price is
-- that "the newest of a device" looks into every part instead of stopping at the first that has one; each look is one
-- step in an index. The default part is a table like the others, with row-level security of its own.
CREATE TABLE telemetry (
    time      timestamptz NOT NULL CHECK (farol_is_told(time)),
    tenant_id text NOT NULL CHECK (octet_length(tenant_id) BETWEEN 1 AND 128),
    device_id text NOT NULL CHECK (octet_length(device_id) BETWEEN 1 AND 128),
    site_id   text,
    msg_type  text,
    -- The device's own counter: decides between readings of one instant.
    seq       bigint,
    metrics   jsonb NOT NULL DEFAULT '{}'
        CHECK (jsonb_typeof(metrics) = 'object' AND pg_column_size(metrics) <= 65536)
) PARTITION BY RANGE (time);
CREATE INDEX telemetry_newest ON telemetry (tenant_id, device_id, time DESC);
CREATE TABLE telemetry_default PARTITION OF telemetry DEFAULT;
SELECT farol_isolate('telemetry'), farol_isolate('telemetry_default');

-- Rows are written through the parent only: a part has neither this trigger nor a grant for anybody.
CREATE TRIGGER telemetry_notify_new AFTER INSERT ON telemetry
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION farol_notify_tenants('farol_telemetry');

REVOKE ALL ON telemetry, telemetry_default FROM PUBLIC;
GRANT SELECT ON telemetry TO farol_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON telemetry TO farol_devices;

-- Makes the part of one day, complete before it is attached: attaching lets readers and writers of the other parts
-- go on, which CREATE TABLE … PARTITION OF does not. What waited in the default part moves along; Postgres refuses a
-- part while the default one holds rows of its range. The owner does that without the force of its own policies,
-- under the lock that attaching takes on the default part anyway, so nobody sees the moment.
CREATE FUNCTION farol_make_partition(day date) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
DECLARE
    part  text := 'telemetry_' || to_char(day, 'YYYYMMDD');
    first timestamptz := day;
    after timestamptz := day + 1;
BEGIN
    EXECUTE format('CREATE TABLE public.%I (LIKE public.telemetry INCLUDING ALL)', part);
    ALTER TABLE public.telemetry_default NO FORCE ROW LEVEL SECURITY;
    EXECUTE format(
        'WITH moved AS (DELETE FROM public.telemetry_default WHERE time >= $1 AND time < $2 RETURNING *)
         INSERT INTO public.%I SELECT * FROM moved', part)
        USING first, after;
    ALTER TABLE public.telemetry_default FORCE ROW LEVEL SECURITY;
    PERFORM public.farol_isolate(format('public.%I', part)::regclass);
    EXECUTE format('ALTER TABLE public.telemetry ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                   part, first, after);
END
$$;
REVOKE ALL ON FUNCTION farol_make_partition(date) FROM PUBLIC;

-- Keeps yesterday (who reports late), today and the next `days` days ready; gives how many parts it made. Callers at
-- once go one after the other, and whoever has nothing to make takes no lock. Runs as the owner, on behalf of the
-- service, which owns nothing.
CREATE FUNCTION farol_ensure_partitions(days integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '3s' AS $$
DECLARE
    today date := (now() AT TIME ZONE 'UTC')::date;
    day   date;
    made  integer := 0;
BEGIN
    IF days IS NULL OR days NOT BETWEEN 0 AND 60 THEN
        RAISE EXCEPTION 'days is %, and has to be 0 to 60', days USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR day IN SELECT today + n FROM generate_series(-1, days) AS n LOOP
        CONTINUE WHEN to_regclass('public.telemetry_' || to_char(day, 'YYYYMMDD')) IS NOT NULL;
        -- The lock that attaching needs; taken before the second look, so that two do not make one part.
        LOCK TABLE public.telemetry IN SHARE UPDATE EXCLUSIVE MODE;
        IF to_regclass('public.telemetry_' || to_char(day, 'YYYYMMDD')) IS NULL THEN
            PERFORM public.farol_make_partition(day);
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END
$$;
REVOKE ALL ON FUNCTION farol_ensure_partitions(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION farol_ensure_partitions(integer) TO farol_telemetry;

-- Drops the parts of days that ended more than `keep_days` days ago, and such rows of the default part; gives how many
-- parts went. For the owner, who decides how long readings are kept: no service may call it.
CREATE FUNCTION farol_drop_partitions(keep_days integer) RETURNS integer LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET lock_timeout = '3s' SET timezone = 'UTC' AS $$
DECLARE
    oldest  date := (now() AT TIME ZONE 'UTC')::date - keep_days;
    part    name;
    dropped integer := 0;
BEGIN
    IF keep_days IS NULL OR keep_days < 1 THEN
        RAISE EXCEPTION 'keep_days is %, and has to be 1 or more', keep_days USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR part IN
        SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
         WHERE inhparent = 'public.telemetry'::regclass AND relname ~ '^telemetry_[0-9]{8}$'
           AND to_date(right(relname, 8), 'YYYYMMDD') < oldest
         ORDER BY relname
    LOOP
        EXECUTE format('DROP TABLE public.%I', part);
        dropped := dropped + 1;
    END LOOP;
    ALTER TABLE public.telemetry_default NO FORCE ROW LEVEL SECURITY;
    DELETE FROM public.telemetry_default WHERE time < oldest::timestamptz;
    ALTER TABLE public.telemetry_default FORCE ROW LEVEL SECURITY;
    RETURN dropped;
END
$$;
REVOKE ALL ON FUNCTION farol_drop_partitions(integer) FROM PUBLIC;

SELECT farol_ensure_partitions(7);

-- Why: the counts of a filtered history walked up to 10,000 entries of an index for each status: most of what a look at
-- a year cost. The runs of each day (in UTC), mode and status are now counted by the transactions that write them: a
-- range of time adds up its whole days here and walks an index for the hours at its two ends only. Pages, and the
-- dashboard's errors, get indexes that have all that they ask for.
--
-- Assumes nothing of existing rows: they are counted below, while nobody writes.
LOCK TABLE sync_executions IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE sync_execution_day_counts (
    mode   varchar(10) NOT NULL,
    status varchar(10) NOT NULL,
    day    date        NOT NULL,
    -- In no index, so that counting up leaves the indexes alone.
    runs   bigint      NOT NULL,
    PRIMARY KEY (mode, status, day)
);
INSERT INTO sync_execution_day_counts
SELECT mode, status, (created_at AT TIME ZONE 'UTC')::date, count(*) FROM sync_executions GROUP BY 1, 2, 3;

-- Whoever counts days holds the one row of sync_execution_counts first, as every change of a status does anyway (0004):
-- writers stand in one line there, whatever days they touch in whatever order, and never in a circle.
CREATE FUNCTION farol_execution_day_count_set() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign integer := CASE TG_OP WHEN 'DELETE' THEN -1 ELSE 1 END;
BEGIN
    PERFORM FROM sync_execution_counts FOR UPDATE;
    INSERT INTO sync_execution_day_counts AS known
    SELECT mode, status, (created_at AT TIME ZONE 'UTC')::date, sign * count(*) FROM changed GROUP BY 1, 2, 3
    ON CONFLICT (mode, status, day) DO UPDATE SET runs = known.runs + EXCLUDED.runs;
    RETURN NULL;
END
$$;
CREATE TRIGGER sync_executions_day_count_new AFTER INSERT ON sync_executions
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION farol_execution_day_count_set();
CREATE TRIGGER sync_executions_day_count_gone AFTER DELETE ON sync_executions
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION farol_execution_day_count_set();

-- Per row, so that what changes most (leases, progress) does not come here at all.
CREATE FUNCTION farol_execution_day_count_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM sync_execution_counts FOR UPDATE;
    INSERT INTO sync_execution_day_counts AS known
    SELECT mode, status, day, sum(n)
      FROM (VALUES (OLD.mode, OLD.status, (OLD.created_at AT TIME ZONE 'UTC')::date, -1),
                   (NEW.mode, NEW.status, (NEW.created_at AT TIME ZONE 'UTC')::date, 1)) moved (mode, status, day, n)
     GROUP BY 1, 2, 3 HAVING sum(n) <> 0
    ON CONFLICT (mode, status, day) DO UPDATE SET runs = known.runs + EXCLUDED.runs;
    RETURN NULL;
END
$$;
CREATE TRIGGER sync_executions_day_count_moved AFTER UPDATE ON sync_executions
    FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.mode <> NEW.mode OR OLD.created_at <> NEW.created_at)
    EXECUTE FUNCTION farol_execution_day_count_moved();

-- Nothing counts rows that go all at once.
CREATE FUNCTION farol_execution_counts_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sync_execution_counts SET running = 0, success = 0, error = 0;
    DELETE FROM sync_execution_day_counts;
    DELETE FROM sync_execution_days;
    RETURN NULL;
END
$$;
CREATE TRIGGER sync_executions_emptied AFTER TRUNCATE ON sync_executions
    FOR EACH STATEMENT EXECUTE FUNCTION farol_execution_counts_emptied();

-- A moved time widens the ids of its day (0008): that, too, stands in line from now on.
CREATE OR REPLACE FUNCTION farol_execution_day_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM sync_execution_counts FOR UPDATE;
    INSERT INTO sync_execution_days AS known VALUES ((NEW.created_at AT TIME ZONE 'UTC')::date, NEW.id, NEW.id)
    ON CONFLICT (day) DO UPDATE SET first_id = LEAST(known.first_id, NEW.id),
                                    last_id = GREATEST(known.last_id, NEW.id);
    RETURN NULL;
END
$$;

REVOKE ALL ON sync_execution_day_counts FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON sync_execution_day_counts TO farol_admin, farol_ingest;

-- A page is first a list of ids, each from an index that has all that its filter asks for: what a filter lets through is
-- found at once also where it is rare among the newest, which a walk over all runs is not. created_at never changes,
-- so carrying it costs an update nothing.
DROP INDEX sync_executions_status_id;
CREATE INDEX sync_executions_status_id ON sync_executions (status, id DESC) INCLUDE (created_at);
DROP INDEX sync_executions_mode_id;
CREATE INDEX sync_executions_mode_id ON sync_executions (mode, id DESC) INCLUDE (created_at);
DROP INDEX sync_executions_mode_status_id;
CREATE INDEX sync_executions_mode_status_id ON sync_executions (mode, status, id DESC) INCLUDE (created_at);

-- The dashboard asks for the classes of errors of each failed run: of the few segments that have one, not of all.
CREATE INDEX sync_segments_error_class ON sync_segments (execution_id, error_class) WHERE error_class IS NOT NULL;

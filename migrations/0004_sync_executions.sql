-- Why: one row is one run of the ingestion, from the request to its terminal state. Whoever wants to
-- know what happened reads this row; whoever changes it does so conditionally (id, lease token, state),
-- and what no writer may do is refused here too: a terminal state never changes.
--
-- A database of an earlier program may have the table with its first columns: it is kept, rows and all,
-- and the columns are added. Rows that such a program left `running` belong to nobody: they become `lost`.
SELECT pg_advisory_xact_lock(4706230114001);

-- See 0001: roles are cluster-wide, and databases that migrate at once meet here.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'farol_ingest') THEN
        BEGIN
            CREATE ROLE farol_ingest NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END IF;
END
$$;

CREATE TABLE IF NOT EXISTS sync_executions (
    id                serial PRIMARY KEY,
    mode              varchar(10) NOT NULL,
    -- Of an update: unknown until it is claimed (it then reaches from what is proven to now).
    window_start      timestamptz,
    window_end        timestamptz,
    -- What clients of the first contract know: running, success, error. Derived from state below.
    status            varchar(10) NOT NULL,
    records_processed integer NOT NULL DEFAULT 0,
    duration_seconds  numeric(10, 2) NOT NULL DEFAULT 0,
    error_message     text,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE sync_executions
    ADD COLUMN IF NOT EXISTS task_id             uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS parent_id           integer REFERENCES sync_executions (id),
    ADD COLUMN IF NOT EXISTS state               varchar(10),
    ADD COLUMN IF NOT EXISTS attempt             integer NOT NULL DEFAULT 1,
    -- How often a run was taken from a worker that had fallen silent.
    ADD COLUMN IF NOT EXISTS rescues             integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS lease_token         uuid,
    ADD COLUMN IF NOT EXISTS lease_until         timestamptz,
    ADD COLUMN IF NOT EXISTS worker              text,
    -- Moves with committed work only, so "alive but stuck" shows.
    ADD COLUMN IF NOT EXISTS progress_at         timestamptz,
    ADD COLUMN IF NOT EXISTS started_at          timestamptz,
    ADD COLUMN IF NOT EXISTS finished_at         timestamptz,
    ADD COLUMN IF NOT EXISTS next_attempt_at     timestamptz,
    ADD COLUMN IF NOT EXISTS cancel_requested_at timestamptz,
    ADD COLUMN IF NOT EXISTS dispatched_at       timestamptz,
    ADD COLUMN IF NOT EXISTS requested_by        text,
    ADD COLUMN IF NOT EXISTS verdict             text;

UPDATE sync_executions
SET state = CASE status WHEN 'success' THEN 'success' WHEN 'error' THEN 'error' ELSE 'lost' END,
    status = CASE status WHEN 'success' THEN 'success' ELSE 'error' END,
    records_processed = COALESCE(records_processed, 0),
    duration_seconds = COALESCE(duration_seconds, 0),
    created_at = COALESCE(created_at, updated_at, now()),
    updated_at = COALESCE(updated_at, created_at, now()),
    error_message = COALESCE(error_message,
        CASE WHEN status NOT IN ('success', 'error') THEN 'left running by an earlier program' END)
WHERE state IS NULL;

ALTER TABLE sync_executions
    ALTER COLUMN state SET NOT NULL,
    ALTER COLUMN records_processed SET NOT NULL,
    ALTER COLUMN duration_seconds SET NOT NULL,
    ALTER COLUMN created_at SET NOT NULL,
    ALTER COLUMN updated_at SET NOT NULL,
    ADD CONSTRAINT sync_executions_mode CHECK (mode IN ('update', 'backfill')),
    ADD CONSTRAINT sync_executions_state CHECK (state IN (
        'queued', 'running', 'retry_wait', 'cancelling',
        'success', 'incomplete', 'error', 'cancelled', 'lost')),
    -- What an earlier program has ended may have any window: nobody works on it again.
    ADD CONSTRAINT sync_executions_window CHECK (
        window_start < window_end OR state IN ('success', 'incomplete', 'error', 'cancelled', 'lost')),
    -- Exactly who works has a lease.
    ADD CONSTRAINT sync_executions_lease CHECK (
        (lease_token IS NULL) = (lease_until IS NULL)
        AND (state <> 'running' OR lease_token IS NOT NULL)
        AND (state IN ('running', 'cancelling') OR lease_token IS NULL));

CREATE UNIQUE INDEX IF NOT EXISTS sync_executions_task_id ON sync_executions (task_id);
CREATE INDEX IF NOT EXISTS sync_executions_status ON sync_executions (status);
CREATE INDEX IF NOT EXISTS sync_executions_created_at ON sync_executions (created_at);
-- Pages of a filtered history are walked in the order of ids.
CREATE INDEX IF NOT EXISTS sync_executions_status_id ON sync_executions (status, id DESC);
CREATE INDEX IF NOT EXISTS sync_executions_mode_id ON sync_executions (mode, id DESC);
-- The reaper, the claim and the overlap rule look at the few that live.
CREATE INDEX IF NOT EXISTS sync_executions_live ON sync_executions (mode, id)
    WHERE state IN ('queued', 'running', 'retry_wait', 'cancelling');
CREATE INDEX IF NOT EXISTS sync_executions_parent ON sync_executions (parent_id) WHERE parent_id IS NOT NULL;

-- Counts of the whole table, kept by the transactions that write it: counting a million rows for each
-- look at the history would cost more than all else that a request does. One row, so that two
-- transactions can wait for each other here but never in a circle.
CREATE TABLE sync_execution_counts (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    running  bigint NOT NULL DEFAULT 0,
    success  bigint NOT NULL DEFAULT 0,
    error    bigint NOT NULL DEFAULT 0
);
INSERT INTO sync_execution_counts (running, success, error)
SELECT count(*) FILTER (WHERE status = 'running'),
       count(*) FILTER (WHERE status = 'success'),
       count(*) FILTER (WHERE status = 'error')
FROM sync_executions;

CREATE FUNCTION farol_execution_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- A program of the first contract writes the status alone.
        NEW.state := COALESCE(NEW.state,
            CASE NEW.status WHEN 'success' THEN 'success' WHEN 'error' THEN 'error' ELSE 'queued' END);
    ELSIF OLD.state IN ('success', 'incomplete', 'error', 'cancelled', 'lost') AND NEW.state <> OLD.state THEN
        RAISE EXCEPTION 'execution % is %, which never changes', OLD.id, OLD.state
            USING ERRCODE = 'check_violation';
    END IF;
    NEW.status := CASE
        WHEN NEW.state IN ('queued', 'running', 'retry_wait', 'cancelling') THEN 'running'
        WHEN NEW.state = 'success' THEN 'success'
        ELSE 'error'
    END;
    RETURN NEW;
END
$$;
CREATE TRIGGER sync_executions_guard BEFORE INSERT OR UPDATE ON sync_executions
    FOR EACH ROW EXECUTE FUNCTION farol_execution_guard();

CREATE FUNCTION farol_execution_count_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sync_execution_counts SET
        running = running + (NEW.status = 'running')::int - (OLD.status = 'running')::int,
        success = success + (NEW.status = 'success')::int - (OLD.status = 'success')::int,
        error   = error   + (NEW.status = 'error')::int   - (OLD.status = 'error')::int;
    RETURN NULL;
END
$$;
CREATE TRIGGER sync_executions_count_moved AFTER UPDATE ON sync_executions
    FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION farol_execution_count_moved();

-- Per statement: a bulk of rows is one update of the counts.
CREATE FUNCTION farol_execution_count_set() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign integer := CASE TG_OP WHEN 'DELETE' THEN -1 ELSE 1 END;
BEGIN
    UPDATE sync_execution_counts c SET
        running = c.running + sign * n.running, success = c.success + sign * n.success, error = c.error + sign * n.error
    FROM (SELECT count(*) FILTER (WHERE status = 'running') AS running,
                 count(*) FILTER (WHERE status = 'success') AS success,
                 count(*) FILTER (WHERE status = 'error') AS error
          FROM changed) n;
    RETURN NULL;
END
$$;
CREATE TRIGGER sync_executions_count_new AFTER INSERT ON sync_executions
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION farol_execution_count_set();
CREATE TRIGGER sync_executions_count_gone AFTER DELETE ON sync_executions
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION farol_execution_count_set();

-- The doorbell of whoever watches a run: "look at this row". Lost ones do no harm, the row is the truth.
CREATE FUNCTION farol_execution_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('farol_execution', NEW.id::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER sync_executions_notify_new AFTER INSERT ON sync_executions
    FOR EACH ROW EXECUTE FUNCTION farol_execution_notify();
CREATE TRIGGER sync_executions_notify_moved AFTER UPDATE ON sync_executions
    FOR EACH ROW
    WHEN (OLD.state <> NEW.state OR OLD.progress_at IS DISTINCT FROM NEW.progress_at)
    EXECUTE FUNCTION farol_execution_notify();

-- Not right behind CREATE ROLE: one that another database's migrator has just made is not seen before some
-- statement takes a lock and reads what was invalidated.
GRANT USAGE ON SCHEMA public TO farol_ingest;
GRANT SELECT ON _sqlx_migrations TO farol_ingest;
REVOKE ALL ON sync_executions, sync_execution_counts FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON sync_executions TO farol_admin, farol_ingest;
GRANT SELECT, UPDATE ON sync_execution_counts TO farol_admin, farol_ingest;
GRANT USAGE ON SEQUENCE sync_executions_id_seq TO farol_admin, farol_ingest;

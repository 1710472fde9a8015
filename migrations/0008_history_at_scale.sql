-- Why: a history of a million runs is read as fast as one of ten. Each filter has an index that gives its page and
-- its count, searching included, and nothing needs an extension that a server may lack.
-- Plain CREATE INDEX: whoever migrates to this release has the history of an earlier program at most, which is small.

-- Counts of any filter on mode, status and time are index-only: six short scans at most.
CREATE INDEX sync_executions_mode_status_created_at ON sync_executions (mode, status, created_at, id);
CREATE INDEX sync_executions_mode_status_id ON sync_executions (mode, status, id DESC);
-- Few distinct names: they are listed by hops through this index, then each is a range of it.
CREATE INDEX sync_executions_requested_by ON sync_executions (requested_by, status, id DESC);

-- What trigrams do for searching, in a server's own terms: every single character and every three in a row.
-- A text that contains another has all of its grams, so the index finds candidates and the text itself decides.
CREATE FUNCTION farol_grams(content text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT COALESCE(array_agg(DISTINCT gram), '{}')
      FROM (SELECT string_to_array(lower(content), NULL) AS c) AS characters,
           generate_subscripts(c, 1) AS i,
           LATERAL (VALUES (c[i]), (c[i] || c[i + 1] || c[i + 2])) AS grams (gram)
     WHERE gram IS NOT NULL
$$;
CREATE INDEX sync_executions_error_grams ON sync_executions USING gin (farol_grams(error_message))
    WHERE error_message IS NOT NULL;

-- Which ids the runs of a day have (in UTC). A page of a range of time is walked by id, and this says where to begin:
-- without it, the first page of last year passes all runs of this one. The bounds hold whatever order rows came in.
CREATE TABLE sync_execution_days (
    day      date PRIMARY KEY,
    first_id integer NOT NULL,
    last_id  integer NOT NULL
);
INSERT INTO sync_execution_days
SELECT (created_at AT TIME ZONE 'UTC')::date, min(id), max(id) FROM sync_executions GROUP BY 1;

CREATE FUNCTION farol_execution_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sync_execution_days AS known
    SELECT (created_at AT TIME ZONE 'UTC')::date, min(id), max(id) FROM changed GROUP BY 1 ORDER BY 1
    ON CONFLICT (day) DO UPDATE SET first_id = LEAST(known.first_id, EXCLUDED.first_id),
                                    last_id = GREATEST(known.last_id, EXCLUDED.last_id)
     WHERE EXCLUDED.first_id < known.first_id OR EXCLUDED.last_id > known.last_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER sync_executions_day_new AFTER INSERT ON sync_executions
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION farol_execution_day();

-- Rarely does a row change its time; updates of all else do not come here.
CREATE FUNCTION farol_execution_day_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sync_execution_days AS known VALUES ((NEW.created_at AT TIME ZONE 'UTC')::date, NEW.id, NEW.id)
    ON CONFLICT (day) DO UPDATE SET first_id = LEAST(known.first_id, NEW.id),
                                    last_id = GREATEST(known.last_id, NEW.id);
    RETURN NULL;
END
$$;
CREATE TRIGGER sync_executions_day_moved AFTER UPDATE OF created_at ON sync_executions
    FOR EACH ROW EXECUTE FUNCTION farol_execution_day_moved();

REVOKE ALL ON sync_execution_days FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON sync_execution_days TO farol_admin, farol_ingest;

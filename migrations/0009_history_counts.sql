-- Why: counts of a filter that names no mode walked one range per mode, and the ids of a short range of time were
-- fetched from the table. Two indexes that were there already get the columns that make both index-only; what used
-- them by their first column still does.
DROP INDEX sync_executions_status;
CREATE INDEX sync_executions_status ON sync_executions (status, created_at, id);
DROP INDEX sync_executions_created_at;
CREATE INDEX sync_executions_created_at ON sync_executions (created_at, id);

-- Why: what a run has read, page by page, and what was decided on the way. Progress, resuming after a
-- crash, the verdict of a run, coverage and the window of the next update are all read from here.

-- A segment is what one endpoint has for one modalidade in one range of days.
CREATE TABLE sync_segments (
    id              bigserial PRIMARY KEY,
    execution_id    integer NOT NULL REFERENCES sync_executions (id) ON DELETE CASCADE,
    endpoint        varchar(20) NOT NULL CHECK (endpoint IN ('publicacao', 'atualizacao', 'itens')),
    -- 0 for itens, which has none.
    modalidade      smallint NOT NULL,
    -- Whole days in SYNC_TIMEZONE, both included: that is what the portal can be asked for.
    day_from        date NOT NULL,
    day_to          date NOT NULL,
    -- The part of the run's window in those days, half-open: that is what is saved and proven.
    cut_from        timestamptz NOT NULL,
    cut_to          timestamptz NOT NULL,
    state           varchar(20) NOT NULL DEFAULT 'pending' CHECK (state IN (
        'pending', 'running', 'complete', 'incomplete', 'failed', 'suspected_outage')),
    -- Which pass over the pages is under way, from 1.
    pass            smallint NOT NULL DEFAULT 0,
    pages_done      integer NOT NULL DEFAULT 0,
    pages_total     integer,
    -- The portal's total for the pages that had to be read, and the distinct keys got from them.
    expected        integer,
    got             integer NOT NULL DEFAULT 0,
    inserted        integer NOT NULL DEFAULT 0,
    updated         integer NOT NULL DEFAULT 0,
    unchanged       integer NOT NULL DEFAULT 0,
    quarantined     integer NOT NULL DEFAULT 0,
    attempts        integer NOT NULL DEFAULT 0,
    error_class     varchar(30),
    last_error      text,
    scan_started_at timestamptz,
    -- Of a complete segment: everything in [cut_from, proven_until) has been read.
    proven_until    timestamptz,
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CHECK (day_from <= day_to),
    CHECK (cut_from < cut_to),
    CHECK ((state = 'complete') = (proven_until IS NOT NULL)),
    UNIQUE (execution_id, endpoint, modalidade, day_from)
);
CREATE INDEX sync_segments_day ON sync_segments (day_from, modalidade);
CREATE INDEX sync_segments_proven ON sync_segments (endpoint, modalidade, proven_until)
    WHERE state = 'complete';

-- The pages of a segment that is under way, one row per page that was committed: a run that goes on after
-- a crash reads none of them again, and knows which keys it has seen. Gone when the segment ends.
CREATE TABLE sync_pages (
    segment_id   bigint NOT NULL REFERENCES sync_segments (id) ON DELETE CASCADE,
    pass         smallint NOT NULL,
    page         integer NOT NULL,
    -- What the envelope said.
    total        integer NOT NULL,
    pages        integer NOT NULL,
    -- In the order of the page; times as the portal gave them for what the endpoint filters on.
    keys         text[] NOT NULL,
    times        timestamptz[] NOT NULL,
    read_at      timestamptz NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (segment_id, pass, page)
);

-- Who did what, and when. Nobody is granted UPDATE or DELETE.
CREATE TABLE sync_events (
    id           bigserial PRIMARY KEY,
    execution_id integer REFERENCES sync_executions (id) ON DELETE CASCADE,
    at           timestamptz NOT NULL DEFAULT now(),
    actor        text NOT NULL,
    kind         varchar(40) NOT NULL,
    detail       jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX sync_events_execution ON sync_events (execution_id, id);

-- Records that could not be read, as they came.
CREATE TABLE sync_quarantine (
    id           bigserial PRIMARY KEY,
    execution_id integer REFERENCES sync_executions (id) ON DELETE SET NULL,
    endpoint     varchar(20) NOT NULL,
    natural_key  text,
    reason       text NOT NULL,
    raw          jsonb NOT NULL,
    at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sync_quarantine_execution ON sync_quarantine (execution_id);

-- How the source is doing, written by the ingestor every 5 s. Older than 30 s means nobody knows: down.
CREATE TABLE sync_source (
    name            varchar(20) PRIMARY KEY,
    state           varchar(10) NOT NULL CHECK (state IN ('ok', 'degraded', 'down')),
    since           timestamptz NOT NULL DEFAULT now(),
    breaker         varchar(10) NOT NULL CHECK (breaker IN ('closed', 'open', 'half_open')),
    pace_per_second double precision NOT NULL,
    updated_at      timestamptz NOT NULL DEFAULT now()
);

REVOKE ALL ON sync_segments, sync_pages, sync_events, sync_quarantine, sync_source FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON sync_segments, sync_pages, sync_quarantine, sync_source
    TO farol_admin, farol_ingest;
GRANT SELECT, INSERT ON sync_events TO farol_admin, farol_ingest;
GRANT USAGE ON SEQUENCE sync_segments_id_seq, sync_events_id_seq, sync_quarantine_id_seq
    TO farol_admin, farol_ingest;

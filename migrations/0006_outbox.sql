-- Why: what must reach the broker, or be answered twice alike, is written in the transaction that causes it.

-- One row per message; published_at is set after the broker's confirm. A crash in between publishes
-- twice, which the claim of the execution makes harmless.
CREATE TABLE outbox (
    id           bigserial PRIMARY KEY,
    execution_id integer NOT NULL REFERENCES sync_executions (id) ON DELETE CASCADE,
    queue        text NOT NULL,
    body         jsonb NOT NULL,
    attempts     integer NOT NULL DEFAULT 0,
    next_at      timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    last_error   text,
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_pending ON outbox (next_at, id) WHERE published_at IS NULL;
CREATE INDEX outbox_execution ON outbox (execution_id);
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;

-- The first answer of a request with an Idempotency-Key (status NULL: under way), kept for 24 hours.
-- Keys of broker messages are here too, with the prefix "amqp:".
CREATE TABLE sync_idempotency (
    key         text PRIMARY KEY,
    body_sha256 bytea NOT NULL,
    status      smallint,
    response    jsonb,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sync_idempotency_created_at ON sync_idempotency (created_at);

-- What operators have been told about: one notice when an incident opens, one when it is over.
CREATE TABLE sync_incidents (
    fingerprint  text PRIMARY KEY,
    kind         varchar(40) NOT NULL,
    summary      text NOT NULL,
    execution_id integer REFERENCES sync_executions (id) ON DELETE SET NULL,
    opened_at    timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    seen         integer NOT NULL DEFAULT 1,
    -- Set once every configured channel has taken the notice; retried until then.
    notified_at  timestamptz,
    resolved_at  timestamptz,
    attempts     integer NOT NULL DEFAULT 0,
    next_at      timestamptz NOT NULL DEFAULT now()
);

REVOKE ALL ON outbox, sync_idempotency, sync_incidents FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox, sync_idempotency TO farol_admin, farol_ingest;
GRANT SELECT, INSERT, UPDATE, DELETE ON sync_incidents TO farol_admin;
GRANT USAGE ON SEQUENCE outbox_id_seq TO farol_admin, farol_ingest;

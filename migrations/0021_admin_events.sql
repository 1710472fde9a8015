-- Why: who changed which project or integration, and when, must be answerable after the fact. An event says what was
-- changed by name (fields, words, an outcome), never a credential: neither before nor after.
--
-- The slug is kept beside the key, because an event must outlive its project.
CREATE TABLE admin_events (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    actor      varchar(200) NOT NULL,
    action     varchar(50) NOT NULL,
    -- NULL: not about a project (a dead letter, say).
    slug       varchar(100),
    request_id varchar(128),
    detail     jsonb NOT NULL DEFAULT '{}'
);

-- Lists are newest first, of everything or of one project.
CREATE INDEX admin_events_slug ON admin_events (slug, id DESC);

REVOKE ALL ON admin_events FROM PUBLIC;
-- Only ever added to; who must forget old ones is the owner.
GRANT SELECT, INSERT ON admin_events TO farol_admin;

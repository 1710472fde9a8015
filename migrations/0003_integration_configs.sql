-- Why: how a project's client API is asked and how its words map to the five statuses.
-- auth_credentials holds a Fernet token (docs/API.md), never readable credentials.
--
-- A database of an earlier program has the table already, without unmapped_status: the table is
-- kept and the column is added. Rows of such programs may hold NULL or odd values in any nullable
-- column, so readers use the defaults for NULL and never rely on the CHECKs below, which only a
-- table made here has.
CREATE TABLE IF NOT EXISTS integration_configs (
    id                       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id               uuid NOT NULL UNIQUE REFERENCES projects (id) ON DELETE CASCADE,
    api_base_url             varchar(500),
    status_endpoint          varchar(255),
    auth_type                varchar(20) DEFAULT 'none',
    auth_credentials         text,
    status_mapping           jsonb DEFAULT '{}',
    update_method            varchar(20) DEFAULT 'polling',
    polling_interval_seconds integer DEFAULT 30
        CONSTRAINT integration_configs_polling_interval CHECK (polling_interval_seconds BETWEEN 1 AND 300),
    timeout_seconds          integer DEFAULT 10
        CONSTRAINT integration_configs_timeout CHECK (timeout_seconds BETWEEN 1 AND 60),
    retry_count              integer DEFAULT 3
        CONSTRAINT integration_configs_retry_count CHECK (retry_count BETWEEN 0 AND 10),
    last_sync_at             timestamptz,
    sync_status              varchar(20) DEFAULT 'idle',
    sync_error               varchar(500),
    created_at               timestamptz DEFAULT now(),
    updated_at               timestamptz DEFAULT now()
);

-- NULL means the public service's UNMAPPED_STATUS. New and nullable: programs that do not know
-- the column go on inserting, and the public service must reject an unknown word anyway.
ALTER TABLE integration_configs ADD COLUMN IF NOT EXISTS unmapped_status varchar(20);

REVOKE ALL ON integration_configs FROM PUBLIC;
-- What a fetch needs. Not last_sync_at, sync_status, sync_error: those are the administrators'.
GRANT SELECT (
    id, project_id, api_base_url, status_endpoint, auth_type, auth_credentials, status_mapping,
    unmapped_status, update_method, polling_interval_seconds, timeout_seconds, retry_count
) ON integration_configs TO farol_public;
GRANT SELECT, INSERT, UPDATE, DELETE ON integration_configs TO farol_admin;

-- Why: a project is what a viewer looks at, found by its slug; only an active one is shown.
--
-- A database of an earlier program of this contract has the table already: it is kept as it is,
-- rows, constraints and all (IF NOT EXISTS), and only receives our grants.
CREATE TABLE IF NOT EXISTS projects (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    slug        varchar(100) NOT NULL UNIQUE,
    name        varchar(255) NOT NULL,
    description text,
    is_active   boolean NOT NULL DEFAULT true,
    created_at  timestamptz DEFAULT now(),
    updated_at  timestamptz DEFAULT now()
);

REVOKE ALL ON projects FROM PUBLIC;
-- By column: a description is the administrators' business until a contract says otherwise.
GRANT SELECT (id, slug, name, is_active) ON projects TO farol_public;
GRANT SELECT, INSERT, UPDATE, DELETE ON projects TO farol_admin;

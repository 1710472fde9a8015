-- Why: each service logs in with only the rights that its contract names, so that a hole in the
-- public service is not a hole in the data. These are NOLOGIN group roles; the login users of a
-- deployment are granted them (see README.md). The roles of later services come with their tables.
--
-- Roles belong to the whole cluster, while a transaction (and an advisory lock too) belongs to one
-- database. The lock serialises migrators of this database; two databases that migrate at once,
-- as tests with a database each do, meet in pg_authid's unique index, so "it exists by now" is
-- an answer here and not an error. A user without CREATEROLE can migrate where the roles exist.
SELECT pg_advisory_xact_lock(4706230114001);

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['farol_public', 'farol_admin'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
    END LOOP;
END
$$;

-- Default since Postgres 15. On 13 and 14 anyone may create tables in "public", so a role that
-- "cannot write" could. A migrator that does not own the schema gets a warning, not an error.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

GRANT USAGE ON SCHEMA public TO farol_public, farol_admin;

-- A service compares its own migrations with these rows and is not ready while one is missing.
GRANT SELECT ON _sqlx_migrations TO farol_public, farol_admin;

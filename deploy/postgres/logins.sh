#!/bin/sh
# Makes the services' login users in a new cluster, before the migrations do: the group roles are
# therefore made here too, which the first migration tolerates. Run by the postgres image.
set -eu
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" -v ON_ERROR_STOP=1 -v password="$FAROL_PUBLIC_PASSWORD" <<'SQL'
CREATE ROLE farol_public NOLOGIN;
CREATE ROLE farol_public_login LOGIN PASSWORD :'password' IN ROLE farol_public;
SQL

#!/bin/sh
# Makes the services' login users in a new cluster, before the migrations do: the group roles are
# therefore made here too, which the migrations tolerate. Run by the postgres image.
set -eu

login() {
    psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" -v ON_ERROR_STOP=1 \
        -v role="farol_$1" -v login="farol_$1_login" -v password="$2" <<'SQL'
CREATE ROLE :"role" NOLOGIN;
CREATE ROLE :"login" LOGIN PASSWORD :'password' IN ROLE :"role";
SQL
}

login public "$FAROL_PUBLIC_PASSWORD"
login admin "$FAROL_ADMIN_PASSWORD"
login ingest "$FAROL_INGEST_PASSWORD"
login telemetry "$FAROL_TELEMETRY_PASSWORD"
login devices "$FAROL_DEVICES_PASSWORD"

#!/bin/sh
# Creates each service's database and its two roles: <name>_owner migrates, <name>_app runs and reaches its own
# database only. May run again: what exists is kept, passwords are set anew.
# Reads PGHOST, PGUSER, PGPASSWORD (a superuser) and ORDERFLOW_DB_PASSWORD (of the roles).
set -eu

: "${ORDERFLOW_DB_PASSWORD:?is not set: the password of the services' roles}"

run() {
  database=$1
  shift
  psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --dbname "$database" "$@" >/dev/null
}

for name in order payment product coupon user_balance; do
  # gexec runs each row as a statement; CREATE DATABASE cannot stand in a DO block.
  run postgres --set name="$name" --set password="$ORDERFLOW_DB_PASSWORD" <<'SQL'
SELECT format('CREATE ROLE %I LOGIN', role) FROM unnest(ARRAY[:'name' || '_owner', :'name' || '_app']) AS role
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec
SELECT format('ALTER ROLE %I PASSWORD %L', role, :'password')
  FROM unnest(ARRAY[:'name' || '_owner', :'name' || '_app']) AS role \gexec
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'name' || '_owner')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', closed)
  FROM unnest(ARRAY[:'name', 'postgres', 'template1']) AS closed \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO %I, %I', :'name', :'name' || '_owner', :'name' || '_app') \gexec
SQL

  # The app role gets the owner's future tables; what it must not do to ledgers is revoked by the migrations.
  run "$name" --set owner="${name}_owner" --set app="${name}_app" <<'SQL'
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO :"owner";
GRANT USAGE ON SCHEMA public TO :"app";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"app";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
  GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO :"app";
SQL
  echo "database $name is ready"
done

#!/usr/bin/env bash
# Runs once, when PostgreSQL's volume is empty: the role and the database of NexusRAG. The role is no superuser, which
# row-level security and common sense ask for; the extension needs one, so it is made here.
set -euo pipefail

psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
  --set=password="$(cat /run/secrets/database_password)" <<'SQL'
CREATE ROLE nexusrag LOGIN PASSWORD :'password' NOSUPERUSER NOCREATEDB NOCREATEROLE;
CREATE DATABASE nexusrag OWNER nexusrag TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE nexusrag FROM PUBLIC;
\connect nexusrag
CREATE EXTENSION IF NOT EXISTS vector;
SQL

#!/bin/sh
# Tells the Kafka Connect of compose.yaml to read the shop's Postgres; again with other options to change them.
set -eu
: "${POSTGRES_PASSWORD:?set POSTGRES_PASSWORD as for compose.yaml}"
curl -fsS -X PUT -H 'content-type: application/json' http://127.0.0.1:8083/connectors/shop/config -d @- <<EOF
{
  "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
  "tasks.max": "1",
  "database.hostname": "postgres",
  "database.port": "5432",
  "database.user": "app",
  "database.password": "$POSTGRES_PASSWORD",
  "database.dbname": "app",
  "topic.prefix": "shop",
  "topic.creation.default.partitions": "3",
  "topic.creation.default.replication.factor": "1",
  "plugin.name": "pgoutput",
  "slot.name": "shop",
  "publication.name": "shop",
  "publication.autocreate.mode": "filtered",
  "schema.include.list": "app",
  "skipped.operations": "none"
}
EOF

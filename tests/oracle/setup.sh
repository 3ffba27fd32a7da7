#!/usr/bin/env bash
# setup.sh DIR [tests|clickhouse|avro]: puts real dbt (dbt-core 1.12.6 with dbt-postgres 1.11.0) into the virtual
# environment DIR, to compare with; `tests` adds dbt's published adapter tests, `clickhouse` makes it dbt-core 1.11 with
# dbt-clickhouse 1.10.3, which knows no later one; `avro` puts fastavro and Confluent's client there, and no dbt. Leaves
# what DIR already has as it is. dbt-core itself goes in without its declared dependencies, because one of them (only
# the experimental parser needs it) downloads a program while it builds; the others are named here.
set -euo pipefail
dir=${1:?usage: setup.sh DIR [tests|clickhouse|avro]}
pip=("$dir/bin/python" -m pip install -q --disable-pip-version-check)
if [ "${2:-}" = avro ]; then
  if [ ! -e "$dir/ready" ]; then
    python3 -m venv "$dir"
    "${pip[@]}" fastavro==1.13.1 confluent-kafka==2.16.1 httpx attrs cachetools authlib
    touch "$dir/ready"
  fi
  exit 0
fi
if [ ! -x "$dir/bin/dbt" ] && [ "${2:-}" = clickhouse ]; then
  python3 -m venv "$dir"
  "${pip[@]}" 'dbt-core<1.12' dbt-clickhouse==1.10.3
fi
if [ ! -x "$dir/bin/dbt" ]; then
  python3 -m venv "$dir"
  "${pip[@]}" \
    'dbt-adapters>=1.24.5,<2' 'dbt-common>=1.37.5,<2' 'dbt-protos>=1.0.514,<2' 'dbt-extractor>=0.5,<=0.6' \
    'metricflow>=0.213,<1' 'agate>=1.7,<1.15' 'click>=8.3,<9' 'daff>=1.3.46' 'jinja2>=3.1.3,<4' \
    'jsonschema>=4.19.1,<5' 'mashumaro[msgpack]>=3.9,<3.18' 'networkx>=2.3,<4' 'opentelemetry-api>=1.26,<2' \
    'packaging>20.9' 'pathspec>=0.9,<1.1' 'protobuf>=6,<8' 'pydantic<3' 'python-dotenv>=1.2' 'pytz>=2015.7' \
    'pyyaml>=6' 'requests<3' 'snowplow-tracker>=1.0.2,<2' 'sqlparse>=0.5.5,<0.7' 'typing-extensions>=4.4' \
    'psycopg2-binary>=2.9,<3' 'dbt-artifacts-parser'
  "${pip[@]}" --no-deps dbt-core==1.12.6 dbt-postgres==1.11.0
fi
if [ "${2:-}" = tests ] && [ ! -x "$dir/bin/pytest" ]; then
  "${pip[@]}" --no-deps dbt-tests-adapter==1.20.0
  "${pip[@]}" pytest==9.2.0 pytest-xdist==3.8.0 freezegun==1.5.5
fi
if [ "${2:-}" = tests ] && ! "$dir/bin/python" -c 'import pytest_mock, opentelemetry.sdk' 2>/dev/null; then
  "${pip[@]}" pytest-mock==3.15.1 'opentelemetry-sdk>=1.26,<2'
fi

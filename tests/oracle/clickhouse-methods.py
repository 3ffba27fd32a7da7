# Records answers of dbt-clickhouse's adapter methods that need no server:
# npm run oracle -- clickhouse-methods tests/engine/unit/adapters/clickhouse/methods-golden.json
import json
import sys
from types import SimpleNamespace

from dbt.adapters.clickhouse.dbclient import ChClientWrapper
from dbt.adapters.clickhouse.impl import ClickHouseAdapter
from dbt.adapters.clickhouse.util import compare_versions

VARS = {"my_s3": {"bucket": "datasets.s3.amazonaws.com", "fmt": "CSV", "structure": ["id Int32", "name String"]}}


def adapter(keep_deduplication=False):
    client = SimpleNamespace(
        _model_settings={
            kind: {}
            for kind in ("table", "view", "incremental", "ephemeral", "materialized_view", "snapshot", "general")
        }
    )
    if not keep_deduplication:
        for kind in ("table", "incremental", "ephemeral", "materialized_view"):
            client._model_settings[kind]["replicated_deduplication_window"] = "0"
    client.update_model_settings = lambda *args: ChClientWrapper.update_model_settings(client, *args)
    made = object.__new__(ClickHouseAdapter)
    made.connections = SimpleNamespace(get_if_exists=lambda: SimpleNamespace(handle=client, credentials=None))
    made.config = SimpleNamespace(vars=SimpleNamespace(vars=VARS))
    return made


def attempt(function):
    try:
        return {"answer": function()}
    except Exception as error:
        return {"error": str(error).strip()}


S3 = [
    {"config_name": "my_s3"},
    {"config_name": "my_s3", "s3_model_config": {"fmt": "TSV", "compression": "gzip"}, "path": "a/b.csv"},
    {"bucket": "https://b.example.com/", "path": "x//y.csv", "fmt": "CSV"},
    {"bucket": "b", "path": "/y.csv", "fmt": "CSV", "structure": {"id": "Int32", "name": "String"}},
    {"bucket": "b", "fmt": "CSV", "structure": "id Int32"},
    {"bucket": "b", "fmt": "CSV", "compression": "none"},
    {
        "bucket": "b",
        "fmt": "CSV",
        "aws_access_key_id": "k",
        "aws_secret_access_key": "s",
        "structure": ["a Int8"],
        "compression": "lz4",
    },
    {"bucket": "b", "fmt": "CSV", "role_arn": "arn:x", "external_id": "e"},
    {"bucket": "b", "fmt": "CSV", "aws_access_key_id": "k"},
    {"bucket": "b", "fmt": "CSV", "aws_secret_access_key": "s"},
    {"bucket": "b", "fmt": "CSV", "external_id": "e"},
]
MODELS = [
    [{"materialized": "table"}, "MergeTree()", False],
    [{"materialized": "table"}, "Memory", False],
    [{"materialized": "table"}, "MergeTree()", True],
    [{"materialized": "view", "settings": {"max_threads": 2}}, "MergeTree", False],
    [
        {
            "materialized": "incremental",
            "settings": {"replicated_deduplication_window": 5, "a": "x", "b": "'y'", "c": True, "d": 1.5},
        },
        "ReplacingMergeTree()",
        False,
    ],
    [{"materialized": "materialized_view", "query_settings": {"join_use_nulls": 1, "s": "t"}}, "MergeTree", False],
]
VERSIONS = [
    ["26.7.2.1", "26.1.1.1"],
    ["25.12.1", "26.1.1.1"],
    ["26.1.1.1", "26.1.1.1"],
    ["26.6", "26.6.1"],
    ["26.7.2.1", "26.6"],
    ["9.1", "10.0"],
]

DEFAULTS = {
    "config_name": "",
    "s3_model_config": {},
    "bucket": "",
    "path": "",
    "fmt": "",
    "structure": "",
    "aws_access_key_id": "",
    "aws_secret_access_key": "",
    "role_arn": "",
    "compression": "",
    "external_id": "",
}
lines = lambda text: [line.strip() for line in text.splitlines() if line.strip()]
open(sys.argv[1], "w").write(
    json.dumps(
        {
            "vars": VARS,
            "s3": [
                {"given": given, **attempt(lambda: adapter().s3source_clause(**{**DEFAULTS, **given}))} for given in S3
            ],
            "settings": [
                {
                    "config": config,
                    "engine": engine,
                    "keep": keep,
                    "query": lines(adapter(keep).get_model_query_settings({"config": json.loads(json.dumps(config))})),
                    "model": lines(
                        adapter(keep).get_model_settings({"config": json.loads(json.dumps(config))}, engine)
                    ),
                }
                for config, engine, keep in MODELS
            ],
            "before": [
                {"server": server, "version": version, "answer": compare_versions(version, server) > 0}
                for server, version in VERSIONS
            ],
        },
        indent=1,
    )
    + "\n"
)

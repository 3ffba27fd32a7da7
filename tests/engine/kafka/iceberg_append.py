# Appends rows in JSON to an Iceberg table by pyiceberg: another writer.
import json
import sys

import pyarrow
from pyiceberg.catalog import load_catalog

uri, endpoint, name, rows = sys.argv[1:5]
catalog = load_catalog(
    "lake",
    type="rest",
    uri=uri,
    **{
        "s3.endpoint": endpoint,
        "s3.access-key-id": "tsdbt-test",
        "s3.secret-access-key": "canary-of-the-store",
        "s3.region": "us-east-1",
    },
)
table = catalog.load_table(name)
table.append(pyarrow.Table.from_pylist(json.loads(rows), schema=table.schema().as_arrow()))

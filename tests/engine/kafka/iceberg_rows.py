# Rows of an Iceberg table as pyiceberg finds them, in JSON: one line of columns, one line a row.
import json
import sys

from pyiceberg.catalog import load_catalog

uri, endpoint, name = sys.argv[1:4]
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
snapshot = int(sys.argv[4]) if len(sys.argv) > 4 else None
found = table.scan(snapshot_id=snapshot).to_arrow()
columns = [f"{field.field_id} {field.name} {field.field_type}" for field in table.schema().fields]
print(json.dumps({"columns": columns, "snapshots": len(table.metadata.snapshots)}))
for row in found.to_pylist():
    print(json.dumps(row, default=str))

# Rows of an Iceberg table as pyiceberg finds them, in JSON: one line of columns, one line a row.
import json
import sys

from iceberg_lake import lake

uri, endpoint, name = sys.argv[1:4]
catalog = lake(uri, endpoint)
table = catalog.load_table(name)
snapshot = int(sys.argv[4]) if len(sys.argv) > 4 else None
found = table.scan(snapshot_id=snapshot).to_arrow()
columns = [f"{field.field_id} {field.name} {field.field_type}" for field in table.schema().fields]
print(json.dumps({"columns": columns, "snapshots": len(table.metadata.snapshots)}))
for row in found.to_pylist():
    print(json.dumps(row, default=str))

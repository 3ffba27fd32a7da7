# Appends rows in JSON to an Iceberg table by pyiceberg: another writer.
import json
import sys

import pyarrow
from iceberg_lake import lake

uri, endpoint, name, rows = sys.argv[1:5]
catalog = lake(uri, endpoint)
table = catalog.load_table(name)
table.append(pyarrow.Table.from_pylist(json.loads(rows), schema=table.schema().as_arrow()))

# Looks at an Iceberg table by pyiceberg all the time, until its input ends: one line in JSON a look, with the rows of
# each version, or what went wrong.
import json
import sys
import threading
import time

from iceberg_lake import lake

uri, endpoint, name = sys.argv[1:4]
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
while not over.is_set():
    began = time.time() * 1000
    look = {"began": began}
    try:
        catalog = lake(uri, endpoint)
        versions = {}
        for version in catalog.load_table(name).scan(selected_fields=("version",)).to_arrow()["version"].to_pylist():
            versions[version] = versions.get(version, 0) + 1
        look["versions"] = versions
    except Exception as error:
        look["error"] = f"{type(error).__name__}: {error}"
    look["ended"] = time.time() * 1000
    print(json.dumps(look), flush=True)
    over.wait(0.05)

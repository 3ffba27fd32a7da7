#!/usr/bin/env python3
"""Parses the projects named on stdin with real dbt: for each line {"dir", "command"} it prints {"ok", "error", "said"}.

"said" are the messages of warnings and errors. Run with the Python of an environment that has dbt-core and
dbt-postgres.
"""

import json
import os
import sys

out = os.fdopen(os.dup(1), 'w')
os.dup2(2, 1)

from dbt import deprecations  # noqa: E402
from dbt.cli.main import dbtRunner  # noqa: E402

said = []


def listen(event):
    if event.info.level in ('warn', 'error') and event.info.name != 'DeprecationsSummary':
        said.append([event.info.name, event.info.msg])


for line in sys.stdin:
    job = json.loads(line)
    said.clear()
    deprecations.reset_deprecations()
    os.chdir(job['dir'])
    result = dbtRunner(callbacks=[listen]).invoke([*job['command'], '--no-partial-parse', '--quiet'])
    error = None if result.exception is None else str(result.exception)
    print(json.dumps({'ok': result.success, 'error': error, 'said': said}), file=out, flush=True)

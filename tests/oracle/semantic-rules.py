#!/usr/bin/env python3
"""Writes what real dbt says of mistakes in the semantic layer: its events of warnings and errors, and its error.

npm run oracle -- semantic-rules [PART-OF-A-NAME...]
Reads tests/engine/unit/parser/semantic/cases.yml, whose head has the form of a case; writes golden.json beside it. No
database is needed. Python's tracebacks are left out.
"""

import json
import os
import re
import sys
import tempfile
from pathlib import Path

import yaml

FOLDER = Path(__file__).resolve().parents[2] / 'tests/engine/unit/parser/semantic'
OUTPUT = {
    'type': 'postgres',
    'host': 'localhost',
    'port': 1,
    'user': 'u',
    'password': 'p',
    'dbname': 'db',
    'schema': 'sch',
    'threads': 1,
}
LEFT_OUT = ('DeprecationsSummary', 'MainEncounteredError', 'MFConverterIssue')

written = yaml.safe_load((FOLDER / 'cases.yml').read_text())
base = written['base']


def files(case):
    spine = case.get('spine', base['spine'])
    nodes = case.get('nodes', [])
    dropped = 'models/metricflow_time_spine.sql' in case.get('files', {})
    properties = {
        'models': ([spine] if spine and not dropped else []) + nodes,
        'semantic_models': [{**base['orders'], **case.get('orders', {})}, *case.get('models', [])],
        'metrics': [m for m in base['metrics'] if m['name'] not in case.get('drop', [])] + case.get('metrics', []),
        'saved_queries': case.get('queries', []),
    }
    found = {
        'models/orders.sql': 'select 1 as id',
        'models/users.sql': 'select 1 as id',
        'models/spine_two.sql': 'select 1 as id',
        'models/spine_year.sql': 'select 1 as id',
        'models/metricflow_time_spine.sql': 'select 1 as id',
        'models/p.yml': json.dumps({k: v for k, v in properties.items() if v}),
        **case.get('files', {}),
    }
    return {path: text for path, text in sorted(found.items()) if text is not None}


def plain(text):
    """Without tracebacks, and with the members of sets in their order."""
    text = re.sub(r'Traceback:\n(?:  .*\n?)*\n?', '', text)
    text = re.sub(
        r'(?<=Invalid metrics: )(.*?)(?=\. See)', lambda found: ', '.join(sorted(found[1].split(', '))), text
    )
    return re.sub(r"\{('[^{}:]*')\}", lambda found: '{' + ', '.join(sorted(found[1].split(', '))) + '}', text)


def ask(case):
    from dbt.cli.main import dbtRunner

    said = []

    def listen(event):
        if event.info.level in ('warn', 'error') and event.info.name not in LEFT_OUT:
            said.append([event.info.level, event.info.name, plain(getattr(event.data, 'msg', ''))])

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        config = {'name': 'shop', 'version': '1.0', 'profile': 'shop', 'flags': case.get('flags', {})}
        profiles = {'shop': {'target': 'd', 'outputs': {'d': OUTPUT}}}
        given = {'dbt_project.yml': json.dumps(config), 'profiles.yml': json.dumps(profiles)}
        for path, text in {**given, **files(case)}.items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(text)
        result = dbtRunner(callbacks=[listen]).invoke(['parse', '--no-partial-parse', '--quiet'])
        os.chdir('/')
    error = result.exception and str(result.exception)
    return {'files': files(case), 'flags': case.get('flags', {}), 'said': said, 'error': error}


def main():
    from dbt import deprecations

    wanted = sys.argv[1:]
    path = FOLDER / 'golden.json'
    kept = json.loads(path.read_text()) if path.exists() else {}
    golden = {}
    for name, case in written['cases'].items():
        asked = not wanted or any(part in name for part in wanted) or name not in kept
        deprecations.reset_deprecations()
        golden[name] = ask(case) if asked else kept[name]
        if asked:
            print(f'{name}: {len(golden[name]["said"])} messages', file=sys.stderr)
    path.write_text(json.dumps(golden, indent=1, ensure_ascii=False) + '\n')


main()

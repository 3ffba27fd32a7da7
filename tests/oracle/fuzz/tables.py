#!/usr/bin/env python3
"""Answers for tables.mjs: reads jobs as JSON lines from stdin, writes one JSON line each.

{"columns", "expected", "actual"} gives what dbt shows of a failed unit test, in colours; null when the rows are the
same. A cell is null, a bool, an int, a text, or {"decimal" | "date" | "datetime": text}. What daff would show by
Python's repr, a date in an added row, is given to it as text, after dbt has sorted the rows.
{"csv": text} gives the rows of a fixture and the records of a seed. Run with the Python of an environment that has
dbt-core.
"""

import csv
import datetime
import decimal
import io
import json
import sys
from types import SimpleNamespace

from dbt.task import test
from dbt.task.test import TestRunner, list_rows_from_table
from dbt_common.clients import agate_helper

KINDS = {
    'decimal': decimal.Decimal,
    'date': datetime.date.fromisoformat,
    'datetime': datetime.datetime.fromisoformat,
}
runner = TestRunner.__new__(TestRunner)
runner.config = SimpleNamespace(args=SimpleNamespace(use_colors=True))


def value(cell):
    if isinstance(cell, dict):
        [(kind, text)] = cell.items()
        return KINDS[kind](text)
    return cell


def plain(row):
    return [cell if cell is None or isinstance(cell, (bool, int)) else str(cell) for cell in row]


def sorted_rows(table, sort):
    header, *rows = list_rows_from_table(table, sort)
    return [header, *map(plain, rows)]


test.list_rows_from_table = sorted_rows


def difference(job):
    names = [*job['columns'], 'actual_or_expected']
    rows = [
        dict(zip(names, [*map(value, row), side]))
        for side in ('expected', 'actual')
        for row in job[side]
    ]
    whole = agate_helper.table_from_data_flat(rows, names)
    diff = runner._get_daff_diff(
        runner._get_unit_test_agate_table(whole, 'expected'),
        runner._get_unit_test_agate_table(whole, 'actual'),
    )
    return {'rendered': runner._render_daff_diff(diff) if diff.hasDifference() else None}


def rows_of(text):
    try:
        rows = list(csv.DictReader(io.StringIO(text)))
    except csv.Error as error:
        return {'error': str(error)}
    # csv puts surplus cells under the key None.
    return {'rows': [{key: cell for key, cell in row.items() if key is not None} for row in rows]}


def records_of(text):
    try:
        return {'records': list(csv.reader(io.StringIO(text.replace('\r\n', '\n').replace('\r', '\n'))))}
    except csv.Error as error:
        return {'error': str(error)}


for line in sys.stdin:
    job = json.loads(line)
    if 'csv' in job:
        answer = {'fixture': rows_of(job['csv']), 'seed': records_of(job['csv'])}
    else:
        answer = difference(job)
    print(json.dumps(answer), flush=True)

"""Records the tables and values of real agate, with dbt's settings, for CSV texts and table methods.

npm run --silent oracle -- agate > tests/engine/unit/adapters/golden/agate.json
"""

import datetime
import decimal
import io
import json
import os
import tempfile
import warnings

import agate
from dbt_common.clients import agate_helper

warnings.simplefilter("ignore")

# Left out: "-0" and "nan12", whose sign and payload no database keeps.
NUMBERS = [
    "1",
    "-1",
    "+1",
    "0",
    "00",
    "007",
    "1.5",
    "1.50",
    ".5",
    "5.",
    "-.5",
    "1e3",
    "1E+2",
    "1e-3",
    "1_000",
    "1,000",
    "1,000.50",
    "12,34",
    "$5",
    "-$5",
    "$-5",
    "5%",
    "%5%",
    "--5",
    "-+5",
    "€ 5",
    "5€",
    "NaN",
    "nan",
    "-nan",
    "inf",
    "-inf",
    "Infinity",
    "sNaN",
    "١٢٣",
    "1 2",
    " 7 ",
    "0x10",
    "1e",
    "e5",
    ".",
    "-",
    "",
    "null",
    "NULL",
    " null ",
    "na",
    "n/a",
    "none",
    "123456789012345678901234567890",
    "0.1234567890123456789012345678901",
    "1e400",
    "1.0e0",
    "½",
    "²",
]
DATES = [
    "2024-01-31",
    "2024-1-5",
    "2024-02-30",
    "2024-13-01",
    "24-01-01",
    "0001-01-01",
    "0000-01-01",
    "9999-12-31",
    "10000-01-01",
    " 2024-01-31 ",
    "2024/01/31",
    "20240131",
    "2024-W05-3",
    "2024-031",
    "2024-01-31 10:00:00",
    "2024-01-31 1:2:3",
    "2024-01-31  10:00:00",
    "2024-01-31\t10:00:00",
    "2024-01-31 24:00:00",
    "2024-01-31 10:00:60",
    "2024-01-31 10:00",
    "2024-01-31 10:00:00.5",
    "2024-01-31T10:00:00",
    "2024-01-31T10:00:00Z",
    "2024-01-31T10:00:00+02:00",
    "2024-01-31T10:00:00-0530",
    "2024-01-31T10:00:00+02",
    "2024-01-31T10:00:00.123456789",
    "2024-01-31T10:00:00,5",
    "2024-01-31T10:00",
    "2024-01-31T10",
    "2024-01-31T10.5",
    "2024-01-31T10:30.5",
    "20240131T100000",
    "20240131T1000",
    "2024-031T10:00:00",
    "2024-W05-3T10:00:00",
    "2024W053T10",
    "2024T10:00:00",
    "2024-01T10:00:00",
    "20T10:00:00",
    "2024-01-31T",
    "T10:00:00",
    "2024-01-31t10:00:00",
    "2024-01-31T25:00:00",
    "2024-01-31T10:00:60",
    "2024-01-31T10:00:00 Z",
    "2024-366T00:00",
    "2023-366T00:00",
    "2024-01-31TT10:00",
    "+2024-01-31T10:00:00",
    "202401T10",
    "20241T10",
    "2024-00-10T10:00:00",
    "2020-W01-0T10:00",
]
BOOLEANS = ["true", "false", "True", "FALSE", " true ", "t", "f", "yes", "no", "1", "0", "tr,ue", "null", ""]
TEXTS = ["abc", " abc ", "null", "Null", "", "  ", "none", "é😀", "a,b", 'say "hi"', "two\nlines"]
ALONE = NUMBERS + DATES + BOOLEANS + TEXTS
MIXED = [
    ["1", "2.5"],
    ["1", "a"],
    ["1", ""],
    ["true", "1"],
    ["true", "null"],
    ["2024-01-31", "2024-01-31 10:00:00"],
    ["2024-01-31", "2024-01-31T10:00:00Z"],
    ["2024-01-31 10:00:00", "2024-01-31T10:00:00"],
    ["2024-01-31", "1"],
    ["", ""],
    ["null", ""],
    ["true", "false", ""],
    ["1", "true"],
    ["2024-01-31", "null"],
    ["", "x"],
    ["1,000", "2"],
    ["1.10", "2.250"],
    ["1.0", "2.0"],
    ["100", "1e2"],
    ["NaN", "1"],
    ["nan", "1.5"],
]
FILES = {
    "plain": "a,b\n1,x\n2,y\n",
    "no newline at the end": "a,b\n1,x",
    "windows": "a,b\r\n1,x\r\n2,y\r\n",
    "old mac": "a,b\r1,x\r2,y\r",
    "byte order mark": "\ufeffa,b\n1,x\n",
    "quotes": 'a,b\n"1,5","say ""hi"""\n"two\nlines",\n',
    "quotes in the middle": 'a,b\nx"y"z,"p"q\n',
    "blank line": "a,b\n1,x\n\n2,y\n",
    "blank line at the end": "a,b\n1,x\n\n",
    "short row": "a,b,c\n1\n2,y\n",
    "only a header": "a,b\n",
    "same names": "a,a,a_2,a\n1,2,3,4\n",
    "no name": "a,,\n1,2,3\n",
    "spaces in names": " a ,b c\n1,2\n",
    "spaces in cells": "a,b\n 1 , x \n",
    "windows breaks in quotes": 'a\r\n"x\r\ny"\r\n',
    "one column with blanks": "a\n1\n\n3\n",
    "unicode name": "é,😀\n1,2\n",
    "letters of separators": "a\nx\u2028y\nz\x0bw\n",
    "empty quotes": 'a,b\n"",1\n',
    "null words": "a,b\nnull,NULL\nNull,x\n",
}
DELIMITERS = {"semicolon": (";", "a;b\n1,5;x\n"), "tab": ("\t", "a\tb\n1\tx\n"), "pipe": ("|", 'a|b\n"1|2"|x\n')}


def value(v):
    return (
        None
        if v is None
        else repr(v)
        if not isinstance(v, (datetime.datetime, datetime.date))
        else v.isoformat() + (" dt" if isinstance(v, datetime.datetime) else " d")
    )


def table(t):
    return {
        "names": list(t.column_names),
        "types": [type(c).__name__ for c in t.column_types],
        "rows": [[value(v) for v in r.values()] for r in t.rows],
    }


def from_csv(text, text_columns=(), delimiter=","):
    with tempfile.NamedTemporaryFile("w", newline="", encoding="utf-8", suffix=".csv", delete=False) as f:
        f.write(text)
    try:
        return agate_helper.from_csv(f.name, text_columns, delimiter)
    finally:
        os.unlink(f.name)


def attempt(f):
    try:
        return f()
    except Exception as e:
        return {"error": f"{type(e).__name__}: {e}"}


def column(cells):
    out = io.StringIO()
    import csv

    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([["c"]] + [[c] for c in cells])
    return out.getvalue()


def convert(t):
    from dbt.adapters.sql.impl import SQLAdapter

    return [SQLAdapter.convert_agate_type(t, i) for i in range(len(t.column_names))]


def cells_case(cells):
    t = attempt(lambda: from_csv(column(cells)))
    return {"cells": cells, "expected": t if isinstance(t, dict) else {**table(t), "sql": attempt(lambda: convert(t))}}


def printed(t, **kwargs):
    out = io.StringIO()
    t.print_table(output=out, **kwargs)
    return out.getvalue()


D = decimal.Decimal
RESULT_COLUMNS = ["i", "n", "t", "b", "d", "ts"]
RESULT_ROWS = [
    (1, D("1234567.5"), "text", True, datetime.date(2024, 1, 31), datetime.datetime(2024, 1, 31, 10, 0)),
    (
        None,
        D("-0.00012345"),
        "a text that is far too long to be shown",
        None,
        None,
        datetime.datetime(2024, 1, 31, 10, 0, 0, 500),
    ),
    (30, None, None, False, datetime.date(2023, 1, 1), None),
    (2, D("0.5"), "é😀", True, datetime.date(2024, 1, 31), datetime.datetime(2020, 1, 1)),
]
result = agate_helper.table_from_data_flat([dict(zip(RESULT_COLUMNS, r)) for r in RESULT_ROWS], RESULT_COLUMNS)
wide = agate.Table(
    [[str(i) for i in range(9)]] * 25, [f"column_with_a_long_name_{i}" for i in range(9)], [agate.Text()] * 9
)


def written(method, *args, **kwargs):
    out = io.StringIO()
    getattr(result, method)(out, *args, **kwargs)
    return out.getvalue()


METHODS = {
    "str": str(result),
    "rows[0]": repr(result.rows[0]),
    "rows[0:2]": repr(result.rows[0:2]),
    "rows[0].dict()": repr(result.select(["i", "t"]).rows[0].dict()),
    "columns": repr(result.columns["i"]),
    "values_sorted": repr(list(result.columns["n"].values_sorted())),
    "without_nulls": repr(result.columns["t"].values_without_nulls()),
    "order_by i": repr([r["i"] for r in result.order_by("i").rows]),
    "order_by i reverse": repr([r["i"] for r in result.order_by("i", reverse=True).rows]),
    "order_by b d": repr([r["i"] for r in result.order_by(["d", "i"]).rows]),
    "limit 2": repr([r["i"] for r in result.limit(2).rows]),
    "limit 1 3": repr([r["i"] for r in result.limit(1, 3).rows]),
    "distinct d": repr([r["i"] for r in result.distinct("d").rows]),
    "select": repr(result.select(["t", "i"]).rows[0].values()),
    "exclude": repr(result.exclude(["t", "ts"]).column_names),
    "rename": repr(result.rename(column_names={"i": "id"}).column_names),
    "group_by": repr([(k, len(t.rows)) for k, t in result.group_by("b").items()]),
    "print_table": printed(result),
    "print_table wide": printed(wide),
    "print_table options": printed(result, max_rows=2, max_columns=3, max_column_width=8, max_precision=1),
    "print_table none": printed(wide.limit(2), max_rows=None, max_columns=None, max_column_width=None),
    "print_csv": written("to_csv"),
    "print_json": written("to_json"),
    "print_json indent": written("to_json", indent=2),
    "print_json newline": written("to_json", newline=True),
}

FLAT = [
    [{"a": [1, 2], "b": {"x": D("1.5"), "y": None}}],
    [{"a": "005", "b": ""}, {"a": None, "b": "null"}],
    [{"a": None, "b": None}],
    [{"a": True, "b": 1}, {"a": None, "b": D("2.5")}],
    [{"a": datetime.timedelta(days=1, seconds=5), "b": datetime.time(10, 0)}],
    [{"a": 1.0, "b": 1e20}],
]

print(
    json.dumps(
        {
            "cells": [cells_case([c]) for c in ALONE] + [cells_case(c) for c in MIXED],
            "files": {
                name: {"text": text, "expected": attempt(lambda: table(from_csv(text)))} for name, text in FILES.items()
            },
            "delimiters": {
                name: {"text": text, "delimiter": d, "expected": attempt(lambda: table(from_csv(text, (), d)))}
                for name, (d, text) in DELIMITERS.items()
            },
            "text_columns": table(from_csv("a,b\n1,2\nnull,\n", ["a"])),
            "flat": [table(agate_helper.table_from_data_flat(rows, ["a", "b"])) for rows in FLAT],
            "methods": METHODS,
        },
        indent=1,
        ensure_ascii=True,
    )
)

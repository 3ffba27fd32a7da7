# Records Python's values as templates see them: the public attributes by type, and what methods return.
# The golden of tests/engine/unit/values/python-values.test.ts.
# Usage: python python_values.py OUTPUT.json. Needs dbt-core 1.12.
import datetime
import decimal
import itertools
import json
import re
import sys

from dbt.clients.jinja import get_rendered
from dbt.context.base import get_context_modules

D = decimal.Decimal
modules = get_context_modules()
# By the template that gives the value. `decimal` is in the test's context.
VALUES = {
    "'a'": "a",
    "7": 7,
    "1.5": 1.5,
    "true": True,
    "[1]": [1],
    "(1, 2)": (1, 2),
    "{'a': 1}": {"a": 1},
    "{'a': 1}.keys()": {"a": 1}.keys(),
    "{'a': 1}.values()": {"a": 1}.values(),
    "{'a': 1}.items()": {"a": 1}.items(),
    "range(3)": range(3),
    "decimal": D("1.5"),
    "modules.datetime.datetime(2024, 2, 29)": datetime.datetime(2024, 2, 29),
    "modules.datetime.date(2024, 2, 29)": datetime.date(2024, 2, 29),
    "modules.datetime.time(1, 2)": datetime.time(1, 2),
    "modules.datetime.timedelta(1)": datetime.timedelta(1),
    "modules.datetime.datetime": datetime.datetime,
    "modules.datetime.date": datetime.date,
    "modules.datetime.time": datetime.time,
    "modules.datetime.timedelta": datetime.timedelta,
    "modules.re.match('a', 'a')": re.match("a", "a"),
    "modules.re.compile('a')": re.compile("a"),
}
attributes = {text: [name for name in dir(value) if not name.startswith("_")] for text, value in VALUES.items()}
for name, module in modules.items():
    attributes["modules." + name] = sorted(module)

NUMBERS = [
    "0", "-0", "0.00", "0E+3", "-0E-9", "1", "-1", "1.0", "1.00", "10", "0.1", "-0.5", "0.5", "1.5", "2.5", "-2.5",
    "2", "3", "4", "9", "100", "1E+2", "1E-7", "1234.5678", "-1234.5678", "0.000123", "99.995", "101", "-110", "1011",
    "12345678901234567890.123456789", "9999999999999999999999999999", "1000000000000000000000000000",
    "0.1234567890123456789012345678901234567890", "1E+30", "-1E-30", "5E-40", "1.000000001", "0.9999999999", "709",
    "-50.25", "1E+999999", "1E-999999", "1E-1000026", "2E-1000010", "Infinity", "-Infinity", "NaN",
]
FEW = ["0", "-0", "1", "1.0", "-2.5", "7", "-3", "0.1", "101", "110", "1E+2", "1E-30", "1234.5678",
       "9999999999999999999999999999", "Infinity", "-Infinity", "NaN"]
MODES = [name for name in dir(decimal) if name.startswith("ROUND_")]
SPECIAL = {"compare", "from_float", "fma", "quantize", "to_integral", "to_integral_exact", "to_integral_value"}


def outcome(work):
    try:
        # A NaN here has no sign: no database returns one.
        return repr(work()).replace("-NaN", "NaN")
    except Exception as error:
        return f"error: {error}".replace("Compilation Error\n  ", "")


def unary(name):
    return [outcome(getattr(D(text), name)) for text in NUMBERS]


def binary(name):
    return [outcome(lambda: getattr(D(a), name)(D(b))) for a, b in itertools.product(FEW, FEW)]


FLOATS = ["0.5", "-0.1", "2.0", "1e300", "5e-324"]
HEXADECIMAL = [
    "0x1.8p+1", "-0x1.999999999999ap-4", "1.fffffffffffff8p0", "0x0.0000000000001p-1022", "0x1p-1075",
    "0x1.8p-1074", "0x1p1024", " inf ", "ff", "xyz", "0x1.00000000000008000001p0",
]
EXPRESSIONS = [
    *[f"({n}).{m}()" for n in ["0", "7", "-255", "10 ** 30"] for m in ["as_integer_ratio", "bit_count", "bit_length"]],
    *["(7).to_bytes()", "(258).to_bytes(4, 'little')", "(-2).to_bytes(3, 'big', signed=true)", "(256).to_bytes()"],
    *["(-1).to_bytes()", "(0).from_bytes('é'.encode())", "(0).from_bytes('é'.encode(), 'little', signed=true)"],
    *["(true).bit_count()", "(true).to_bytes(2)"],
    *[f"({f}).{m}()" for f in FLOATS for m in ["hex", "as_integer_ratio", "conjugate"]],
    *[f"(0.5).fromhex('{text}')" for text in HEXADECIMAL],
    *["{'a': 1}.keys().isdisjoint(['a'])", "{'a': 1}.items().isdisjoint([('a', 2)])", "{'a': 1}.keys().mapping['a']"],
    "modules.re.match('(a)|(b)', 'ab').regs",
]


def rendered(expression):
    return outcome(lambda: get_rendered("{{ " + expression + " }}", {"modules": modules}))


methods = [name for name in attributes["decimal"] if callable(getattr(D, name)) and name not in SPECIAL]
calls = {"unary": {}, "binary": {"compare": binary("compare")}}
for name in methods:
    try:
        getattr(D(1), name)()
        calls["unary"][name] = unary(name)
    except TypeError:
        calls["binary"][name] = binary(name)
    except Exception:
        calls["unary"][name] = unary(name)
calls["quantize"] = {
    mode: [outcome(lambda: D(a).quantize(D(b), mode)) for a in NUMBERS for b in ["1", "0.01", "1E+2"]] for mode in MODES
}
calls["to_integral"] = {mode: [outcome(lambda: D(a).to_integral_value(mode)) for a in NUMBERS] for mode in MODES}
triples = [(D(a), D(b), D(c)) for a in FEW for b in FEW[:9] for c in ["0", "-0", "1.05", "NaN"]]
calls["fma"] = [outcome(lambda: a.fma(b, c)) for a, b, c in triples]
calls["from_float"] = [outcome(lambda: D("1").from_float(f)) for f in [0.1, 1.5, -2.25, 1e22, 5e-324, 3]]


def written(value, depth):
    """JSON with one line per list of texts."""
    if isinstance(value, dict):
        pad = "\n" + " " * depth
        entries = (f"{pad}{json.dumps(key)}: {written(each, depth + 1)}" for key, each in value.items())
        return "{" + ",".join(entries) + "}"
    return json.dumps(value)


with open(sys.argv[1], "w") as out:
    expressions = {text: rendered(text) for text in EXPRESSIONS}
    golden = {"expressions": expressions, "attributes": attributes, "numbers": NUMBERS, "few": FEW, "calls": calls}
    out.write(written(golden, 1) + "\n")

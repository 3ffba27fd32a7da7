# Makes random templates and renders them with real jinja2. Usage: python jinja_fuzz.py SEED COUNT   prints JSON in the
# form of jinja_cases.py.
import functools
import json
import random
import signal
import sys
import warnings

sys.path.insert(0, __file__.rsplit("/", 1)[0])
import jinja2.filters  # noqa: E402
import jinja_cases  # noqa: E402
from jinja_case_lists import CONTEXT  # noqa: E402
from jinja_fuzz_forms import FORMS  # noqa: E402

NAMES = [
    "n",
    "f",
    "one",
    "t",
    "no",
    "s",
    "xs",
    "ys",
    "tup",
    "d",
    "odd",
    "users",
    "a",
    "b",
    "c",
    "zero",
    "uni",
    "empty",
    "big",
    "dec",
]
FILTERS = [
    "abs",
    "capitalize",
    "count",
    "default('x')",
    "default(1, true)",
    "dictsort",
    "e",
    "first",
    "float",
    "int",
    "join(',')",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "upper",
    "map('string')|list",
    "map('upper')|list",
    "max",
    "min",
    "reverse|list",
    "round",
    "round(1)",
    "sort",
    "sort(reverse=true)",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique|list",
    "replace('o', 'x')",
    "select|list",
    "reject|list",
    "select('odd')|list",
    "batch(2)|list",
    "slice(2)|list",
    "items|list",
    "truncate(5)",
    "wordcount",
    "indent",
    "center(9)",
    "format(1)",
    "attr('nope')|string|length",
    "selectattr('age')|list",
    "map(attribute='name')|list",
    "groupby('age')",
    "int(5)",
    "float(1.5)",
    "urlencode",
    "striptags",
    "pprint",
    "wordwrap(4)",
    "xmlattr",
    "safe",
    "forceescape",
    "filesizeformat",
    "sum(start=1)",
    "join(attribute=0)",
    "rejectattr('tags')|list",
    "sort(attribute='name')",
    "unique(attribute=0)|list",
    "min(attribute='age')",
]
TESTS = [
    "defined",
    "undefined",
    "none",
    "odd",
    "even",
    "divisibleby 2",
    "divisibleby(3)",
    "string",
    "number",
    "integer",
    "float",
    "boolean",
    "mapping",
    "sequence",
    "iterable",
    "callable",
    "true",
    "false",
    "lower",
    "upper",
    "eq 1",
    "ne 'a'",
    "in xs",
    "in [1, 'a', none]",
    "sameas none",
    "gt 1",
    "le 2",
    "lt 'b'",
    "escaped",
]
METHODS = [
    "upper()",
    "lower()",
    "strip()",
    "split()",
    "split(',')",
    "split('o', 1)",
    "replace('a', 'b')",
    "title()",
    "startswith('h')",
    "find('o')",
    "count('l')",
    "join(ys)",
    "join(xs)",
    "get('a')",
    "get('zz', 5)",
    "keys()|list",
    "values()|list",
    "items()|list",
    "index(1)",
    "pop()",
    "append(1)",
    "copy()",
    "format(1)",
    "format(1, 2)",
    "zfill(5)",
    "isdigit()",
    "partition('o')",
    "rsplit(' ', 1)",
    "center(8)",
    "splitlines()",
    "capitalize()",
    "swapcase()",
    "rjust(4, '.')",
    "encode()",
    "expandtabs(2)",
    "isalpha()",
    "rfind('l')",
    "endswith('d')",
    "casefold()",
    "real",
    "nope",
    "nope()",
    "a",
    "b.c",
    "name",
    "age",
    "0",
    "1",
]
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", ">", "<=", ">=", "and", "or", "in", "not in"]
LITERALS = [
    "0",
    "1",
    "2",
    "-3",
    "42",
    "1.5",
    "0.0",
    "2.0",
    "1e3",
    "true",
    "false",
    "none",
    "''",
    "'a'",
    "'hello'",
    "'3'",
    "'%s'",
    "'a,b'",
    "[]",
    "{}",
    "()",
    "(1,)",
    "[1, 2]",
    "['a', 'B']",
    "{'a': 1}",
    "{1: 'x'}",
    "'é☃'",
    "10",
    "7",
    "[[1], [2]]",
    "'{}'",
    "'<b>'",
    "[none, 0]",
    "(1, 'a')",
]


class Maker:
    def __init__(self, rng):
        self.rng = rng
        self.macros = []

    def expr(self, depth):
        r = self.rng
        kind = r.random()
        if depth <= 0 or kind < 0.18:
            return r.choice(LITERALS) if r.random() < 0.5 else r.choice(NAMES)
        d = depth - 1
        if kind < 0.36:
            op = r.choice(BINARY)
            text = f"{self.expr(d)} {op} {self.expr(d)}"
            return f"({text})" if r.random() < 0.6 else text
        if kind < 0.40:
            first, second = ["<", "==", "in", ">="], ["<", "!=", "<="]
            return f"{self.expr(d)} {r.choice(first)} {self.expr(d)} {r.choice(second)} {self.expr(d)}"
        if kind < 0.56:
            return f"{self.atom(d)} | {r.choice(FILTERS)}"
        if kind < 0.63:
            return f"{self.atom(d)} is {r.choice(['', 'not '])}{r.choice(TESTS)}"
        if kind < 0.74:
            return f"{self.atom(d)}.{r.choice(METHODS)}"
        if kind < 0.82:
            index = r.choice(["0", "-1", "1", "'a'", "1:", ":2", "::-1", "::2", "5", "-2:", "none", self.expr(0)])
            return f"{self.atom(d)}[{index}]"
        if kind < 0.87:
            return f"({self.expr(d)} if {self.expr(d)}" + (f" else {self.expr(d)})" if r.random() < 0.8 else ")")
        if kind < 0.91:
            return f"{r.choice(['not ', '-', '+'])}{self.expr(d)}"
        if kind < 0.96:
            items = ", ".join(self.expr(d) for _ in range(r.randint(0, 3)))
            return r.choice([f"[{items}]", f"({items},)" if items else "()", "{'k': " + self.expr(d) + "}"])
        if self.macros and r.random() < 0.7:
            args = ", ".join([self.expr(0) for _ in range(r.randint(0, 3))] + (["b=1"] if r.random() < 0.3 else []))
            return f"{r.choice(self.macros)}({args})"
        return r.choice(
            [
                "range(3)",
                "range(5, 1, -2)|list",
                "dict(a=1)",
                "namespace(x=1).x",
                "caller()",
                "loop.index",
                "loop.last",
                "varargs",
                "kwargs",
                "x",
            ]
        )

    def atom(self, depth):
        text = self.expr(depth)
        return text if all(c.isalnum() or c in "_.'[]" for c in text) and not text[0].isdigit() else f"({text})"

    def body(self, depth, loop=False):
        return "".join(self.statement(depth, loop) for _ in range(self.rng.randint(1, 3)))

    def tag(self, text):
        r = self.rng
        left, right = r.choice(["{%", "{%", "{%", "{%-", "{%+"]), r.choice(["%}", "%}", "%}", "-%}"])
        return f"{left} {text} {right}"

    def statement(self, depth, loop=False):
        r = self.rng
        kind = r.random()
        if depth <= 0 or kind < 0.25:
            return (
                "{{ " + self.expr(2) + " }}" if r.random() < 0.6 else r.choice(["text ", "\n", "  \n ", "a\n b", ";"])
            )
        d = depth - 1
        name = r.choice(["a", "b", "c", "n", "x"])
        if kind < 0.42:
            target = r.choice([name, name, f"{name}, c"])
            return self.tag(f"set {target} = {self.expr(2)}")
        if kind < 0.47:
            return (
                self.tag(f"set {name}{r.choice(['', '', ' | upper', ' | ' + r.choice(FILTERS)])}")
                + self.body(d, loop)
                + self.tag("endset")
            )
        if kind < 0.60:
            text = self.tag(f"if {self.expr(2)}") + self.body(d, loop)
            if r.random() < 0.3:
                text += self.tag(f"elif {self.expr(1)}") + self.body(d, loop)
            if r.random() < 0.5:
                text += self.tag("else") + self.body(d, loop)
            return text + self.tag("endif")
        if kind < 0.76:
            source = r.choice(["xs", "ys", "tup", "d", "range(3)", "[1, 2]", "users", "'ab'", "[]", self.expr(1)])
            target = r.choice([name, name, "k, v"])
            test = f" if {self.expr(1)}" if r.random() < 0.25 else ""
            text = self.tag(f"for {target} in {source}{test}") + self.body(d, True)
            if r.random() < 0.3:
                text += (
                    "{{ "
                    + r.choice(
                        [
                            "loop.index",
                            "loop.last",
                            "loop.length",
                            "loop.revindex0",
                            "loop.cycle('a', 'b')",
                            "loop.previtem",
                            "loop.changed(a)",
                        ]
                    )
                    + " }}"
                )
            if r.random() < 0.2:
                text += self.tag("else") + self.body(d, loop)
            return text + self.tag("endfor")
        if kind < 0.84:
            macro = r.choice(["m1", "m2", "m3"])
            arguments = r.choice(["", "a", "a, b=2", "a, b=a", "x=1"])
            text = self.tag(f"macro {macro}({arguments})") + self.body(d) + self.tag("endmacro")
            if macro not in self.macros:
                self.macros.append(macro)
            return text + "{{ " + macro + "(" + r.choice(["", "1", "1, 2", "b=1", "n, b=f"]) + ") }}"
        if kind < 0.88 and self.macros:
            return (
                self.tag(f"call{r.choice(['', '(a)', '(a, b=1)'])} {r.choice(self.macros)}({r.choice(['', '1'])})")
                + self.body(d)
                + self.tag("endcall")
            )
        if kind < 0.92:
            return self.tag(f"with {name} = {self.expr(1)}") + self.body(d, loop) + self.tag("endwith")
        if kind < 0.95:
            return (
                self.tag("filter " + r.choice(["upper", "upper", "trim", r.choice(FILTERS)]))
                + self.body(d, loop)
                + self.tag("endfilter")
            )
        if loop and kind < 0.97:
            return self.tag(f"if {self.expr(1)}") + self.tag(r.choice(["break", "continue"])) + self.tag("endif")
        return self.tag(f"do {self.expr(2)}")


PIECES = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "-",
    "+",
    "\n",
    " ",
    "'",
    '"',
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "|",
    ".",
    ",",
    ":",
    "=",
    "is",
    "not",
    "in",
    "if",
    "else",
    "endif",
    "endfor",
    "endmacro",
    "set",
    "raw",
    "endraw",
    "1",
    "0x1f",
    "1e3",
    "1_0",
    "a",
    "~",
    "**",
    "//",
    "==",
    "!",
    "$",
    "\\",
    "é",
    "%",
    "*",
    "\t",
    "{%-",
    "-%}",
    "{{-",
]


def mutate(rng, source):
    """The template with a few pieces put in, taken out or doubled: mostly syntax errors."""
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(source) + 1)
        kind = rng.random()
        if kind < 0.5:
            source = source[:at] + rng.choice(PIECES) + source[at:]
        elif kind < 0.85:
            source = source[:at] + source[at + rng.randint(1, 4) :]
        else:
            source = source[:at] + source[at : at + 6] + source[at:]
    return source


def formatting(rng):
    """Prints with Python's two format languages."""
    value = rng.choice(
        [
            "n",
            "-n",
            "f",
            "-f",
            "one",
            "zero",
            "'abc'",
            "uni",
            "t",
            "no",
            "1e20",
            "1e-7",
            "0.5",
            "-0.0",
            "2.675",
            "1234567.891",
            "255",
            "xs",
        ]
    )
    width, precision = rng.choice(["", "", "5", "12", "1"]), rng.choice(["", "", ".0", ".2", ".5"])
    if rng.random() < 0.5:
        flags = "".join(rng.sample("-+ 0#", rng.randint(0, 2)))
        return "{{ '[%" + flags + width + precision + rng.choice("sdifFeEgGxXocra") + "]' % (" + value + ",) }}"
    align = rng.choice(["", "", "<", ">", "^", "=", "*<", "x^", "0="])
    sign, alternate, zero, group = (
        rng.choice(["", "", "+", " ", "-"]),
        rng.choice(["", "", "", "#"]),
        rng.choice(["", "", "0"]),
        rng.choice(["", "", ",", "_"]),
    )
    return (
        "{{ '[{:"
        + align
        + sign
        + alternate
        + zero
        + width
        + group
        + precision
        + rng.choice(["", "", "s", "d", "f", "e", "g", "%", "x", "X", "o", "b", "c", "n", "G"])
        + "}]'.format("
        + value
        + ") }}"
    )


# Nothing in what a template prints may differ from run to run of jinja2 itself.
UNSTABLE = (" at 0x", "<Macro", "LoopContext", "<bound method", "<function", "root.<locals>")
addresses = []


def watched(function):
    """The filter, noting when a text is made of something whose text is its address."""
    at = 1 if hasattr(function, "jinja_pass_arg") else 0

    @functools.wraps(function)
    def watching(*args, **kwargs):
        result = function(*args, **kwargs)
        subject = args[at] if len(args) > at else None
        if (isinstance(subject, str) or isinstance(result, str)) and " at 0x" in str(subject):
            addresses.append(subject)
        return result

    return watching


for name, function in jinja2.filters.FILTERS.items():
    jinja2.filters.FILTERS[name] = watched(function)


class Endless(BaseException):
    """A template that does not come to its end, such as a loop that adds to what it goes over."""


def stop(*_):
    raise Endless


def main(seed, count):
    signal.signal(signal.SIGALRM, stop)
    warnings.simplefilter("ignore")
    records = []
    for i in range(count):
        maker = Maker(random.Random(seed * 1_000_003 + i))
        source = maker.body(3) if i % 2 else "{{ " + maker.expr(4) + " }}"
        if i % 4 == 2:
            source = formatting(maker.rng)
        elif i % 4 == 3:
            source = mutate(maker.rng, maker.body(2))
        options = {"trim_blocks": True, "lstrip_blocks": True} if i % 5 == 0 else {}
        if i % 3 == 0:
            source, options = maker.rng.choice(FORMS)(maker)
        addresses.clear()
        signal.setitimer(signal.ITIMER_REAL, 2)
        try:
            record = jinja_cases.run((source, options))
        except Endless:
            continue
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if (
            record is None
            or addresses
            or record.get("error", {}).get("type") in ("RecursionError", "MemoryError", "AssertionError", "NameError")
        ):
            continue
        if any(mark in record.get("out", record.get("error", {}).get("message", "")) for mark in UNSTABLE):
            continue
        records.append(record)
    json.dump(
        {"context": {key: jinja_cases.encode(value) for key, value in CONTEXT.items()}, "areas": {"fuzz": records}},
        sys.stdout,
    )


main(int(sys.argv[1]), int(sys.argv[2]))

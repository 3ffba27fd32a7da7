# Random templates of a given form, for jinja_fuzz.py: what its free grammar rarely reaches (recursive loops, callers,
# imports and includes, namespaces, filters with arguments, slices, tuples, % with several values, spaces around tags).
TREE = ("[{'n': 'a', 'kids': [{'n': 'b', 'kids': []}, {'n': 'c', 'kids': [{'n': 'd', 'kids': []}]}]}, "
    "{'n': 'e', 'kids': []}]")
LOOP = ["index", "index0", "revindex", "revindex0", "first", "last", "length", "depth", "depth0", "previtem",
    "nextitem", "cycle('x', 'y')", "cycle(1)", "changed(n)", "changed()"]
TEMPLATES = {
    "lib": "{% macro hello(name='you', mark='!') %}hello {{ name }}{{ mark }}{{ caller() if caller else '' }}{% "
    "endmacro %}{% set number = 7 %}{% macro _hidden() %}h{% endmacro %}{% set seen = n %}",
    "part": "[{{ a }}|{{ n }}|{{ x is defined }}]",
    "base": "<{% block head %}base {{ n }}{% endblock %}{% block body scoped %}b{% endblock %}>{{ self.head() }}",
    "loop": "{% for i in [1, 2] %}{{ i }}{{ loop.index }}{% endfor %}",
}


def argument(r):
    return r.choice(["1", "2", "0", "-1", "'x'", "'a'", "none", "true", "' '", "','", "3.5", "xs", "n", "s", "'<'",
        "[1]", "'%s'", "''"])


def number(r):
    return r.choice(["0", "1", "2", "3", "7", "-1", "30"])


NUMBERS = {"truncate", "round", "int", "slice", "batch", "center", "tojson", "indent", "urlize"}
FILTERS = {
    "batch": ["{}", "3, {}", "linecount=2, fill_with={}"], "slice": ["{}", "2, {}", "slices=3"],
    "join": ["{}", "{}, 'name'", "d={}", "attribute='age'"], "default": ["{}", "{}, {}",
        "default_value={}, boolean=true"],
    "replace": ["{}, {}", "{}, {}, {}", "'a', 'b', count=1"], "round": ["{}", "{}, 'floor'", "method='ceil'",
        "precision=1, method={}"], "truncate": ["{}", "{}, true", "{}, true, '…'", "5, leeway=0", "9, true, '..', 0"],
    "indent": ["{}", "{}, true", "width='> '", "2, blank=true", "first=true"], "sort": ["{}", "true, true",
        "case_sensitive={}", "attribute={}", "reverse=true, attribute='name'", "attribute='age,name'"],
    "center": ["{}", "width=9"],
    "dictsort": ["{}", "true, 'value'", "by='value', reverse=true", "by={}"], "int": ["{}", "{}, 16", "default=9",
        "base=2"], "float": ["{}", "default={}"], "unique": ["{}", "attribute='age'", "true, 'name'"],
    "min": ["{}", "attribute='age'"], "max": ["true", "attribute='name'"], "sum": ["{}", "'age', {}", "start={}"],
    "map": ["{}", "'default', {}", "attribute='nope', default={}", "'replace', 'a', {}", "attribute='name.x'"],
    "select": ["{}", "'>', 1", "'in', xs", "'divisibleby', {}"], "reject": ["'eq', {}", "'none'"],
    "selectattr": ["'age', '>', {}", "'name', 'in', {}", "'name'", "{}"], "rejectattr": ["'age', 'eq', {}", "'zz'"],
    "groupby": ["'age'", "{}", "'name', default={}", "attribute='age', case_sensitive=true"],
    "wordwrap": ["7", "5, false", "4, true, '|'", "wrapstring={}"], "tojson": ["{}", "indent=2"],
    "trim": ["{}", "chars='h'"], "format": ["{}", "{}, {}", "x={}"],
    "attr": ["{}", "'upper'"], "xmlattr": ["{}", "autospace=false"], "urlize": ["{}", "9, true"],
    "filesizeformat": ["true", "{}"], "pprint": [""], "list": [""], "first": [""], "last": [""], "random": ["1, 2"],
    "length": ["{}"], "items": ["{}"],
}


def filters(maker):
    r = maker.rng
    text = maker.atom(1)
    for _ in range(r.randint(1, 3)):
        name = r.choice(list(FILTERS))
        # Where Python wants a number or a name, another type fails in the middle of jinja2's own code, with words that
        # say nothing.
        value = (
            number if name in NUMBERS else (lambda r: r.choice(["'upper'", "'a'", "'nope'"])) if name in ("attr",
                "wordwrap") else argument
        )
        text += f" | {name}({''.join(p if p else value(r) for p in split(r.choice(FILTERS[name])))})"
    return "{{ " + text + r.choice([" | list", "", "", " | string"]) + " }}", {}


def split(text):
    parts = text.split("{}")
    out = [parts[0] or " "]
    for part in parts[1:]:
        out += ["", part or " "]
    return out


def loops(maker):
    r = maker.rng
    props = "".join("{{ loop." + r.choice(LOOP) + " }}," for _ in range(r.randint(1, 3)))
    if r.random() < 0.4:
        inner = r.choice(["{{ loop(n.kids) }}", "{% if n.kids %}({{ loop(n.kids) }}){% endif %}",
            "{{ loop(n.kids) | upper }}", "{% set inner = loop(n.kids) %}{{ inner|length }}",
            "{% for k in n.kids %}{{ loop.index }}{{ k.n }}{% endfor %}", "{{ loop([]) }}"])
        test = r.choice(["", "", " if n.n != 'b'", " if n.kids"])
        return (
            "{% for n in " + TREE + test + " recursive %}{{ n.n }}" + props + inner + r.choice(["", "{% else %}none"])
            + "{% endfor %}", {}
        )
    source = r.choice(["xs", "[]", "users", "d.items()", "d|dictsort", "'abc'", "range(4)", "zip", "[[1, 2], [3, 4]]",
        "[(1, (2, 3))]", "xs|reverse", "{}", "none", "n", "nope", "xs|batch(2)", "range(0)"])
    target = r.choice(["n", "a, b", "a, (b, c)", "x", "a,"])
    test = r.choice(["", "", " if loop.index > 1", " if a", " if x is odd", f" if {maker.expr(1)}",
        " if not loop.first"])
    body = r.choice(["{{ n }}", "{% set c = 1 %}{{ c }}", "{{ a }}{{ b }}",
        "{% if loop.first %}{% continue %}{% endif %}{{ x }}", "{% if loop.index == 2 %}{% break %}{% endif %}.",
        "{% for n in [1, 2] %}{{ loop.index }}{% if n == 1 %}{% continue %}{% endif %}-{% endfor %}",
        maker.body(1, True)])
    return (
        "{% set c = 0 %}{% for " + target + " in " + source + test + " %}" + body + props
        + r.choice(["", "{% else %}empty {{ c }}"]) + "{% endfor %}{{ c }}{{ n }}{{ loop }}", {}
    )


def callers(maker):
    r = maker.rng
    signature = r.choice(["", "a", "a, b=2", "a=1, b=a", "a, b=caller"])
    inside = r.choice(["{{ caller() }}", "{{ caller(a) }}", "{{ caller(1, 2) }}", "{{ caller(x=1) }}",
        "{% if caller %}{{ caller() }}{% endif %}", "{% set t = caller() %}{{ t|upper }}", "{{ caller()|length }}",
        "{% for i in [1, 2] %}{{ caller(i) }}{% endfor %}"])
    rest = r.choice(["{{ varargs }}{{ kwargs }}", "{{ kwargs.z }}", "{{ varargs|length }}", "", "{{ a }}{{ b }}",
        "{{ m.name }}{{ m.arguments }}"])
    macro = (
        "{% macro m(" + signature + ") " + r.choice(["%}", "-%}"]) + rest + inside
        + r.choice(["", "{{ caller is defined }}"]) + "{%- endmacro %}"
    )
    call = (
        "{% call" + r.choice(["", "(x)", "(x, y=3)", "(x=1)"]) + " m(" + r.choice(["", "1", "1, 2, 3", "b=1", "1, z=2",
            "a=1", "*xs", "**d", "*[1], **{'z': 1}"]) + ") %}" + r.choice(["<{{ x }}>", "{{ x }}{{ y }}",
            maker.body(1), "{% set q = 1 %}{{ q }}"]) + "{% endcall %}"
    )
    return (
        macro + r.choice([call, call, call + "{{ m(1) }}", "{{ m(" + r.choice(["", "1", "1, 2", "1, 2, 3", "b=2",
            "z=1", "1, a=1"]) + ") }}"]), {}
    )


def imports(maker):
    r = maker.rng
    head = r.choice([
        "{% import 'lib' as l %}{{ l.hello('x') }}{{ l.number }}{{ l.seen }}",
        "{% import 'lib' as l with context %}{{ l.seen }}{{ l.hello(mark=n) }}",
        "{% from 'lib' import hello %}{{ hello() }}",
        "{% from 'lib' import hello as h, number %}{{ h(n) }}{{ number }}",
        "{% from 'lib' import nothing %}{{ nothing is defined }}{{ nothing }}",
        "{% from 'lib' import _hidden %}{{ _hidden() }}", "{% include 'part' %}",
        "{% set x = 1 %}{% include 'part' %}{% include 'part' without context %}",
        "{% include 'absent' ignore missing %}|",
        "{% include 'absent' %}", "{% include ['absent', 'part'] %}",
        "{% for a in [1, 2] %}{% include 'part' %}{% endfor %}",
        "{% extends 'base' %}{% block head %}own {{ super() }}{% endblock %}",
        "{% extends 'base' %}ignored{% block body %}{{ n }}{{ self.head() }}{% endblock %}",
        "{% from 'lib' import hello %}{% call hello('a') %}inner {{ n }}{% endcall %}",
        "{% import 'lib' as l %}{% for i in [1] %}{{ l.hello(i) }}{% endfor %}{{ l.zzz }}",
        "{% include 'lo' ~ 'op' %}", "{% from 'lib' import hello with context %}{{ hello(x) }}",
        "{% block one %}1{{ n }}{% endblock %}{{ self.one() }}",
        "{% import n ~ '' as l %}", "{% macro m() %}{% import 'lib' as l %}{{ l.hello() }}{% endmacro %}{{ m() }}",
    ])
    return head + r.choice(["", maker.body(1)]), {"templates": TEMPLATES}


def namespaces(maker):
    r = maker.rng
    steps = r.choice([
        "{% for i in xs %}{% set ns.x = ns.x + 1 %}{% endfor %}", "{% set ns.y = 'b' %}",
        "{% if true %}{% set ns.x = [1] %}{% endif %}", "{% set ns.x %}block {{ n }}{% endset %}",
        "{% set ns.x, a = 1, 2 %}", "{% macro m() %}{% set ns.x = 9 %}{% endmacro %}{{ m() }}",
        "{% do ns.update(x=3) %}",
        "{% set other.x = 1 %}", "{% set d.x = 1 %}", "{% for ns.x in [1, 2] %}.{% endfor %}",
        "{% with %}{% set ns.x = 4 %}{% endwith %}", "{% set ns = 5 %}",
    ])
    return (
        "{% set ns = namespace(" + r.choice(["x=0", "{'x': 1}", "x=xs", "", "d", "[('x', 2)]"]) + ") %}" + steps
        + "{{ ns.x }}{{ ns['x'] }}{{ ns.y }}{{ ns.zz is defined }}", {}
    )


def slices(maker):
    r = maker.rng
    part = (
        lambda: r.choice(["", "", "0", "1", "-1", "2", "-2", "5", "none", "n", "-n", "1.5", "'a'", "zero"])
    )  # noqa: E731
    value = r.choice(["xs", "s", "tup", "range(6)", "'häl☃o'", "[1, [2, 3], 'x']", "(1, 2, 3)", "d", "n", "uni",
        "users", "xs|list", "'x'", "[]"])
    step = r.choice([f"{part()}:{part()}", f"{part()}:{part()}:{part()}", f"::{part()}", part() or "0", "1, 2",
        "1:2, 3"])
    return "{{ " + value + "[" + step + "]" + r.choice(["", "[0]", "[::-1]", "|list", " ~ ''"]) + " }}", {}


def tuples(maker):
    r = maker.rng
    return (
        r.choice([
        "{{ 1, 2 }}", "{{ (1, 2) + (3,) }}", "{{ (1,) * 3 }}", "{% set a, b = (1, 2) %}{{ b }}{{ a }}",
        "{% set a, b = xs %}{{ a }}", "{% set (a, b), c = (1, 2), 3 %}{{ a }}{{ c }}",
        "{% set a = 1, 2 %}{{ a[1] }}{{ a }}", "{{ () }}{{ (n,) }}", "{{ (1, 'a', none, 1.0, true) }}",
        "{{ (1, 2) < (1, 3) }}{{ (1,) == [1] }}", "{{ 1 in (1, 2) }}{{ (1, 2)|join }}",
        "{% for a, b in ((1, 2), (3, 4)) %}{{ a }}{{ b }}{% endfor %}", "{% if 1, 2 %}t{% endif %}",
        "{{ {(1, 2): 'x'}[1, 2] }}", "{{ {'a': (1, [2, {'b': (3,)}])} }}", "{% set a, = [1] %}{{ a }}", "{% return_ %}",
        "{{ dict([('a', 1)]) }}{{ dict(a=1, **{'b': 2}) }}",
        "{{ (1, 2).count(1) }}{{ (1, 2).index(2) }}{{ (1, 2).append }}", "{{ (" + maker.expr(1) + ", " + maker.expr(1)
        + ") }}",
    ]), {}
    )


def percents(maker):
    r = maker.rng
    spec = (
        lambda: "%" + r.choice(["", "", "-", "+", "0", " ", "#"]) + r.choice(["", "", "4", "*", "08"])
        + r.choice(["", "", ".1", ".3", ".*"]) + r.choice("sdfixgercoXE%a")
    )  # noqa: E731
    text = "".join(r.choice([spec(), spec(), "x", "é", "%%", "%(a)s", "%(b)05d"]) for _ in range(r.randint(1, 4)))
    values = r.choice(["(n,)", "n", "(n, f)", "(1, 'a', 2.5)", "d", "{'a': 1, 'b': 2}", "xs", "()", "('x', 1)", "none",
        "tup", "(1, 2, 3, 4)", "[1, 2]", "'text'"])
    return "{{ '" + text + "' % " + values + " }}", {}


def spaces(maker):
    r = maker.rng
    out = ""
    depth = 0
    gap = lambda: r.choice(["", "", " ", "\n", "  \n", "\n  ", "\n\n", "\t", " x ", "\r\n", "y\n   "])  # noqa: E731
    for _ in range(r.randint(3, 9)):
        left, right = r.choice(["", "", "-", "+"]), r.choice(["", "", "-", "+"])
        kind = r.choice(["if", "end", "print", "comment", "raw", "set", "text"])
        if kind == "if":
            out += gap() + "{%" + left + " if true " + right + "%}"
            depth += 1
        elif kind == "end" and depth:
            out += gap() + "{%" + left + " endif " + right + "%}"
            depth -= 1
        elif kind == "print":
            out += gap() + "{{" + left + " n " + right.replace("+", "") + "}}"
        elif kind == "comment":
            out += gap() + "{#" + left + " c " + right + "#}"
        elif kind == "raw":
            out += (
                gap() + "{%" + left + " raw " + r.choice(["", "-"]) + "%}" + gap() + "{{ r }}" + gap() + "{%"
                + r.choice(["", "-", "+"]) + " endraw " + right + "%}"
            )
        elif kind == "set":
            out += gap() + "{%" + left + " set a = 1 " + right + "%}"
        else:
            out += gap() + "text" + gap()
    out += "".join(gap() + "{% endif %}" for _ in range(depth)) + gap()
    options = {"trim_blocks": r.random() < 0.5, "lstrip_blocks": r.random() < 0.5, "keep_trailing_newline": r.random(
        ) < 0.3}
    return out, {key: value for key, value in options.items() if value}


def blocks(maker):
    r = maker.rng
    return (
        r.choice([
        "{% set x | upper %}a{{ n }}{% endset %}{{ x }}",
        "{% set x | replace('a', 'b') | trim %} aa {% endset %}[{{ x }}]",
        "{% set x %}{% for i in xs %}{{ i }}{% endfor %}{% endset %}{{ x|length }}{{ x.upper() }}",
        "{% filter replace('a', n ~ '') | upper %}banana{% endfilter %}",
        "{% set x %}{% set y = 1 %}{% endset %}{{ y }}{{ x }}",
        "{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}",
        "{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q }}", "{% do xs.append(4) %}{{ xs }}",
        "{% do d.update({'z': 1}) %}{{ d }}", "{% if xs.append(1) %}{% endif %}{{ xs|length }}",
        "{% set x = [] %}{% for i in xs %}{% do x.append(i) %}{% endfor %}{{ x }}",
        "{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}",
        "{% set f = 1 %}{% macro g() %}{{ f }}{{ h }}{% endmacro %}{% set h = 2 %}{{ g() }}",
        "{% if false %}{% set v = 1 %}{% endif %}{{ v is defined }}",
        "{% autoescape true %}{{ '<' }}{{ '<'|safe }}{% endautoescape %}",
        "{% for i in [1] %}{% set v = i %}{% endfor %}{{ v }}",
        "{% macro g(x) %}{% set x = x ~ 'z' %}{{ x }}{% endmacro %}{{ g('a') }}{{ g(x=n) }}",
        "{{ cycler('a', 'b').next() }}{% set j = joiner(',') %}{{ j() }}{{ j() }}",
        "{% set x = 1 if n else 2 %}{{ x }}{{ 'a' if false }}", "{{ 'a' ~ 1 ~ none ~ [1] ~ true }}",
        "{% set x %}{{ caller() }}{% endset %}", "{{ lipsum is callable }}",
    ]) + r.choice(["", "", maker.body(1)]), {}
    )


def lazy(maker):
    """Loops whose condition sees what the body has changed."""
    r = maker.rng
    source = r.choice(["range(6)", "xs", "xs|map('string')", "'hello'", "d", "d.items()", "users", "ys|select",
        "[1, 'a', none]", "xs|batch(2)", "[[1, 2], [3, 4], 'ab']", "(1, 2, 3)"])
    target = r.choice(["i", "i", "i", "i, j"])
    test = r.choice(["ns.x != i", "i != 2", "loop.index", "i not in l", "i > ns.x", "l|length < 3", "i", "m(i)",
        "m(ns.x)", "l.append(i) is none", "i < 'a'", "not l.append(ns.x)", "xs[i]", maker.expr(1),
        "ns.y is defined or i", ""])
    change = r.choice(["{% set ns.x = i %}", "{% set ns.x = ns.x + 1 %}", "{% do l.append(i) %}", "{% do l.pop() %}",
        "{% set ns.y = loop.last %}", "{% do d.update({i: 1}) %}", "{% do d.pop('a') %}",
        "{% if i == 2 %}{% break %}{% endif %}", "{% if loop.first %}{% continue %}{% endif %}", "{% set l = [] %}",
        "{{ l }}", ""])
    props = "".join(r.choice(["{{ loop." + r.choice(LOOP) + " }},", "{{ loop|length }}",
        "{% for a, b in loop %}{{ a }}{{ b.index }}{% endfor %}", "{% if loop.last %}!{% endif %}", "{{ i }};", "\n",
        "{% macro in_loop() %}{{ loop." + r.choice(LOOP[:11]) + " }}{% endmacro %}{{ in_loop() }}"])
        for _ in range(r.randint(1, 4)))
    return (
        "{% set ns = namespace(x=0) %}{% set l = [1] %}{% macro m(x) %}{{ 'y' if x }}{{ ns.x if false }}{% endmacro "
        "%}{% for " + target + " in " + source + (" if " + test if test else "") + " %}" + change + props
        + r.choice(["", change]) + r.choice(["", "{% else %}none"]) + "{% endfor %}{{ ns.x }}{{ l }}", {}
    )


def nested(maker):
    """Macros in macros, with callers, further arguments and names of the scopes around them."""
    r = maker.rng
    arguments = lambda: r.choice(["", "a", "a, b=2", "b=a", "x=n, y=x"])  # noqa: E731
    given = (
        lambda: r.choice(["", "1", "1, 2", "b=1", "a=2", "n, z=1", "*xs", "**{'a': 1}", "*[1], **{'q': 2}", "1, *ys",
            "loop.index", "caller"])
    )  # noqa: E731
    piece = (
        lambda: r.choice(["{{ varargs }}", "{{ kwargs }}", "{{ kwargs|length }}", "{{ caller() if caller }}",
            "{{ a }}", "{{ b }}", "{{ x }}", "{{ n }}", "{% set x = 5 %}", "{% set a %}{{ a }}!{% endset %}",
            "{{ caller(1) }}", "{{ inner(" + given() + ") }}", "{{ outer is defined }}", "{{ caller is defined }}",
            "{{ varargs[0] }}", "\n"])
    )  # noqa: E731
    body = lambda: "".join(piece() for _ in range(r.randint(1, 4)))  # noqa: E731
    inner = "{% macro inner(" + arguments() + ") %}" + body().replace("inner(", "str(") + "{% endmacro %}"
    call = (
        lambda name: r.choice(["{{ " + name + "(" + given() + ") }}", "{% call" + r.choice(["", "(x)", "(a, b=1)"])
            + " " + name + "(" + given() + ") %}" + body().replace("inner(", "m9(") + "{% endcall %}", "{% set q = "
            + name + "(" + given() + ") %}{{ q|upper }}", "{% for i in [1, 2] %}{{ " + name + "(i) }}{% endfor %}"])
    )  # noqa: E731
    outer = "{% macro outer(" + arguments() + ") %}" + body() + inner + call("inner") + body() + "{% endmacro %}"
    return (
        r.choice(["{% set x = 1 %}", "", "{% set n = 7 %}"]) + r.choice([outer, inner + outer.replace(inner, ""),
            outer]) + call("outer") + r.choice(["", call("outer"), "{% set x = 2 %}" + call("outer"),
            "{{ outer.arguments }}{{ outer.name }}{{ outer.catch_kwargs }}{{ outer.catch_varargs }}"
            "{{ outer.caller }}"]), {}
    )


OUTER = ["length", "upper", "int", "list", "first", "trim|length", "wordcount", "default('x')", "replace('a', n ~ '')",
    "truncate(3, true)", "e", "float", "reverse", "string|list|length", "join('-')", "indent(2)", "abs", "nope",
    "sort|join", "tojson", "batch(2)|list", "round", "last|int", "title", "safe", "center(9)", "split"]


def captured(maker):
    """Blocks whose text goes through filters, which may give something else than text."""
    r = maker.rng
    def block(depth):
        inside = "".join(r.choice(["a", "{{ n }}", "{{ s }}", "{{ 1 }}", "\n", "3", "{{ 'x' ~ n }}",
            "{% if n %}b{% endif %}", "{% for i in xs %}{{ i }}{% endfor %}"] + ([block(depth - 1)] if depth else []))
            for _ in range(r.randint(0, 3)))
        name = r.choice(["v", "w", "n"])
        return r.choice([
            "{% filter " + r.choice(OUTER) + " %}" + inside + "{% endfilter %}", "{% set " + name + " | "
            + r.choice(OUTER) + " %}" + inside + "{% endset %}{{ " + name + " }}", "{% set " + name + " %}" + inside
            + "{% endset %}{{ " + name + "|length }}{{ " + name + " }}",
            "{% macro f() %}" + inside + "{% filter " + r.choice(OUTER) + " %}" + inside
            + "{% endfilter %}{% endmacro %}{{ f() }}", "{% call " + r.choice(["f()", "s.upper()", "n()", "nope()",
                "range(2)", "dict(a=1)", "namespace()", "joiner()", "xs.append(1)", "cycler(1)"]) + " %}" + inside
            + "{% endcall %}",
        ])
    return "".join(r.choice(["", "a\n", "{{ n }}", "{{ 1 }}{{ 2 }}"]) + block(2) for _ in range(r.randint(1, 2))), {}


TESTED = {
    "divisibleby": ["(2)", " 3", "(0)", "('a')"], "eq": [" 1", "('a')", "(xs)"], "equalto": ["(42)"], "==": [],
    "ne": [" n", "('b')"], "gt": [" 1", "('a')", "(f)"], "ge": ["(2)", "(none)"], "lt": [" 3", "(xs)"],
    "le": ["(n)", "('z')"], "greaterthan": ["(1)"], "lessthan": ["(9)"],
    "in": [" xs", "('abc')", "(d)", " [1, 2]", "(5)", "(none)"], "sameas": [" none", "(n)", "(true)", "(1)"],
    "filter": ["", "('x')"], "test": [""], "defined": ["", "(1)"], "none": ["", " is true"], "string": [""],
    "upper": [""], "lower": [""], "odd": ["", "(1)"], "even": [""], "mapping": [""], "iterable": [""], "sequence": [""],
    "number": [""], "integer": [""], "float": [""], "boolean": [""], "callable": [""], "true": [""], "false": [""],
    "escaped": [""], "undefined": [""],
}


def tests(maker):
    r = maker.rng
    name = r.choice([key for key, arguments in TESTED.items() if arguments])
    value = r.choice([maker.atom(1), "n", "'upper'", "'nope'", "1", "true", "nope", "xs", "s", "none", "'abc'",
        "'ABC'", "1.0", "d", "namespace(x=1)", "range(3)", "('a'|safe)", "dict", "(1, 2)"])
    text = value + " is " + r.choice(["", "", "not "]) + name + r.choice(TESTED[name])
    return (
        r.choice(["{{ " + text + " }}", "{{ " + text + " and " + maker.expr(0) + " }}", "{{ 'y' if " + text
            + " else 'n' }}", "{{ not " + text + " }}", "{{ (" + text + ") ~ 'x' }}", "{{ xs|select('" + name
            + "')|list }}", "{{ users|selectattr('age', '" + name + "', 3)|list }}", "{{ [" + value + ", 1]|reject('"
            + name + "', 2)|list }}"]), {}
    )


STRINGS = ["s", "'hello world'", "'a,b,,c'", "''", "'  pad\t'", "'HeLLo'", "uni", "'x1y22'", "'line\nnext\r\nlast'",
    "'ab' * 3", "('<a>'|safe)", "'é☃'", "'12'", "'-4'"]
TEXT_METHODS = {
    "split": ["", "','", "'l', 1", "none, 1", "sep='a'", "maxsplit=1", "''", "'a', -1"], "rsplit": ["", "','",
        "'o', 1", "none, 1"], "strip": ["", "'h'", "' d'", "none"], "lstrip": ["", "'he'"], "rstrip": ["", "'d '"],
    "replace": ["'l', 'L'", "'l', ''", "'', '-'", "'l', 'x', 1", "'a', 1"], "find": ["'l'", "'l', 4", "'z'", "'', 2",
        "'o', -4, -1"],
    "rfind": ["'l'", "'l', 0, 3"], "index": ["'l'", "'zz'"], "count": ["'l'", "''", "'l', 3", "'o', 0, 5"],
    "startswith": ["'h'", "('a', 'h')", "'l', 2", "1"], "endswith": ["'d'", "('x', 'd')", "'o', 0, 5"],
    "join": ["xs", "ys", "['a', 'b']", "'abc'", "d", "users", "[]", "n", "('a', 1)"], "zfill": ["5", "1", "'a'"],
    "center": ["9", "9, '*'", "9, 'ab'"],
    "ljust": ["9", "9, '.'"], "rjust": ["9", "9, '.'"], "partition": ["'o'", "'zz'", "''"], "rpartition": ["'o'",
        "','"], "splitlines": ["", "true", "keepends=true"], "expandtabs": ["", "2", "tabsize=3"], "title": [""],
    "capitalize": [""], "swapcase": [""], "casefold": [""], "upper": ["", "1"], "lower": [""], "isdigit": [""],
    "isalpha": [""], "isalnum": [""], "isnumeric": [""],
    "isdecimal": [""], "isspace": [""], "istitle": [""], "isupper": [""], "islower": [""], "isidentifier": [""],
    "isprintable": [""], "isascii": [""], "removeprefix": ["'he'", "'zz'"], "removesuffix": ["'ld'", "''"],
    "format": ["", "1", "n, f", "a=1", "*xs", "**d"], "format_map": ["d"], "encode": ["", "'utf-8'"],
}
TEXTS_TO_FORMAT = ["'{}'", "'{0}{1}'", "'{a}'", "'{0!r}'", "'{0[0]}'", "'{0.real}'", "'{:>8}|{:<5}'", "'{:{}}'",
    "'{a[b]}'", "'{{}}'", "'{0!s:>4}'", "'{} {0}'", "'{:,}'", "'{:.2f}'", "'{:%}'", "'{x.y}'", "'{'", "'}'", "'{a!x}'",
    "'{:d}'", "'{:05d}'", "'{0:^{1}}'"]
LIST_METHODS = {"append": ["1", "xs", ""], "extend": ["[1]", "'ab'", "5"], "insert": ["0, 9", "-1, 'x'", "99, 1"],
    "pop": ["", "0", "-1", "99"], "remove": ["1", "'zz'"], "index": ["1", "2, 1", "'zz'"], "count": ["1", "'a'"],
    "sort": ["", "reverse=true"], "reverse": [""], "copy": [""], "clear": [""]}
DICT_METHODS = {"get": ["'a'", "'zz'", "'zz', 1", ""], "pop": ["'a'", "'zz'", "'zz', none"], "keys": [""],
    "values": [""], "items": [""], "update": ["{'z': 1}", "z=1", "[('k', 2)]", "1", "d, q=1"], "setdefault": ["'a', 5",
    "'n', 5", "'m'"], "copy": [""], "clear": [""], "popitem": [""], "fromkeys": ["['a'], 1"]}


def methods(maker):
    r = maker.rng
    kind = r.random()
    if kind < 0.55:
        name = r.choice(list(TEXT_METHODS))
        text = r.choice(STRINGS) + "." + name + "(" + r.choice(TEXT_METHODS[name]) + ")"
        return "{{ " + r.choice([text, text, "(" + text + ")|list", text + "[0]", text + "|length"]) + " }}", {}
    if kind < 0.7:
        values = ", ".join(r.choice(["n", "f", "s", "xs", "'x'", "1", "3.14159", "none", "12345.678", "{'b': 1}",
            "a=n", "b=2", "x='z'"]) for _ in range(r.randint(0, 3)))
        return "{{ " + r.choice(TEXTS_TO_FORMAT) + ".format(" + values + ") }}", {}
    if kind < 0.85:
        name = r.choice(list(LIST_METHODS))
        return (
            "{% set q = " + r.choice(["[3, 1, 2]", "xs", "[]", "['b', 'a']", "[1, 'a']", "[[2], [1]]"]) + " %}{{ q."
            + name + "(" + r.choice(LIST_METHODS[name]) + ") }}{{ q }}", {}
        )
    name = r.choice(list(DICT_METHODS))
    return (
        "{% set q = " + r.choice(["d", "{'a': 1, 'b': 2}", "{}", "{1: 'x', none: 2}", "dict(a=1)"]) + " %}{{ q." + name
        + "(" + r.choice(DICT_METHODS[name]) + ") }}{{ q }}", {}
    )


def lines(maker):
    """Statements over many lines: an error names one of them."""
    r = maker.rng
    text = maker.body(2)
    return "".join(r.choice(["\n", "\n", " \n "]) if c == " " and r.random() < 0.35 else c for c in text), {}


NATIVE = ["{{ n }}", "{{ s }}", "{{ 1 }}", "{{ xs }}", "a", " ", "{{ none }}", "{{ '3' }}", "{{ d }}", "{{ '[1]' }}",
    "{% if n %}{{ n }}{% endif %}", "{% set v = 1 %}", "{% set v %}{{ s }}{% endset %}",
    "{% set v %}1{{ n }}{% endset %}", "{{ v }}", "{% filter length %}ab{% endfilter %}",
    "{% filter upper %}a{{ s }}{% endfilter %}", "{% for i in xs %}{{ i }}{% endfor %}",
    "{% for i in ys recursive %}{{ i }}{% endfor %}", "\n", "{{ true }}"]
MARKERS = ["", "", "|as_native", "|as_text", "|as_bool", "|as_number", "|string", "|int", "|list", "|first", "|upper"]


def native(maker):
    """Texts of YAML files, rendered as dbt renders them."""
    r = maker.rng
    pieces = [r.choice(NATIVE + ["{{ " + maker.expr(2) + " }}", "{{ " + r.choice(["n", "s", "'true'", "'1.5'",
        "'[1, 2]'", "f", "xs", "no", "t", "'1e3'", "\"{'a': (1, None)}\"", "'0x1f'", "'1_0'", "'-2'", "' 1'", "'None'",
        "'+1'", "''", "'a b'"]) + r.choice(MARKERS) + " }}"]) for _ in range(r.choice([1, 1, 1, 2, 3]))]
    return "".join(pieces), {"native": True}


INTEGERS = ["0", "1", "2", "3", "-1", "-2", "7", "10", "true", "n", "-n", "zero", "one", "0x1f", "0b101", "0o17",
    "1_000"]
FLOATS = ["0.5", "-0.5", "1.0", "2.5", "1e3", "1e-7", "1e16", "1e22", "0.1", "3.0", "f", "dec", "1.5e300", "-0.0",
    "1_0.5", "100000000000000000000.0", "0.30000000000000004"]
LONG = ["big", "9007199254740993", "123456789012345678901234567890", "-99999999999999999999", "4503599627370497.5",
    "9223372036854775808"]


def numbers(maker):
    """Arithmetic: long integers, floats, powers, signs and rounding."""
    r = maker.rng
    def value(depth):
        if depth == 0 or r.random() < 0.3:
            return r.choice([r.choice(INTEGERS), r.choice(FLOATS), r.choice(LONG)])
        kind = r.random()
        if kind < 0.15:
            return r.choice(["-", "+", "not "]) + value(depth - 1)
        if kind < 0.3:
            return value(depth - 1) + " ** " + r.choice(["0", "1", "2", "3", "-1", "0.5", "-2", "1.5", "2.0"])
        text = (
            value(depth - 1) + " " + r.choice(["+", "-", "*", "/", "//", "%", "+", "-", "*", "/", "//", "%", "<", "==",
                ">=", "~"]) + " " + value(depth - 1)
        )
        return "(" + text + ")" if r.random() < 0.6 else text
    text = value(3)
    end = r.choice(["", "", "", "|round", "|round(2)", "|round(-1)", "|round(1, 'floor')", "|round(2, 'ceil')", "|int",
        "|float", "|abs", "|string", "|tojson", "|filesizeformat", "|format(1)", "|pprint", ".real", " is odd",
        " is divisibleby 3", " is float", " is integer"])
    return (
        r.choice(["{{ (" + text + ")" + end + " }}", "{{ " + text + " }}", "{{ [" + text + ", " + value(1)
            + "]|sort }}", "{{ [" + text + ", " + value(1) + "]|" + r.choice(["sum", "max", "min", "unique|list",
            "join(' ')"]) + " }}", "{{ {" + text + ": 1, " + value(1) + ": 2} }}", "{{ '"
            + r.choice(["%d", "%s", "%.3f", "%e", "%g", "%x", "%r", "%i", "%5.1f"]) + "' % (" + text + ") }}",
            "{{ range(" + text + ")|list }}"]), {}
    )


ESCAPES = ["\\n", "\\t", "\\\\", "\\'", "\\\"", "\\x41", "\\u00e9", "\\U0001F600", "\\101", "\\0", "\\d", "\\x4",
    "\\u12", "\\N{DASH}", "\\q", "\\a", "\\b", "\\r", "é", "☃", "😀", "\u00a0", "\u0301", "a", "B", " ", "<", "&", "{{",
    "%}", "#}", "\n", "\x7f", "\u2028", "ß", "İ", "ſ", "ﬁ", "Σ"]


def strings(maker):
    """Literals with escapes, characters of many kinds, and what methods and filters make of them."""
    r = maker.rng
    literal = (
        lambda: (lambda quote: quote + "".join(r.choice(ESCAPES) for _ in range(r.randint(0, 5))).replace("\\" + quote,
            quote if quote == "" else "").replace(quote, "") + quote)(r.choice(["'", '"']))
    )  # noqa: E731
    text = literal() + r.choice(["", "", " " + literal()])
    if text.count("\\'") % 2:
        text = "'x'"
    then = r.choice(["", "", "|upper", "|lower", "|title", "|capitalize", "|length", "|list", "|tojson", "|e",
        "|urlencode", "|reverse", "|trim", "|pprint", "|wordcount", "|center(9)", "|first", "|string|last", "|indent",
        "|striptags", "|replace('a', 'b')", ".upper()", ".title()", ".swapcase()", ".casefold()", ".split()",
        ".splitlines()", ".isalpha()", ".isidentifier()", ".isprintable()", ".encode()", "[0]", "[::-1]", "[1:3]",
        ".strip()", ".capitalize()", " in 'a☃'", " < 'é'", ".zfill(4)", ".islower()", ".isdigit()", ".isspace()"])
    return (
        r.choice(["{{ (" + text + ")" + then + " }}", "{{ [" + text + "] }}", "{{ {" + text + ": " + literal()
            + "} }}", "{% set x = " + text + " %}{{ x" + then.replace(" in 'a☃'", "") + " }}", "{{ (" + text + " ~ "
            + literal() + ")" + then + " }}", "{{ " + text + " == " + literal() + " }}", "{{ [" + text + ", " + literal(
            ) + ", 'a']|" + r.choice(["sort|list", "join('|')", "unique|list", "map('upper')|list", "max", "tojson"])
            + " }}"]), {}
    )


ROWS = ["users", "[{'name': 'b', 'age': 1}, {'name': 'A', 'age': none}]", "[{'name': 'x'}, {'age': 2}]",
    "[{'n': {'v': 2}}, {'n': {'v': 1}}]", "[['b', 1], ['a', 2], ['B', 1]]", "[(2, 'x'), (1, 'y')]",
    "['b', 'A', 'a', 'B']", "[3, 1.0, true, 2]", "['x', 1, none]", "{'b': 1, 'A': 2, 'a': 0}", "d", "'hello'", "[]",
    "xs", "tup", "[[1, 2], [3]]", "[d, d]", "range(5)", "[true, 1, 1.0, '1']"]
OVER_ROWS = ["sort", "sort(attribute='name')", "sort(attribute='age')", "sort(attribute='n.v')", "sort(attribute=1)",
    "sort(attribute='1,0')", "sort(true)", "sort(case_sensitive=true)", "groupby('name')", "groupby('age')",
    "groupby(0)", "groupby('n.v')", "groupby('age', default=0)", "groupby('name', case_sensitive=true)", "unique",
    "unique(true)", "unique(attribute='age')", "unique(attribute=1)", "map(attribute='name')", "map(attribute='n.v')",
    "map(attribute='age', default='?')", "map(attribute=0)", "map('first')", "map('length')", "map('int')",
    "map('replace', 'a', 'b')", "map('round', 1)", "selectattr('age')", "selectattr('age', 'none')",
    "selectattr('name', 'in', ['x', 'b'])", "selectattr('n.v', 'gt', 1)", "selectattr(0, 'eq', 1)",
    "rejectattr('age', 'defined')", "select", "select('number')", "select('string')", "reject('in', xs)",
    "batch(2, 'z')", "batch(3)", "slice(2)", "slice(3, 'z')", "dictsort", "dictsort(true)", "dictsort(by='value')",
    "dictsort(reverse=true)", "items", "sum(attribute='age')", "sum(attribute=1)", "min", "max",
    "min(attribute='age')", "max(attribute='name')", "min(case_sensitive=true)", "join(', ')",
    "join(', ', attribute='name')", "first", "last", "length", "reverse", "list", "tojson", "tojson(indent=1)",
    "pprint", "string", "sum", "sum(start=[])", "count", "xmlattr", "urlencode", "map('upper')", "map('attr', 'x')",
    "map('default', 1)", "tojson|safe", "default([])"]


def rows(maker):
    """Filters over lists of dicts, tuples and mixed values, one after the other."""
    r = maker.rng
    chain = "".join(" | " + r.choice(OVER_ROWS) for _ in range(r.randint(1, 3)))
    text = r.choice(ROWS) + chain
    return (
        r.choice(["{{ " + text + " }}", "{{ " + text + " | list }}", "{% for x in " + text
            + " %}{{ x }}{{ loop.last }};{% endfor %}", "{% for a, b in " + text
            + " %}{{ a }}={{ b|list }};{% endfor %}", "{% set q = " + text + " %}{{ q|list }}{{ q|list }}",
            "{% for g in " + text + " %}{{ g.grouper }}{{ g.list }}{% endfor %}", "{{ (" + text + ")|first }}",
            "{{ 1 in (" + text + ") }}"]), {}
    )


def dbt_tags(maker):
    """Templates of dbt with its own tags; macros cannot be called by their names there."""
    r = maker.rng
    name = r.choice(["x", "my_name", "", "'x'", "1", "x y"])
    arguments = r.choice(["", "()", "(a)", "(a, b=1)", "(a: string)", "(a: list[string], b: dict[string, int]=none)",
        "(a: )", "(a b)", "(model, column_name, c='x')", "(b=1, a)", "(a,)"])
    body = r.choice(["text", "{{ n }}", "{% if n %}x{% endif %}", "", "\n select 1\n", "{% set v = 1 %}{{ v }}",
        maker.body(1)])
    tag = r.choice(["macro", "test", "materialization", "docs", "data_test", "snapshot"])
    if tag == "materialization":
        head = (
            "materialization " + name + r.choice(["", ", default", ", adapter='postgres'", ", 'default'",
                ", default, supported_languages=['sql', 'python']", ", supported_languages=['sql']",
                ", adapter='x', supported_languages=[]", ", defaul", ", adapter='a', adapter='b'", " default"])
        )
    else:
        head = tag + " " + name + (arguments if tag != "docs" else r.choice(["", "", "()"]))
    text = (
        "{% " + head + " %}" + body + r.choice(["{% end" + tag + " %}", "{% end" + tag + " %}", "{% end" + tag + " %}",
            "", "{% endmacro %}", "{%- end" + tag + " -%}"])
    )
    return r.choice(["", "a\n", "{{ n }}"]) + text + r.choice(["", "\nz", "{{ " + maker.expr(1) + " }}"]), {"dbt": True}


UNKNOWN = ["ref('a')", "source('a', 'b')", "var('v')", "adapter.dispatch('m')(1)", "unknown", "unknown.a.b",
    "unknown['k']", "unknown(1, x=2)", "this.name", "dbt_utils.star(from=ref('a'))",
    "run_query('q').columns[0].values()", "config.get('x', 1)", "unknown | length", "unknown | list",
    "unknown is defined", "unknown is none", "unknown + 1", "unknown ~ 'x'", "unknown == 1", "not unknown",
    "[unknown]", "unknown[1:]", "unknown | upper", "unknown | join(',')", "unknown.items()",
    "unknown | map('upper') | list", "unknown in xs", "1 in unknown", "unknown | default(5)", "unknown | int",
    "unknown | tojson", "-unknown", "unknown < 1", "unknown | first", "unknown | sort", "unknown | string",
    "'%s' % unknown", "{unknown: 1}", "xs[unknown]", "d.get(unknown)", "unknown.name", "unknown.hint",
    "[unknown.a, unknown.name]", "unknown | selectattr('a') | list", "unknown is iterable", "unknown is mapping",
    "unknown is string", "unknown is callable", "unknown is number"]


def parsing(maker):
    """Templates that dbt renders while it parses, where an unknown name renders as itself."""
    r = maker.rng
    piece = (
        lambda: r.choice(["{{ " + r.choice(UNKNOWN) + " }}", "{% set n = " + r.choice(UNKNOWN) + " %}", "{{ n }}",
            "{% if " + r.choice(UNKNOWN) + " %}y{% else %}n{% endif %}", "{% for i in " + r.choice(UNKNOWN)
            + " %}{{ i }}{{ loop.last }}{% else %}none{% endfor %}",
            "{% for a, b in unknown.items() %}{{ a }}{% endfor %}", "{% set a, b = " + r.choice(UNKNOWN) + " %}",
            "{% do " + r.choice(UNKNOWN) + " %}", "{% call " + r.choice(["unknown()", "statement('x')",
            "unknown.a(1)"]) + " %}x{% endcall %}", "{% filter " + r.choice(["upper", "replace('x', unknown)"])
            + " %}x{% endfilter %}", maker.statement(1), "{{ (" + r.choice(UNKNOWN) + ")"
            + r.choice([".a", "[0]", "()", " ~ n", "|string", ".b.c(1).d"]) + " }}"])
    )  # noqa: E731
    return "".join(piece() for _ in range(r.randint(1, 4))), {"dbt": True, "undefined": "capture"}


FORMS = [filters, filters, loops, loops, callers, imports, namespaces, slices, tuples, percents, spaces, spaces,
    blocks, lazy, lazy, nested, captured, captured, tests, methods, methods, lines, native, native, numbers, strings,
    rows, rows, dbt_tags, parsing]

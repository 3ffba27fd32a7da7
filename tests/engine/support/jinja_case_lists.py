# The templates that jinja_cases.py renders, by area of the language. A bare expression stands for a template that
# prints it.
from decimal import Decimal

CONTEXT = {
    "name": "World",
    "n": 42,
    "zero": 0,
    "f": 1.5,
    "one": 1.0,
    "big": 123456789012345678901234567890,
    "t": True,
    "no": None,
    "s": "hello world",
    "html": "<a href='x'>\"q\" & b</a>",
    "uni": "naïve ☃ 🎉 ñ",
    "empty": "",
    "xs": [3, 1, 2],
    "ys": ["b", "A", "c", "B"],
    "tup": (1, "two", 3.0),
    "d": {"a": 1, "b": {"c": [1, 2, {"k": "v"}]}, "items": "key"},
    "odd": {1: "int", "1": "str", None: "none", (1, 2): "tuple"},
    "users": [
        {"name": "ann", "age": 30, "city": "Rome", "tags": ["x"]},
        {"name": "Bob", "age": 25, "city": "Oslo", "tags": []},
        {"name": "cid", "age": 30, "city": "rome"},
    ],
    "dec": Decimal("12.50"),
    "set1": {7},
    "lines": "one\ntwo\n\nthree\r\nfour",
}


def exprs(text):
    return ["{{ " + line.strip() + " }}" for line in text.strip().split("\n")]


ARITHMETIC = exprs(
    """
    1 + 2
    7 / 2
    4 / 2
    7 // 2
    -7 // 2
    7 % 3
    -7 % 3
    7 % -3
    2 ** 10
    2 ** 3 ** 2
    -2 ** 2
    2 ** -1
    2 ** 0.5
    2 ** 100
    (-2) ** 3
    1.0
    1.5 + 1.5
    0.1 + 0.2
    1e3
    1e16
    1e15
    123456789.123456789
    1e-5
    0.0001
    1.5e300 * 1e10
    1e308 * 10
    -1e308 * 10
    1_000 + 0x1f + 0b101 + 0o17
    1_0.5_0
    5.0 // 2
    -5.0 // 2
    5.5 % 2
    -5.5 % 2
    0.0
    -0.0
    0 * -1
    true + 1
    true + true
    true * 3
    1 == true
    1 == 1.0 == true
    1 + 1.0
    3 - 1.0
    9007199254740991 + 1
    9007199254740993
    9007199254740992 * 3
    big + 1
    big // 7
    big % 7
    -big // 7
    -big % 7
    big * big
    big / 3
    big - big
    10 ** 20 // 10 ** 18
    1 / 0
    1 // 0
    1 % 0
    1.0 / 0
    1.0 // 0
    1.0 % 0
    0 ** -1
    0.0 ** -1
    1 + 'a'
    'a' + 1
    1 + none
    [1] + (2,)
    (1,) + [2]
    {} + {}
    1 - 'a'
    'a' * 2.0
    'a' * 'b'
    [1] * 'a'
    -'a'
    +none
    -[1]
    'a' / 2
    'a' // 2
    'a' ** 2
    2 ** 'a'
    2 % 'a'
    'ab' * 3
    3 * 'ab'
    [1, 2] * 2
    2 * (1, 2)
    'a' * -1
    [0] * 0
    [1] + [2]
    (1,) + (2,)
    'a' + 'b'
    -true
    +true
    --1
    - -1
    1 if 1 else 2
    dec + 1
    dec * 2
    dec / 3
    dec == 12.5
    dec > 12
    dec
    [dec]
    n - 1 * 2
    (n - 1) * 2
    2 + 3 * 4 ** 2 / 8 - 1
    10 - 2 - 3
    100 / 10 / 2
    7 // 2 * 2
    -1 | abs
    (-1) | abs
    2 + 3 | float
    1.1 * 3
    3.0 * 2
    1e22
    1e21
    123456789012345680.0
    5e-324
    1.7976931348623157e308
    0.1 * 3
    100.0
    1e2
    12345678901234567.0
"""
)

COMPARISON = exprs(
    """
    1 < 2
    1 < 2 < 3
    1 < 3 < 2
    3 > 2 >= 2 != 1
    1 == 1 in [1]
    'a' < 'b'
    'B' < 'a'
    'a' < 1
    1 >= 'a'
    none < 1
    [1, 2] < [1, 3]
    [1] < [1, 2]
    (1, 2) < (1, 'a')
    (1, 2) == [1, 2]
    [1, 2] == [1, 2]
    {'a': 1} == {'a': 1.0}
    {'a': 1} < {'a': 2}
    1 == '1'
    1 != '1'
    none == none
    none == false
    0 == false
    0 == ''
    [] == ()
    1 in [1, 2]
    true in [1]
    '1' in [1]
    'ell' in s
    '' in s
    'x' not in s
    1 in 'abc'
    1 in n
    'a' in d
    'z' in d
    [1] in d
    1 in (1, 2)
    3 in range(5)
    5 in range(5)
    1.0 in range(5)
    'a' in undefined_name
    not 1
    not not 1
    not 'a' in 'abc'
    not x is defined
    1 and 2
    0 and 2
    0 or 'x'
    '' or none
    1 or undefined_name.x
    true and false or true
    not true or true
    false == none
    'a' is eq 'a'
    1 is lt 2
    2 is ge 2
    2 is gt 2
    [1, 2] == [1, 2.0]
    1 == 1.0000000000000001
    big > 1e29
    big < 1e30
    9007199254740993 == 9007199254740992.0
    '😀' > '\uffff'
    d == d
    undefined_name == other_undefined
    undefined_name == none
    undefined_name < 1
    set1 == set1
    range(3) == range(0, 3)
"""
)

LITERALS = exprs(
    r"""
    'a\nb'
    'a\tb\\'
    '\x41\u00e9\U0001F600'
    '\d\w\.'
    'it\'s'
    "a\"b"
    '\101'
    'a' 'b' "c"
    'a\
    b'
    '\é'
    '\N'
    '\x4'
    '\u12'
    [1, 2, 3,]
    []
    [[]]
    (1,)
    ()
    (1, 2)
    1, 2
    1,
    {'a': 1, 'b': [1, 2]}
    {}
    {1: 2, 'x': none, none: true}
    {'a': 1, 'a': 2}
    {(1, 2): 3}
    {[1]: 2}
    {'a' ~ 'b': 1 + 1}
    true, True, false, False, none, None
    'single "double"'
    "it's"
    ["it's", 'say "hi"', 'both \' and "']
    ['\n\t\r\\', 'é', '\x00\x1f\x7f', '\u200b', '🎉']
    ['\u00a0', '\u2028']
    [1.0, 1, true, none, 'a']
    [(1,), (), (1, 2), {}]
    {'a': {'b': {'c': 1}}}['a']['b']['c']
    {'a': {}}
    {'a': {'b': 1}}.a.b
    [1, [2, [3]]][1][1][0]
    'abc'[1]
    'abc'[-1]
    'abc'[10]
    'abc'[1:]
    'abc'[:-1]
    'abc'[::-1]
    'abcdef'[1:5:2]
    [1, 2, 3][::2]
    [1, 2, 3][-2:]
    (1, 2, 3)[1:]
    range(10)[2:5]
    range(10)[::3] | list
    [1, 2, 3][::0]
    uni[0:7]
    uni[6]
    uni[8]
    uni | length
    uni[::-1]
    tup.0
    tup.1
    xs.0
    xs[true]
    xs[1.0]
    xs['a']
    d['a']
    d.a
    d.b.c.0
    d.items
    d['items']
    d.b['c'][2].k
    odd[1], odd['1'], odd[none], odd[(1, 2)], odd[1.0], odd[true]
    odd
    tup
    users
    n
    big
    f
    one
    no
    t
    [no, t, one, f, big]
    set1
    range(3)
    range(1, 10, 3)
    range(5, 0, -2) | list
    range(0)
    range(200000)
    range(1, 2, 0)
    range('a')
    range()
    dict(a=1, b=2)
    dict([('a', 1)], b=2)
    dict(xs)
    dict({'a': 1}, a=2)
"""
)

UNDEFINED = exprs(
    """
    undefined_name
    undefined_name.attr
    undefined_name['x']
    undefined_name()
    undefined_name + 1
    1 + undefined_name
    undefined_name | int
    undefined_name | float
    undefined_name | length
    undefined_name | list
    undefined_name | upper
    undefined_name | default('x')
    undefined_name.x | default('x')
    d.nope
    d.nope.deeper
    d['nope']
    d.nope()
    d[5]
    xs[10]
    xs.foo
    xs[10].y
    no.foo
    no.foo.bar
    no.foo()
    no['x']
    no()
    n.foo
    n.foo.bar
    s.foo.bar
    s()
    n()
    d()
    'abc'.nope()
    (1, 2).nope.x
    'x' if false
    ('x' if false).y
    'a' if undefined_name else 'b'
    -undefined_name
    undefined_name ~ 'x'
    undefined_name[1:2]
    [undefined_name]
    {'a': undefined_name}
    undefined_name is defined
    undefined_name is undefined
    d.nope is defined
    d.a is defined
    undefined_name is none
    undefined_name | tojson
    undefined_name | join(',')
    undefined_name == ''
    not undefined_name
    undefined_name | string
    undefined_name | trim
    undefined_name | replace('a', 'b')
    undefined_name | round
    undefined_name | abs
    undefined_name | sum
    undefined_name | first
    undefined_name | last
    undefined_name | sort
    undefined_name | map('upper') | list
    undefined_name | items | list
    undefined_name | dictsort
    undefined_name is iterable
    undefined_name is sequence
    undefined_name is mapping
    undefined_name is string
    undefined_name is callable
    undefined_name.__class__
    d.__class__
    ''.__class__
    ''.__class__.__mro__
    xs.constructor
    d.constructor
    d.__proto__
    xs.length
    'a'.length
    no.__class__
    range.__globals__
    d['__class__']
    '{0.__class__}'.format(1)
    cycler.__init__.__globals__
    range.constructor('return 1')()
    (1).constructor
    toString
    constructor
    __proto__
    hasOwnProperty
    valueOf()
"""
)
UNDEFINED += [
    ("{{ undefined_name.a.b['c'] }}|{{ d.x.y }}", {"undefined": "chainable"}),
    ("{{ undefined_name.a() }}", {"undefined": "chainable"}),
    ("{{ undefined_name.a + 1 }}", {"undefined": "chainable"}),
    ("{{ undefined_name }}", {"undefined": "strict"}),
    ("{{ d.x }}", {"undefined": "strict"}),
    ("{{ 1 if undefined_name else 2 }}", {"undefined": "strict"}),
    ("{% for x in undefined_name %}{% endfor %}", {"undefined": "strict"}),
    ("{{ undefined_name is defined }} {{ undefined_name | default('d') }}", {"undefined": "strict"}),
    ("{{ undefined_name == 1 }}", {"undefined": "strict"}),
    ("{{ undefined_name ~ 'a' }}", {"undefined": "strict"}),
    ("{{ 'a' in undefined_name }}", {"undefined": "strict"}),
    ("{{ 'x' if false }}", {"undefined": "strict"}),
    ("{% for x in undefined_name %}x{% else %}none{% endfor %}", {}),
    ("a\nb {{ undefined_name.x }}", {}),
    ("{% for x in 5 %}{% endfor %}", {}),
    ("{% for a, b in [1] %}{% endfor %}", {}),
    ("{% for a, b in [(1, 2, 3)] %}{% endfor %}", {}),
    ("{% for a, b in [(1,)] %}{% endfor %}", {}),
    ("{% set a, b = 1 %}", {}),
    ("{% set d.x = 1 %}", {}),
    ("{% set nope.x = 1 %}", {}),
]

from jinja_case_filters import FILTERS, TESTS  # noqa: E402
from jinja_case_methods import METHODS  # noqa: E402
from jinja_case_fuzz import FUZZ  # noqa: E402
from jinja_case_statements import ERRORS, STATEMENTS, WHITESPACE  # noqa: E402

AREAS = {
    "arithmetic": ARITHMETIC,
    "comparison": COMPARISON,
    "literals": LITERALS,
    "undefined": UNDEFINED,
    "filters": FILTERS,
    "tests": TESTS,
    "methods": METHODS,
    "statements": STATEMENTS,
    "whitespace": WHITESPACE,
    "errors": ERRORS,
    "fuzz": FUZZ,
}

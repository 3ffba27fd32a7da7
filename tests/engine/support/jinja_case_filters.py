# Cases of filters and tests for jinja_cases.py.


def exprs(text):
    return ["{{ " + line.strip() + " }}" for line in text.strip().split("\n")]


FILTERS = exprs(
    """
    -5 | abs
    -5.5 | abs
    'a' | abs
    true | abs
    d | attr('a')
    d | attr('items')
    s | attr('upper')
    range(7) | batch(3) | list
    range(7) | batch(3, 'x') | list
    'hello WORLD' | capitalize
    'élan' | capitalize
    'a' | center(9)
    '[' ~ ('abc' | center(10)) ~ ']'
    '[' ~ ('abc' | center(2)) ~ ']'
    xs | count
    d | length
    5 | length
    none | length
    uni | count
    undefined_name | default('a')
    no | default('a')
    no | default('a', true)
    '' | default('a', boolean=true)
    0 | d('zero', true)
    no | default
    d | dictsort
    {'b': 1, 'A': 2} | dictsort
    {'b': 1, 'A': 2} | dictsort(true)
    {'b': 1, 'A': 2} | dictsort(by='value')
    {'b': 1, 'A': 2} | dictsort(reverse=true)
    {'b': 1} | dictsort(by='x')
    {1: 1, 'a': 2} | dictsort
    5 | dictsort
    html | escape
    html | e
    html | e | e
    html | forceescape
    html | e | forceescape
    html | safe
    (html | safe) ~ '<b>'
    (html | e) + '<b>'
    '<' ~ ('<' | e)
    ['<'] | join | e
    [html | e, '<'] | join('&')
    0 | filesizeformat
    1 | filesizeformat
    999 | filesizeformat
    1000 | filesizeformat
    1000000 | filesizeformat
    1024 | filesizeformat(true)
    123456789 | filesizeformat(binary=true)
    1e30 | filesizeformat
    '1234' | filesizeformat
    'x' | filesizeformat
    xs | first
    [] | first
    '' | first
    s | first
    d | first
    5 | first
    [] | last
    xs | last
    s | last
    '3.7' | float
    '1e3' | float
    'x' | float
    'x' | float(2)
    'x' | float(default=none)
    3 | float
    true | float
    none | float
    'inf' | float
    'nan' | float
    ' 3 ' | float
    '1_000' | float
    [] | float
    '%s-%s' | format(1, 'a')
    '%(a)s' | format(a=1)
    '%s' | format
    '%d %5.2f %x %o %e %g %%' | format(42, 3.14159, 255, 8, 12345.678, 0.0001)
    '%s %s' | format(1)
    '%s' | format(1, 2)
    '%s' | format(1, a=2)
    '%05d|%-5d|%+d|% d' | format(42, 42, 42, 42)
    '%r %a' | format('é', 'é')
    '%c%c' | format(65, 'b')
    '%.2s' | format('abc')
    '%*d' | format(5, 42)
    '%q' | format(1)
    '%d' | format('a')
    '%d' | format(3.7)
    '%x' | format(3.7)
    '%i' | format(true)
    '%5s|%-5s|' | format('ab', 'ab')
    '%#x %#o' | format(255, 8)
    '%.3d' | format(5)
    '%10.3e|%-12g|' | format(1234.5, 0.00001234)
    '%G %E' | format(1e-10, 1e10)
    users | groupby('city')
    users | groupby('age') | map(attribute='grouper') | list
    users | groupby('city', case_sensitive=true) | map('first') | list
    users | groupby('nope', default='none') | map(attribute=0) | list
    (users | groupby('city') | first).list | map(attribute='name') | list
    (users | groupby('city'))[0].grouper
    users | groupby('nope')
    lines | indent
    lines | indent(2, true)
    lines | indent(2, blank=true)
    lines | indent('>> ')
    'a' | indent
    5 | indent
    '3.7' | int
    3.9 | int
    -3.9 | int
    '0x1f' | int(base=16)
    '1f' | int(0, 16)
    '0b11' | int(base=2)
    'z' | int
    'z' | int(-1)
    '' | int
    none | int
    true | int
    [] | int
    ' 42 ' | int
    '1_000' | int
    '99999999999999999999' | int
    1e20 | int
    '1e3' | int
    'inf' | int
    d.b | items | list
    5 | items
    xs | items
    xs | join
    xs | join('-')
    xs | join(d=', ')
    users | join(', ', attribute='name')
    ['a', 1, none, true] | join('|')
    5 | join
    'abc' | join('-')
    d | join(',')
    xs | join(1)
    xs | list
    'abc' | list
    d | list
    tup | list
    5 | list
    none | list
    'ABC' | lower
    5 | lower
    none | lower
    'ÀÉ' | lower
    users | map(attribute='name') | list
    users | map(attribute='tags.0') | list
    users | map(attribute='nope') | list
    users | map(attribute='tags', default='-') | list
    ys | map('lower') | list
    xs | map('string') | join(',')
    ys | map('replace', 'b', 'x') | list
    xs | map | list
    xs | map('nope') | list
    xs | map(attribute='a', foo=1) | list
    xs | map(nope) | list
    [[1, 2], [3]] | map('sum') | list
    [] | map('nope') | list
    xs | max
    xs | min
    ys | max
    ys | min
    ys | min(true)
    users | max(attribute='age')
    users | map(attribute='age') | min
    [] | max
    [1, 'a'] | max
    xs | pprint
    d | pprint
    {'b': 1, 'a': 2} | pprint
    'a' | pprint
    range(60) | list | pprint
    [1, 'abc def ' * 9 ~ 'abc def', [['abc def ' * 9 ~ 'abc'], 2]] | pprint
    {'k': [['a b c ' * 20], 'x y ' * 19 ~ 'x']} | pprint
    users | pprint
    [5] | random
    [] | random
    xs | reject('odd') | list
    xs | reject | list
    users | rejectattr('age', 'eq', 30) | map(attribute='name') | list
    users | rejectattr('tags') | map(attribute='name') | list
    s | replace('o', '0')
    s | replace('o', '0', 1)
    s | replace('o', '0', count=0)
    5 | replace(5, 6)
    s | replace('l', '')
    s | replace('', '-')
    s | replace('a')
    'abc' | reverse
    xs | reverse | list
    xs | reverse | join
    5 | reverse
    tup | reverse | list
    2.5 | round
    3.5 | round
    -2.5 | round
    2.675 | round(2)
    1.005 | round(2)
    42.55 | round(1, 'floor')
    42.55 | round(1, 'ceil')
    42 | round
    42 | round(1)
    1234 | round(-2)
    1250 | round(-2)
    1234.5 | round(-2)
    1.5 | round(method='nope')
    2.1 | round(method='ceil')
    'a' | round
    true | round
    0.5 | round
    1e20 | round
    2.5 | round | int
    xs | select('odd') | list
    xs | select | list
    [0, 1, '', none, 'a'] | select | list
    xs | select('gt', 1) | list
    xs | select('in', [1, 3]) | list
    xs | select('nope') | list
    users | selectattr('age', 'eq', 30) | map(attribute='name') | join(',')
    users | selectattr('tags') | map(attribute='name') | list
    users | selectattr('tags', 'defined') | map(attribute='name') | list
    users | selectattr | list
    users | selectattr('age', '>=', 30) | list | length
    range(10) | slice(3) | list
    range(10) | slice(3, 'x') | list
    range(2) | slice(3) | list
    xs | slice(0) | list
    xs | sort
    xs | sort(true)
    xs | sort(reverse=true)
    [dec.real, dec.imag]
    {'a': [1]} | tojson(-1)
    'a b' | wordwrap(nope)
    ['12'.encode() | int, '1.5'.encode() | float, 'x'.encode() | float(3)]
    'x'.encode() | filesizeformat
    (5 | batch(2) | string | length) > 3
    5 | batch(2) | list
    none | slice(2) | int(7)
    none | sum(start='x')
    dec | round(1, 'ceil')
    dec | round(-1, 'floor')
    'e ☃|🎉 ñ 🎉🎉🎉🎉🎉🎉' | wordwrap(5)
    xs | select([1]) | list
    1 is ne
    1 is lt(1, 2)
    1 is eq(b=1)
    '[{:5c}|{:<5c}|{:=5c}]'.format(42, 42, 42)
    'aB'.encode().upper()
    'aB'.encode().lower()
    1 if 1 else (none.x | nofilter(nope.x))
    (nope.x.y | nofilter) if 1 else 2
    (1 | first_missing | second_missing) if 1
    (nope.x.y is notest) if 1
    ys | sort(2)
    ys | sort(none)
    [] | sort('<')
    {'b': 1} | dictsort(reverse=1.0)
    ys | sort
    ys | sort(case_sensitive=true)
    users | sort(attribute='age') | map(attribute='name') | list
    users | sort(attribute='age,name') | map(attribute='name') | list
    users | sort(attribute='city', reverse=true) | map(attribute='name') | list
    [1, 'a'] | sort
    d | sort
    'hello' | sort
    [none, 1] | sort
    5 | string
    none | string
    [1, 'a'] | string
    1.0 | string
    '<b>bold</b>  <!-- c --> x' | striptags
    html | striptags
    xs | sum
    xs | sum(start=10)
    users | sum(attribute='age')
    users | sum('age', 1)
    [] | sum
    ['a'] | sum
    [[1], [2]] | sum(start=[])
    [0.1, 0.2] | sum
    'hello world foo-bar (baz) [qux]' | title
    "it's o'clock" | title
    'ABC def' | title
    d | tojson
    {'b': [1, 2.0, none, true, 'x']} | tojson
    html | tojson
    uni | tojson
    {'b': 1, 'a': 2} | tojson(indent=2)
    [] | tojson(2)
    {} | tojson(indent=2)
    [[], {}] | tojson(indent=1)
    {1: 'a', none: 2, true: 3} | tojson
    {1: 'a', 'b': 2} | tojson
    {(1, 2): 3} | tojson
    set1 | tojson
    1e16 | tojson
    big | tojson
    tup | tojson
    dec | tojson
    'a\\u2028\\x00\\n"' | tojson
    '  x  ' | trim
    'xxhixx' | trim('x')
    5 | trim
    'foo bar baz qux' | truncate(9)
    'foo bar baz qux' | truncate(9, true)
    'foo bar baz qux' | truncate(11)
    'foo bar baz qux' | truncate(11, false, '...', 0)
    'foo bar baz qux' | truncate(5, end='!', leeway=0)
    'foobarbazqux' | truncate(5, leeway=0)
    ys | unique | list
    ys | unique(true) | list
    users | unique(attribute='age') | map(attribute='name') | list
    [1, 1.0, true, '1'] | unique | list
    [[1], [1]] | unique | list
    'abc' | upper
    'straße' | upper
    5 | upper
    'a b&c/d?é' | urlencode
    {'a b': 'c&d', 'x': 1} | urlencode
    [('a', 1), ('b', '/')] | urlencode
    5 | urlencode
    'see http://example.com/x?y=1. and www.foo.org, (https://bar.com) me@x.org' | urlize
    'http://example.com/a/very/long/path' | urlize(15, true)
    'http://x.com' | urlize(target='_blank', rel='a b')
    'mailto:a@b.co tel:123' | urlize(extra_schemes=['tel:'])
    s | wordcount
    'a-b c_d, e.' | wordcount
    '' | wordcount
    'the quick brown fox jumps over the lazy dog' | wordwrap(10)
    'the quick-brown fox' | wordwrap(7)
    'abcdefghijklmnop' | wordwrap(5)
    'abcdefghijklmnop qr' | wordwrap(5, false)
    'aaa bbb' | wordwrap(3, wrapstring='|')
    lines | wordwrap(3)
    {'a': 1, 'b': none, 'c': '<'} | xmlattr
    {'a': 1} | xmlattr(false)
    {} | xmlattr
    {'a b': 1} | xmlattr
    'a' | upper | lower | title
    xs | sort | join(', ') | upper
    xs | sort | first + 1
    s | nope
    s | nope(1)
    s | upper(1)
    s | upper(x=1)
    s | replace
    s | center(1, 2, 3)
    s | default(1, 2, 3)
    s | join(a=1)
    xs | sort(1, 2, 3, 4)
    s | nope if false else 'ok'
    'nope' if true else s | nope
    [1, 2] | first | string | length
    'abc' | upper()
    'abc' | default('x') | upper
    1 | string ~ 2 | string
    'a,b' | replace(',', ';') | upper
    xs | list == xs
    s.split() | map('capitalize') | join(' ')
    s | length > 5
    s | upper is upper
    'a' ~ xs | join
    -xs | first
    not xs | first == 3
"""
)

TESTS = exprs(
    """
    1 is odd
    2 is odd
    2 is even
    -3 is odd
    'a' is odd
    9 is divisibleby 3
    9 is divisibleby(3)
    9 is divisibleby 2
    9 is not divisibleby 2
    9 is divisibleby 0
    9 is divisibleby
    n is defined
    x is defined
    x is undefined
    d.a is defined
    'upper' is filter
    'nope' is filter
    'odd' is test
    'nope' is test
    none is none
    no is none
    0 is none
    true is boolean
    1 is boolean
    false is false
    0 is false
    true is true
    1 is true
    1 is integer
    true is integer
    1.0 is integer
    1.0 is float
    1.5 is float
    1 is float
    'abc' is lower
    'aBc' is lower
    '' is lower
    'ABC1' is upper
    '1' is upper
    'abc' is string
    1 is string
    d is mapping
    xs is mapping
    1 is number
    1.5 is number
    true is number
    'a' is number
    xs is sequence
    'a' is sequence
    d is sequence
    1 is sequence
    range(2) is sequence
    xs is iterable
    'a' is iterable
    1 is iterable
    none is iterable
    range is callable
    1 is callable
    'a'.upper is callable
    none is sameas none
    true is sameas true
    xs is sameas xs
    [1] is sameas [1]
    'a' is escaped
    ('a' | e) is escaped
    1 is in [1, 2]
    1 is not in [1, 2]
    'a' is in 'abc'
    3 is in(xs)
    1 is eq 1
    1 is == 1
    1 is equalto 1.0
    1 is ne 2
    2 is greaterthan 1
    2 is gt(1)
    2 is ge 2
    1 is lt 2
    1 is lessthan 2
    1 is le 1
    1 is lt 'a'
    1 is nope
    1 is nope if false else 'ok'
    x is defined and x is none
    n is defined and n == 42
    not n is none
    n is not none
    n is none is none
    1 is odd is true
    n is divisibleby 2 and true
    n is divisibleby 2 if true else 3
    n is divisibleby(2) or false
    n is sameas(n, n)
    'a' is eq 'a' ~ 'b'
    1 + 2 is odd
    -1 is odd
    1 is odd == true
    xs is eq [3, 1, 2]
    d is eq {'a': 1}
    n is eq n
    n is in xs + [42]
"""
)

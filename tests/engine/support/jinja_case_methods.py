# Cases of the methods of Python's types for jinja_cases.py.


def exprs(text):
    return ["{{ " + line.strip() + " }}" for line in text.strip().split("\n")]


METHODS = exprs(
    r"""
    'hello World'.capitalize()
    ('a'|safe).upper + 1
    ('a'|safe).count + 1
    ('3'|groupby('age')|first) > 'a'
    ('3'|groupby('age')|first) + 1, 1
    'a'.upper + 1
    'Straße ΣΑΣ'.casefold()
    'x'.center(5), 'xy'.center(5), 'x'.center(4), 'x'.center(4, '*')
    'x'.center(5, 'ab')
    'banana'.count('a'), 'banana'.count('a', 2), 'banana'.count('a', 2, 4), 'banana'.count('')
    'aaa'.count('aa')
    'é'.encode(), 'é'.encode('utf-8').decode()
    'abc'.endswith('c'), 'abc'.endswith(('x', 'bc')), 'abc'.endswith('b', 0, 2)
    'a\tb\tc'.expandtabs(), 'a\tb'.expandtabs(4)
    'banana'.find('n'), 'banana'.find('z'), 'banana'.find('n', 3), 'banana'.find('n', -2)
    'banana'.rfind('a'), 'banana'.rfind('a', 0, 4)
    'banana'.index('n')
    'banana'.index('z')
    'banana'.rindex('a')
    '{} {}'.format(1, 'a')
    '{0} {1} {0}'.format('a', 'b')
    '{a} {b[0]} {b[k]}'.format(a=1, b={'k': 2, 0: 3})
    '{:5}|{:<5}|{:>5}|{:^5}|{:*^5}'.format('a', 'b', 'c', 'd', 'e')
    '{:5}|{:<5}|{:^5}|{:05}|{:+}|{: }'.format(1, 2, 3, 4, 5, 6)
    '{:d} {:b} {:o} {:x} {:X} {:#x} {:#b}'.format(10, 10, 10, 255, 255, 255, 5)
    '{:,} {:_} {:,.2f}'.format(1234567, 1234567, 1234567.891)
    '{:.2f} {:.0f} {:e} {:g} {:%} {:.1%}'.format(3.14159, 2.5, 12345.678, 0.0001, 0.25, 0.256)
    '{:10.3f}|{:<10.3f}|{:^10.3f}|{:+.1f}'.format(3.14159, 3.14159, 3.14159, 3.14159)
    '{:.3}'.format('abcdef'), '{:.3}'.format(3.14159), '{:.3}'.format(1234567.0)
    '{!r} {!s} {!r:>6}'.format('a', 'b', 'c')
    '{{}} {}'.format(1)
    '{:{}}|'.format('a', 5)
    '{:{w}.{p}f}'.format(3.14159, w=8, p=2)
    '{x}'.format()
    '{0} {}'.format(1, 2)
    '{'.format()
    '}'.format()
    '{:d}'.format('a')
    '{:s}'.format(1)
    '{:x}'.format(1.5)
    '{:c}'.format(65)
    '{:n}'.format(1234)
    '{} {} {}'.format(none, true, [1, 'a'])
    '{:>10}'.format(none)
    '{:>10}'.format(true)
    '{:d}'.format(true)
    '{:08.2f}'.format(-3.14159)
    '{:=+8}'.format(5)
    '{:,}'.format(-1234567.5)
    '{:09,}'.format(1234)
    '{:f}'.format(5)
    '{:e}'.format(5)
    '{:.2f}'.format(dec)
    '{:>8}'.format(dec)
    'ab12'.isalnum(), 'ab 1'.isalnum(), ''.isalnum()
    'abé'.isalpha(), 'ab1'.isalpha()
    'abc'.isascii(), 'é'.isascii()
    '12'.isdecimal(), '½'.isdecimal(), '²'.isdigit(), '½'.isnumeric(), '12'.isdigit()
    'abc_1'.isidentifier(), '1a'.isidentifier()
    'abc'.islower(), 'aBc'.islower(), '1'.islower(), 'ABC'.isupper()
    'a b'.isprintable(), 'a\n'.isprintable()
    ' \t\n'.isspace(), ''.isspace(), ' a'.isspace()
    'Hello World'.istitle(), 'Hello world'.istitle()
    ','.join(['a', 'b']), ''.join(('x', 'y')), '-'.join('abc')
    ','.join([1])
    ','.join(5)
    'a'.ljust(3) ~ '|', 'a'.rjust(3), 'a'.ljust(3, '-')
    'ABC Ünï'.lower(), 'abc ünï'.upper()
    '  x '.lstrip() ~ '|', '  x '.rstrip() ~ '|', '  x '.strip() ~ '|'
    'xxaxx'.strip('x'), 'xyaxy'.strip('yx'), 'www.a.com'.lstrip('w.')
    'a'.strip(1)
    'a=b=c'.partition('='), 'a=b=c'.rpartition('='), 'abc'.partition('='), 'abc'.rpartition('=')
    'abc'.partition('')
    'prefix_x'.removeprefix('prefix_'), 'x.sql'.removesuffix('.sql'), 'x'.removesuffix('')
    'aXbXc'.replace('X', '-'), 'aXbXc'.replace('X', '-', 1), 'abc'.replace('', '.')
    'abc'.replace('a')
    'abc'.replace('a', 1)
    'a b  c '.split(), 'a,b,,c'.split(','), 'a,b,c'.split(',', 1), 'a b c'.split(none, 1), 'a b c'.split(maxsplit=1)
    'a,b,c'.rsplit(',', 1), ' a b c '.rsplit(none, 1), 'a,b'.rsplit(',')
    'abc'.split('')
    'abc'.split(1)
    ''.split(), ''.split(','), '   '.split()
    'a\nb\r\nc\n'.splitlines(), 'a\nb'.splitlines(true), ''.splitlines()
    'abc'.startswith('a'), 'abc'.startswith(('b', 'a')), 'abc'.startswith('b', 1), 'abc'.startswith('')
    'abc'.startswith(1)
    'Hello World'.swapcase()
    "they're bill's friends".title(), 'HELLO wORLD 3rd'.title()
    'abc'.translate({97: 'x', 98: none, 99: 120})
    'abc'.translate(''.maketrans('ab', 'xy'))
    '42'.zfill(5), '-42'.zfill(5), 'abc'.zfill(2)
    'a'.upper(1)
    'a'.upper(x=1)
    'a'.find()
    'a'.find(1)
    uni.upper(), uni.find('☃'), uni.index('ñ'), uni.center(20, '.'), uni.ljust(16, '.')
    'x' in 'x'.upper().lower()
    '%s %s' % ('a', 1)
    '%s' % 'a', '%s' % [1], '%d%%' % 5, '%(k)s' % {'k': 'v'}
    '%s' % (1, 2)
    '%s %s' % 'a'
    '%(k)s' % {}
    '%(k)s' % 1
    '%' % 1
    '%s' % {}, '%s' % none, 'x' % {}, 'x' % []
    'x' % 1
    [1, 2, 1].count(1), [1, 2].index(2), (1, 2, 1).count(1), (1, 2).index(2)
    [1, 2].index(5)
    (1, 2).index(5)
    [1, 2].index(2, 5)
    [].pop()
    [1, 2].pop(), [1, 2].pop(0), [1, 2].pop(-2)
    [1].pop(5)
    [1].pop('a')
    [1, 2].append(3)
    [1].append()
    [1].append(1, 2)
    [1].remove(2)
    [1].insert(0)
    d.get('a'), d.get('z'), d.get('z', 5), d.get('b', {}).get('c')
    d.get()
    d.get('a', default=1)
    d.get([1])
    d.keys(), d.values(), {'a': 1}.items()
    d.keys() | list, {'x': 1}.values() | list, {'x': 1}.items() | list
    'a' in d.keys(), 1 in {'x': 1}.values(), ('x', 1) in {'x': 1}.items()
    d.keys() | length, {'a': 1}.keys() == {'a': 2}.keys()
    {'a': 1}.copy()
    {'a': 1}.pop('a'), {'a': 1}.pop('b', 2)
    {'a': 1}.pop('b')
    {'a': 1}.popitem()
    {}.popitem()
    {'a': 1}.setdefault('a', 2), {}.setdefault('a', 2), {}.setdefault('a')
    {'a': 1}.update({'b': 2}), {}.update(a=1)
    {}.update([1])
    {}.update(['abc'])
    {}.fromkeys(['a', 'b'], 1)
    {}.nope()
    {}.keys(1)
    xs.copy(), xs == xs.copy()
    set1.union([8]) | sort, set1.difference([7]), set1.intersection([7, 8]), set1.issubset([7, 9])
    set1 - set1
    set1 <= set1, set1 < set1
    n.bit_length(), n.real, n.denominator, (5).numerator, f.is_integer(), one.is_integer()
    (1.5).is_integer(), 1.0.is_integer()
    range(5).start, range(5).stop, range(1, 5, 2).step, range(5).index(3), range(5).count(2)
    dict(a=1).a
    namespace(a=1).a
    namespace(a=1)
    namespace().b
    cycler('a', 'b').next()
    cycler()
    joiner('|')() ~ joiner('|')()
"""
)
METHODS += [
    "{% set l = [1] %}{% do l.append(2) %}{% do l.extend([3, 4]) %}{% do l.insert(0, 0) %}{% do l.remove(3) %}{% do "
    "l.reverse() %}{{ l }}{{ l.pop() }}{{ l }}",
    "{% set l = [3, 1, 2] %}{% do l.sort() %}{{ l }}{% do l.sort(reverse=true) %}{{ l }}{% do l.clear() %}{{ l }}",
    "{% set l = ['b', 'A'] %}{% do l.sort(key='x'.upper) %}{{ l }}",
    "{% set l = [1, 'a'] %}{% do l.sort() %}{{ l }}",
    "{% set d = {} %}{% do d.update({'a': 1}, b=2) %}{% do d.setdefault('c', []).append(1) %}{{ d }}{{ d.pop('a') "
    "}}{{ d }}{% do d.clear() %}{{ d }}",
    "{% set d = {'b': 1, 'a': 2} %}{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{% "
    "endfor %}{% for v in d.values() %}{{ v }}{% endfor %}",
    "{% set k = {}.keys() %}{{ k }}{% set d = {} %}{% set k = d.keys() %}{% do d.update(a=1) %}{{ k | list }}",
    "{% set a = [1] %}{% set b = a %}{% do b.append(2) %}{{ a }}",
    "{% set a = [] %}{% do a.append(a) %}{{ a }}{% set d = {} %}{% do d.update(d=d) %}{{ d }}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{% do c.reset() %}{{ "
    "c.current }}",
    "{% set j = joiner(', ') %}{% for x in xs %}{{ j() }}{{ x }}{% endfor %}",
    "{% set m = xs | map('string') %}{{ m | list }}{{ m | list }}",
    "{% set m = xs | select('odd') %}{% for x in m %}{{ x }}{% endfor %}-{% for x in m %}{{ x }}{% endfor %}",
    "{{ xs | map('string') | length }}",
    "{{ (xs | map('string'))[0] }}",
    "{% if [] | map('string') %}true{% endif %}",
]

#!/usr/bin/env python3
"""Writes the golden values of YAML texts: the results of PyYAML's safe loader, which dbt uses.

npm run oracle -- yaml
Writes tests/engine/unit/project/yaml.golden.json: [text, value] pairs; an error is {"error": line}, a float
{"float": text}, an int beyond 2^53 {"int": text}, a date the text of isoformat().
"""

import datetime
import json
import random
from pathlib import Path

import yaml

OUT = Path(__file__).resolve().parents[2] / 'tests/engine/unit/project/yaml.golden.json'

SCALARS = '''
yes Yes YES yEs y n no No NO on On ON off OFF true True TRUE tRue false False ~ null Null NULL nULL None 0 00
07 08 010 -010 0o10 0x1F -0x1f 0b101 1_000 +12 -0 1:30 1:30:45 190:20:30 1:60 1.0 1. .5 -.5 +.5 1.5e3 1.5e+3
1e3 1.e+3 6.02E-2 .inf -.Inf +.INF .nan .NaN 1_0.5 1:30.5 2020-01-01 2020-1-1 2020-01-01T10:00:00
2020-01-01T10:00:00Z 2020-01-01T1:02:03.45+02:00 2020-01-01T10:00:00.123456789Z 12345678901234567890
-9007199254740993 9007199254740991 0.1 1.10 1.2.3 v1 1.12.6 1,5 1-2 -a --- -- - a:b a#b #c a&b *a &a !a !!str
!!int << = @a `a %a |x >x ? ?a : :a [ ] { } , 'a' "a" '' "" 'it''s' "a\\tb" "\\u00e9\\x41" "\\z" a\\nb'''.split()

DOCUMENTS = [
    'a: 1\nb: 2\n',
    'a:\n  b:\n    - c\n    - d: e\n      f: g\n',
    'a:\n- b\n- c\nd: e\n',
    '- - a\n  - b\n- c\n',
    '-\n  a: 1\n-\n- b\n',
    'a: b\n  c\n  d\ne: f\n',
    'a: b\n\n  c\n\n\n  d\n',
    'a: |\n  x\n   y\n\n  z\nb: 1\n',
    'a: |-\n  x\n\nb: 1',
    'a: |+\n  x\n\n\nb: 1',
    'a: >\n  x\n  y\n\n  z\n   w\n  v\n',
    'a: >-\n  x\n  y',
    'a: |2\n    x\n  y\n',
    'a: |\n\n\n  x\n',
    'a: |\n',
    'a: |\nb: 1\n',
    'a: >+\n  x\n\n',
    '- |\n a\n b\n- >\n  c\n  d\n',
    'a: # comment\n  b: 1 # c\n# d\n  c: 2\n',
    'a: b #c\n',
    'a: b#c\n',
    "a: 'x # y'\n",
    'a: "x: y"\n',
    'a: {b: 1, c: [1, 2, "x"], d: {e: }}\n',
    'a: [a, b c, 1.5, yes, ]\n',
    'a: []\nb: {}\n',
    'a: [\n  b,\n  c # d\n]\n',
    'a: {b: 1,\n c: 2}\n',
    'columns:\n  - &id\n    name: id\n    tests: [unique]\n'
    '  - &at\n    name: at\n    description: "x"\nmore:\n- *id\n- *at\n',
    'a: &x\n  b: &y c d\n  e: *y\nf: [*x]\n',
    'a: &x\n- b\n- c\nd: *x # again\n',
    'a:\n  - &x\n    - b\n  - *x\n',
    'a: &x\nb: *x\n',
    'a: &x |\n  text\n\nb: *x\n',
    'a: &x "q"\nb: &y \'r\'\nc: &z {d: 1}\ne: [1]\nf: *z\ng: *y\n',
    'a: &x plain\n  goes on\nb: *x\n',
    '- &x a: 1\n  b: 2\n- *x\n',
    '&x a: 1\n*x : 2\n',
    '&x\na: 1\n',
    'a: *x\nb: &x 1\n',
    'a: &x 1\nb: &x [*x]\n',
    'a: &x 1\nb: *x c\n',
    'a: &x 1\nb: *x\n  c\n',
    'a: &x &y 1\n',
    'a: &x *x\n',
    'a: &x 1\nb: &y *x\n',
    'a: & 1\n',
    'a: &x\n# comment\n  b: 1\nc: *x\n',
    '- &x\n- *x\n',
    '- &x\n  - a\n- *x\n- &y b\n- *y\n',
    'a: &x - b\n',
    'a: &x 1 # c\nb: *x#d\n',
    'a: &x-1_Z yes\nb: *x-1_Z\n',
    '{a: 1}\n',
    '[1, 2]\n',
    'just text\n',
    '',
    '# only\n',
    '---\na: 1\n',
    '--- a\n',
    'a: 1\n---\nb: 2\n',
    'a: 1\n...\n',
    'a: &x {b: 1}\nc: *x\n',
    'd: &d\n  x: 1\n  y: 2\ne:\n  <<: *d\n  y: 3\n',
    'a: &a {x: 1}\nb: &b {x: 2, z: 3}\nc:\n  <<: [*a, *b]\n  w: 0\n',
    'a: &a\n  x: 1\nb: &b\n  x: 2\n  z: 3\nc:\n  <<: [ *a , *b ] # both\n  w: 0\nd: 1\n',
    'a: &a\n  x: 1\nc:\n  y: 2\n  << : *a\n',
    'a: &a\n  x: 1\nc:\n- <<: *a\n  x: 2\n- <<: *a\n',
    'a: &a\n  x: 1\nb: &b\n  <<: *a\n  y: 2\nc:\n  <<: *b\n  x: 3\n',
    'a: &a\n  x: 1\nb: &b\n  x: 2\n  y: 3\nc:\n  <<: *a\n  z: 1\n  <<: *b\n',
    'a: &a [1]\nb:\n  <<: *a\n',
    'a: &a 1\nb:\n  <<: [*a]\n',
    'a: &a\n  x: 1\nb:\n  <<: [*a, [*a]]\n',
    'a: &a\n  x: 1\nb:\n  <<: []\n  y: 1\n',
    'a: &a\n  x: 1\nb:\n  <<: *a, 2\n',
    'a: &a\n  x: 1\nb:\n  <<:\n    *a\n',
    'a: &a\n  x: 1\nb:\n  "<<": *a\n',
    'b:\n  <<: *a\na: &a\n  x: 1\n',
    'a: &a, 1\n',
    'a: &a 1\nb: *a, 1\n',
    'a: &a 1\nb: *a]\n',
    'a: {to: ref(\'x\'), b: [it\'s, a"b"]}\n',
    "a: [ref('x', 'y')]\n",
    "a: [ref('x']\n",
    "a: 'b\n  c'\n",
    "a: 'b  \n\n\n  c   d \n   e  '\nf: 1\n",
    "a: '\n  b\n  '\nf: 1\n",
    "a: 'b\n\n  '\n",
    "a: 'b''\n  ''c'' '' d'\n",
    "a: 'b\n  c: d # e'  # f\ng: 1\n",
    "a: 'b\nc'\n",
    "a:\n  b: 'c\n  d'\n",
    "a:\n  b: 'c\n  '\n",
    "a: 'b\n  c': d\n",
    "a: 'b\n  c' d\n",
    "a: 'b\n  c\n",
    "a: 'b\n---\n  c'\n",
    "a: &x 'b\n  c'\nd: *x\n",
    "- a: 'b\n    c'\n- 'd\n  e'\n",
    'a: 1\na: 2\n',
    'a: b: c\n',
    'a:\n\tb: 1\n',
    'a: [1, 2\nb: 3\n',
    "a: 'x\nb: 1\n",
    'a: "x\n  y"\n',
    "a: 'x\n\n  y'\n",
    ' a: 1\n b: 2\n',
    'a: 1\n b: 2\n',
    'a:\n    b: 1\n  c: 2\n',
    '- a\nb: 1\n',
    '"a b": 1\n\'c\': 2\n? d\n: e\n',
    '3: a\nyes: b\n~: c\n2.5: d\n2020-01-01: e\n',
    'a: !!str 1\nb: !!int "2"\nc: !!float 3\n',
    'a: !custom x\n',
    'a: *missing\n',
    'key with spaces: v w x\n',
    "a: it's\n",
    'a: "{{ var(\'x\') }}"\n',
    'a: {{ x }}\n',
    "a: \"{{ x }}\"\nb: '{% if x %}'\n",
    'a: x\r\nb: y\r\n',
    'a: é ü 漢字 😀\n',
    'a:  spaced   out  \n',
    'a: b:c\n',
    'url: http://x.y/z?a=b&c=d\n',
    'a: - b\n',
    'a: -b\n',
    'a: ?b\n',
    '- - - x\n',
    '- a: 1\n  b:\n  - c\n  - d\n- e\n',
    'a:\n  - b: 1\n    c: |\n      t\n  - d\n',
    'a: "\\\n  x"\n',
    'a: 1 # é\nb: 2\n',
    'a: >\n\n  x\n\n\n  y\n\n',
    'a: |\n  x\n # c\nb: 1\n',
    'models:\n  - name: a\n    columns:\n      - name: id\n        tests:\n          - unique\n          - '
    'accepted_values:\n              values: [1, 2, "3"]\n    config: {tags: [x], meta: {y: 1.0}}\n',
    'a: \\x\n',
    'a: "q" b\n',
    "a: 'q'b\n",
    '"a": "b": c\n',
    'a: b\n# c\n  d\n',
    'a:\n  b\n  c\n',
    '- a\n  b\n- c\n',
    'a: x\n\n\n',
    '\n\n\na: 1',
    'a: |  # c\n  x\n',
    'a: |x\n  y\n',
    'x: =\n',
    'a: <<\n',
    '<<: {a: 1}\nb: 2\n',
    'a: .5.\n',
    'a: \u00a0x\n',
    'a: x\u2028y\n',
    'a: \x07\n',
    '\ufeffa: 1\n',
    'a: "\u0001"\n',
    'a:\n  b: {\n    x: 1\n}\nc: 2\n',
    '- a: [\n1, 2\n]\n- 3\n',
    'a:\n  b: {x: 1,\ny: 2}\n',
    'a:\n  - b: [1,\n   2\n]\n',
    'a: {b: [\n]\n}\n',
    'a:\n  b: {\n    x: 1\n',
    'a:\n  b: {\n    x: 1\nc: 2\n',
    "a:\n  - b: {\n  x: '}',  # }\n y: [1, [\n2], \"\n]\"]}\n  - c\n",
    'a:\n  b: [\nx, y\n]\n  c: {\n}\nd: 1\n',
    'a: [1, 2\nb: 3]\nc: 4\n',
    '{"a":[{"b":1,"c":"x"},{"d":{"e":null}}],\'f\':true}\n',
    'a: {"b":[1,2],c:3}\n',
    'a: {b:\n  1, "c":\n  - d}\n',
    '"a":1\n',
    "'a':b\nc: 1\n",
    'a: [\n  b, # c, d ]\n  # e\n  f\n  # g\n]\nh: 1\n',
    'a: [b,#c\n d]\n',
    'a: [b#c, d #e\n ]\n',
    'a: [b\n  c, d]\n',
    'a: {b: c\n  d}\n',
    'a: {b\n  : c}\n',
    'a: {"b\n  c": d}\n',
    'a: [\n---\nb]\n',
    'a: [b,\n...\n]\n',
    'a: [b,\n',
    'a: {b: [\n  {c: d,\n   e: "f\n   g"},\n], h: \'i\n\n j\'}\n',
    '- [a,\n   b]\n- {c: 1,\n   d: 2}\n- e\n',
    '[a]: b\n',
    '{a: b,\n c: d}\n',
    '- "a\n  b"\n- \'c\n  d\'\n- "e": 1\n',
    '"a\n b": c\n',
    'a: "b \\\n   c"\n',
    'a: "b \\\n  \\  c\\\n\n\n  d"\n',
    'a: "b\\\\\n  c\\"\n  d"\ne: 1\n',
    'a: "  \n\n  b  \n  "\n',
    'a: "b\n---\nc"\n',
    'a: "b\\ \n  c"\n',
    'a: "b\n',
    'a: "x\n\ty"\n',
    'a:\n  b: "x\n  \ty"\n',
    "a:\n  b: 'x\n\ty''s \"z\"\n\n\t\tw'\nc: 1\n",
    'a: "x \\" \'y\n\tz"\nb: 1\n',
    'a: "x\n  y\n\tz\n w"\nb: 1\n',
    'a: "x\n\tb: 1\nc: 2\n',
    'a: [1,\n\t2]\n',
    'a:\n  b: {c: 1,\n\td: 2}\n',
    'a:\t1\nb:\t\n  c: 2\t# d\n',
    'a:\n  b: x\n    \ty\n',
    'a: x\n\ty\n',
    'a:\n\tb: 1\n',
    'a:\n  b: x\n\tc: 1\n',
    'a:\n  - x\n\t- y\n',
    'a: "x"\n\tb: 1\n',
    'a: |\n\tx\n',
    'a:\n  b: |\n    x\n\t\n    y\n',
    'a: >\n\ty\n',
    'a: |2\n  \tx\n',
]


def generated():
    """Random documents in the style of hand-written YAML."""
    random.seed(5)
    words = [
        'id',
        'order total',
        'yes',
        '1',
        '1.0',
        "it's",
        'a: b',
        '# x',
        '"q"',
        'null',
        '{{ x }}',
        '[a]',
        'x#y',
        '- z',
        '2020-01-01',
        'multi word value',
        '!t',
        '@at',
        "''",
        '0x1f',
        '~',
        'naïve',
    ]

    def scalar(indent):
        word = random.choice(words)
        kind = random.random()
        if kind < 0.3:
            return ' ' + word
        if kind < 0.45:
            return ' "' + word.replace('\\', '\\\\').replace('"', '\\"') + '"'
        if kind < 0.6:
            return " '" + word.replace("'", "''") + "'"
        if kind < 0.75:
            lines = [random.choice(words + ['']) for _ in range(random.randint(1, 4))]
            return (
                ' '
                + random.choice('|>')
                + random.choice(['', '-', '+'])
                + '\n'
                + '\n'.join(
                    (' ' * (indent + 2) + random.choice(['', '', ' ']) + line) if line else '' for line in lines
                )
            )
        if kind < 0.85:
            return ' [' + ', '.join(random.choice(words[:5]) for _ in range(random.randint(0, 3))) + ']'
        if kind < 0.9:
            return ' {' + ', '.join(f'k{i}: ' + random.choice(words[:5]) for i in range(random.randint(0, 3))) + '}'
        return (
            ' plain '
            + '\n'.join(' ' * (indent + 2) + random.choice(words[:3]) for _ in range(random.randint(1, 2))).strip()
        )

    def node(indent, depth):
        lines = []
        if random.random() < 0.4:
            for _ in range(random.randint(1, 3)):
                if depth > 0 and random.random() < 0.5:
                    inner = node(indent + 2, depth - 1).lstrip(' ')
                    lines.append(' ' * indent + '- ' + inner)
                else:
                    lines.append(' ' * indent + '-' + scalar(indent))
        else:
            for i in range(random.randint(1, 3)):
                key = (
                    random.choice(['name', 'tests', 'description', 'meta', '"quoted key"', 'two words', "k'"]) + str(i)
                    if random.random() < 0.8
                    else f'k{i}'
                )
                key = key.replace('"0', '0"').replace('"1', '1"').replace('"2', '2"')
                if depth > 0 and random.random() < 0.5:
                    comment = random.choice(['', '', ' # why'])
                    lines.append(
                        ' ' * indent
                        + key
                        + ':'
                        + comment
                        + '\n'
                        + node(indent + random.choice([0, 2, 2, 4]), depth - 1)
                    )
                else:
                    lines.append(' ' * indent + key + ':' + scalar(indent) + random.choice(['', '', '', ' # note']))
                if random.random() < 0.1:
                    lines.append(random.choice(['', '# between', '   # odd']))
        return '\n'.join(lines)

    return [node(0, 3) + random.choice(['', '\n']) for _ in range(500)]


def plain(value):
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        return {'float': repr(value)}
    if isinstance(value, int):
        return value if abs(value) <= 9007199254740991 else {'int': str(value)}
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    if isinstance(value, list):
        return [plain(item) for item in value]
    return {
        'dict': [
            [
                key.isoformat()
                if isinstance(key, datetime.date)
                else json.loads(json.dumps({key: 0}).replace('{', '[').replace(': 0}', ']'))[0],
                plain(item),
            ]
            for key, item in value.items()
        ]
    }


def golden(text):
    try:
        return plain(yaml.load(text, Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        return {'error': error.problem_mark.line + 1 if error.problem_mark else None}
    except Exception:
        return {'error': None}


def main():
    texts = (
        ['a: ' + scalar for scalar in SCALARS]
        + SCALARS
        + ['[' + scalar + ']' for scalar in SCALARS]
        + DOCUMENTS
        + generated()
    )
    pairs = [[text, golden(text)] for text in texts]
    OUT.write_text('[\n' + ',\n'.join(json.dumps(pair) for pair in pairs) + '\n]\n')


if __name__ == '__main__':
    main()

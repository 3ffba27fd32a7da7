#!/usr/bin/env python3
"""Random Avro schemas and messages by fastavro, for avro.mjs and for the goldens of the unit tests.

Reads seeds from stdin, one a line, and writes one JSON line each: {"schema", "messages": [hex], "values"}.
A value is what fastavro reads back from the message, as text with its kind: ["i", "12"], ["f", "1.5"], ["t", "text"],
["b", base64], ["n"], ["o", true], ["l", [...]], ["m", {...}], ["d", "1.50"],
["w", moment or time with six digits of a second, has it a zone].
`avro.py SEED COUNT` writes the lines of so many seeds.
"""

import base64
import datetime
import decimal
import io
import json
import math
import random
import string
import sys
import uuid

from fastavro import parse_schema, schemaless_reader, schemaless_writer

WORDS = ['a', '', 'é', '😀', 'two\nlines', 'tab\there', 'back\\slash', '"quoted"', '{}', 'null', '\\N', ' ', '\x01']
WORDS.append('x' * 70)
FLOATS = [0.0, -0.0, 1.0, 0.1, -2.5, 1e21, 1e-7, 123456789.25, math.nan, math.inf, -math.inf]
PRIMITIVES = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string']
UTC = datetime.timezone.utc


class Maker:
    """One random schema, and values of it."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.count = 0
        # Schemas of named types by full name, and the namespace of the current record.
        self.named = {}
        self.space = ''

    def name(self):
        self.count += 1
        return f'N{self.count}'

    def record(self, depth, top=False):
        schema = {'type': 'record', 'name': self.name()}
        outer = self.space
        space = self.random.choice([None, None, 'a.b', 'c'])
        if space is not None:
            schema['namespace'] = self.space = space
        count = self.random.randint(1, 9 if top else 4)
        schema['fields'] = [{'name': f'f{i}', 'type': self.type(depth + 1)} for i in range(count)]
        if self.random.random() < 0.1:
            schema['fields'].append({'name': 'again', 'type': ['null', schema['name']]})
        self.define(schema)
        self.space = outer
        return schema

    def define(self, schema):
        self.named[f'{self.space}.{schema["name"]}' if self.space else schema['name']] = schema
        return schema

    def known(self):
        names = [name for name in self.named if '.' in name or not self.space]
        return self.random.choice(names) if names else 'long'

    def type(self, depth):
        pick = self.random.random()
        if depth > 3 or pick < 0.62:
            return self.leaf()
        if pick < 0.78:
            return self.union(depth)
        if pick < 0.86:
            return {'type': 'array', 'items': self.type(depth + 1)}
        if pick < 0.93:
            return {'type': 'map', 'values': self.type(depth + 1)}
        return self.record(depth)

    def union(self, depth):
        if self.random.random() < 0.7:
            branches = ['null', self.leaf() if self.random.random() < 0.7 else self.branch(depth)]
        else:
            branches = ['null'] if self.random.random() < 0.5 else []
            seen = set(branches)
            for _ in range(self.random.randint(1, 4)):
                each = self.branch(depth)
                kind = each if isinstance(each, str) else each['type']
                # fastavro would write any number as the first of several.
                if kind in ('int', 'long', 'string', 'bytes'):
                    each = kind
                # A union may hold several records; their names distinguish them.
                if kind not in seen or kind == 'record':
                    seen.add(kind)
                    branches.append(each)
        self.random.shuffle(branches)
        return branches

    def branch(self, depth):
        pick = self.random.random()
        if pick < 0.6 or depth > 3:
            return self.leaf()
        if pick < 0.75:
            return {'type': 'array', 'items': self.random.choice(PRIMITIVES)}
        if pick < 0.9:
            return {'type': 'map', 'values': self.random.choice(PRIMITIVES)}
        return self.record(depth + 1)

    def leaf(self):
        choose = self.random.choice
        made = choose(
            ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string', 'int', 'long', 'string', 'string',
             'enum', 'fixed', 'decimal', 'decimal-fixed', 'date', 'time-millis', 'time-micros', 'timestamp-millis',
             'timestamp-micros', 'local-timestamp-millis', 'local-timestamp-micros', 'uuid', 'object', 'known'])
        if made == 'enum':
            symbols = ['A', 'B_1', 'null_', 'f'][: self.random.randint(1, 4)]
            return self.define({'type': 'enum', 'name': self.name(), 'symbols': symbols})
        if made == 'fixed':
            return self.define({'type': 'fixed', 'name': self.name(), 'size': self.random.choice([0, 1, 5, 16])})
        if made in ('decimal', 'decimal-fixed'):
            precision = self.random.randint(1, 38)
            scale = self.random.randint(0, precision)
            schema = {'type': 'bytes', 'logicalType': 'decimal', 'precision': precision, 'scale': scale}
            if made == 'decimal-fixed':
                return self.define({**schema, 'type': 'fixed', 'name': self.name(), 'size': 17})
            return schema
        if made == 'date':
            return {'type': 'int', 'logicalType': made}
        if made == 'time-millis':
            return {'type': 'int', 'logicalType': made}
        if made.startswith(('time', 'local')):
            return {'type': 'long', 'logicalType': made}
        if made == 'uuid':
            return {'type': 'string', 'logicalType': made}
        if made == 'object':
            return {'type': choose(['int', 'string', 'long', 'double'])}
        if made == 'known':
            return self.known()
        return made

    # Values

    def value(self, schema):
        if isinstance(schema, list):
            return self.value(self.random.choice(schema))
        if isinstance(schema, str):
            if schema not in self.named and schema not in PRIMITIVES:
                return None  # A record within itself.
            return self.value(self.named[schema]) if schema in self.named else self.plain(schema)
        kind, logical = schema['type'], schema.get('logicalType')
        rand = self.random
        if logical is not None:
            return self.logical(schema, logical)
        if kind == 'record':
            return {each['name']: self.value(each['type']) for each in schema['fields']}
        if kind == 'array':
            return [self.value(schema['items']) for _ in range(rand.choice([0, 1, 2, 5]))]
        if kind == 'map':
            keys = [rand.choice([*WORDS, 'k', '__proto__']) for _ in range(rand.choice([0, 1, 3]))]
            return {key: self.value(schema['values']) for key in keys}
        if kind == 'enum':
            return rand.choice(schema['symbols'])
        if kind == 'fixed':
            return rand.randbytes(schema['size'])
        return self.plain(kind)

    def plain(self, kind):
        rand = self.random
        if kind == 'null':
            return None
        if kind == 'boolean':
            return rand.random() < 0.5
        if kind in ('int', 'long'):
            bits = 31 if kind == 'int' else 63
            size = rand.choice([3, 7, 14, 20, 31, bits, bits])
            return rand.choice([0, -1, 2**size - 1, -(2**size), rand.getrandbits(size), -rand.getrandbits(size)])
        if kind in ('float', 'double'):
            value = rand.choice([*FLOATS, rand.random(), rand.random() * 1e300])
            return 3e38 if kind == 'float' and value > 3e38 and value != math.inf else value
        if kind == 'bytes':
            return rand.randbytes(rand.choice([0, 1, 3, 20]))
        if rand.random() < 0.5:
            return ''.join(rand.choices(string.ascii_letters, k=rand.randint(0, 12)))
        return rand.choice(WORDS)

    def logical(self, schema, logical):
        rand = self.random
        if logical == 'decimal':
            digits = rand.randint(1, schema['precision'])
            unscaled = rand.randint(-(10**digits) + 1, 10**digits - 1)
            return decimal.Decimal(unscaled).scaleb(-schema['scale'], decimal.Context(prec=60))
        if logical == 'uuid':
            return uuid.UUID(int=rand.getrandbits(128))
        first, span = ((1960, 1, 1), 3 * 10**15) if rand.random() < 0.7 else ((1, 1, 2), 315 * 10**15)
        moment = datetime.datetime(*first) + datetime.timedelta(microseconds=rand.randint(0, span))
        if logical.endswith('millis'):
            moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        if logical == 'date':
            return moment.date()
        if logical.startswith('time-'):
            return moment.time()
        return moment if logical.startswith('local') else moment.replace(tzinfo=UTC)


def tagged(value):
    """A value of fastavro's with its kind."""
    if value is None:
        return ['n']
    if isinstance(value, bool):
        return ['o', value]
    if isinstance(value, int):
        return ['i', str(value)]
    if isinstance(value, float):
        return ['f', repr(value)]
    if isinstance(value, decimal.Decimal):
        return ['d', f'{value:f}']
    if isinstance(value, uuid.UUID):
        return ['t', str(value)]
    if isinstance(value, datetime.datetime):
        text = value.replace(tzinfo=None).isoformat(timespec='microseconds')
        return ['w', text, value.tzinfo is not None]
    if isinstance(value, datetime.date):
        return ['t', value.isoformat()]
    if isinstance(value, datetime.time):
        return ['w', value.isoformat(timespec='microseconds'), False]
    if isinstance(value, bytes):
        return ['b', base64.b64encode(value).decode()]
    if isinstance(value, list):
        return ['l', [tagged(each) for each in value]]
    if isinstance(value, dict):
        return ['m', [[key, tagged(each)] for key, each in value.items()]]
    return ['t', value]


def answer(seed):
    maker = Maker(seed)
    schema = maker.record(0, top=True)
    parsed = parse_schema(json.loads(json.dumps(schema)))
    messages, values = [], []
    for _ in range(3):
        out = io.BytesIO()
        schemaless_writer(out, parsed, maker.value(schema))
        data = out.getvalue()
        messages.append(data.hex())
        values.append(tagged(schemaless_reader(io.BytesIO(data), parsed)))
    return {'seed': seed, 'schema': schema, 'messages': messages, 'values': values}


def lines(seeds):
    for seed in seeds:
        try:
            yield answer(seed)
        except Exception as error:  # fastavro refuses some of its own unions
            yield {'seed': seed, 'refused': f'{type(error).__name__}: {error}'}


if len(sys.argv) > 2:
    first, count = int(sys.argv[1]), int(sys.argv[2])
    for line in lines(range(first, first + count)):
        print(json.dumps(line))
else:
    for seed in sys.stdin:
        for line in lines([int(seed)]):
            print(json.dumps(line), flush=True)

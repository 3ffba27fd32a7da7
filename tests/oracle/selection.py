#!/usr/bin/env python3
"""Writes the golden answers of node selection: what real dbt selects in the case project.

npm run oracle -- selection
No database is needed; it takes some ten minutes. Writes expected/manifest.json (the parts that selection reads) and
expected/selections.json.
"""

import itertools
import json
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

from dbt.cli.main import dbtRunner

CASE = Path(__file__).resolve().parents[2] / 'tests/engine/cases/selection/every-method'

ATOMS = [
    'orders',
    'stg_orders',
    'customers',
    'customers.v1',
    'customers_v2',
    'customers.v2',
    'choosing.marts.orders',
    'marts',
    'staging',
    'choosing.staging',
    'helper',
    'helped',
    'helper.helped',
    'revenue',
    'revenue.summary',
    'deep.revenue',
    'marts.deep.*',
    'stg_*',
    '*_users',
    '*',
    'choosing.*.orders',
    'cust?mers',
    '[so]*',
    'nothing',
    'no_such',
    'countries',
    'order_history',
    'check_totals',
    'question',
    'dashboard',
    'order_math',
    'marts.*.v1',
    'v1',
    'choosing.marts.customers',
    'tag:nightly',
    'tag:users',
    'tag:raw',
    'tag:pii',
    'tag:slow',
    'tag:quick',
    'tag:da*',
    'tag:seeded',
    'tag:board',
    'tag:none',
    'tag:current',
    'group:finance',
    'group:f*',
    'group:none',
    'access:public',
    'access:private',
    'access:protected',
    'access:p*',
    'source:shop',
    'source:shop.orders',
    'source:choosing.shop.users',
    'source:*.orders',
    'source:*',
    'source:other',
    'source:helper.*.*',
    'path:models',
    'path:models/marts',
    'models/marts',
    'models/marts/',
    'path:models/marts/*',
    'path:models/**/orders.sql',
    'models/staging/stg_users.sql',
    './models/marts',
    'models/schema.yml',
    'path:models/*/stg_*',
    'tests',
    'path:tests/check_totals.sql',
    'seeds',
    'path:seeds/*.csv',
    'path:nope',
    'path:models/**',
    'snapshots/history.yml',
    'file:orders.sql',
    'file:orders',
    'file:customers_v?',
    'stg_users.sql',
    'countries.csv',
    'file:schema.yml',
    'file:schema',
    'file:revenue.summary',
    'package:choosing',
    'package:helper',
    'package:this',
    'package:*',
    'config.materialized:view',
    'config.materialized:table',
    'config.materialized:ephemeral',
    'config.unique_key:id',
    'config.unique_key:day',
    'config.tags:nightly',
    'config.meta.owner:data',
    'config.severity:warn',
    'config.severity:WARN',
    'config.severity:error',
    'config.enabled:true',
    'config.enabled:True',
    'config.enabled:false',
    'config.store_failures:true',
    'config.meta.kind:oltp',
    'config.contract.enforced:false',
    'config.nothing:x',
    'config.docs.show:true',
    'config.group:finance',
    'test_name:unique',
    'test_name:not_null',
    'test_name:rel*',
    'test_name:positive',
    'test_name:order_math',
    'test_type:generic',
    'test_type:singular',
    'test_type:data',
    'test_type:unit',
    'test_type:schema',
    'resource_type:model',
    'resource_type:source',
    'resource_type:test',
    'resource_type:unit_test',
    'resource_type:exposure',
    'resource_type:seed',
    'resource_type:snapshot',
    'resource_type:analysis',
    'exposure:dashboard',
    'exposure:*',
    'exposure:choosing.report',
    'exposure:helper.*',
    'version:latest',
    'version:prerelease',
    'version:old',
    'version:none',
    'unit_test:order_math',
    'unit_test:*',
    'unit_test:choosing.customer_math',
    'metric:*',
    'semantic_model:*',
    'saved_query:*',
    'selector:nightly',
    'selector:n*',
    'selector:finance',
    'selector:narrow',
    'selector:no_tests',
    'selector:with_exclude',
]
BAD = [
    'tog:x',
    'resource_type:thing',
    'test_type:thing',
    'version:thing',
    'source:a.b.c.d',
    '@orders+',
    'selector:no_such',
    'exposure:a.b.c',
    'state:new',
]
MODES = ['eager', 'cautious', 'buildable', 'empty']


def expressions():
    random.seed(11)
    for atom in ATOMS:
        yield [atom], [], 'eager'
    for atom in ATOMS[::2]:
        for shape in ('+{}', '{}+', '1+{}', '{}+1', '@{}', '+{}+', '2+{}+1'):
            yield [shape.format(atom)], [], random.choice(MODES)
    for mode in MODES:
        for atom in [
            'orders',
            'stg_orders',
            'revenue',
            'customers',
            '+orders',
            'stg_users+',
            'source:shop',
            'test_type:generic',
            'tag:nightly',
            'path:models/marts',
            'countries',
            'stg_orders stg_users',
            'stg_orders,tag:nightly',
            'orders customers.v1',
            'source:shop+',
            '@stg_users',
        ]:
            yield [atom], [], mode
            yield [atom], ['test_name:not_null'], mode
            yield [atom], ['orders'], mode
    for _ in range(400):

        def one():
            return random.choice(('', '', '', '+', '1+', '2+', '@')) + random.choice(ATOMS)

        def tail(text):
            return text if text.startswith('@') else text + random.choice(('', '', '+', '+1'))

        def term():
            return ','.join(tail(one()) for _ in range(random.choice((1, 1, 1, 2, 3))))

        include = [term() for _ in range(random.choice((1, 1, 2, 3)))]
        exclude = [term() for _ in range(random.choice((0, 0, 1, 2)))]
        yield include, exclude, random.choice(MODES)
    for atom in ['orders', 'tag:nightly+', 'test_type:unit']:
        yield [], [atom], 'eager'
    yield [], [], 'eager'


def main():
    work = Path(tempfile.mkdtemp())
    shutil.copytree(CASE, work / 'p', ignore=shutil.ignore_patterns('expected'))
    project = work / 'p'
    (project / 'profiles.yml').write_text(
        json.dumps(
            {
                'cases': {
                    'target': 'x',
                    'outputs': {
                        'x': {
                            'type': 'postgres',
                            'host': 'localhost',
                            'port': 1,
                            'user': 'u',
                            'password': 'p',
                            'dbname': 'd',
                            'schema': 's',
                        }
                    },
                }
            }
        )
    )
    os.chdir(project)
    base = ['--profiles-dir', str(project), '--project-dir', str(project), '--quiet']
    sys.stdout = open(os.devnull, 'w')
    assert dbtRunner().invoke(['deps', *base]).success
    parsed = dbtRunner().invoke(['parse', *base])
    assert parsed.success, parsed.exception
    runner = dbtRunner(manifest=parsed.result)

    def ask(arguments):
        outcome = runner.invoke(['ls', '--output', 'json', '--output-keys', 'unique_id', *arguments, *base])
        if outcome.exception is not None:
            return {'error': str(outcome.exception)}
        return {'ids': sorted(json.loads(line)['unique_id'] for line in outcome.result)}

    answers = []
    for include, exclude, mode in expressions():
        arguments = ['--indirect-selection', mode]
        if include:
            arguments += ['--select', *include]
        if exclude:
            arguments += ['--exclude', *exclude]
        answers.append({'select': include, 'exclude': exclude, 'mode': mode, **ask(arguments)})
    for name in [
        'nightly',
        'finance',
        'narrow',
        'nested',
        'no_tests',
        'by_key',
        'with_exclude',
        'buildable',
        'no_such',
    ]:
        for mode in MODES:
            answers.append({'selector': name, 'mode': mode, **ask(['--selector', name, '--indirect-selection', mode])})
    for bad in BAD:
        answers.append({'select': [bad], 'exclude': [], 'mode': 'eager', **ask(['--select', bad])})
    for types in (['model'], ['test', 'unit_test'], ['all'], ['default', 'analysis'], ['source', 'exposure']):
        answers.append(
            {
                'select': [],
                'exclude': [],
                'mode': 'eager',
                'resource_types': types,
                **ask(list(itertools.chain.from_iterable(('--resource-type', t) for t in types))),
            }
        )
    outputs = {}
    for output in ('name', 'path', 'selector', 'json'):
        outputs[output] = runner.invoke(['ls', '--output', output, *base]).result
    outputs['keys'] = runner.invoke(
        [
            'ls',
            '--output',
            'json',
            '--output-keys',
            'name config.materialized config.meta.owner package_name nothing',
            *base,
        ]
    ).result

    manifest = json.loads((project / 'target/manifest.json').read_text())
    for key in ('macros', 'docs', 'parent_map', 'child_map', 'group_map', 'disabled'):
        manifest[key] = {}
    for node in manifest['nodes'].values():
        node.pop('created_at', None)
    expected = CASE / 'expected'
    expected.mkdir(exist_ok=True)
    text = json.dumps(manifest, indent=1, sort_keys=False).replace(str(project), '/project')
    (expected / 'manifest.json').write_text(text + '\n')
    # Ids as indexes of one list: the file is a fifth of the size.
    nodes = sorted({i for answer in answers for i in answer.get('ids', [])})
    index = {name: i for i, name in enumerate(nodes)}
    for answer in answers:
        if 'ids' in answer:
            answer['ids'] = [index[i] for i in answer['ids']]
    lines = ',\n'.join(json.dumps(answer, separators=(',', ':')) for answer in answers)
    (expected / 'selections.json').write_text(
        '{"nodes": ' + json.dumps(nodes, indent=1) + ',\n"answers": [\n' + lines + '\n]}\n'
    )
    (expected / 'list-outputs.json').write_text(json.dumps(outputs, indent=1) + '\n')
    shutil.rmtree(work)
    sys.stderr.write(f'{len(answers)} answers\n')


if __name__ == '__main__':
    main()

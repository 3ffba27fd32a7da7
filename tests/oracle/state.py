#!/usr/bin/env python3
"""Writes the golden answers of state comparison: what real dbt selects by each `state:` value after each edit.

npm run oracle -- state
No database is needed; it takes some twenty minutes. Reads edits.json of tests/engine/cases/state/comparison; writes
expected/state.json (the manifest before the edits, without what comparing does not read) and expected/answers.json.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from dbt.cli.main import dbtRunner

CASE = Path(__file__).resolve().parents[2] / 'tests/engine/cases/state/comparison'
VALUES = [
    'new',
    'old',
    'modified',
    'unmodified',
    'modified.body',
    'modified.configs',
    'modified.persisted_descriptions',
    'modified.relation',
    'modified.macros',
    'modified.contract',
]
WATCHED = ('UnversionedBreakingChange', 'Seed')
PROFILE = {
    'cases': {
        'target': 'dev',
        'outputs': {
            'dev': {
                'type': 'postgres',
                'host': 'localhost',
                'port': 1,
                'user': 'u',
                'password': 'p',
                'dbname': 'db',
                'schema': 'sch',
                'threads': 1,
            }
        },
    }
}


def edited(text, edit):
    if isinstance(edit, str):
        return edit
    if isinstance(edit, dict):
        head, line, count = edit['repeat']
        return head + line * count
    for old, new in edit:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def main():
    work = Path(tempfile.mkdtemp())
    (work / 'profiles.yml').write_text(json.dumps(PROFILE))
    warnings = []

    def listen(event):
        if event.info.name.startswith(WATCHED):
            warnings.append(f'{event.info.name}: {event.info.msg}')

    def run(project, arguments, manifest=None):
        os.chdir(project)
        return dbtRunner(manifest=manifest, callbacks=[listen]).invoke(
            [*arguments, '--quiet', '--profiles-dir', str(work), '--project-dir', str(project)]
        )

    def copy(name):
        return Path(
            shutil.copytree(CASE, work / name, ignore=shutil.ignore_patterns('expected', 'edits.json', 'steps.json'))
        )

    sys.stdout = open(os.devnull, 'w')
    before = copy('before')
    parsed = run(before, ['parse'])
    assert parsed.success, parsed.exception
    state = work / 'state'
    state.mkdir()
    shutil.copy(before / 'target/manifest.json', state)
    answers = []
    for number, edit in enumerate(json.loads((CASE / 'edits.json').read_text())):
        project = copy(f'p{number}')
        for path, change in edit.get('files', {}).items():
            file = project / path
            if change is None:
                file.unlink()
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                text = edited(file.read_text() if file.exists() else '', change)
                file.write_text(text, newline='')
        os.environ.update(edit.get('env', {}))
        told = ['--vars', json.dumps(edit['vars'])] if 'vars' in edit else []
        parsed = run(project, ['parse', *told])
        if parsed.exception is not None:
            sys.stderr.write(f'NO ANSWER: {edit["name"]}: {parsed.exception}\n')
            continue
        answer = {'name': edit['name']}
        for value in VALUES:
            warnings.clear()
            outcome = run(
                project,
                [
                    'ls',
                    '--output',
                    'json',
                    '--output-keys',
                    'unique_id',
                    '--resource-type',
                    'all',
                    '--select',
                    f'state:{value}',
                    '--state',
                    str(state),
                    *told,
                ],
                parsed.result,
            )
            if outcome.exception is not None:
                answer[value] = {'error': str(outcome.exception)}
            else:
                answer[value] = {'ids': sorted(json.loads(line)['unique_id'] for line in outcome.result)}
                if warnings:
                    answer[value]['warnings'] = sorted(set(warnings))
        answers.append(answer)
        for name in edit.get('env', {}):
            del os.environ[name]
        shutil.rmtree(project)
        sys.stderr.write(f'{number} {edit["name"]}\n')

    manifest = json.loads((state / 'manifest.json').read_text())
    for key in ('docs', 'parent_map', 'child_map', 'group_map', 'disabled', 'selectors'):
        manifest[key] = {}
    manifest['macros'] = {key: macro for key, macro in manifest['macros'].items() if macro['package_name'] == 'watched'}
    expected = CASE / 'expected'
    expected.mkdir(exist_ok=True)
    text = json.dumps(manifest, separators=(',', ':')).replace(str(before), '/project')
    (expected / 'state.json').write_text(text.replace('},"', '},\n"') + '\n')
    # Ids as indexes of one list.
    ids = sorted({i for answer in answers for value in VALUES for i in answer[value].get('ids', [])})
    index = {name: i for i, name in enumerate(ids)}
    for answer in answers:
        for value in VALUES:
            if 'ids' in answer[value]:
                answer[value]['ids'] = [index[i] for i in answer[value]['ids']]
    lines = ',\n'.join(json.dumps(answer, separators=(',', ':')) for answer in answers)
    (expected / 'answers.json').write_text('{"ids": ' + json.dumps(ids) + ',\n"answers": [\n' + lines + '\n]}\n')
    shutil.rmtree(work)


if __name__ == '__main__':
    main()

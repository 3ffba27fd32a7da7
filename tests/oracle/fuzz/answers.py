#!/usr/bin/env python3
"""Answers for fuzzers, from real dbt in one process: reads jobs as JSON lines from stdin, writes one JSON line each.

A job is {"dir": project} to parse it (its manifest is then in target/), and with "questions": [{select, exclude,
selector, mode, resource_types}] to select in it as `dbt ls` does. Run with the Python of an environment that has
dbt-core and dbt-postgres.
"""

import json
import os
import sys

from dbt.cli.main import dbtRunner
from dbt.task.list import ListTask

asked = []


def answer(task):
    """Selects for every question of this mode; the parts of `ls` that do not depend on the question run once."""
    task.compile_manifest()
    out = []
    for question in asked:
        for name in ('select', 'exclude', 'selector'):
            setting(task, name, question.get(name) or (None if name == 'selector' else ()))
        setting(task, 'resource_types', tuple(question.get('resource_types') or ()))
        warned.clear()
        try:
            ids = sorted(task.get_node_selector().get_selected(task.get_selection_spec()))
            out.append({'ids': ids, 'warnings': [w for w in warned]})
        except Exception as error:
            out.append({'error': f'{type(error).__name__}: {error}'})
    task.node_results.extend(out)
    return task.node_results


def setting(task, name, value):
    for spelling in (name, name.upper()):
        object.__setattr__(task.args, spelling, value)


ListTask.run = answer
warned = []


def on_event(event):
    if event.info.name == 'NoNodesForSelectionCriteria':
        warned.append(event.data.spec_raw)


def main():
    answers = sys.stdout
    sys.stdout = open(os.devnull, 'w')
    for line in sys.stdin:
        job = json.loads(line)
        project = job['dir']
        os.chdir(project)
        base = ['--profiles-dir', project, '--project-dir', project, '--quiet', *job.get('arguments', [])]
        outcome = dbtRunner(callbacks=[on_event]).invoke(['parse', '--no-partial-parse', *base])
        result = {'error': None if outcome.success else f'{type(outcome.exception).__name__}: {outcome.exception}'}
        if outcome.success and 'questions' in job:
            runner = dbtRunner(manifest=outcome.result, callbacks=[on_event])
            result['answers'] = [None] * len(job['questions'])
            for mode in ('eager', 'cautious', 'buildable', 'empty'):
                places = [i for i, question in enumerate(job['questions']) if question['mode'] == mode]
                asked[:] = [job['questions'][i] for i in places]
                done = runner.invoke(['ls', '--indirect-selection', mode, *base])
                if done.exception is not None:
                    result['error'] = f'{type(done.exception).__name__}: {done.exception}'
                    break
                for i, one in zip(places, done.result):
                    result['answers'][i] = one
        answers.write(json.dumps(result) + '\n')
        answers.flush()


if __name__ == '__main__':
    main()

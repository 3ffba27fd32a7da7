// Tests that the writes of a `statement` block are committed where dbt commits them: in hooks of a run, and in an
// operation.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from './project.ts';

const MACROS =
  "{% macro block(text) %}{% if execute %}{% call statement('noted') %}insert into public.notes values " +
  "('{{ text }}'){% endcall %}{% endif %}{% endmacro %}" +
  '{% macro query(text) %}{% if execute %}{% do run_query("insert into public.notes values (\'" ~ text ~ "\')") %}' +
  '{% endif %}{% endmacro %}' +
  "{% macro both(text) %}{{ block(text ~ ' 1') }}{{ query(text ~ ' 2') }}{% endmacro %}" +
  "{% macro failing() %}{{ block('lost') }}{{ exceptions.raise_compiler_error('stop') }}{% endmacro %}";

describe('rows that a statement block writes', () => {
  let project: FaultProject;
  beforeAll(async () => {
    project = await FaultProject.open({
      'macros/notes.sql': MACROS,
      'models/m.sql': 'select 1 as a',
      'dbt_project.yml':
        'name: faults\nversion: "1.0"\nprofile: faults\n' +
        'on-run-start: ["{{ block(\'start\') }}", "insert into public.notes values (\'plain\')"]\n' +
        'on-run-end: ["{{ both(\'end\') }}", "{{ query(\'last\') }}"]\n',
    });
    await project.client.query('create table public.notes (text text)');
  });
  afterAll(async () => {
    await project?.close();
  });

  async function notes(): Promise<string[]> {
    const found = await project.rows('select text from public.notes order by text');
    await project.client.query('truncate public.notes');
    return found.flat();
  }

  it('stay if hooks of a run call it, with those of later hooks', async () => {
    const { code, out } = await project.run(['run']);
    expect(code, out).toBe(0);
    expect(await notes()).toEqual(['end 1', 'end 2', 'last', 'plain', 'start']);
  });

  it.each(['table', 'view', 'incremental'])(
    'stay if hooks of a %s outside of its transaction call it',
    async (kind) => {
      const hooks = (when: string): string =>
        `[{'sql': "{{ block('${when}') }}", 'transaction': false}, ` +
        `{'sql': "insert into public.notes values ('${when} plain')", 'transaction': false}]`;
      project.write({
        'models/hooked.sql':
          `{{ config(materialized='${kind}', pre_hook=${hooks('before')}, ` +
          `post_hook=${hooks('later')}) }} select 1 as a`,
      });
      for (const args of [['--full-refresh'], []]) {
        const { code, out } = await project.run(['run', '-s', 'hooked', ...args]);
        expect(code, out).toBe(0);
        expect((await notes()).filter((text) => /before|later/.test(text))).toEqual([
          'before',
          'before plain',
          'later',
          'later plain',
        ]);
      }
      project.remove('models/hooked.sql');
    },
  );

  it('stay if an operation calls it', async () => {
    const { code, out } = await project.run(['run-operation', 'both', '--args', '{text: operation}']);
    expect(code, out).toBe(0);
    expect(await notes()).toEqual(['operation 1', 'operation 2']);
  });

  it('are rolled back if the operation fails afterwards', async () => {
    const { code } = await project.run(['run-operation', 'failing']);
    expect(code).toBe(1);
    expect(await notes()).toEqual([]);
  });
});

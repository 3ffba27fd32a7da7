// Tests that tables on the fast path show no difference from those of their materialization. The dash in the other
// model's name disables the fast path.
import { expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';

const model = (alias: string, sql: string): string => `{{ config(materialized='table', alias='${alias}') }}\n${sql}`;

/** Writes both models. */
function written(project: FaultProject, sql: string): void {
  project.write({ 'models/plain.sql': model('plain_a', sql), 'models/other.sql': model('other-a', sql) });
}

/** A text with the names of the other as those of the first, without what differs from line to line. */
function alike(text: string): string {
  return text
    .replace(/\u001b\[\d*m/g, '')
    .replaceAll('other-a', 'plain_a')
    .replaceAll('other', 'plain')
    .replace(/^\d\d:\d\d:\d\d(?:\.\d+)? */gm, '')
    .replace(/\d+ of 2/g, 'N of 2')
    .replace(/\.{3,}/g, '...')
    .replace(/\d+\.\d+(?=s| seconds)/g, 'T');
}

/** Runs one model alone. @returns what it says on the screen and in the log, from its start line on */
async function one(
  project: FaultProject,
  name: string,
): Promise<{ code: number | null; said: string; logged: string }> {
  project.write({ 'logs-target/dbt.log': '' });
  const { code, out } = await project.run(['run', '--select', name]);
  const log = alike(project.read('logs-target/dbt.log'));
  return { code, said: alike(out), logged: log.slice(log.indexOf('Began running node')) };
}

const STATEMENTS = /^create|^ *alter|^ *drop|COMMIT|Applying|Writing/m;

it('the fast path for tables sends and logs the same as the materialization', async () => {
  const project = await FaultProject.open({});
  try {
    written(project, "select 1 as id, '{{ this.name }}' as name");
    await project.run(['run']);
    written(project, "select 2 as id, '{{ this.schema }}' as name");
    const [plain, other] = [await one(project, 'plain'), await one(project, 'other')];
    expect([plain.code, plain.said]).toEqual([0, other.said]);
    const lines = (text: string): string[] => text.split('\n').filter((line) => STATEMENTS.test(line));
    expect(lines(plain.logged).length).toBeGreaterThan(8);
    expect(lines(plain.logged)).toEqual(lines(other.logged));
    expect(alike(project.read('target/run/faults/models/plain.sql'))).toBe(
      alike(project.read('target/run/faults/models/other.sql')),
    );
    expect(await project.rows('select * from s.plain_a')).toEqual([['2', 's']]);
    // An error names the line that wrote it, the SQL that was sent is undone, and the old table stands.
    written(project, 'select 3 as id,\n  nowhere as name');
    const [failed, same] = [await one(project, 'plain'), await one(project, 'other')];
    expect(failed.said).toContain('"nowhere" does not exist');
    expect(failed.said).toMatch(/plain\.sql:3|line 3/);
    expect([failed.code, failed.said]).toEqual([1, same.said]);
    expect(await project.rows('select * from s.plain_a')).toEqual([['2', 's']]);
  } finally {
    await project.close();
  }
});

it('the fast path for tables leaves readers, other types and remains of killed runs to the macro', async () => {
  const project = await FaultProject.open({ 'models/plain.sql': model('plain_a', 'select 1 as id') });
  const run = async (): Promise<string> => {
    const { code, out } = await project.run(['run']);
    expect(code, out).toBe(0);
    return out;
  };
  try {
    await run();
    await project.client.query('create view s.reader as select id from s.plain_a');
    project.write({ 'models/plain.sql': model('plain_a', 'select 2 as id') });
    await run();
    expect(await project.rows('select id from s.reader')).toEqual([['2']]);
    await project.client.query('drop view s.reader; create table s.plain_a__dbt_backup (x int)');
    await project.client.query('create table s.plain_a__dbt_tmp (x int)');
    project.write({ 'models/plain.sql': model('plain_a', 'select 3 as id') });
    await run();
    expect(await project.rows('select id from s.plain_a')).toEqual([['3']]);
    await project.client.query('drop table s.plain_a; create view s.plain_a as select 0 as id');
    await run();
    expect(await project.rows("select relkind from pg_class where relname like 'plain_a%'")).toEqual([['r']]);
  } finally {
    await project.close();
  }
});

it('the fast path for tables calls the macros that a project overrides', async () => {
  const project = await FaultProject.open({
    'models/plain.sql': model('plain_a', 'select 1 as id'),
    'macros/own.sql':
      '{% macro postgres__create_table_as(temporary, relation, sql) %}{% do log("OWN", info=true) %}' +
      'create table {{ relation }} as ({{ sql }}){% endmacro %}',
  });
  try {
    for (const _time of ['made', 'replaced']) expect((await project.run(['run'])).out).toContain('OWN');
  } finally {
    await project.close();
  }
});

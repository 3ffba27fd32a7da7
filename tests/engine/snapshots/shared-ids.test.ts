// Keys of a Postgres snapshot whose versions have the same dbt_scd_id, because the parts of a key are joined by `|` and
// NULL counts as ''. A change or the end of one key leaves the other.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';

const config = (more: string): Readonly<Record<string, string>> => ({
  'snapshots/sn.sql':
    "{% snapshot sn %}{{ config(unique_key=['a', 'b'], strategy='timestamp', updated_at='u', target_schema='s', " +
    `${more}) }} select * from public.src {% endsnapshot %}`,
});

describe('keys of a snapshot that share a dbt_scd_id', () => {
  let project: FaultProject;
  beforeAll(async () => {
    project = await FaultProject.open({
      'dbt_project.yml':
        'name: faults\nversion: "1.0"\nprofile: faults\n' +
        'flags: {send_anonymous_usage_stats: false, enable_truthy_nulls_equals_macro: true}\n',
    });
    await project.client.query('create table public.src (a text, b text, u timestamp, v int)');
  });
  afterAll(async () => {
    await project?.close();
  });

  async function snapshot(): Promise<string> {
    const { code, out } = await project.run(['snapshot']);
    expect(code, out).toBe(0);
    return out;
  }

  /** Every version: key, value, does it end? */
  const versions = (): Promise<string[][]> =>
    project.rows(
      "select a, coalesce(b, 'NULL'), v, dbt_valid_to is not null from s.sn order by a, 2, dbt_valid_from, v",
    );

  async function begin(more: string): Promise<void> {
    project.write(config(more));
    await project.client.query(
      'drop table if exists s.sn; truncate public.src; insert into public.src values ' +
        "('a|', 'b', '2024-01-01', 1), ('a', '|b', '2024-01-01', 2), ('x', null, '2024-01-01', 3), " +
        "('x', '', '2024-01-01', 4)",
    );
    await snapshot();
    expect(await project.rows('select count(distinct dbt_scd_id) from s.sn')).toEqual([['2']]);
  }

  it.each([["hard_deletes='invalidate'"], ["hard_deletes='new_record'"], ["hard_deletes='ignore'"]])(
    'change one by one: %s',
    async (deletes) => {
      await begin(deletes);
      await project.client.query("update public.src set v = v + 10, u = '2024-02-01' where v in (1, 3)");
      await snapshot();
      await snapshot();
      expect(await versions()).toEqual([
        ['a', '|b', '2', 'false'],
        ['a|', 'b', '1', 'true'],
        ['a|', 'b', '11', 'false'],
        ['x', '', '4', 'false'],
        ['x', 'NULL', '3', 'true'],
        ['x', 'NULL', '13', 'false'],
      ]);
    },
  );

  it('end one by one when their rows are deleted', async () => {
    await begin("hard_deletes='invalidate'");
    await project.client.query('delete from public.src where v in (1, 4)');
    await snapshot();
    await snapshot();
    const ended = [
      ['a', '|b', '2', 'false'],
      ['a|', 'b', '1', 'true'],
      ['x', '', '4', 'true'],
      ['x', 'NULL', '3', 'false'],
    ];
    expect(await versions()).toEqual(ended);
    await project.client.query("insert into public.src values ('a|', 'b', '2024-03-01', 1)");
    await snapshot();
    expect(await versions()).toEqual([...ended.slice(0, 2), ['a|', 'b', '1', 'false'], ...ended.slice(2)]);
  });

  it('get records of their deletion one by one, and come back one by one', async () => {
    await begin("hard_deletes='new_record'");
    await project.client.query('delete from public.src where v in (1, 2)');
    await snapshot();
    await snapshot();
    const deleted = [
      ['a', '|b', '2', 'true'],
      ['a', '|b', '2', 'false'],
      ['a|', 'b', '1', 'true'],
      ['a|', 'b', '1', 'false'],
    ];
    expect((await versions()).slice(0, 4)).toEqual(deleted);
    await project.client.query("insert into public.src values ('a|', 'b', '2124-03-01', 5)");
    await snapshot();
    expect((await versions()).slice(0, 5)).toEqual([
      ...deleted.slice(0, 3),
      ['a|', 'b', '1', 'true'],
      ['a|', 'b', '5', 'false'],
    ]);
  });

  it('may be expressions', async () => {
    await begin("hard_deletes='invalidate'");
    project.write({
      'snapshots/sn.sql': config("hard_deletes='invalidate'")['snapshots/sn.sql']!.replace(
        "['a', 'b']",
        '["a || \'\'", "coalesce(b, \'none\')"]',
      ),
    });
    await project.client.query("update public.src set v = 11, u = '2024-02-01' where v = 1");
    await project.client.query('delete from public.src where v = 4');
    await snapshot();
    expect(await versions()).toEqual([
      ['a', '|b', '2', 'false'],
      ['a|', 'b', '1', 'true'],
      ['a|', 'b', '11', 'false'],
      ['x', '', '4', 'true'],
      ['x', 'NULL', '3', 'false'],
    ]);
  });

  it("change together where the project's own macros stage the changes, as in dbt", async () => {
    await begin("hard_deletes='invalidate'");
    project.write({
      'macros/own.sql':
        '{% macro unique_key_fields(unique_key) %}a as dbt_unique_key_1, b as dbt_unique_key_2{% endmacro %}',
    });
    await project.client.query('delete from public.src where v = 1');
    await snapshot();
    project.remove('macros/own.sql');
    expect((await versions()).slice(0, 2)).toEqual([
      ['a', '|b', '2', 'true'],
      ['a|', 'b', '1', 'true'],
    ]);
  });
});

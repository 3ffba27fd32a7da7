// Tests `tsdbt load --from` and `new_rows` with the built program: an incremental model gets what was loaded since its
// last success.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';

const SOURCE = `sources:
  - name: raw
    tables:
      - name: events
        config: { meta: { tsdbt: { load: { topic: events, mode: append } } } }
        columns: [{ name: id, data_type: bigint }, { name: k, data_type: text }]
`;
const MODEL = `{{ config(materialized='incremental') }}
select id, k, current_setting('application_name') <> '' as built from {{ new_rows(source('raw', 'events')) }} as fresh
`;

describe('new_rows', () => {
  let project: FaultProject;
  beforeAll(async () => {
    project = await FaultProject.open({ 'models/sources.yml': SOURCE, 'models/m.sql': MODEL });
  });
  afterAll(() => project.close());

  const append = async (name: string, from: number, to: number): Promise<void> => {
    writeFileSync(
      join(project.dir, name),
      Array.from({ length: to }, (_, id) => `{"id": ${id}, "k": "${name}"}\n`).join(''),
    );
    const { code, out } = await project.run(['load', '--from', name]);
    expect(code, out).toBe(0);
    expect(out).toContain(`raw.events: ${to - from} row`);
  };
  const build = async (...more: string[]): Promise<void> => {
    const { code, out } = await project.run(['run', '-s', 'm', ...more]);
    expect(code, out).toBe(0);
  };
  const built = async (): Promise<string[][]> =>
    project.rows('select k, count(*), count(distinct id) from s.m group by 1 order by 1');

  it('returns only the new records of a file that has grown', async () => {
    await append('a.ndjson', 0, 10);
    await build();
    await build();
    expect(await built()).toEqual([['a.ndjson', '10', '10']]);
    await append('a.ndjson', 10, 25);
    await append('b.ndjson', 0, 3);
    await build();
    expect(await built()).toEqual([
      ['a.ndjson', '25', '25'],
      ['b.ndjson', '3', '3'],
    ]);
    await build('--full-refresh');
    expect(await built()).toEqual([
      ['a.ndjson', '25', '25'],
      ['b.ndjson', '3', '3'],
    ]);
  });

  it('does not miss a flush that commits after a later one', async () => {
    const flush = (partition: number, from: number, to: number): string =>
      `update tsdbt.load_offsets set next_offset = ${to} where topic = 'events' and partition = ${partition};
      insert into raw.events (id, k, _topic, _partition, _offset) select i, 'p${partition}', 'events', ` +
      `${partition}, i from generate_series(${from}, ${to - 1}) i`;
    await project.client.query(
      'insert into tsdbt.load_offsets (relation, target, topic, partition, next_offset) select ' +
        "'\"raw\".\"events\"', 'source.faults.raw.events', 'events', p, 0 from generate_series(0, 1) p",
    );
    const { host, port, user, password, database } = project.client;
    const { default: pg } = await import('pg');
    const slow = new pg.Client({ host, port, user, password: password ?? '', database: database ?? '' });
    await slow.connect();
    await slow.query(`begin; ${flush(0, 0, 5)}`);
    await project.client.query(`begin; ${flush(1, 0, 7)}; commit`);
    await build();
    expect((await built()).slice(2)).toEqual([['p1', '7', '7']]);
    await slow.query('commit');
    await slow.end();
    await build();
    expect((await built()).slice(2)).toEqual([
      ['p0', '5', '5'],
      ['p1', '7', '7'],
    ]);
  });

  it('consumes nothing in a build that fails after its rows were read', async () => {
    await append('c.ndjson', 0, 4);
    project.write({
      'models/m.sql': MODEL.replace("materialized='incremental'", "materialized='incremental', post_hook='select 1/0'"),
    });
    expect((await project.run(['run', '-s', 'm'])).code).toBe(1);
    project.write({ 'models/m.sql': MODEL });
    expect(await project.rows("select count(*) from s.m where k = 'c.ndjson'")).toEqual([['0']]);
    await build();
    expect(await project.rows("select count(*) from s.m where k = 'c.ndjson'")).toEqual([['4']]);
  });

  it('returns replayed dead letters, and requires a full refresh after a rewind', async () => {
    writeFileSync(
      join(project.dir, 'd.ndjson'),
      '{"id": 1, "k": "d.ndjson"}\n{"id": "2x", "k": "d.ndjson"}\n{"id": 3, "k": "d.ndjson"}\n',
    );
    const loaded = await project.run(['load', '--from', 'd.ndjson']);
    expect(loaded.out).toContain('raw.events: 2 rows loaded, 1 dead letter');
    await build();
    const ids = async (): Promise<string[]> =>
      (await project.rows("select id from s.m where k = 'd.ndjson' order by 1")).flat();
    expect(await ids()).toEqual(['1', '3']);
    await project.client.query(
      'update tsdbt.dead_letters set value = convert_to(\'{"id": 2, "k": "d.ndjson"}\', \'UTF8\')',
    );
    expect((await project.run(['load', 'replay-dlq', '--from', 'd.ndjson'])).out).toContain(
      '1 of 1 dead letters loaded',
    );
    await build();
    await build();
    expect(await ids()).toEqual(['1', '2', '3']);
    expect((await project.run(['load', 'rewind', '--from', 'd.ndjson', '--to', 'earliest'])).code).toBe(0);
    const refused = await project.run(['run', '-s', 'm']);
    expect([refused.code, refused.out]).toEqual([
      1,
      expect.stringMatching(/positions of .*events.* were set back since this model was built/),
    ]);
    expect((await project.run(['load', '--from', 'd.ndjson'])).code).toBe(0);
    await build('--full-refresh');
    await build();
    // Rows came a second time in the place of the first; a letter that was mended by hand is again what the file says.
    expect(await ids()).toEqual(['1', '3']);
    expect(
      await project.rows(
        "select count(*) from tsdbt.dead_letters where replayed_at is null and topic = 'file:d.ndjson'",
      ),
    ).toEqual([['1']]);
  });

  it('requires a full refresh in the next build after a rewind during a build', async () => {
    await append('r.ndjson', 0, 10);
    await build('--full-refresh');
    const slow = MODEL.replace("{{ new_rows(source('raw', 'events')) }}", '{{ rows }}').replace(
      '}}\n',
      "}}\n{% set rows = new_rows(source('raw', 'events')) %}{% if execute %}" +
        '{% do run_query("select pg_sleep(4)") %}{% endif %}\n',
    );
    project.write({ 'models/m.sql': slow });
    const building = build();
    const sleeping =
      "select count(*) from pg_stat_activity where query like '%pg_sleep(4)%' and pid <> pg_backend_pid()";
    while ((await project.rows(sleeping))[0]?.[0] === '0') await new Promise((resolve) => setTimeout(resolve, 50));
    await project.client.query(
      "update tsdbt.load_offsets set next_offset = 0, resets = resets + 1 where topic like '%r.ndjson'",
    );
    await building;
    project.write({ 'models/m.sql': MODEL });
    const refused = await project.run(['run', '-s', 'm']);
    expect([refused.code, refused.out]).toEqual([1, expect.stringContaining('Build it with --full-refresh.')]);
    await project.client.query("update tsdbt.load_offsets set next_offset = 10 where topic like '%r.ndjson'");
    await build('--full-refresh');
  });

  it('duplicates nothing in the table and the model if the source is renamed', async () => {
    await build();
    const before = await built();
    project.write({
      'models/sources.yml': SOURCE.replace('- name: raw', '- name: input\n    schema: raw').replace(
        '- name: events',
        '- name: happenings\n        identifier: events',
      ),
      'models/m.sql': MODEL.replace("source('raw', 'events')", "source('input', 'happenings')"),
    });
    await build();
    expect(await built()).toEqual(before);
    const { code, out } = await project.run(['load', '--from', 'a.ndjson']);
    expect([code, out]).toEqual([0, expect.stringContaining('input.happenings: 0 rows loaded')]);
    writeFileSync(join(project.dir, 'a.ndjson'), `${project.read('a.ndjson')}{"id": 1000, "k": "renamed"}\n`);
    expect((await project.run(['load', '--from', 'a.ndjson'])).out).toContain('input.happenings: 1 row loaded');
    await build();
    expect(await built()).toEqual([...before, ['renamed', '1', '1']]);
    project.write({ 'models/sources.yml': SOURCE, 'models/m.sql': MODEL });
  });

  it('reports errors in a load config, a file and a selection', async () => {
    const attempt = async (yaml: string, args: readonly string[], exitCode = 2): Promise<string> => {
      project.write({ 'models/sources.yml': yaml });
      const { code, out } = await project.run(args);
      project.write({ 'models/sources.yml': SOURCE });
      expect(code, out).toBe(exitCode);
      expect(out).not.toMatch(/\n\s+at /);
      return out;
    };
    expect(await attempt(SOURCE.replace('mode: append', 'mode: upsert'), ['load', '--from', 'a.ndjson'])).toContain(
      "mode 'upsert' needs 'key'",
    );
    expect(await attempt(SOURCE.replace('mode: append', 'mood: append'), ['load', '--from', 'a.ndjson'])).toContain(
      "unknown key 'meta.tsdbt.load.mood' of source.",
    );
    expect(
      await attempt(SOURCE.replace('mode: append', 'key: [id], partition_by: {column: k}'), [
        'load',
        '--from',
        'a.ndjson',
      ]),
    ).toContain("the key lacks the partition column 'k'");
    expect(await attempt(SOURCE.replace('mode: append', 'hash: [k]'), ['load', '--from', 'a.ndjson'])).toContain(
      'TSDBT_HASH_KEY is not set',
    );
    expect(await attempt(SOURCE, ['load', '--from', 'nowhere.ndjson'])).toContain('nowhere.ndjson cannot be read');
    expect(await attempt(SOURCE.replace('mode: append', 'hash: [id]'), ['load', 'check'])).toContain(
      "hash column 'id' is declared as bigint, and a hash is a text of 64 characters",
    );
    expect(await attempt(SOURCE, ['load', 'check'], 1)).toContain("Connection 'default' is required, but");
    expect(await attempt(SOURCE, ['load', '--select', 'm'])).toContain('No selected source has a load config');
    for (const action of ['repair', 'compact'])
      expect(await attempt(SOURCE, ['load', action])).toContain(
        `\`load ${action}\` needs an archive, and no selected source has one: raw.events`,
      );
  });
});

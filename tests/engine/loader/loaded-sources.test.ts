// Tests how other commands treat a table that `tsdbt load` fills: seeds do not touch it, and freshness comes from the
// positions.
import { readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';

const SOURCE =
  `sources:
  - name: raw
    schema: s
    tables:
      - name: events
        config:
          meta: { tsdbt: { load: { topic: events, partition_by: { column: at } } } }
          loaded_at_field: _kafka_ts
          freshness: { error_after: { count: 1, period: hour } }
        columns: [{ name: id, data_type: bigint }, { name: at, data_type: timestamp }, { name: details, ` +
  `data_type: jsonb }, { name: note, data_type: text }]
`;

describe('a loaded source', () => {
  let project: FaultProject;
  beforeAll(async () => {
    project = await FaultProject.open({
      'models/sources.yml': SOURCE,
      'seeds/events.csv': 'id,at\n1,2026-01-01\n',
      'models/m.sql': "select id from {{ source('raw', 'events') }} -- {{ ref('events') }}\n",
    });
  });
  afterAll(() => project.close());
  const run = async (expected: number, ...args: string[]): Promise<string> => {
    const { code, out } = await project.run(args);
    expect(code, out).toBe(expected);
    return out;
  };
  const freshness = async (expected: number): Promise<{ status: string; max_loaded_at: string }> => {
    await run(expected, 'source', 'freshness');
    return JSON.parse(readFileSync(join(project.dir, 'target/sources.json'), 'utf8')).results[0];
  };

  it('uses an existing table unchanged, with its rows and without partitions', async () => {
    await run(0, 'seed');
    project.write({ 'more.csv': 'id,at,details,note\n2,2026-01-02,"{""a"": [1, 2]}","{""a"": 1}"\n3,2026-01-03,,\n' });
    await run(0, 'load', '--from', 'more.csv');
    expect(await project.rows("select id, details->'a'->>1, note, _offset from s.events order by 1")).toEqual([
      ['1', 'null', 'null', 'null'],
      ['2', '2', '{"a": 1}', '0'],
      ['3', 'null', 'null', '1'],
    ]);
  });

  it('is not emptied by the seed of the same name', async () => {
    const out = await run(0, 'build');
    expect(out).toContain('NO-OP seed file s.events: `tsdbt load` fills its table');
    expect(out).toContain('PASS=1 WARN=0 ERROR=0 SKIP=0 NO-OP=1');
    expect(await project.rows('select count(*) from s.events')).toEqual([['3']]);
  });

  it('is as fresh as its newest message, without reading the rows', async () => {
    await project.client.query('alter table s.events rename to away');
    const now = Date.now();
    expect(await freshness(0)).toMatchObject({ status: 'pass' });
    await project.client.query(
      "alter table s.away rename to events; update tsdbt.load_offsets set last_kafka_ts = '2026-01-05 10:00Z'",
    );
    expect(await freshness(1)).toMatchObject({ status: 'error', max_loaded_at: '2026-01-05T10:00:00+00:00' });
    project.write({ 'more.csv': `${readFileSync(join(project.dir, 'more.csv'), 'utf8')}4,2026-01-03,,\n` });
    utimesSync(join(project.dir, 'more.csv'), now / 1000, now / 1000);
    await run(0, 'load', '--from', 'more.csv');
    expect(await freshness(0)).toMatchObject({ status: 'pass' });
  });

  it.each(['topics: [events, others]', "topic_pattern: '.*'"])(
    'has the freshness of its messages with %s',
    async (topics) => {
      project.write({ 'models/sources.yml': SOURCE.replace('topic: events', topics) });
      await project.client.query("update tsdbt.load_offsets set last_kafka_ts = '2026-01-05 10:00Z'");
      expect(await freshness(1)).toMatchObject({ status: 'error', max_loaded_at: '2026-01-05T10:00:00+00:00' });
      const out = await run(0, 'seed');
      expect(out).toContain('`tsdbt load` fills its table');
    },
  );

  it('rejects retention if no partition can be dropped', async () => {
    project.write({ 'models/sources.yml': SOURCE.replace('{ column: at }', '{ column: at }, retention: 7 days') });
    expect(await run(2, 'load', '--from', 'more.csv')).toContain(
      "The table of raw.events is there without partitions, and 'retention' drops partitions.",
    );
  });
});

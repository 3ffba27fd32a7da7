// Tests the report of `load check` before anything is loaded.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PostgresAdapter } from '../../../src/adapters/postgres/adapter.ts';
import { LoadProgress } from '../../../src/cli/load-progress.ts';
import { StatusLines } from '../../../src/cli/status-lines.ts';
import { checkTarget } from '../../../src/loader/check.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { LoadMetrics } from '../../../src/loader/metrics.ts';
import { PostgresSink } from '../../../src/loader/postgres/sink.ts';
import { LoadLab } from './load-lab.ts';

describe('load check', () => {
  let lab: LoadLab;
  beforeAll(async () => {
    lab = await LoadLab.open();
  });
  afterAll(async () => lab?.close());

  const problems = async (
    target: LoadTarget,
    table: string,
    adapter: PostgresAdapter = lab.adapter,
  ): Promise<string[]> => {
    const session = lab.adapter.session({ name: 'test' });
    await session.begin();
    await session.execute(
      `create schema if not exists raw; ${table === '' ? '' : `create table raw.${target.identifier} (${table})`}`,
    );
    await session.commit();
    await session.release();
    return (await checkTarget(new PostgresSink(adapter, lab.sealer, Date.now), lab.broker.client(), target)).map(
      (text) => text.replaceAll(target.identifier, 'T'),
    );
  };

  it('names the columns that cannot be loaded', async () => {
    const columns = {
      id: 'bigint',
      name: 'text',
      at: 'timestamptz',
      amount: 'numeric(10,2)',
      odd: 'moneybag',
      sum: 'integer',
    };
    expect(await problems(lab.target(columns), '')).toEqual([
      "column 'odd' is declared as moneybag, which is no type of this database",
    ]);
    expect(
      await problems(
        lab.target(columns),
        'id integer, name varchar(20), at text, amount numeric(8,2), odd text, sum integer generated always as ' +
          '(1) stored, told text not null, counted int not null default 1, numbered bigint generated always as ' +
          'identity',
      ),
    ).toEqual([
      "column 'at' is declared as timestamptz, and raw.T has text: declare text, or change the table",
      "column 'odd' is declared as moneybag, which is no type of this database",
      "column 'sum' of raw.T is computed by the database and cannot be loaded: take it out of the source's columns",
      "column 'told' of raw.T takes no null, has no default and is not declared: no row could be loaded",
    ]);
  });

  it('reports nothing for a table that the loader has created or would only widen', async () => {
    const target = lab.target({ id: 'int', name: 'varchar', tags: 'text[]' }, { mode: 'upsert', key: ['id'] });
    lab.broker.produce('t', 0, { id: 1, name: 'a', tags: ['b'] });
    await lab.load(target);
    expect(await problems(target, '')).toEqual([]);
    expect(
      await problems(
        {
          ...target,
          columns: [
            { name: 'id', type: 'bigint' },
            { name: 'name', type: 'text' },
            { name: 'tags', type: 'text[]' },
            { name: 'more', type: 'date' },
          ],
        },
        '',
      ),
    ).toEqual([]);
    // It has told the truth.
    expect(
      (
        await lab.load({
          ...target,
          columns: [
            { name: 'id', type: 'bigint' },
            { name: 'name', type: 'text' },
            { name: 'tags', type: 'text[]' },
            { name: 'more', type: 'date' },
          ],
        })
      ).dead,
    ).toBe(0);
  });

  it('names the missing key, and the role that must change the table', async () => {
    const target = lab.target({ id: 'bigint' }, { mode: 'upsert', key: ['id'], identifier: `owned_${process.pid}` });
    expect(await problems(target, 'id int')).toEqual([
      'raw.T has no unique key on (id), which mode \'upsert\' needs: alter table "raw"."T" add primary key ("id")',
    ]);
    const [[user]] = (await lab.rows('select current_user')) as [[string]];
    const role = `reader_${process.pid}`;
    const session = lab.adapter.session({ name: 'test' });
    await session.begin();
    await session.execute(
      `create role ${role} login password 'p'; grant usage on schema raw to ${role}; grant all on ` +
        `raw.${target.identifier} to ${role}; alter table raw.${target.identifier} add primary key (id)`,
    );
    await session.commit();
    await session.release();
    const adapter = new PostgresAdapter({
      credentials: { ...lab.credentials, user: role, password: 'p' },
      threads: 1,
      quoting: {},
    });
    try {
      expect(user).not.toBe(role);
      expect(await problems(target, '', adapter)).toEqual([
        `${role} may not use schema tsdbt: grant usage on schema "tsdbt" to …`,
        `${role} does not own raw.T, and the loader would widen 'id' to bigint, add '_topic', add '_partition',` +
          " add '_offset', add '_kafka_ts', add '_loaded_at', add '_load_id', add '_deleted', add '_rest': do it " +
          'as the owner, alter table "raw"."T" …',
      ]);
    } finally {
      await adapter.close();
      const end = lab.adapter.session({ name: 'test' });
      await end.begin();
      await end.execute(`drop owned by ${role}; drop role ${role}`);
      await end.commit();
      await end.release();
    }
  });
});

describe('the progress on a terminal', () => {
  it('is overwritten as long as nothing else is printed', () => {
    const written: string[] = [];
    const lines = new StatusLines({ columns: 24, write: (text) => written.push(text) });
    lines.clear();
    lines.show(['one', 'a line that is too long for it']);
    lines.show(['two']);
    lines.clear();
    lines.show();
    lines.show([]);
    lines.clear();
    expect(written).toEqual([
      'one\na line that is too lon…\n',
      '\u001b[2F\u001b[J',
      'two\n',
      '\u001b[1F\u001b[J',
      'two\n',
      '\u001b[1F\u001b[J',
    ]);
  });

  it('is cleared for notices', () => {
    const written: string[] = [];
    const target = { name: 'raw.t', topic: 't' } as LoadTarget;
    const progress = new LoadProgress(
      { fire: ({ level, msg }) => void (level === 'debug' || written.push(`${msg}\n`)) },
      new LoadMetrics([target], () => 0),
      { write: (text) => written.push(text) },
    );
    progress.observe({
      kind: 'flushed',
      target,
      rows: 3,
      bytes: 1,
      dead: [],
      ms: 1,
      lag: 0n,
      newest: null,
      oldest: null,
    });
    progress.tell();
    progress.observe({ kind: 'waiting', target, message: 'no broker answers', seconds: 1 });
    progress.stop();
    expect(written.map((text) => text.replace(/\d+ rows\/s/, 'N rows/s'))).toEqual([
      'raw.t: N rows/s, nothing behind\n',
      '\u001b[1F\u001b[J',
      'raw.t: no broker answers; trying again in 1s\n',
      'raw.t: N rows/s, nothing behind\n',
      '\u001b[1F\u001b[J',
    ]);
  });
});

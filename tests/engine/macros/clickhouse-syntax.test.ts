// Every statement of the macro tests is one that ClickHouse's parser takes: those on a cluster, too, which an embedded
// engine cannot run.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { quoteText } from '../../../src/adapters/clickhouse/literal.ts';
import { clickhouseAdapter, clickhouseMissing } from '../support/clickhouse.ts';
import { type Case, clickhouseStatements } from './clickhouse-recorder.ts';

test.skipIf(clickhouseMissing !== null)('ClickHouse accepts every statement of the macros', async () => {
  const cases = JSON.parse(readFileSync(new URL('./clickhouse-cases.json', import.meta.url), 'utf8')) as Case[];
  const statements = new Set<string>();
  for (const one of cases)
    for (const sql of await clickhouseStatements(one))
      if (!sql.startsWith('load ')) statements.add(sql.replaceAll('<id>', 'id'));
  const adapter = clickhouseAdapter('default');
  const session = adapter.session({ name: 'test' });
  try {
    const { table } = await session.execute(
      `select q from (select arrayJoin([${[...statements].map(quoteText).join(', ')}]) as q) where ` +
        'formatQueryOrNull(q) is null',
      { fetch: true },
    );
    expect(table.rows.map((row) => row.values[0])).toEqual([]);
    expect(statements.size).toBeGreaterThan(100);
  } finally {
    await session.release();
    await adapter.close();
  }
});

// What the load config of a source table is refused for, and what it gives.
import { describe, expect, it } from 'vitest';
import type { SourceDefinition } from '../../../../src/contracts/node.ts';
import { type LoadTarget, loadTarget } from '../../../../src/loader/load-target.ts';
import { POSTGRES_TABLE } from '../../../../src/loader/postgres/table-options.ts';

/** The target of a source table; each column by its data type, or as a whole. */
function targetOf(load: object, columns: Readonly<Record<string, string | object>> = { id: 'bigint' }): LoadTarget {
  const source = {
    unique_id: 'source.p.s.t',
    source_name: 's',
    name: 't',
    original_file_path: 'models/s.yml',
    columns: Object.fromEntries(
      Object.entries(columns).map(([name, column]) => [
        name,
        { name, ...(typeof column === 'string' ? { data_type: column } : column) },
      ]),
    ),
    meta: { tsdbt: { load: { topic: 't', ...load } } },
    config: {},
    source_meta: {},
  } as unknown as SourceDefinition;
  const target = loadTarget(source, POSTGRES_TABLE);
  if (target === null) throw new Error('nothing loads the table');
  return target;
}

describe('where a topic begins', () => {
  it.each([
    ['earliest', 'earliest'],
    ['latest', 'latest'],
    ['2026-05-01', Date.UTC(2026, 4, 1)],
    ['2026-05-01 12:00', Date.UTC(2026, 4, 1, 12)],
    ['2026-05-01T12:00:00+02:00', Date.UTC(2026, 4, 1, 10)],
  ])('%s', (start, found) => {
    expect(targetOf({ start }).start).toBe(found);
  });

  it.each(['newest', 5, '2026-13-01', ''])('is none of these: %j', (start) => {
    expect(() => targetOf({ start })).toThrow("'start' must be earliest, latest or a time such as");
  });
});

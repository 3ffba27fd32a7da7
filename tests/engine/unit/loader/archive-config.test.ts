// What an `archive` of a load config may say, and where a message's file lies.
import { describe, expect, it } from 'vitest';
import type { SourceDefinition } from '../../../../src/contracts/node.ts';
import {
  archiveTarget,
  fileName,
  folderOf,
  isArchive,
  joinedKey,
  rangeOf,
  withArchive,
} from '../../../../src/loader/settings/archive-settings.ts';
import { dayOf, dayPrefix } from '../../../../src/loader/archive/layout.ts';
import { type LoadTarget, loadTarget } from '../../../../src/loader/settings/load-target.ts';
import { POSTGRES_TABLE } from '../../../../src/loader/postgres/table-options.ts';

const target = (archive: object, more: object = {}): LoadTarget | null =>
  loadTarget(
    {
      unique_id: 'source.p.raw.t',
      source_name: 'raw',
      name: 't',
      schema: 'raw',
      identifier: 't',
      original_file_path: 'models/s.yml',
      columns: { email: { name: 'email' } },
      meta: { tsdbt: { load: { topic: 't', archive, ...more } } },
      config: {},
      source_meta: {},
    } as unknown as SourceDefinition,
    POSTGRES_TABLE,
  );
const good = { connection: 'lake', path: 'raw/{topic}/dt={day}/hour={hour}' };

describe('an archive of a topic', () => {
  it('is a target in addition to the table, or instead of it', () => {
    const both = target(good);
    expect(both === null ? [] : withArchive(both).map(({ name, inFiles = false }) => [name, inFiles])).toEqual([
      ['raw.t', false],
      ['raw.t.archive', true],
    ]);
    const alone = target({ ...good, table: false, flush: { bytes: '1MiB', age: '1m' } });
    expect(alone === null ? [] : withArchive(alone).map(({ name, flush }) => [name, flush])).toEqual([
      ['raw.t.archive', { rows: 2 ** 31, bytes: 1024 ** 2, ageMs: 60_000 }],
    ]);
  });

  it('writes a message to the folder of its hour', () => {
    const table = target(good);
    const archive = table === null ? null : archiveTarget(table);
    if (archive === null || !isArchive(archive)) throw new Error('no archive');
    expect(folderOf(archive, 'clicks', Date.parse('2026-05-01T23:59:59.999Z'))).toBe(
      'raw/clicks/dt=2026-05-01/hour=23/',
    );
    expect(folderOf(archive, 'clicks', null)).toBe('raw/clicks/dt=none/hour=none/');
    const name = fileName(3, 1200n, 5400n, 'ndjson.gz');
    expect(name).toBe('p00003-00000000001200-00000000005400.ndjson.gz');
    expect(rangeOf(`a/${name}`)).toEqual({ partition: 3, from: 1200n, to: 5400n, joined: false });
    expect(rangeOf('a/other.ndjson.gz')).toBe(null);
    const other = fileName(3, 1200n, 5400n, 'parquet');
    expect([other, rangeOf(other)?.to]).toEqual(['p00003-00000000001200-00000000005400.parquet', 5400n]);
  });

  it('compacts the files of a day', () => {
    const table = target({ ...good, compact: { after: '2h', size: '1MiB' } });
    const archive = table === null ? null : archiveTarget(table);
    if (archive === null || !isArchive(archive)) throw new Error('no archive');
    const { compact, path } = archive.archive;
    expect(compact).toEqual({ afterMs: 7_200_000, keepMs: 3_600_000, bytes: 1024 ** 2 });
    expect(target({ ...good, compact: false })?.archive?.compact).toBe(undefined);
    const key = joinedKey(archive, { topic: 'a.b', partition: 3, from: 0n, to: 5400n }, '2026-05-01');
    expect(key).toBe('raw/a.b/dt=2026-05-01/hour=00/p00003-00000000000000-00000000005400-day.ndjson.gz');
    expect(rangeOf(key)).toEqual({ partition: 3, from: 0n, to: 5400n, joined: true });
    expect(dayOf(key, path, 'a.b')).toBe('2026-05-01');
    expect(dayOf(key, path, 'aXb')).toBe(null);
    expect(dayOf(folderOf(archive, 'a.b', null) + fileName(0, 0n, 1n, 'parquet'), path, 'a.b')).toBe(null);
    expect(dayPrefix('2026-05-01', path, 'a.b')).toBe('raw/a.b/dt=2026-05-01/hour=');
  });

  it.each([
    [{}, {}, "'load.archive' needs 'connection'"],
    [{ connection: 'lake' }, {}, "'load.archive' needs 'path': a path below the bucket"],
    [{ ...good, path: '/raw' }, {}, "'load.archive.path' must be a path below the bucket"],
    [{ ...good, path: 'a/{month}' }, {}, "'load.archive.path' has the unknown placeholder {month}"],
    [{ ...good, format: 'orc' }, {}, "'load.archive.format'"],
    [{ ...good, format: 'csv' }, {}, "'load.archive.format' must be one of ndjson.gz"],
    [{ ...good, flush: { age: 'soon' } }, {}, "'load.archive.flush.age' must be a duration"],
    [{ ...good, compacted: true }, {}, "unknown key 'load.archive.compacted'"],
    [{ ...good, compact: 'daily' }, {}, "'load.archive.compact' must be a dictionary of after, keep, size"],
    [{ ...good, compact: { every: '1d' } }, {}, "unknown key 'load.archive.compact.every'"],
    [{ ...good, compact: { after: 'later' } }, {}, "'load.archive.compact.after' must be a duration"],
    [{ ...good, compact: { size: '2h' } }, {}, "'load.archive.compact.size' must be a size"],
    [
      { ...good, compact: { size: '1.1GiB' } },
      {},
      '\'load.archive.compact.size\' must be at most 1GiB, found "1.1GiB"',
    ],
    [{ ...good, compact: { keep: '29m' } }, {}, "'load.archive.compact.keep' must be at least 30m"],
    [{ ...good, path: 'raw/{topic}/{hour}', compact: true }, {}, "'load.archive.path' needs {day}"],
    [{ ...good, table: 'no' }, {}, "'load.archive.table' must be true or false"],
    [good, { hash: ['email'] }, "'load.archive' cannot be used with 'hash' or 'drop'"],
    [{ ...good, path: 'raw' }, { topic: undefined, topics: ['a', 'b'] }, "'load.archive.path' needs {topic}"],
  ])('rejects %j with %j', (archive, more, message) => {
    const given = Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined));
    const own = 'topics' in more ? { ...given, topic: undefined } : given;
    expect(() => target(archive, own)).toThrow(message);
  });
});

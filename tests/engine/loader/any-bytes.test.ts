// Tests arbitrary bytes in a topic: rows, dead letters, and no loss. The fast path is tested in fast-path.test.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { LoadLab } from './load-lab.ts';

/** What a column usually gets. */
const USUAL: Record<string, string> = { id: '7', name: '"n"', at: '"2026-01-01T00:00:00Z"', amount: '1', ok: 'true' };

const COLUMNS = {
  id: 'integer',
  name: 'varchar(5)',
  at: 'timestamptz',
  local: 'timestamp',
  amount: 'numeric(6,2)',
  doc: 'jsonb',
  ok: 'boolean',
  tags: 'int[]',
  raw: 'bytea',
};

describe('a loader of arbitrary bytes', () => {
  let lab: LoadLab;
  beforeAll(async () => {
    lab = await LoadLab.open();
  });
  afterAll(async () => lab?.close());

  /** Messages of every kind of badness, without a pattern and the same every time. */
  const messages = (count: number): (Buffer | null)[] => {
    let state = 11;
    const next = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const pick = <T>(from: readonly T[]): T => from[next(from.length)]!;
    const value: Readonly<Record<string, () => string>> = {
      id: () => pick(['1', '2', '3', String(next(400)), '2147483648', '1.5', 'null', '"x"', '1e2']),
      name: () => pick(['"abc"', '"abcdef"', '"\\u0000"', '"a\\tb"', '"é\\\\"', '12345', '123456', '{}']),
      at: () => pick(['"2026-01-01T00:00:00Z"', '"2026-02-31T00:00:00Z"', '1767225600000', '1e300', '"never"', '""']),
      local: () => pick(['"2026-01-01T00:00:00+05:30"', '"infinity"', '-1', 'true']),
      amount: () => pick(['1.5', '12.50', '12345', '"NaN"', '0.005', '12345678901234567890']),
      doc: () => pick(['{"a": [1, "\\"", {"b": null}]}', '"\\u0000"', '"\\ud800"', '[1.0, 2]', 'null', '[[[]]]']),
      ok: () => pick(['true', '1', '"yes"', '"maybe"', '2']),
      tags: () => pick(['[1,2]', '["1"]', '"{1}"', '[[1],[2,3]]', '[null]']),
      raw: () => pick(['"AAEC"', '"-_"', '"§"', '1']),
    };
    return Array.from({ length: count }, () => {
      if (next(40) === 0) return null;
      const names = ['id', 'at', ...Object.keys(COLUMNS).filter(() => next(3) === 0)];
      const fields = names.map((name) => {
        const usual = next(3) > 0 ? USUAL[name] : undefined;
        return `"${name}":${usual ?? value[name]!()}`;
      });
      const bytes = Buffer.from(`{${fields.join(',')}${next(5) === 0 ? ',"more": "x"' : ''}}`);
      const kind = next(8);
      if (kind === 0) bytes[next(bytes.length)] = next(256);
      return kind === 1
        ? bytes.subarray(0, next(bytes.length))
        : kind === 2 && next(4) === 0
          ? Buffer.from(Array.from({ length: next(20) }, () => next(256)))
          : bytes;
    });
  };

  const cases: readonly (readonly [string, Partial<LoadTarget>])[] = [
    ['appended', {}],
    ['by partitions', { partitionBy: { column: 'at', every: 'day' } }],
    ['without a rest', { rest: null }],
    ['watched for drift', { schemaDrift: 'dead_letter' }],
    ['with columns added', { schemaDrift: 'add_column' }],
  ];
  it.each(cases)('turns each message into one row or one dead letter with its bytes: %s', async (_, more) => {
    const target = lab.target(COLUMNS, { ...more, maxDead: null, flush: { rows: 300, bytes: 1e6, ageMs: 50 } }, 2);
    const sent = messages(900);
    for (const [i, raw] of sent.entries()) lab.broker.produce('t', i % 2, null, { raw, key: 'k' });
    const { rows, dead } = await lab.load(target);
    expect(rows + dead).toBe(sent.length);
    expect(Math.min(rows, dead)).toBeGreaterThan(100);
    const places = await lab.rows(
      `select _partition, _offset from raw.${target.identifier} union all select partition, "offset" from ` +
        `tsdbt.dead_letters where target = '${target.uniqueId}' order by 1, 2`,
    );
    expect(places).toEqual(
      [0, 1].flatMap((partition) =>
        Array.from({ length: sent.length / 2 }, (_, offset) => [String(partition), String(offset)]),
      ),
    );
    const letters = await lab.rows(
      `select partition, "offset", encode(value, 'hex') from tsdbt.dead_letters where target = '${target.uniqueId}'`,
    );
    expect(
      letters.filter(
        ([partition, offset, hex]) => (sent[Number(offset) * 2 + Number(partition)]?.toString('hex') ?? null) !== hex,
      ),
    ).toEqual([]);
  });

  it('keeps the last valid row of each key', async () => {
    const target = lab.target(COLUMNS, {
      maxDead: null,
      mode: 'upsert',
      key: ['id'],
      flush: { rows: 200, bytes: 1e6, ageMs: 50 },
    });
    const sent = messages(900).map((raw) => raw ?? Buffer.from('{}'));
    for (const raw of sent) lab.broker.produce('t', 0, null, { raw });
    const { dead } = await lab.load(target);
    const letters = new Set((await lab.letters(target)).map(([offset]) => offset));
    expect(letters.size).toBe(dead);
    const last = new Map<number, number>();
    sent.forEach((raw, offset) => {
      if (!letters.has(offset)) last.set(Number((JSON.parse(raw.toString()) as { id: number }).id), offset);
    });
    expect(await lab.rows(`select id, _offset from raw.${target.identifier} order by 1`)).toEqual(
      [...last].sort(([a], [b]) => a - b).map(([id, offset]) => [String(id), String(offset)]),
    );
  });
});

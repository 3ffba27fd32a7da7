// Values of Debezium's changes that claim much with few bytes: each is read or rejected in little time and memory.
import { describe, expect, it } from 'vitest';
import { Change } from '../../../src/loader/formats/row-change.ts';
import { changeDecoder } from '../../../src/loader/formats/debezium/debezium-decoder.ts';
import { loadTargetOf } from '../support/load-target.ts';

/** The value that the column `v` gets. @param schema of the field, or null: the message has none */
async function readValue(type: string, json: string, schema: object | null = null): Promise<unknown> {
  const target = loadTargetOf('t', {
    ...{ format: 'debezium', mode: 'upsert', key: ['id'] },
    columns: [
      { name: 'id', type: 'bigint' },
      { name: 'v', type },
    ],
    changes: {
      ...{ deletes: 'soft', keeps: false, truncate: 'ignore' },
      ...{ decimals: 'precise', times: 'adaptive', binary: 'bytes' },
    },
  });
  const payload =
    `{"before":null,"after":{"id":1,"v":${json}},"op":"c",` +
    '"source":{"connector":"postgresql","name":"a","lsn":1,"ts_ms":1}}';
  const id = { field: 'id', type: 'int64' };
  const after = { type: 'struct', field: 'after', fields: [id, { field: 'v', ...schema }] };
  const text =
    schema === null
      ? payload
      : `{"schema":${JSON.stringify({ type: 'struct', fields: [after] })},"payload":${payload}}`;
  const message = { offset: 1n, timestamp: 1, headers: [], key: Buffer.from('{"id":1}'), value: Buffer.from(text) };
  const change = await changeDecoder(null, target, Date.now).message?.(message);
  return change instanceof Change ? change.record['v'] : undefined;
}

describe('a change of a hostile producer', () => {
  it('with a year of millions of digits keeps its text', async () => {
    const year = `-${'1'.repeat(3_000_000)}-01-01T00:00:00Z`;
    expect(await readValue('timestamptz', `"${year}"`)).toBe(year);
    expect(await readValue('timestamptz', '"-0043-01-01T00:00:00Z"')).toBe('0044-01-01T00:00:00Z BC');
  });

  it.each([
    ['Decimal', '"AQ=="', { name: 'org.apache.kafka.connect.data.Decimal', parameters: { scale: '16383' } }],
    [
      'VariableScaleDecimal',
      '{"scale":-16383,"value":"AQ=="}',
      { type: 'struct', name: 'io.debezium.data.VariableScaleDecimal' },
    ],
  ])('with a list of values of type %s with many zeros costs no more memory than its bytes', async (_, item, items) => {
    const count = 100_000;
    const before = process.memoryUsage().rss;
    const schema = { type: 'array', items: { type: 'bytes', ...items } };
    const list = await readValue('jsonb', `[${Array(count).fill(item).join(',')}]`, schema);
    expect(String(list).length).toBeLessThan(20 * count);
    expect(process.memoryUsage().rss - before).toBeLessThan(512 * 1024 ** 2);
  });
});

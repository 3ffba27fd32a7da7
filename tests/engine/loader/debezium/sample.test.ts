// What `load check` says of changes that lie in a topic: which could not be loaded, and why.
import { expect, it } from 'vitest';
import { changeDecoder } from '../../../../src/loader/formats/debezium/debezium-decoder.ts';
import { sampleChanges, type Sampled } from '../../../../src/loader/debezium/sample.ts';
import type { LoadTarget } from '../../../../src/loader/settings/load-target.ts';
import { loadTargetOf } from '../../support/load-target.ts';
import { MemoryBroker } from '../memory-broker.ts';

function targetOf(keeps: boolean): LoadTarget {
  return loadTargetOf('orders', {
    format: 'debezium',
    mode: 'upsert',
    key: ['id'],
    columns: Object.entries({ id: 'bigint', total: 'numeric(12,2)', note: 'text' }).map(([name, type]) => ({
      name,
      type,
    })),
    changes: { deletes: 'soft', keeps, truncate: 'fail', decimals: 'precise', times: 'adaptive', binary: 'bytes' },
  });
}

async function sampled(
  target: LoadTarget,
  messages: readonly (readonly [key: string | null, value: string | null])[],
): Promise<Sampled> {
  const broker = new MemoryBroker();
  broker.create('t', 2);
  for (const [i, [key, value]] of messages.entries())
    broker.produce('t', i % 2, null, { key, raw: value === null ? null : Buffer.from(value) });
  return sampleChanges(broker.client(), changeDecoder(null, target, Date.now), target);
}

const SOURCE = '{"connector":"postgresql","name":"app","lsn":7,"ts_us":1780000000000000}';
const change = (op: string, after: string, before = 'null'): string =>
  `{"before":${before},"after":${after},"source":${SOURCE},"op":"${op}"}`;

it('the sample of a topic reports nothing for loadable changes or an empty topic', async () => {
  const row = '{"id":1,"total":"BAE=","note":"a"}';
  expect(await sampled(targetOf(true), [])).toEqual({ problems: [], notes: [] });
  expect(
    await sampled(targetOf(true), [
      ['{"id":1}', change('r', row)],
      ['{"id":1}', change('u', '{"id":1,"total":"BAE=","note":"__debezium_unavailable_value"}')],
      ['{"id":1}', change('d', 'null', '{"id":1}')],
      ['{"id":1}', null],
    ]),
  ).toEqual({ problems: [], notes: [] });
});

it('the sample of a topic reports how many changes are not loadable, the first position, and why', async () => {
  const { problems, notes } = await sampled(targetOf(false), [
    ['{"id":1}', change('c', '{"id":1,"total":"10.25","note":"a"}')],
    ['{"id":1,"place":2}', change('c', '{"id":1,"total":"BAE=","note":"a"}')],
    ['{"id":1}', '{"id":1,"total":"BAE=","__op":"c"}'],
    ['{"id":1}', change('u', '{"id":1,"total":"BAE=","note":"__debezium_unavailable_value"}')],
    [null, change('t', 'null')],
    ['{"id":2}', change('c', '{"id":2,"total":"10.25","note":"a"}')],
  ]);
  expect(problems.map((text) => text.replace(/^(\d+) of the last 6 messages could not be loaded/, '$1'))).toEqual([
    "2 (first t/0 offset 0): column 'total': a text that is not the base64 of a decimal: 'decimal_handling_mode' " +
      "must be that of the connector's config",
    "1 (first t/0 offset 1): no envelope of a change: it has no 'op'",
    '1 (first t/0 offset 2): raw.orders stops: its table was truncated in the source app, at position 7.',
    "1 (first t/1 offset 0): the message's key has 'place', too, and the load config's key has not",
    "1 (first t/1 offset 1): the source did not say the unchanged value of 'note', which this table cannot keep: the " +
      "source's table needs REPLICA IDENTITY FULL",
  ]);
  expect(notes).toEqual([
    "the source's table has no REPLICA IDENTITY FULL: a change that leaves a large value as it is would be a dead " +
      "letter; 'total', 'note' may have such",
  ]);
});

// Tests a file as a topic: only regular files are opened, long lines are read in one pass, and signals are handled
// while a file is counted.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { partitionKey } from '../../../src/loader/brokers/broker.ts';
import { fileClient } from '../../../src/loader/brokers/file-client.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'tsdbt-file-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const open = (name: string) => fileClient(join(dir, name), () => false);

it.skipIf(process.platform === 'win32')(
  'the file reader rejects a pipe, because opening it would block without handling signals',
  () => {
    execFileSync('mkfifo', [join(dir, 'pipe')]);
    expect(() => open('pipe')).toThrow(`The file ${join(dir, 'pipe')} cannot be read: it is no ordinary file`);
  },
);

it('the file reader returns lines that are longer than its buffer completely, and those around them', async () => {
  const long = `{"a": "${'x'.repeat(9 * 2 ** 20)}"}`;
  writeFileSync(join(dir, 'long.ndjson'), `{"a": 1}\r\n${long}\n\n${long}\r\n{"a": 2}`);
  const client = open('long.ndjson');
  expect([...(await client.ends(['t'])).values()]).toEqual([{ earliest: 0n, end: 4n }]);
  await client.join(['t'], { assigned: async () => new Map() } as never);
  const values: string[] = [];
  for (let polled = await client.poll(); polled.batches.length > 0; polled = await client.poll())
    for (const { records } of polled.batches)
      for (const batch of records)
        for (let i = 0; i < batch.length; i++) values.push(batch.message(i).value?.toString() ?? '');
  expect(values.map((value) => value.length)).toEqual([8, long.length, long.length, 8]);
});

it('the file reader rejects a line of more than 256 MB with its number', async () => {
  writeFileSync(join(dir, 'huge.ndjson'), '{"a": 1}\n');
  truncateSync(join(dir, 'huge.ndjson'), 261 * 2 ** 20);
  await expect(open('huge.ndjson').ends(['t'])).rejects.toThrow('line 2 holds more than 256 MB');
});

it('the file reader yields to other tasks while it counts a file', async () => {
  writeFileSync(join(dir, 'many.ndjson'), '{"a": 1}\n'.repeat(3_000_000));
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 1);
  await open('many.ndjson').ends(['t']);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(0);
});

it('the file reader yields to other tasks when it is polled, also at the end of the file', async () => {
  writeFileSync(join(dir, 'end.ndjson'), '{"a": 1}\n');
  const client = open('end.ndjson');
  await client.join(['t'], { assigned: async () => new Map() } as never);
  for (const records of [1, 0, 0]) {
    let yielded = false;
    setImmediate(() => {
      yielded = true;
    });
    expect([(await client.poll()).batches.length, yielded]).toEqual([records, true]);
  }
});

it('the file reader continues from an earlier record after a rewind', async () => {
  writeFileSync(join(dir, 'back.ndjson'), '{"a": 0}\n{"a": 1}\n{"a": 2}\n');
  const client = open('back.ndjson');
  await client.join(['t'], { assigned: async () => new Map() } as never);
  const [batch] = (await client.poll()).batches;
  if (batch === undefined) throw new Error('nothing was read');
  const { topic, partition } = batch;
  client.seek(new Map([[partitionKey({ topic, partition }), { next: 1n, epoch: null }]]));
  const again = (await client.poll()).batches.map(({ from, next }) => [from, next]);
  expect(again).toEqual([[1n, 3n]]);
});

/** Everything that a client gives of a file. */
async function valuesOf(name: string, content: string | Buffer): Promise<string[]> {
  writeFileSync(join(dir, name), content);
  const client = open(name);
  await client.join(['t'], { assigned: async () => new Map() } as never);
  const values: string[] = [];
  for (let polled = await client.poll(); polled.batches.length > 0; polled = await client.poll())
    for (const { records } of polled.batches)
      for (const batch of records)
        for (let i = 0; i < batch.length; i++) values.push(batch.message(i).value?.toString() ?? '');
  return values;
}

it.each([
  ['a byte order mark, CRLF and empty lines', 'mark.csv', '\ufeffa,b\r\n\r\n1,x\r\n\r\n', ['{"a":"1","b":"x"}']],
])('a file with %s has only its records', async (_what, name, text, expected) => {
  expect(await valuesOf(name, text)).toEqual(expected);
});

it.each([
  ['the same column twice', Buffer.from('a,b,a\n1,2,3\n'), /names the column "a" twice/],
  ['bytes that are not UTF-8', Buffer.from('a\ncaf\u00e9\n', 'latin1'), /not valid UTF-8/],
  ['UTF-16', Buffer.from('\ufeffa\n1\n', 'utf16le'), /not valid UTF-8/],
])('a CSV file with %s is refused, because values would be lost', async (_what, bytes, message) => {
  await expect(valuesOf('lossy.csv', bytes)).rejects.toThrow(message);
});

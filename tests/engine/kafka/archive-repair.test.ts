// Archives of real topics that have stopped, and `load repair`: a batch on the broker's disk is damaged while a loader
// is at work, and an unclean election has cut the log. What is lost is said, and files and topic are one afterwards.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linesOf, messageOf } from '../../../src/loader/formats/rows/archive-lines.ts';
import type { ObjectStore } from '../../../src/object-store/store.ts';
import type { Ended } from '../support/program.ts';
import { NO_STORE, S3Server } from '../support/s3-server.ts';
import type { KafkaBroker } from './kafka-broker.ts';
import { eventually, KafkaLab } from './kafka-lab.ts';
import { uncleanElection } from './unclean-election.ts';

const from = (first: number, end: number): number[] => Array.from({ length: end - first }, (_, i) => first + i);

describe.skipIf(NO_STORE !== null)(`load repair${NO_STORE === null ? '' : ` (${NO_STORE})`}`, () => {
  const server = new S3Server();
  const others: KafkaBroker[] = [];
  let lab: KafkaLab;
  let store: ObjectStore;
  beforeAll(async () => {
    await server.start();
    store = server.store();
    lab = await KafkaLab.open();
    lab.addLake(server.endpoint);
  });
  afterAll(async () => {
    store?.close();
    await lab?.close();
    for (const broker of others) await broker.close();
    await server.stop();
  });

  const source = (topic: string): void =>
    lab.sources(
      {
        [topic]:
          ', archive: { connection: lake, path: "raw/{topic}/dt={day}/", table: false, flush: { bytes: 1KiB, age: ' +
          '300ms } }',
      },
      { id: 'integer' },
    );
  const command = (args: readonly string[]): Promise<Ended> => lab.project.start(args, 'target-repair').ended;
  const archived = async (topic: string): Promise<number[]> => {
    const ids: number[] = [];
    for await (const { key } of store.list(`raw/${topic}/`))
      for (const line of linesOf(gunzipSync((await store.get(key)) ?? '')))
        ids.push(JSON.parse(messageOf(line)?.value?.toString() ?? '').id);
    return ids.sort((a, b) => a - b);
  };

  it('continues after a damaged batch, even in a running loader', async () => {
    await lab.writer.create('d');
    source('d');
    const send = (ids: readonly number[]) =>
      lab.writer.send(ids.map((id) => ({ topic: 'd', value: Buffer.from(`{"id":${id}}`) })));
    for (const first of [0, 100, 200]) await send(from(first, first + 20));
    // The broker gives what is on its disk; only a client looks at the checksum.
    const log = join(lab.broker.folder, 'data', 'd-0', '00000000000000000000.log');
    const bytes = readFileSync(log);
    bytes[bytes.indexOf('{"id":110}') + 2] = 0x58;
    writeFileSync(log, bytes, { flag: 'r+' });
    const loader = lab.project.start(['load']);
    try {
      await eventually(async () => expect(await archived('d')).toEqual(from(0, 20)));
      await eventually(async () => expect(loader.out()).toContain('`tsdbt load repair --select source:raw.d`'));
      const said = await command(['load', 'repair', '--select', 'source:raw.d']);
      expect([said.code, said.out]).toEqual([1, expect.stringContaining('its checksum (CRC-32C) does not hold')]);
      expect(said.out).toContain('d/0  lost: offsets 20 to 39 do not come into the archive');
      expect(said.out).toContain('nothing was changed');
      const wrong = await command(['load', 'repair', '--to', '0:7', '--yes']);
      expect([wrong.code, wrong.out]).toEqual([1, expect.stringContaining('offset 7 is not behind 20')]);
      const done = await command(['load', 'repair', '--yes']);
      expect([done.code, done.out]).toEqual([0, expect.stringContaining('d/0  done: goes on at offset 40')]);
      await eventually(async () => expect(await archived('d')).toEqual([...from(0, 20), ...from(200, 220)]));
      const sound = await command(['load', 'repair']);
      expect([sound.code, sound.out]).toEqual([0, expect.stringContaining('raw.d.archive: nothing to repair')]);
    } finally {
      loader.child.kill('SIGTERM');
      await loader.ended;
    }
  });

  it('removes what an unclean election has lost, even if it is killed', async () => {
    source('u');
    await uncleanElection(lab, others, async () => {
      await lab.load();
      expect(await archived('u')).toEqual(from(0, 20));
    });
    const out = await lab.load(2);
    const cut = Number(/u\/0: what was loaded from offset (\d+) on/.exec(out)?.[1]);
    expect(cut, out).toBeLessThanOrEqual(10);
    const said = await command(['load', 'repair', '--select', 'source:raw.u']);
    expect([said.code, said.out]).toEqual([
      1,
      expect.stringContaining(`lost: ${20 - cut} messages from offset ${cut} on in `),
    ]);
    const document = await command(['load', 'repair', '--select', 'source:raw.u', '--output', 'json']);
    expect(document.code).toBe(1);
    const { ok, archives } = JSON.parse(document.out);
    expect([ok, archives]).toMatchObject([
      false,
      [
        {
          archive: 'raw.u.archive',
          partitions: [
            {
              topic: 'u',
              partition: 0,
              result: 'repairable',
              position: 20,
              goes_on_at: cut,
              problem: null,
              lost: null,
            },
          ],
        },
      ],
    ]);
    const deleted: { messages_deleted: number; in_ledger: boolean }[] = archives[0].partitions[0].deleted_files;
    expect(deleted.reduce((sum, { messages_deleted: count }) => sum + count, 0)).toBe(20 - cut);
    expect(deleted.every(({ in_ledger: known }) => known)).toBe(true);
    expect(await archived('u')).toEqual(from(0, 20));
    const { env } = lab.project;
    lab.project.env = { ...env, TSDBT_FAULT_POINT: 'in_deletion' };
    const killed = await command(['load', 'repair', '--yes']);
    expect(killed.code, killed.out).toBe(null);
    lab.project.env = env;
    // The claim of who was killed ends after a while, and is waited for.
    const next = lab.project.start(['load', 'repair', '--yes']);
    await eventually(async () => expect(next.out()).toContain('raw.u.archive  waits for another process'));
    await lab.project.rows("update tsdbt.archive_claims set claimed_at = claimed_at - interval '1 hour' returning 1");
    const done = await next.ended;
    expect([done.code, done.out]).toEqual([0, expect.stringContaining(`u/0  done: goes on at offset ${cut}`)]);
    await lab.load();
    expect(await archived('u')).toEqual([...from(0, cut), ...from(100, 115)]);
  }, 400_000);
});

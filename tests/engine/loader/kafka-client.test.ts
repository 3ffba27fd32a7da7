// Tests the client with a simulated broker: epochs, damage, and every error code of the protocol.
import { type AddressInfo, createServer } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TsdbtError } from '../../../src/errors.ts';
import type { BrokerClient, PartitionFailure, RangeRead, ReadPosition } from '../../../src/loader/brokers/broker.ts';
import type { LoadConnection } from '../../../src/connections/kafka-connection.ts';
import { kafkaClient } from '../../../src/loader/brokers/kafka/kafka-client.ts';
import { loadClientLibrary } from '../../../src/loader/brokers/kafka/client-library.ts';
import { brokerError, errorName, remedyOf } from '../../../src/loader/brokers/kafka/protocol-errors.ts';
import { type Api, FakeKafka } from '../support/fake-kafka.ts';
import { packedBatch, zstdZeros } from '../support/kafka-batches.ts';

/** Reads until enough has come, or nothing more will. */
interface Reader {
  readonly client: BrokerClient;
  readonly ids: number[][];
  readonly failures: PartitionFailure[];
  readonly waiting: string[];
  readonly epochs: (number | null)[];
  until(done: () => boolean): Promise<void>;
}

describe('a Kafka client', async () => {
  const library = await loadClientLibrary();
  let broker: FakeKafka;
  const open: BrokerClient[] = [];
  beforeEach(async () => {
    broker = await FakeKafka.start();
    broker.create('t', 2);
  });
  afterEach(async () => {
    broker.error = () => 0;
    for (const client of open.splice(0)) await client.close();
    await broker.close();
  });

  const send = (partition: number, ...ids: readonly number[]): void => {
    broker.append(
      't',
      partition,
      packedBatch(
        library,
        't',
        ids.map((id) => ({ value: Buffer.from(String(id)), timestamp: 1n })),
        { first: 0n },
      ),
      ids.length,
    );
  };
  const connection = (): LoadConnection => ({
    name: 'default',
    path: 'connections.yml',
    brokers: [`127.0.0.1:${broker.port}`],
    tls: null,
    sasl: null,
    registry: null,
  });
  const make = async (): Promise<BrokerClient> => {
    const client = await kafkaClient(connection(), 'g');
    open.push(client);
    return client;
  };
  const reader = async (
    starts: Readonly<Record<number, Pick<ReadPosition, 'next' | 'epoch'>>> = {},
  ): Promise<Reader> => {
    const client = await make();
    const ids: number[][] = broker.topics.get('t')!.logs.map(() => []);
    const [failures, waiting, epochs]: [PartitionFailure[], string[], (number | null)[]] = [[], [], []];
    await client.topics(['t']);
    await client.join(['t'], {
      assigned: async (partitions) =>
        new Map(
          partitions.map((at) => [
            `${at.topic}/${at.partition}`,
            { ...at, next: 0n, epoch: null, ...starts[at.partition] },
          ]),
        ),
      revoked: async () => undefined,
    });
    return {
      client,
      ids,
      failures,
      waiting,
      epochs,
      async until(done) {
        for (let i = 0; i < 400 && !done(); i++) {
          const polled = await client.poll();
          for (const batch of polled.batches) {
            if (batch.records.length > 0) epochs.push(batch.epoch);
            for (const records of batch.records)
              for (let at = 0; at < records.length; at++)
                ids[batch.partition]!.push(Number(Buffer.from(records.message(at).value!).toString().slice(0, 9)));
          }
          for (const failure of polled.failures) {
            client.pause([failure]);
            failures.push(failure);
          }
          if (polled.waiting !== null) waiting.push(polled.waiting);
        }
        expect(done(), inspect({ ids, failures, waiting })).toBe(true);
      },
    };
  };

  it('reads a range of offsets again, without a group, alongside its normal reading', async () => {
    send(0, 0, 1, 2, 3);
    send(0, 4, 5, 6);
    send(0, 7, 8, 9);
    const idsOf = ({ batches }: RangeRead): number[] =>
      batches.flatMap(({ records }) =>
        records.flatMap((part) =>
          Array.from({ length: part.length }, (_, at) => Number(Buffer.from(part.message(at).value ?? []))),
        ),
      );
    const { client, ids, until } = await reader();
    const alone = await make();
    await alone.topics(['t']);
    for (const from of [client, alone]) {
      const read = await from.read({ topic: 't', partition: 0 }, 2n, 8n);
      expect(read.failure).toBeNull();
      expect(idsOf(read)).toEqual([2, 3, 4, 5, 6, 7]);
      expect(read.batches.at(-1)?.next).toBe(8n);
    }
    const beyond = await alone.read({ topic: 't', partition: 0 }, 8n, 12n);
    expect(beyond.failure).toMatchObject({ reason: 'beyond_end', from: 10n });
    await until(() => ids[0]?.length === 10);
  });

  it('detects for each partition that its topic was created again, whoever requested the new id before', async () => {
    for (const partition of [0, 1]) send(partition, 0, 1);
    const { client, until, ids, failures } = await reader();
    await until(() => ids.flat().length === 4);
    // The new topic has more than was read of the first one.
    broker.create('t', 2);
    for (const partition of [0, 1]) send(partition, 10, 11, 12, 13);
    // As a start of another partition does.
    await client.topics(['t']);
    await until(() => failures.length === 2);
    expect(failures.map(({ reason }) => reason)).toEqual(['made_anew', 'made_anew']);
    const before = ids[0]!.length;
    client.seek(new Map([['t/0', { next: 0n, epoch: null }]]));
    await until(() => ids[0]!.length === before + 4);
    expect(ids[0]!.slice(before)).toEqual([10, 11, 12, 13]);
    expect(failures).toHaveLength(2);
  });

  it('sends the epoch of its request, and returns the epoch in which a message was written', async () => {
    send(0, 1, 2);
    broker.topics.get('t')!.logs[0]!.epochs.push({ epoch: 4, start: 2n });
    send(0, 3);
    const { until, ids, epochs } = await reader();
    await until(() => ids[0]!.length === 3);
    await until(() => broker.asked.some(({ api, offset }) => api === 'Fetch' && offset === 3n));
    expect(epochs).toEqual([0, 4]);
    expect(
      broker.asked
        .filter(({ api, partition, offset }) => api === 'Fetch' && partition === 0 && (offset === 0n || offset === 3n))
        .map(({ offset, leaderEpoch, lastEpoch }) => [Number(offset), leaderEpoch, lastEpoch])
        .slice(0, 2),
    ).toEqual([
      [0, 4, -1],
      [3, 4, expect.any(Number)],
    ]);
    send(0, 4);
    await until(() => ids[0]!.length === 4);
    await until(() =>
      broker.asked.some(({ api, offset, lastEpoch }) => api === 'Fetch' && offset === 4n && lastEpoch === 4),
    );
  });

  it('checks at its start where the epoch of a position ends, and stops at what is no longer in the log', async () => {
    send(0, 1, 2);
    send(0, 3);
    send(1, 10);
    broker.cut('t', 0, 2n);
    send(0, 30);
    send(0, 40);
    const { client, until, failures, ids } = await reader({ 0: { next: 3n, epoch: 0 } });
    await until(() => failures.length > 0 && ids[1]!.length === 1);
    expect(failures).toEqual([
      {
        topic: 't',
        partition: 0,
        reason: 'truncated',
        from: 2n,
        message:
          'what was loaded from offset 2 on, in leader epoch 0, is no longer in the topic (epoch 0 ends there ' +
          'now; its leader was elected without it)',
      },
    ]);
    expect(ids).toEqual([[], [10]]);
    expect(broker.asked.filter(({ api }) => api === 'OffsetForLeaderEpoch')).toEqual([
      { api: 'OffsetForLeaderEpoch', topic: 't', partition: 0, leaderEpoch: 1, offset: -1n, lastEpoch: 0 },
    ]);
    expect(
      await client.verify([
        { topic: 't', partition: 0, next: 2n, epoch: 0 },
        { topic: 't', partition: 1, next: 9n, epoch: null },
      ]),
    ).toEqual([
      {
        topic: 't',
        partition: 1,
        reason: 'beyond_end',
        from: 1n,
        message: 'position 9 is beyond the end of the log, 1',
      },
    ]);
  });

  it('detects a log that is truncated while it reads, by the answer to its next fetch', async () => {
    send(0, 1, 2);
    send(0, 3);
    const { until, failures, ids } = await reader();
    await until(() => ids[0]!.length === 3);
    broker.cut('t', 0, 2n);
    send(0, 30);
    send(0, 40);
    await until(() => failures.length > 0);
    expect([failures.map(({ reason, from }) => [reason, from]), ids[0]]).toEqual([[['truncated', 2n]], [1, 2, 3]]);
  });

  it('continues after an election without loss', async () => {
    send(0, 1, 2);
    const { until, failures, ids } = await reader();
    await until(() => ids[0]!.length === 2);
    broker.cut('t', 0, 2n);
    send(0, 3);
    await until(() => ids[0]!.length === 3);
    expect([ids[0], failures]).toEqual([[1, 2, 3], []]);
  });

  it('distinguishes a position before the log from one after it', async () => {
    send(0, 1, 2);
    send(1, 3, 4);
    broker.topics.get('t')!.logs[0]!.start = 1n;
    const { until, failures } = await reader({ 1: { next: 7n, epoch: null } });
    await until(() => failures.length === 2);
    expect(failures.map(({ partition, reason, message }) => [partition, reason, message]).sort()).toEqual([
      [0, 'offset_out_of_range', 'offset 0 is out of range: the log begins at 1'],
      [1, 'beyond_end', 'position 7 is beyond the end of the log, 2'],
    ]);
  });

  it('fetches a damaged batch again, and stops its partition at its offset if it stays damaged', async () => {
    send(0, 1, 2);
    send(0, 3);
    send(1, 10);
    send(1, 11);
    send(1, 12);
    const times = [0, 0];
    broker.damage = (partition, bytes) => {
      if (bytes.length === 0 || (partition === 0 && times[0]! > 0)) return bytes;
      times[partition]!++;
      const broken = Buffer.from(bytes);
      // Of the last message that is there; of partition 1 always the second batch.
      const at =
        partition === 0 ? broken.length - 2 : broken.readBigInt64BE(0) === 0n ? 12 + broken.readInt32BE(8) + 65 : 65;
      broken[at]! ^= 1;
      return broken;
    };
    const { until, failures, ids } = await reader();
    await until(() => failures.length > 0 && ids[0]!.length === 3);
    expect(ids).toEqual([[1, 2, 3], [10]]);
    expect(failures).toEqual([
      {
        topic: 't',
        partition: 1,
        reason: 'corrupt',
        behind: 2n,
        message: 'the batch at offset 1 cannot be read: its checksum (CRC-32C) does not hold',
      },
    ]);
    expect(times[1]).toBeGreaterThan(1);
  });

  it('rejects a batch of more than 256 MB by its offset, without allocating that memory', async () => {
    send(0, 1);
    broker.append(
      't',
      0,
      packedBatch(library, 't', [{ value: Buffer.from('x'), timestamp: 1n }], {
        first: 0n,
        compression: 'zstd',
        packed: zstdZeros(1024 * 1024 * 1024),
      }),
      1,
    );
    send(1, 10);
    let highest = 0;
    const watch = setInterval(() => {
      highest = Math.max(highest, process.memoryUsage().rss);
    }, 1);
    const before = process.memoryUsage().rss;
    const { until, failures, ids } = await reader();
    await until(() => failures.length > 0 && ids[1]!.length === 1);
    highest = Math.max(highest, process.memoryUsage().rss);
    clearInterval(watch);
    expect(failures).toEqual([
      {
        topic: 't',
        partition: 0,
        reason: 'too_large',
        behind: 2n,
        message: 'the batch at offset 1 cannot be read: it holds more than 256 MB when it is unpacked',
      },
    ]);
    expect(ids).toEqual([[1], [10]]);
    expect((highest - before) / 1024 / 1024).toBeLessThan(600);
  });

  it('decompresses the result of one fetch over several polls', async () => {
    const value = Buffer.alloc(7 * 1024 * 1024, '1');
    for (let i = 0; i < 4; i++)
      broker.append(
        't',
        0,
        packedBatch(library, 't', [{ value, timestamp: 1n }], { first: 0n, compression: 'lz4' }),
        1,
      );
    const { client } = await reader();
    const sizes: number[] = [];
    while (sizes.reduce((a, b) => a + b, 0) < 4) {
      const { batches } = await client.poll();
      const count = batches.reduce((sum, { records }) => sum + records.reduce((n, { length }) => n + length, 0), 0);
      if (count > 0) sizes.push(count);
    }
    expect(sizes).toEqual([2, 2]);
  });

  it('gives up a range whose partition has no leader in time, and still knows its topic', async () => {
    send(1, 10);
    const client = await make();
    await client.topics(['t']);
    const [, second] = broker.topics.get('t')!.logs;
    second!.leader = -1;
    broker.error = (api, partition) => (api === 'Metadata' && partition === 1 ? 5 : 0);
    expect(await client.topics(['t'])).toMatchObject([{ topic: 't', partitions: 2 }]);
    const at = { topic: 't', partition: 1 };
    const { batches, failure } = await client.read(at, 0n, 1n, 1);
    expect([batches, failure]).toEqual([
      [],
      { ...at, reason: 'unreachable', message: 't/1: the broker answers LEADER_NOT_AVAILABLE (5)' },
    ]);
    broker.error = () => 0;
    second!.leader = 1;
    expect((await client.read(at, 0n, 1n, 60_000)).failure).toBeNull();
  });

  it('gives up a server that accepts its connections and sends nothing', async () => {
    const silent = createServer((socket) => socket.on('error', () => undefined).resume());
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
    const { port } = silent.address() as AddressInfo;
    const brokers = [`127.0.0.1:${port}`];
    const client = await kafkaClient({ ...connection(), brokers }, 'g', 200);
    await expect(client.topics(['t'])).rejects.toMatchObject({
      kind: 'connection',
      message: `no broker answers at 127.0.0.1:${port}: it has said nothing for 0.2 s`,
    });
    await client.close();
    await new Promise((done) => silent.close(done));
  });

  it('reads other partitions if one has no leader or an unavailable one', async () => {
    send(0, 1);
    send(1, 10);
    const [, second] = broker.topics.get('t')!.logs;
    second!.leader = -1;
    const { until, ids, waiting } = await reader();
    await until(() => ids[0]!.length === 1 && waiting.length > 0);
    expect(waiting[0]).toBe('t/1: it has no leader');
    const closed = createServer();
    await new Promise<void>((resolve) => {
      closed.listen(0, '127.0.0.1', resolve);
    });
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => {
      closed.close(resolve);
    });
    broker.away = [{ node: 2, port }];
    second!.leader = 2;
    send(0, 2);
    await until(() => ids[0]!.length === 2);
    second!.leader = 1;
    await until(() => ids[1]!.length === 1);
    expect(ids).toEqual([[1, 2], [10]]);
  });

  it.each([
    [5, -1, 't/1: the broker answers LEADER_NOT_AVAILABLE (5)'],
    [72, -1, 't/1: the broker answers LISTENER_NOT_FOUND (72)'],
    [9, 1, null],
  ])('reads other partitions if one has error %i in the metadata of its topic', async (code, leader, told) => {
    send(0, 1);
    send(1, 10);
    const { client, until, ids, waiting, failures } = await reader();
    await until(() => ids[0]!.length === 1 && ids[1]!.length === 1);
    const [, second] = broker.topics.get('t')!.logs;
    second!.leader = leader;
    broker.error = (api, partition) =>
      (api === 'Metadata' && partition === 1) || (api === 'Fetch' && partition === 1 && leader === -1) ? code : 0;
    send(0, 2);
    send(1, 20);
    if (told === null) await until(() => ids[0]!.length === 2 && ids[1]!.length === 2);
    else {
      await until(() => ids[0]!.length === 2 && waiting.length > 0);
      expect([waiting[0], ids[1]]).toEqual([told, [10]]);
    }
    // Who begins needs the ends of all partitions: it waits.
    if (leader === -1)
      await expect(client.ends(['t'])).rejects.toMatchObject({
        kind: 'connection',
        message: expect.stringContaining(errorName(code)),
      });
    second!.leader = 1;
    broker.error = () => 0;
    await until(() => ids[1]!.length === 2);
    expect([ids, failures]).toEqual([
      [
        [1, 2],
        [10, 20],
      ],
      [],
    ]);
    expect((await client.ends(['t'])).size).toBe(2);
  });

  it.each([
    ['NONE', 0, [true, 1]],
    ['UNKNOWN_MEMBER_ID', 25, [true, 1]],
    ['COORDINATOR_LOAD_IN_PROGRESS', 14, ['connection', 4]],
    ['GROUP_AUTHORIZATION_FAILED', 30, ['runtime', 1]],
  ])('reports whether a dead loader has left its group, if the broker answers %s', async (_, code, wanted) => {
    const client = await make();
    let asked = 0;
    broker.error = (api) => {
      if (api !== 'LeaveGroup') return 0;
      asked++;
      return code;
    };
    const told = client.evict?.(['dead']).then(
      () => true,
      (error: unknown) => (error instanceof TsdbtError ? error.kind : error),
    );
    expect([await told, asked]).toEqual(wanted);
  });

  describe('handles each error code of the protocol', () => {
    const codes = Array.from({ length: 140 }, (_, i) => i - 1).filter((code) => code !== 0);
    const passes = (code: number): boolean => ['retry', 'verify'].includes(remedyOf(code));

    it('for a partition: it waits and continues, or the partition stops, and the others continue', async () => {
      broker.create('t', codes.length + 1);
      for (const partition of [...codes.keys(), codes.length]) send(partition, partition);
      const times = codes.map(() => 0);
      broker.error = (api, partition) => {
        const code = codes[partition];
        if (api !== 'Fetch' || code === undefined || (++times[partition]! > 2 && remedyOf(code) !== 'partition'))
          return 0;
        return code;
      };
      const { until, failures, ids } = await reader();
      await until(() =>
        ids.every(
          (found, partition) => found.length === 1 || failures.some((failure) => failure.partition === partition),
        ),
      );
      const of = (reason: string): number[] =>
        failures
          .filter((failure) => failure.reason === reason)
          .map(({ partition }) => codes[partition]!)
          .sort((x, y) => x - y);
      expect([of('not_authorized'), of('refused')]).toEqual([
        [29],
        codes.filter((code) => ['partition', 'table', 'connection'].includes(remedyOf(code)) && code !== 29),
      ]);
      expect(failures).toHaveLength(of('refused').length + 1);
    });

    it('in an answer of the client library: it waits for transient ones, and reports all others', () => {
      const { ProtocolError, ResponseError, MultipleErrors, protocolErrorsCodesById } = library;
      for (const [code, name] of Object.entries(protocolErrorsCodesById))
        if (code !== '0') expect(errorName(Number(code))).toBe(`${name} (${code})`);
      for (const code of codes.filter((each) => Object.hasOwn(protocolErrorsCodesById, each))) {
        for (const key of [2, 3, 9, 10, 11, 12, 14]) {
          const answer = new ResponseError(key, 1, { '/': [code, null] }, {});
          for (const error of [
            answer,
            new MultipleErrors('failed 4 times.', [answer, answer]),
            new ProtocolError(code),
          ]) {
            const { kind, message } = brokerError(error, connection(), ['t']);
            expect([code, kind], message).toEqual([code, passes(code) ? 'connection' : 'runtime']);
            expect(message).not.toMatch(/no broker answers/);
          }
        }
      }
    });

    // Some of each kind, and one that nobody knows.
    const own: readonly (readonly [Api, number, readonly number[], (client: BrokerClient) => Promise<unknown>])[] = [
      ['Fetch', -1, [-1, 7, 56, 70, 71, 106, 42, 200], (client) => client.check(['t'])],
      ['ListOffsets', 0, [3, 29, 200], (client) => client.ends(['t'])],
      ['Metadata', -1, [3, 17, 29, 200], (client) => client.topics(['t'])],
      [
        'OffsetForLeaderEpoch',
        0,
        [-1, 74, 29, 200],
        (client) => client.verify([{ topic: 't', partition: 0, next: 0n, epoch: 0 }]),
      ],
      ['FindCoordinator', -1, [30], join],
      ['JoinGroup', -1, [15, 24, 200], join],
      ['SyncGroup', -1, [30], join],
    ];
    function join(client: BrokerClient): Promise<unknown> {
      return client.join(['t'], { assigned: async () => new Map(), revoked: async () => undefined });
    }
    it.each(own)('over the wire: %s', async (api, partition, some, call) => {
      for (const code of some) {
        broker.error = (asked, at) => (asked === api && at === partition ? code : 0);
        const client = await make();
        const outcome = await call(client).then(
          (value) => (Array.isArray(value) && value.length > 0 ? (value as PartitionFailure[])[0]!.reason : 'goes on'),
          (error: unknown) => (error instanceof TsdbtError ? error.kind : String(error)),
        );
        const refused = api === 'OffsetForLeaderEpoch' ? 'refused' : 'runtime';
        expect(outcome, `${api} ${code}`).toBe(
          api === 'Metadata' && code === 3
            ? 'runtime'
            : !passes(code)
              ? refused
              : api === 'Fetch'
                ? 'goes on'
                : 'connection',
        );
        broker.error = () => 0;
        open.splice(open.indexOf(client), 1);
        await client.close();
      }
    });

    it('for a whole fetch: it waits and continues, or nothing can be read', async () => {
      send(0, 1);
      let times = 0;
      const { until, ids } = await reader();
      const plan = [70, 71, -1, 56];
      broker.error = (api, partition) => (api === 'Fetch' && partition === -1 ? (plan[times++] ?? 0) : 0);
      await until(() => ids[0]!.length === 1 && times >= plan.length);
      broker.error = (api, partition) => (api === 'Fetch' && partition === -1 ? 42 : 0);
      await expect(
        (async () => {
          for (let i = 0; i < 5; i++) await open[0]!.poll();
        })(),
      ).rejects.toThrow(/refuses what it is asked about topic t: INVALID_REQUEST \(42\)/);
    });
  });
});

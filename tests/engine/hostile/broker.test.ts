// A hostile broker gets errors of its connection. It does not end the process, and does not use its memory or time.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kafkaClient } from '../../../src/loader/brokers/kafka/kafka-client.ts';
import type { SaslOptions } from '../../../src/connections/kafka-connection.ts';
import { type Api, FakeKafka } from '../support/fake-kafka.ts';

const SCRAM: SaslOptions = { mechanism: 'SCRAM-SHA-256', username: 'u', password: () => 'p' };

const PLAIN: SaslOptions = { mechanism: 'PLAIN', username: 'u', password: () => 'p' };

/** An answer of another length than it has. */
const ofLength = (length: number) => (api: Api, answer: Buffer) => {
  if (api === 'Metadata') answer.writeInt32BE(length, 0);
  return answer;
};

/** An answer to a SCRAM message. */
const challenge = (text: string) => (api: Api, answer: Buffer) => {
  if (api !== 'SaslAuthenticate') return answer;
  // Header, no error, no message, text, no lifetime of the session.
  const after = Buffer.concat([Buffer.from([0, 0, 0, 0, text.length + 1]), Buffer.from(text), Buffer.alloc(9)]);
  const changed = Buffer.concat([answer.subarray(0, 8), after]);
  changed.writeInt32BE(changed.length - 4, 0);
  return changed;
};

const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const MANY = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x07]);
/** A length whose 32 bits are the number below 0. */
const below = (value: number): Buffer => {
  const bits = BigInt(2 ** 32 + value);
  return Buffer.from([0, 7, 14, 21, 28].map((shift, i) => Number((bits >> BigInt(shift)) & 127n) | (i < 4 ? 128 : 0)));
};

/** An answer with another body. */
const body =
  (of: Api, ...parts: readonly (Buffer | readonly number[])[]): FakeKafka['rewrite'] =>
  (api, answer) => {
    if (api !== of) return answer;
    const tags = of === 'SaslHandshake' ? 0 : 1;
    const made = Buffer.concat([answer.subarray(0, 8), Buffer.alloc(tags), ...parts.map((part) => Buffer.from(part))]);
    made.writeInt32BE(made.length - 4, 0);
    return made;
  };

describe('a hostile broker', () => {
  let broker: FakeKafka;
  beforeEach(async () => {
    broker = await FakeKafka.start();
    broker.create('t', 1);
  });
  afterEach(() => broker.close());

  it.each<readonly [what: string, rewrite: FakeKafka['rewrite'], sasl: SaslOptions | null, error: RegExp]>([
    ['an answer of a negative length', ofLength(-5), null, /closes the connection/],
    ['an answer without a correlation id', ofLength(2), null, /closes the connection/],
    ['an answer of 2 GB', ofLength(0x7fffffff), null, /closes the connection/],
    [
      'a broker that moves the reader back',
      body('Metadata', int(0), MANY, int(1), [1], int(9), [0, 1, 5], below(-14)),
      null,
      /./,
    ],
    ['mechanisms of fewer than no letters', body('SaslHandshake', [0, 0], int(2 ** 31 - 1), [0xff, 0xfe]), PLAIN, /./],
    [
      'a list that is longer than any',
      body('Metadata', int(0), MANY, Buffer.alloc(33 * 1024 ** 2)),
      null,
      /cannot be read/,
    ],
    ['a SCRAM challenge without parameters', challenge(''), SCRAM, /SCRAM/],
    ['a SCRAM challenge that is not one', challenge('r=x'), SCRAM, /no broker answers/],
    ['a SCRAM challenge without a salt', challenge('s,i=4096'), SCRAM, /SCRAM/],
  ])('that sends %s ends only its connection', async (_, rewrite, sasl, error) => {
    broker.rewrite = rewrite;
    const connection = { name: 'default', path: 'connections.yml', tls: null, registry: null };
    const client = await kafkaClient({ ...connection, brokers: [`127.0.0.1:${broker.port}`], sasl }, 'g', 20_000);
    const failed = client.topics(['t']);
    await expect(failed).rejects.toMatchObject({ kind: 'connection' });
    await expect(failed).rejects.toThrow(error);
    await client.close();
  });

  it('cannot make a pattern match what is not the name of a topic', async () => {
    for (const name of ['t/../u', 't/2026-01-01', 't"} 1\nx', '..\\t', 't.-_1']) broker.create(name, 1);
    const connection = { name: 'default', path: 'connections.yml', tls: null, sasl: null, registry: null };
    const client = await kafkaClient({ ...connection, brokers: [`127.0.0.1:${broker.port}`] }, 'g', 20_000);
    expect(await client.matching(/t/)).toEqual(['t', 't.-_1']);
    await client.close();
  });

  it.each<readonly [what: string, rewrite: FakeKafka['rewrite']]>([
    [
      'an offset of partition 2147483647',
      body('ListOffsets', int(0), [2, 2, 0x74, 2], int(2 ** 31 - 1), Buffer.alloc(10), Buffer.alloc(12), [0, 0, 0]),
    ],
    ['an offset of another topic', body('ListOffsets', int(0), [2, 2, 0x71, 2], Buffer.alloc(26), [0, 0, 0])],
  ])('that answers %s is read to its end', async (_, rewrite) => {
    broker.rewrite = rewrite;
    const connection = { name: 'default', path: 'connections.yml', tls: null, sasl: null, registry: null };
    const client = await kafkaClient({ ...connection, brokers: [`127.0.0.1:${broker.port}`] }, 'g', 2000);
    await client.ends(['t']).catch((error: unknown) => expect(error).toMatchObject({ kind: 'connection' }));
    await client.close();
  });

  it('cannot choose an endless number of SCRAM iterations', async () => {
    broker.rewrite = (api, answer) => {
      // The request's nonce is in the message of the answer.
      const nonce = /r=([\w-]+)/.exec(answer.toString('latin1'))?.[1] ?? '';
      return challenge(`r=${nonce},s=AAAA,i=2147483647`)(api, answer);
    };
    const connection = { name: 'default', path: 'connections.yml', tls: null, registry: null };
    const client = await kafkaClient(
      { ...connection, brokers: [`127.0.0.1:${broker.port}`], sasl: SCRAM },
      ...(['g', 20_000] as const),
    );
    await expect(client.topics(['t'])).rejects.toThrow('2147483647 iterations');
    await client.close();
  });
});

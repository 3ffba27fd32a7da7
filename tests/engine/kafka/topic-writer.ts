// Makes topics and fills them, for tests and benchmarks: by callbacks, since the client library's own promises want a
// newer Node than the oldest that is supported.
import type { Admin, CreateTopicsOptions, Producer, ProducerOptions } from '@platformatic/kafka';
import { called, loadClientLibrary } from '../../../src/loader/brokers/kafka/client-library.ts';

export interface WrittenMessage {
  readonly topic: string;
  readonly value: Buffer;
  readonly key?: Buffer;
  readonly partition?: number;
  readonly headers?: Map<Buffer, Buffer>;
  /** Milliseconds since 1970. */
  readonly timestamp?: bigint;
}

/** A producer and what administers topics, at one broker. */
export class TopicWriter {
  readonly admin: Admin;
  readonly producer: Producer;

  private constructor(admin: Admin, producer: Producer) {
    this.admin = admin;
    this.producer = producer;
  }

  /** @param brokers `host:port` */
  static async open(
    brokers: readonly string[],
    more: Partial<ProducerOptions<Buffer, Buffer, Buffer, Buffer>> = {},
  ): Promise<TopicWriter> {
    const { Admin, Producer } = await loadClientLibrary();
    const options = { clientId: 'test', bootstrapBrokers: [...brokers] };
    return new TopicWriter(
      new Admin(options),
      new Producer<Buffer, Buffer, Buffer, Buffer>({ ...options, idempotent: true, acks: -1, ...more }),
    );
  }

  async create(topics: string | readonly string[], more: Partial<CreateTopicsOptions> = {}): Promise<void> {
    const replicas = more.assignments === undefined ? { partitions: 1, replicas: 1 } : {};
    await called((done) => this.admin.createTopics({ topics: [topics].flat(), ...replicas, ...more }, done));
  }

  async send(messages: readonly WrittenMessage[]): Promise<void> {
    await called((done) => this.producer.send({ messages: [...messages] }, done));
  }

  async close(): Promise<void> {
    await called<void>((done) => this.admin.close(done));
    await called<void>((done) => this.producer.close(done));
  }
}

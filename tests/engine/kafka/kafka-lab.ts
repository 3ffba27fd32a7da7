// A broker, a project that loads from it, and what fills its topics, for tests.
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { FaultProject } from '../faults/project.ts';
import { ACCESS_KEY, SECRET_KEY } from '../support/s3-server.ts';
import { KafkaBroker } from './kafka-broker.ts';
import { TopicWriter } from './topic-writer.ts';

export class KafkaLab {
  readonly broker: KafkaBroker;
  readonly project: FaultProject;
  readonly writer: TopicWriter;

  private constructor(broker: KafkaBroker, project: FaultProject, writer: TopicWriter) {
    this.broker = broker;
    this.project = project;
    this.writer = writer;
  }

  static async open(retries: { readonly retries?: number; readonly retryDelay?: number } = {}): Promise<KafkaLab> {
    const broker = await KafkaBroker.start();
    const address = `127.0.0.1:${broker.port}`;
    const project = await FaultProject.open({
      'connections.yml': `connections: { default: { brokers: ["${address}"] } }\n`,
    });
    return new KafkaLab(broker, project, await TopicWriter.open([address], retries));
  }

  async close(): Promise<void> {
    await this.writer.close();
    await this.project.close();
    await this.broker.close();
  }

  /** Adds the connection `lake`, a store whose secret the project's environment has from now on. */
  addLake(endpoint: string): void {
    this.project.env = { S3_SECRET: SECRET_KEY };
    this.project.write({
      'connections.yml':
        `${this.project.read('connections.yml').replace(/^connections: \{ (.*) \}\n/, '$1\n')}` +
        `lake: {type: s3, endpoint: '${endpoint}', bucket: lake, access_key_id: ${ACCESS_KEY}, ` +
        `secret_access_key: "{{ env_var('S3_SECRET') }}"}\n`,
    });
  }

  /** A source table a topic, named as it is. @param topics what stands in each one's load config, from a comma on */
  sources(topics: Readonly<Record<string, string>>, columns: Readonly<Record<string, string>>): void {
    const declared = Object.entries(columns).map(([name, type]) => `{ name: ${name}, data_type: ${type} }`);
    const tables = Object.entries(topics).map(
      ([topic, more]) => `      - name: ${topic}
        config: { meta: { tsdbt: { load: { topic: ${topic}${more} } } } }
        columns: [${declared.join(', ')}]\n`,
    );
    this.project.write({ 'models/sources.yml': `sources:\n  - name: raw\n    tables:\n${tables.join('')}` });
  }

  /** Loads up to the ends. @returns what it has said */
  async load(code = 0): Promise<string> {
    const ended = await this.project.start(['load', '--once']).ended;
    expect(ended.code, ended.out).toBe(code);
    return ended.out;
  }

  /** The ids of a table in the order of the topic. */
  async ids(topic: string): Promise<number[]> {
    return (await this.project.rows(`select id from raw.${topic} order by _partition, _offset, id`)).flat().map(Number);
  }
}

/** Tries until it does not fail: clients do not know at once what has become of a topic or its leader. */
export async function eventually<T>(work: () => Promise<T>, attempts = 240): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === attempts) throw error;
      await pause(250);
    }
  }
}

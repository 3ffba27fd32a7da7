// A project on one database that publishes into another: files written, the built program run, both databases asked.
import pg from 'pg';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { SERVERS, type TestServer } from '../adapters/servers.ts';
import { FaultProject } from '../faults/project.ts';

export interface PublishLab {
  readonly project: FaultProject;
  /** Rows of the receiving database, as arrays of texts. */
  there(sql: string): Promise<string[][]>;
  client(): Promise<pg.Client>;
  /** Stops the receiving server at once and starts it again; only of a server that nobody else uses. */
  crash(): Promise<void>;
  /** Writes the model `m` and its publications. */
  model(sql: string, publish: unknown, tests?: readonly string[]): void;
  close(): Promise<void>;
}

/** @param server of the receiver; the project's own is the shared one */
export async function openLab(server: TestServer = SERVERS[0]!): Promise<PublishLab> {
  const receiver = await server.open();
  const { host, port, user, password, database } = receiver.credentials as unknown as pg.ClientConfig;
  const config = { host, port, user, password, database } as pg.ClientConfig;
  const project = await FaultProject.open({
    'connections.yml':
      `lookup: {type: postgres, host: ${host}, port: ${port}, user: ${user}, ` +
      `password: "{{ env_var('LOOKUP_PASSWORD') }}", dbname: ${database}, schema: serving}\n` +
      'kafka: {brokers: "localhost:9092"}\n',
  });
  project.env = { LOOKUP_PASSWORD: String(password) };
  const open = async (): Promise<pg.Client> => {
    const client = new pg.Client(config);
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  let asking = await open();
  return {
    project,
    client: open,
    async crash() {
      await receiver.crash?.();
      await asking.end().catch(() => undefined);
      asking = await open();
    },
    async there(sql) {
      const answer = await asking.query<unknown[]>({ text: sql, rowMode: 'array' });
      // Of several statements the last one's rows.
      const rows = [answer].flat().at(-1)?.rows ?? [];
      return rows.map((row) => row.map(String));
    },
    model(sql, publish, tests = []) {
      project.write({
        'models/m.sql': sql,
        'models/m.yml':
          `models:\n  - name: m\n    columns: [{name: id, data_tests: [${tests.join(', ')}]}]\n` +
          `    config:\n      meta:\n        tsdbt:\n          publish: ${JSON.stringify(publish)}\n`,
      });
    },
    async close() {
      await asking.end();
      await project.close();
      await receiver.close();
    },
  };
}

/** One lab for the tests of a `describe`; each begins with a receiver that holds nothing. */
export function labForAll(opened: (lab: PublishLab) => void): void {
  let lab: PublishLab;
  beforeAll(async () => {
    lab = await openLab();
    opened(lab);
  });
  afterAll(() => lab.close());
  beforeEach(async () => {
    await lab.there('drop schema if exists serving cascade; drop schema if exists tsdbt cascade');
  });
}

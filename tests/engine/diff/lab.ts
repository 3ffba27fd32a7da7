// A project with targets in several databases, for comparisons: the same models stand in each under another schema.
import pg from 'pg';
import type { ClickHouseAdapter } from '../../../src/adapters/clickhouse/adapter.ts';
import { SERVERS } from '../adapters/servers.ts';
import { FaultProject } from '../faults/project.ts';
import { clickhouseAdapter, clickhouseFolder, clickhouseMissing } from '../support/clickhouse.ts';
import type { Ended } from '../support/program.ts';

export interface DiffLab {
  readonly project: FaultProject;
  /** Runs statements in the project's own database, in another one, and in ClickHouse. */
  here(sql: string): Promise<void>;
  there(sql: string): Promise<void>;
  clickhouse(...statements: readonly string[]): Promise<void>;
  /** `tsdbt diff --output json`. */
  diff(...args: readonly string[]): Promise<{ readonly ended: Ended; readonly found: Comparison }>;
  close(): Promise<void>;
}

/** A member of `comparisons`. */
export interface Comparison {
  readonly equal: boolean;
  readonly key: readonly string[];
  readonly rows: Readonly<Record<'here' | 'there' | 'only_here' | 'only_there' | 'differs', number>>;
  readonly columns: readonly { readonly name: string; readonly differs: number }[];
  readonly columns_only_here: readonly string[];
  readonly columns_only_there: readonly string[];
  readonly not_compared: readonly { readonly column: string; readonly here: string; readonly there: string }[];
  readonly sample: readonly {
    readonly kind: string;
    readonly key: Readonly<Record<string, string>>;
    readonly changes: readonly {
      readonly column: string;
      readonly here: string | null;
      readonly there: string | null;
    }[];
  }[];
}

const NOTHING: Comparison = {
  equal: false,
  key: [],
  rows: { here: 0, there: 0, only_here: 0, only_there: 0, differs: 0 },
  columns: [],
  columns_only_here: [],
  columns_only_there: [],
  not_compared: [],
  sample: [],
};

/**
 * Targets: `dev` (schema s), `beside` (schema b of the same database), `away` (another database), `ch` and `ch_beside`
 * (ClickHouse, databases `prefix` and `prefix_b`).
 */
export async function openDiffLab(prefix: string): Promise<DiffLab> {
  const other = await SERVERS[0]!.open();
  const { host, port, user, password, database } = other.credentials as unknown as pg.ClientConfig;
  const project = await FaultProject.open({
    'models/m.sql': 'select 1 as id',
    'models/m.yml': 'models: [{name: m, config: {unique_key: id}}]',
  });
  const dev = /\{type: postgres.*?\}/.exec(project.read('profiles.yml'))![0];
  project.write({
    'profiles.yml': [
      'faults:',
      '  target: dev',
      '  outputs:',
      `    dev: ${dev}`,
      `    beside: ${dev.replace('schema: s', 'schema: b')}`,
      `    away: {type: postgres, host: ${host}, port: ${port}, user: ${user}, password: "${password}", ` +
        `dbname: ${database}, schema: s, threads: 2}`,
      `    ch: {type: clickhouse, path: ${clickhouseFolder()}, schema: ${prefix}}`,
      `    ch_beside: {type: clickhouse, path: ${clickhouseFolder()}, schema: ${prefix}_b}`,
      '',
    ].join('\n'),
  });
  const client = new pg.Client({ host, port, user, password, database } as pg.ClientConfig);
  client.on('error', () => undefined);
  await client.connect();
  let adapter: ClickHouseAdapter | null = null;
  return {
    project,
    async here(sql) {
      await project.client.query(sql);
    },
    async there(sql) {
      await client.query(sql);
    },
    async clickhouse(...statements) {
      if (clickhouseMissing !== null) throw new Error(clickhouseMissing);
      adapter ??= clickhouseAdapter('default');
      const session = adapter.session({ name: 'test' });
      try {
        for (const sql of statements) await session.execute(sql);
      } finally {
        await session.release();
      }
    },
    async diff(...args) {
      const ended = await project.run(['diff', '--output', 'json', ...args]);
      const document: { comparisons: Comparison[] } | null = ended.stdout.startsWith('{')
        ? JSON.parse(ended.stdout)
        : null;
      return { ended, found: document?.comparisons[0] ?? NOTHING };
    },
    async close() {
      await adapter?.close();
      await client.end();
      await project.close();
      await other.close();
    },
  };
}

// Builds one relation on the shared embedded ClickHouse in this process, with the macros of src/include only: no
// project, no files. A test sees each statement before it is sent, and may act as another client at that moment.
import { randomUUID } from 'node:crypto';
import type { ExecuteOptions } from '../../../src/adapters/adapter.ts';
import type { ClickHouseAdapter } from '../../../src/adapters/clickhouse/adapter.ts';
import { MacroResolver } from '../../../src/context/macro-resolver.ts';
import type { ContextNode } from '../../../src/context/provider.ts';
import { createRuntimeScope, type RuntimeScopeOptions } from '../../../src/context/runtime.ts';
import { settle } from '../../../src/context/scope.ts';
import { createTemplateEnvironments } from '../../../src/context/templates.ts';
import type { RuntimeConfig } from '../../../src/contracts/project.ts';
import { NO_KWARGS, toText } from '../../../src/values/index.ts';
import { builtinMacros } from '../macros/recorder.ts';
import { clickhouseAdapter } from './clickhouse.ts';

export interface Build {
  readonly materialization?: string;
  readonly name: string;
  readonly sql: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly fullRefresh?: boolean;
  /** Called with each statement of the node before it is sent. */
  readonly before?: (sql: string) => Promise<void>;
}

/** A schema on the shared server. */
export class ClickhouseSchema {
  readonly schema: string;
  readonly adapter: ClickHouseAdapter;
  private readonly templates = createTemplateEnvironments();
  private readonly resolver = new MacroResolver(builtinMacros('clickhouse'), {
    rootPackage: 'p',
    internalPackages: ['dbt_clickhouse', 'dbt'],
    adapterTypes: ['clickhouse'],
    dispatch: [],
    packages: ['p', 'dbt_clickhouse', 'dbt'],
    environment: this.templates.runtime,
  });

  private constructor(schema: string) {
    this.schema = schema;
    this.adapter = clickhouseAdapter(schema);
  }

  /** @param engine of the database */
  static async open(schema: string, engine = 'Atomic'): Promise<ClickhouseSchema> {
    const made = new ClickhouseSchema(schema);
    await made.rows(`drop database if exists ${schema}`);
    const session = made.adapter.session({ name: 'test' });
    await session.execute(`create database ${schema} engine = ${engine}`, {
      settings: { allow_deprecated_database_ordinary: '1' },
    });
    await session.release();
    return made;
  }

  /** Rows as texts, `null` for NULL. */
  async rows(sql: string): Promise<string[][]> {
    const session = this.adapter.session({ name: 'test' });
    try {
      const { table } = await session.execute(sql, { fetch: true });
      return table.rows.map(({ values }) => values.map((value) => (value === null ? 'null' : toText(value))));
    } finally {
      await session.release();
    }
  }

  async tables(): Promise<string[]> {
    return (await this.rows(`select name from system.tables where database = '${this.schema}' order by name`)).map(
      ([name]) => name!,
    );
  }

  /** @returns the node's statements, with white space normalized */
  async build({
    materialization = 'incremental',
    name,
    sql,
    config = {},
    fullRefresh = false,
    before,
  }: Build): Promise<string[]> {
    const { adapter, schema, templates, resolver } = this;
    const statements: string[] = [];
    const session = adapter.session({ name: `model.p.${name}` });
    const execute = session.execute.bind(session);
    session.execute = async (text: string, options?: ExecuteOptions) => {
      const even = text.replace(/\s+/g, ' ').trim();
      statements.push(even);
      await before?.(even);
      return execute(text, options);
    };
    try {
      await adapter.fillCache(session, [{ database: null, schema }]);
      const runtime = {
        project: { project_name: 'p', quoting: {}, flags: {}, vars: {}, dispatch: [] },
        profile: {
          profile_name: 'p',
          target_name: 't',
          threads: 1,
          credentials: { type: 'clickhouse', database: '', schema },
        },
        packages: [],
        cli_vars: {},
        env: {},
        flags: { full_refresh: fullRefresh, store_failures: false, which: 'run' },
        invocation: { invocation_id: randomUUID(), started_at: new Date(0), args: {}, command: '' },
      } as unknown as RuntimeConfig;
      const contract = { enforced: false, alias_types: true };
      const node = {
        unique_id: `model.p.${name}`,
        name,
        alias: name,
        resource_type: materialization === 'snapshot' ? 'snapshot' : 'model',
        package_name: 'p',
        original_file_path: 'models/m.sql',
        database: '',
        schema,
        language: 'sql',
        columns: {},
        constraints: [],
        description: '',
        compiled_code: sql,
        extra_ctes_injected: true,
        depends_on: { nodes: [], macros: [] },
        contract,
        config: { materialized: materialization, contract, 'pre-hook': [], 'post-hook': [], ...config },
        unrendered_config: config,
      } as unknown as ContextNode;
      const scope = createRuntimeScope({
        context: {
          adapter,
          config: runtime,
          templates,
          env: {},
          logger: { fire() {} },
          flags: runtime.flags,
          invocation: runtime.invocation,
          loadYaml: () => null,
          clock: () => Date.UTC(2026, 0, 2, 3, 4, 5),
          threadId: 'Thread-1',
        } as unknown as RuntimeScopeOptions['context'],
        resolver,
        manifest: {
          nodes: {},
          sources: {},
          exposures: {},
          metrics: {},
          groups: {},
        } as unknown as RuntimeScopeOptions['manifest'],
        lookup: {} as RuntimeScopeOptions['lookup'],
        node,
        session,
        write: () => {},
        adapterHooks: { now: () => 0 },
      });
      await settle(scope.bind(resolver.materialization(materialization)!)([], NO_KWARGS));
    } finally {
      await session.release();
      await adapter.leases.flush();
    }
    return statements;
  }

  async close(): Promise<void> {
    await this.rows(`drop database if exists ${this.schema}`);
    await this.adapter.close();
  }
}

// Runs a materialization of src/include/clickhouse with a session that only writes down what it is asked, and answers
// what a ClickHouse in a given state would answer: on a cluster, too, of which an embedded engine has none. No server,
// no files but the macros.
import type { Adapter, Capabilities, ExecuteOptions, ExecuteResult, Session } from '../../../src/adapters/adapter.ts';
import { CLICKHOUSE_COLUMN } from '../../../src/adapters/clickhouse/column.ts';
import { quoteDouble, quoteText, quoteUnlessBare } from '../../../src/adapters/clickhouse/literal.ts';
import { clickhouseRelation } from '../../../src/adapters/clickhouse/relation.ts';
import { createTemplateMethods } from '../../../src/adapters/clickhouse/template-methods.ts';
import { Column } from '../../../src/adapters/column.ts';
import { Relation, type RelationInput } from '../../../src/adapters/relation.ts';
import type { RelationType } from '../../../src/adapters/relation-dialect.ts';
import { RelationCache } from '../../../src/adapters/relation-cache.ts';
import { Table } from '../../../src/adapters/table.ts';
import { tableFromResult } from '../../../src/adapters/table-inference.ts';
import { MacroResolver } from '../../../src/context/macro-resolver.ts';
import type { ContextNode } from '../../../src/context/provider.ts';
import { createRuntimeScope, type RuntimeScopeOptions } from '../../../src/context/runtime.ts';
import { settle } from '../../../src/context/scope.ts';
import { createTemplateEnvironments } from '../../../src/context/templates.ts';
import type { RuntimeConfig } from '../../../src/contracts/project.ts';
import { fromJson, NO_KWARGS, type Value } from '../../../src/values/index.ts';
import { builtinMacros } from './recorder.ts';

/** As in clickhouse-cases.json, from which the goldens of dbt-clickhouse are made, too. */
export interface Case {
  readonly name: string;
  readonly materialization: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly sql?: string;
  /** What is there, by name. */
  readonly relations?: Readonly<Record<string, RelationType>>;
  /** Materialized views that write into the model's table. */
  readonly writers?: readonly string[];
  readonly refreshable?: readonly string[];
  /** Columns that the table has; by default those of the query. */
  readonly present?: readonly (readonly [name: string, type: string])[];
  readonly fullRefresh?: boolean;
  readonly cluster?: boolean;
  readonly description?: string;
  readonly columns?: readonly { readonly name: string }[];
  readonly constraints?: readonly unknown[];
  // Of our tests alone:
  /** The database cannot exchange tables. */
  readonly ordinary?: boolean;
  readonly views?: Map<string, string>;
  readonly seed?: Table;
  /** A materialized view reads the table: its rows cannot be published by partitions. */
  readonly read?: boolean;
  /** Other models of the project, by name: their materialization. */
  readonly models?: Readonly<Record<string, string>>;
}

const OF_QUERY: readonly (readonly [string, string])[] = [
  ['id', 'Int32'],
  ['name', 'String'],
];
const CONSTRAINTS: Capabilities['constraintSupport'] = {
  check: 'enforced',
  not_null: 'not_supported',
  unique: 'not_supported',
  primary_key: 'not_supported',
  foreign_key: 'not_supported',
};

/** The statements of one run of a materialization, in order. @param statements gets them also when the run fails */
export async function clickhouseStatements(test: Case, statements: string[] = []): Promise<string[]> {
  const profile = {
    type: 'clickhouse',
    database: '',
    schema: 's',
    host: 'h',
    port: 8123,
    user: 'u',
    password: 'pw',
    ...(test.cluster ? { cluster: 'c' } : {}),
  };
  const session = recordingSession(test, statements);
  const adapter = stubAdapter(test, statements);
  await adapter.cache.fill([{ database: '', schema: 's' }], {}, async () => ({ relations: [] }));
  for (const [identifier, type] of Object.entries(test.relations ?? {})) {
    const own = {
      can_exchange: type === 'table' && !test.ordinary,
      can_on_cluster: test.cluster ?? false,
      is_refreshable: test.refreshable?.includes(identifier) ?? false,
      mvs_pointing_to_it:
        identifier === 'm'
          ? (test.writers ?? []).map((name) => fromJson({ schema: 's', name, sql: `select * from source_of_${name}` }))
          : [],
    };
    adapter.cache.replace(adapter.createRelation({ schema: 's', identifier, type, own }));
  }
  const templates = createTemplateEnvironments();
  const resolver = new MacroResolver(builtinMacros('clickhouse'), {
    rootPackage: 'p',
    internalPackages: ['dbt_clickhouse', 'dbt'],
    adapterTypes: ['clickhouse'],
    dispatch: [],
    packages: ['p', 'dbt_clickhouse', 'dbt'],
    environment: templates.runtime,
  });
  const config = {
    project: { project_name: 'p', quoting: {}, flags: {}, vars: {}, dispatch: [] },
    profile: { profile_name: 'p', target_name: 't', threads: 1, credentials: profile },
    packages: [],
    cli_vars: {},
    env: {},
    flags: { full_refresh: test.fullRefresh ?? false, store_failures: false, which: 'run' },
    invocation: { invocation_id: 'an-id', started_at: new Date(0), args: {}, command: '' },
  } as unknown as RuntimeConfig;
  const contract = { enforced: false, alias_types: true, ...(test.config?.['contract'] as object | undefined) };
  const ownConfig = { materialized: test.materialization, 'pre-hook': [], 'post-hook': [], ...test.config, contract };
  const node = {
    unique_id: 'model.p.m',
    name: 'm',
    alias: 'm',
    resource_type: test.seed ? 'seed' : 'model',
    package_name: 'p',
    original_file_path: 'models/m.sql',
    database: '',
    schema: 's',
    language: 'sql',
    columns: Object.fromEntries((test.columns ?? []).map((column) => [column.name, { description: '', ...column }])),
    constraints: test.constraints ?? [],
    description: test.description ?? '',
    compiled_code: test.sql ?? "select 1 as id, 'x' as name",
    extra_ctes_injected: true,
    depends_on: { nodes: [], macros: [] },
    contract,
    config: ownConfig,
    unrendered_config: test.config ?? {},
  } as unknown as ContextNode;
  const nodes = Object.fromEntries(
    Object.entries(test.models ?? {}).map(([name, materialized]) => [
      `model.p.${name}`,
      { resource_type: 'model', schema: 's', alias: name, config: { materialized } },
    ]),
  );
  const scope = createRuntimeScope({
    context: {
      adapter,
      config,
      templates,
      env: {},
      logger: { fire() {} },
      flags: config.flags,
      invocation: config.invocation,
      loadYaml: () => null,
      clock: () => Date.UTC(2026, 0, 2, 3, 4, 5),
      threadId: 'Thread-1',
    } as unknown as RuntimeScopeOptions['context'],
    resolver,
    manifest: {
      nodes,
      sources: {},
      exposures: {},
      metrics: {},
      groups: {},
    } as unknown as RuntimeScopeOptions['manifest'],
    lookup: {} as RuntimeScopeOptions['lookup'],
    node,
    session,
    write: () => {},
    adapterHooks: { now: () => 0, ...(test.views === undefined ? {} : { views: test.views }) },
    ...(test.seed === undefined ? {} : { loadSeed: () => test.seed! }),
  });
  await settle(scope.bind(resolver.materialization(test.materialization)!)([], NO_KWARGS));
  return statements;
}

/** White space, quotes and case do not count. */
export function meaning(sql: string): string {
  return sql
    .replace(/["`]/g, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([(),;]) ?/g, '$1')
    .replace(/;$/, '')
    .trim()
    .toLowerCase();
}

function stubAdapter(test: Case, statements: string[]): Adapter {
  const relations = clickhouseRelation({ cluster: test.cluster ? 'c' : null, databaseEngine: null });
  const stub: Partial<Adapter> = {
    type: 'clickhouse',
    cache: new RelationCache(true),
    relations,
    columns: CLICKHOUSE_COLUMN,
    capabilities: {
      transactions: false,
      transactionalDdl: false,
      maxIdentifierBytes: 206,
      schemaMetadataByRelations: true,
      tableLastModifiedMetadata: false,
      microbatchConcurrency: false,
      constraintSupport: CONSTRAINTS,
      validIncrementalStrategies: [],
    },
    templateMethods: {
      ...createTemplateMethods(
        async () => ({
          version: '26.7.2.1',
          database: 's',
          engine: '',
          atomicExchange: !test.ordinary,
          lightweightDeletes: true,
        }),
        CONSTRAINTS,
      ),
      before_exchange: { signature: 'target, shadow, blocks, uuid', run: () => true },
      after_exchange: { signature: 'target', run: () => null },
      has_comment: { signature: 'target, begin', run: () => false },
      can_replace_live: { signature: 'target', run: () => false },
      stop_merges: { signature: 'target', run: () => null },
      working_stem: { signature: 'identifier', run: (_call, identifier) => identifier },
    },
    connectionInfo: () => [],
    quote: quoteDouble,
    quoteText,
    quoteWritten: quoteUnlessBare,
    createRelation: (fields: RelationInput) => Relation.create(relations, fields),
    createColumn: (name, type) => new Column(CLICKHOUSE_COLUMN, name, type),
    convertType: () => 'String',
    lockRelation: async () => {},
    loadTable: async (_session, relation, table, columns) => {
      statements.push(`load ${table.rows.length} rows into ${relation.render().replace(/_anid/, '')} (${columns})`);
      return table.rows.length;
    },
    fetchViewState: async (_session, relation) => `state of ${relation.render()}`,
    notePublishedView: async (_session, relation, _query, note) => note(`state of ${relation.render()}`),
  };
  return stub as Adapter;
}

function recordingSession(test: Case, statements: string[]): Session {
  const columns = new Map<string, Value>();
  return {
    name: 'model.p.m',
    inTransaction: false,
    lasting: false,
    columns,
    publishing: [],
    nextMayWait: false,
    async execute(sql: string, _options?: ExecuteOptions): Promise<ExecuteResult> {
      const text = sql
        .replaceAll('__dbt_new_data_anid', '__dbt_new_data_<id>')
        .replace(/(__(?:dbt|tsdbt)_\w+?)_anid/g, '$1')
        .replace(/--[^\n]*/g, '')
        .replace(/\s+/g, ' ')
        .trim();
      if (!text.startsWith('describe table')) statements.push(text);
      return {
        response: { _message: 'OK', code: 'OK', rows_affected: -1 },
        table: text.includes('max_block_number') ? held(sql) : answer(text, test),
      };
    },
    async executeLater(sql, answered) {
      answered(await this.execute(sql));
    },
    describe: async () => [],
    attempt: async () => null,
    begin: async () => {},
    commit: async () => {},
    rollback: async () => {},
    copyIn: async () => 0,
    cancel: async () => {},
    release: async () => {},
  };
}

/** What tables hold: a UUID, and two partitions of rows that are new, else one. */
function held(sql: string): Table {
  const names = /table in \(([^)]*)\)/
    .exec(sql)![1]!
    .split(', ')
    .map((name) => name.slice(1, -1));
  const partitions = (name: string): string[] => (name.includes('__dbt_new_data_') ? ['7', '8'] : ['all']);
  return tableFromResult(
    ['table', 'partition_id', 'held', 'patches'],
    names.flatMap((name) => [
      ...partitions(name).map((id) => [name, id, '1', '0']),
      [name, '', `uuid of ${name}`, '0'],
    ]),
  );
}

function answer(sql: string, test: Case): Table {
  if (sql.includes('from system.mutations')) {
    return tableFromResult(
      ['engine', 'readers', 'mutations', 'columns'],
      [['MergeTree', test.read ? 's.reader' : '', '0', JSON.stringify(OF_QUERY)]],
    );
  }
  if (sql.startsWith('describe table'))
    return tableFromResult(
      ['name', 'type'],
      OF_QUERY.map((row) => [...row]),
    );
  if (sql.includes('from system.columns'))
    return tableFromResult(
      ['name', 'type'],
      (/table = 'm(_local)?'/.test(sql) ? (test.present ?? OF_QUERY) : OF_QUERY).map((row) => [...row]),
    );
  if (sql.includes('from system.databases'))
    return tableFromResult(['name', 'engine', 'comment'], [['s', test.ordinary ? 'Ordinary' : 'Atomic', '']]);
  if (sql.includes('default_kind'))
    return tableFromResult(
      ['name'],
      OF_QUERY.map(([name]) => [name]),
    );
  if (sql.includes('system.parts')) return tableFromResult(['partition_id'], [['7'], ['8']]);
  if (sql.includes('system.grants')) return tableFromResult(['privilege_type', 'grantee'], [['SELECT', 'old']]);
  if (sql.includes('system.settings')) return tableFromResult(['value'], [['1']]);
  if (sql.includes('as target_table')) return tableFromResult(['target_table'], [['s.target']]);
  if (sql.includes('__dbt_sbq')) return tableFromResult(['id', 'name'], []);
  return Table.empty();
}

// Runs a materialization of src/include on Postgres's dialect with a session that only writes down what it is asked,
// and answers what a database in a given state would answer. No database, no files but the macros.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ColumnDescription, ExecuteOptions, ExecuteResult, Session } from '../../../src/adapters/adapter.ts';
import { PostgresAdapter } from '../../../src/adapters/postgres/adapter.ts';
import { Table } from '../../../src/adapters/table.ts';
import { tableFromResult } from '../../../src/adapters/table-inference.ts';
import { MacroResolver } from '../../../src/context/macro-resolver.ts';
import type { ContextNode } from '../../../src/context/provider.ts';
import { createRuntimeScope, type RuntimeScopeOptions } from '../../../src/context/runtime.ts';
import { settle } from '../../../src/context/scope.ts';
import { createTemplateEnvironments } from '../../../src/context/templates.ts';
import type { MacroNode } from '../../../src/contracts/node.ts';
import type { RuntimeConfig, SourceFile } from '../../../src/contracts/project.ts';
import { TsdbtError } from '../../../src/errors.ts';
import { parseMacroFiles } from '../../../src/parser/read/macros.ts';
import { NO_KWARGS, type Value } from '../../../src/values/index.ts';

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly length?: number;
}

/** What the database of a test holds. */
export interface State {
  /** Kind of each relation by name. */
  readonly relations?: Readonly<Record<string, 'table' | 'view' | 'materialized_view'>>;
  /** Columns by relation; a temporary table is found by the name without its time. */
  readonly columns?: Readonly<Record<string, readonly Column[]>>;
  /** Views on top of the relation, as (name, definition), what is read first. */
  readonly dependants?: readonly (readonly [name: string, definition: string])[];
  /** Those that cannot be created any more. */
  readonly broken?: readonly string[];
  readonly grants?: readonly (readonly [grantee: string, privilege: string])[];
}

export interface Case {
  readonly materialization: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly fullRefresh?: boolean;
  readonly state?: State;
  readonly node?: Readonly<Record<string, unknown>>;
  /** Rows of a seed. */
  readonly seed?: Table;
  /** What earlier runs know of views. */
  readonly views?: Map<string, string>;
  /** Relations that the project builds. */
  readonly builds?: readonly string[];
}

const include = fileURLToPath(new URL('../../../src/include', import.meta.url));
const macros = new Map<string, MacroNode[]>();

/** Every built-in macro of a dialect, parsed once for a test file. */
export function builtinMacros(dialect: string): MacroNode[] {
  const known = macros.get(dialect);
  if (known) return known;
  const parsed = parseMacroFiles([...filesOf(dialect, `dbt_${dialect}`), ...filesOf('global', 'dbt')]).map(
    (facts) =>
      ({
        name: facts.name,
        resource_type: 'macro',
        package_name: facts.package_name,
        path: facts.original_file_path,
        original_file_path: facts.original_file_path,
        unique_id: `macro.${facts.package_name}.${facts.name}`,
        macro_sql: facts.macro_sql,
        supported_languages: facts.supported_languages,
        depends_on: { macros: [] },
        description: '',
        meta: {},
        docs: { show: true, node_color: null },
        config: { meta: {}, docs: { show: true, node_color: null } },
        patch_path: null,
        arguments: [],
        created_at: 0,
      }) as unknown as MacroNode,
  );
  macros.set(dialect, parsed);
  return parsed;
}

function filesOf(folder: string, packageName: string): SourceFile[] {
  const root = join(include, folder);
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile() && e.name.endsWith('.sql'))
    .map((entry) => {
      const path = join(entry.parentPath ?? entry.path, entry.name);
      return {
        package_name: packageName,
        project_root: root,
        search_path: 'macros',
        relative_path: relative(root, path),
        original_file_path: relative(root, path),
        kind: relative(root, path).startsWith('tests') ? 'generic_test' : 'macro',
        contents: readFileSync(path, 'utf8'),
        checksum: { name: 'none', checksum: '' },
        mtime_ms: 0,
      } satisfies SourceFile;
    });
}

const database = { type: 'postgres', database: 'db', schema: 's', dbname: 'db', host: 'h', port: 1, user: 'u' };

/**
 * The statements of one run of a materialization, in order, white space made even; `main:` stands before what
 * target/run would show.
 */
export async function statementsOf(test: Case): Promise<string[]> {
  const adapter = new PostgresAdapter({ credentials: database, threads: 1, quoting: {} });
  const session = new RecordingSession(test.state ?? {});
  await adapter.cache.fill([{ database: 'db', schema: 's' }], {}, async () => ({ relations: [] }));
  for (const [identifier, type] of Object.entries(test.state?.relations ?? {}))
    adapter.cache.replace(adapter.createRelation({ database: 'db', schema: 's', identifier, type }));

  const templates = createTemplateEnvironments();
  const resolver = new MacroResolver(builtinMacros('postgres'), {
    rootPackage: 'p',
    internalPackages: ['dbt_postgres', 'dbt'],
    adapterTypes: ['postgres'],
    dispatch: [],
    packages: ['p', 'dbt_postgres', 'dbt'],
    environment: templates.runtime,
  });
  const config = {
    project: { project_name: 'p', quoting: {}, flags: {}, vars: {}, dispatch: [] },
    profile: { profile_name: 'p', target_name: 't', threads: 1, credentials: database },
    packages: [],
    cli_vars: {},
    env: {},
    flags: { full_refresh: test.fullRefresh ?? false, store_failures: false, which: 'run' },
    invocation: { invocation_id: 'i', started_at: new Date(0), args: {}, command: '' },
  } as unknown as RuntimeConfig;
  const node = {
    unique_id: 'model.p.m',
    name: 'm',
    alias: 'm',
    resource_type: 'model',
    package_name: 'p',
    original_file_path: 'models/m.sql',
    database: 'db',
    schema: 's',
    language: 'sql',
    columns: {},
    constraints: [],
    description: '',
    compiled_code: 'select 1 as id',
    extra_ctes_injected: true,
    depends_on: { nodes: [], macros: [] },
    contract: { enforced: false, alias_types: true },
    ...test.node,
    config: {
      materialized: test.materialization,
      contract: { enforced: false, alias_types: true },
      'pre-hook': [],
      'post-hook': [],
      ...test.config,
    },
  } as unknown as ContextNode;
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
    manifest: {} as RuntimeScopeOptions['manifest'],
    lookup: {} as RuntimeScopeOptions['lookup'],
    node,
    session,
    write: (payload) => {
      session.markMain(payload);
    },
    adapterHooks: {
      builds: (relation) => (test.builds ?? []).includes(relation.identifier ?? ''),
      now: () => 0,
      ...(test.views === undefined ? {} : { views: test.views }),
    },
    ...(test.seed === undefined ? {} : { loadSeed: () => test.seed! }),
  });
  const macro = resolver.materialization(test.materialization)!;
  await settle(scope.bind(macro)([], NO_KWARGS));
  return session.statements;
}

class RecordingSession implements Session {
  readonly publishing: string[] = [];
  nextMayWait = false;
  readonly name = 'model.p.m';
  readonly statements: string[] = [];
  readonly columns = new Map<string, Value>();
  inTransaction = false;
  readonly lasting = false;
  private readonly state: State;
  private main: string | null = null;

  constructor(state: State) {
    this.state = state;
  }

  /** The next statement of that text is the one that target/run shows. */
  markMain(payload: string): void {
    this.main = even(payload);
  }

  async execute(sql: string, options: ExecuteOptions = {}): Promise<ExecuteResult> {
    if (options.autoBegin && !this.inTransaction) await this.begin();
    const text = even(sql);
    if (text === 'commit;') this.inTransaction = false;
    if (/\b(?:alter|drop)\b/.test(text)) this.columns.clear();
    const [name, table] = this.answer(text);
    if (name !== '') this.write(name ?? text);
    const tables = options.every ? { tables: [tableFromResult(['locked'], [[true]]), table] } : {};
    return { response: { _message: 'OK', code: 'OK', rows_affected: -1 }, table, ...tables };
  }

  async executeLater(sql: string, answered: (result: ExecuteResult) => void): Promise<void> {
    answered(await this.execute(sql, { autoBegin: true }));
  }

  async describe(sql: string): Promise<ColumnDescription[]> {
    this.write(`describe: ${even(sql)}`);
    return [{ name: 'id', typeName: 'INTEGER' }];
  }

  async attempt(sql: string): Promise<TsdbtError | null> {
    this.write(even(sql));
    const broken = this.state.broken?.find((name) => sql.includes(name));
    return broken === undefined ? null : new TsdbtError('database', `${broken} no longer compiles`);
  }

  async begin(): Promise<void> {
    this.inTransaction = true;
    this.write('begin');
  }

  async commit(): Promise<void> {
    this.inTransaction = false;
    this.write('commit');
  }

  async rollback(): Promise<void> {
    this.inTransaction = false;
    this.write('rollback');
  }

  async copyIn(sql: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number> {
    let text = '';
    for await (const chunk of chunks) text += new TextDecoder().decode(chunk);
    this.write(`${even(sql)} <- ${JSON.stringify(text)}`);
    return 1;
  }

  async cancel(): Promise<void> {}
  async release(): Promise<void> {}

  private write(text: string): void {
    this.statements.push(`${this.main === text ? 'main: ' : ''}${text.replace(/__dbt_tmp\d{12}/g, '__dbt_tmp<time>')}`);
  }

  /**
   * A short name for a question to the catalogue, and its answer; '' for how the adapter finds and locks dependants,
   * which is its own test's.
   */
  private answer(sql: string): [string | null, Table] {
    const { relations = {}, columns = {}, dependants = [], grants = [] } = this.state;
    if (sql.includes('advisory_xact_lock')) {
      if (!sql.includes('relname')) return ['', tableFromResult(['locked'], [['true']])];
      const rows = Object.entries(relations).map(([name, kind]): Value[] => [
        name,
        kind,
        sql.includes('exists (') ? dependants.length > 0 : null,
      ]);
      return ['lock', tableFromResult(['relname', 'kind', 'has_dependants'], rows)];
    }
    if (sql.startsWith('with recursive') && !sql.includes('json_build_object')) {
      return [
        '',
        tableFromResult(
          ['schema', 'name'],
          dependants.map(([name]) => ['s', name]),
        ),
      ];
    }
    if (sql.startsWith('with recursive')) {
      return [
        'look for dependants',
        tableFromResult(
          ['dependant'],
          dependants.map(([name, definition], order) => [
            JSON.stringify({
              id: name,
              order,
              kind: 'view',
              schema: 's',
              name,
              owner: 'u',
              definition,
              comment: null,
              reloptions: [],
              grants: [],
              reads: order === 0 ? [] : [dependants[order - 1]![0]],
              drop: `drop view s.${name}`,
              create: `create view s.${name} as ${definition}`,
              more: [`comment on view s.${name} is 'c'`],
            }),
          ]),
        ),
      ];
    }
    if (sql.includes('as first')) {
      const names = [...sql.matchAll(/'(\w+)'/g)].map((match) => match[1]!);
      const [view, next] = [names[0]!, names.at(-1)!];
      const rows = [view, next].flatMap((name) =>
        (columns[name] ?? []).map((column): Value[] => [name === view, column.name, column.type, null]),
      );
      return ['compare columns', tableFromResult(['first', 'attname', 'type', 'collation'], rows)];
    }
    if (sql.includes('pg_get_viewdef(old.oid)'))
      return ['compare the query', tableFromResult(['changed', 'query'], [[false, 'select 1']])];
    if (sql.includes('aclexplode')) return ['look for leftovers', tableFromResult(['statements'], [['']])];
    if (sql.includes('numeric_precision')) {
      const name = /relname = '(\w+)'/.exec(sql)![1]!.replace(/\d{12}$/, '');
      const rows = (columns[name] ?? []).map((column): Value[] => [
        column.name,
        column.type,
        column.length ?? null,
        null,
        null,
      ]);
      return [
        `columns of ${name}`,
        tableFromResult(
          ['column_name', 'data_type', 'character_maximum_length', 'numeric_precision', 'numeric_scale'],
          rows,
        ),
      ];
    }
    if (sql.includes('ev_action')) return ['look at the view', tableFromResult(['md5'], [[JSON.stringify(columns)]])];
    if (sql.includes('role_table_grants'))
      return [
        'show grants',
        tableFromResult(
          ['grantee', 'privilege_type'],
          grants.map((row) => [...row]),
        ),
      ];
    if (sql.includes('__dbt_sbq')) return [null, tableFromResult(['id'], [])];
    return [null, Table.empty()];
  }
}

function even(sql: string): string {
  return sql
    .replace(/\s+/g, ' ')
    .replace(/ ([,;)])/g, '$1')
    .replace(/\( /g, '(')
    .trim();
}

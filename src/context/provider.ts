// What templates of nodes, macros and operations see during both parsing and running: target, adapter, exceptions,
// statement results, validation, rendering. parse.ts and runtime.ts add what differs.
import { errorOf } from '../error-table.ts';
import { eventOf } from '../events/index.ts';
import type { Adapter } from '../adapters/adapter.ts';
import type { Quoting } from '../contracts/node.ts';
import type { RuntimeConfig } from '../contracts/project.ts';
import { TsdbtError } from '../errors.ts';
import type { LogEvent } from '../log.ts';
import {
  type Callable,
  argumentBinder,
  callable,
  callableOf,
  equals,
  getAttribute,
  type HostObject,
  isGenerator,
  lookupAttribute,
  PyDict,
  PyTuple,
  toText,
  type Value,
} from '../values/index.ts';
import { BASE_MEMBERS, BaseScope, type ScopeSettings } from './base.ts';
import { createEnvVar, metadataEnvs } from './env-var.ts';
import { createExceptions } from './exceptions.ts';
import { argumentsDict } from './flags-object.ts';
import type { SharedGraph } from './graph-dict.ts';
import { Namespace } from './namespace.ts';
import type { MacroView, Member, Members } from './scope.ts';
import { emptyTable, responseObject, StatementResults } from './statement-results.ts';
import { hasJinja, type TemplateEnvironments } from './templates.ts';
import { varLayers } from './var.ts';

/** The resource that a template belongs to: the fields that every context needs. */
export interface ContextNode {
  readonly unique_id: string;
  readonly name: string;
  readonly resource_type: string;
  readonly package_name: string;
  readonly original_file_path: string;
  readonly database?: string | null;
  readonly schema?: string | null;
  readonly alias?: string | null;
  readonly identifier?: string | null;
  readonly quoting?: Quoting | null;
  readonly config?: { readonly [key: string]: unknown } | undefined;
  readonly [field: string]: unknown;
}

/** State that the contexts of a command share. */
export interface ContextSettings extends ScopeSettings {
  readonly config: RuntimeConfig;
  readonly adapter: Pick<Adapter, 'type' | 'createRelation' | 'relations' | 'connectionInfo' | 'dateFunction'>;
  readonly templates: TemplateEnvironments;
  /** Rendered variables whose result never changes, with the names that they read; grows during the command. */
  readonly texts?: Map<string, { readonly names: ReadonlySet<string>; readonly value: string }>;
  /** State that the nodes of a command share. */
  readonly graph?: SharedGraph;
  /** Receives warnings of templates; throws with `--warn-error`. Absent: warnings are only logged. */
  readonly warn?: ((event: LogEvent) => void) | undefined;
}

/** Base of the parsing and the running context. */
export abstract class ProviderScope extends BaseScope {
  readonly context: ContextSettings;
  readonly node: ContextNode;
  readonly results: StatementResults;
  abstract readonly execute: boolean;

  constructor(
    context: ContextSettings,
    node: ContextNode,
    members: Members<never>,
    macros: MacroView,
    requireVars: boolean,
  ) {
    const { config } = context;
    const dependency =
      node.package_name === config.project.project_name
        ? undefined
        : config.packages.find((p) => p.project_name === node.package_name);
    super(
      context,
      varLayers(config.cli_vars, config.project, node.package_name, dependency),
      requireVars,
      members,
      macros,
    );
    this.context = context;
    this.results = new StatementResults((msg) => context.logger.fire(eventOf('PrintEvent', msg, { msg })));
    this.node = node;
  }

  /** The `adapter` of this scope. */
  abstract createAdapter(): HostObject;

  /** Renders a text in this scope. */
  abstract renderText(text: string): Value | Promise<Value>;

  warn(event: LogEvent): void {
    if (this.context.warn === undefined) this.context.logger.fire(event);
    else this.context.warn(event);
  }

  jinja(text: string): boolean {
    return hasJinja(text);
  }
}

/** `target`: the facts of the connection that are not secret, and dbt's additional names. */
export function targetDict(config: RuntimeConfig, adapter: Pick<Adapter, 'connectionInfo'>): PyDict {
  const { profile } = config;
  const dict = new PyDict(adapter.connectionInfo());
  const database = dict.get('database');
  if (database !== undefined && !dict.has('dbname')) dict.set('dbname', database);
  dict.set('type', profile.credentials.type);
  dict.set('threads', profile.threads);
  dict.set('name', profile.target_name);
  dict.set('target_name', profile.target_name);
  dict.set('profile_name', profile.profile_name);
  return dict;
}

// Called for every node: the signatures are parsed once.
const LOAD_RESULT = argumentBinder('load_result', 'name');
const STORE_RESULT = argumentBinder('store_result', 'name, response, agate_table=None');
const STORE_RAW_RESULT = argumentBinder(
  'store_raw_result',
  'name, message=None, code=None, rows_affected=None, agate_table=None',
);
const RENDER = argumentBinder('render', 'string');

export const PROVIDER_MEMBERS: Members<ProviderScope> = new Map<string, Member<ProviderScope>>([
  ...BASE_MEMBERS,
  ['target', ({ context }) => targetDict(context.config, context.adapter)],
  ['env', (scope) => scope.member('target') ?? null],
  ['project_name', ({ context }) => context.config.project.project_name],
  [
    'context_macro_stack',
    (scope) => ({
      jinjaType: 'dbt.clients.jinja.MacroStack',
      jinjaGet: (name: string) =>
        name === 'call_stack' ? [...scope.callStack] : name === 'depth' ? scope.callStack.length : undefined,
    }),
  ],
  ['dbt_metadata_envs', ({ context }) => metadataEnvs(context.env)],
  ['invocation_args_dict', ({ context }) => argumentsDict(context.config.invocation.args, context.recordCommand)],
  ['_sql_results', (scope) => scope.results.asDict()],
  ['load_result', (scope) => callable('load_result', LOAD_RESULT, (name) => scope.results.load(toText(name ?? null)))],
  [
    'store_result',
    (scope) =>
      callable('store_result', STORE_RESULT, (name, response, table) => {
        scope.results.store(toText(name ?? null), response ?? null, table ?? emptyTable());
        return '';
      }),
  ],
  [
    'store_raw_result',
    (scope) =>
      callable('store_raw_result', STORE_RAW_RESULT, (name, message, code, rows, table) => {
        scope.results.store(
          toText(name ?? null),
          responseObject(message ?? null, code ?? null, rows ?? null),
          table ?? emptyTable(),
        );
        return '';
      }),
  ],
  [
    'validation',
    () =>
      new Namespace(
        new Map<string, Value>([['any', callable('validate_any', '*args', (allowed) => validator(allowed ?? null))]]),
      ),
  ],
  [
    'render',
    (scope) =>
      callable('render', RENDER, (text) =>
        typeof text === 'string' && !scope.jinja(text) ? text : scope.renderText(toText(text ?? null)),
      ),
  ],
  [
    'try_or_compiler_error',
    () => callable('try_or_compiler_error', 'message_if_exception, func, *args, **kwargs', tryOrCompilerError),
  ],
  ['execute', (scope) => scope.execute],
  ['exceptions', (scope) => createExceptions((event) => scope.warn(event))],
  ['database', ({ context }) => context.config.profile.credentials.database],
  ['schema', ({ context }) => context.config.profile.credentials.schema],
  ['adapter', (scope) => scope.createAdapter()],
  [
    'api',
    (scope) =>
      new Namespace(
        new Map<string, Value>([
          ['Relation', adapterPart(scope, 'Relation')],
          ['Column', adapterPart(scope, 'Column')],
        ]),
      ),
  ],
  ['column', (scope) => adapterPart(scope, 'Column')],
  ['env_var', (scope) => createEnvVar(scope.context.env, { record: scope.context.recordEnvVar })],
  ['pre_hooks', () => null],
  ['post_hooks', () => null],
  ['sql', () => null],
  ['sql_now', ({ context }) => context.adapter.dateFunction ?? null],
  [
    'adapter_macro',
    () =>
      callable('adapter_macro', 'name, *args, **kwargs', (name) => {
        throw errorOf('adapterMacro', { macro: toText(name ?? null) });
      }),
  ],
  ['selected_resources', () => []],
  [
    'submit_python_job',
    (scope) =>
      callable('submit_python_job', 'parsed_model, compiled_code', (model) => {
        throw errorOf('pythonJobElsewhere', {
          model: toText(getAttribute(model ?? null, 'alias')),
          stack: scope.callStack.map((id) => `'${id}'`).join(', '),
        });
      }),
  ],
]);

function adapterPart(scope: ProviderScope, name: string): Value {
  return lookupAttribute(scope.get('adapter') ?? null, name) ?? null;
}

/** `validation.any[...]`: accepts a value that equals one of the values or has one of the types. */
function validator(allowed: Value): Callable {
  const options = allowed instanceof PyTuple ? allowed.items : [];
  return callable('inner', 'value', (value = null) => {
    if (options.some((option) => equals(option, value) || isOfType(value, option))) return null;
    throw errorOf('valueNotAllowed', { value: toText(value), allowed: options.map(toText).join(',') });
  });
}

function isOfType(value: Value, type: Value): boolean {
  return (
    typeof type === 'function' &&
    type.face?.text?.() ===
      `<class '${typeof value === 'object' && value !== null && !Array.isArray(value) ? value.jinjaType : ''}'>`
  );
}

function* tryOrCompilerError(
  message: Value,
  func: Value,
  args: Value,
  kwargs: Value,
): Generator<unknown, Value, unknown> {
  const positional = args instanceof PyTuple ? args.items : [];
  const named = new Map(
    kwargs instanceof PyDict ? [...kwargs.entries()].map(([key, value]) => [toText(key), value] as const) : [],
  );
  try {
    const result = callableOf(func)(positional, named);
    if (isGenerator(result)) return yield* result;
    return result instanceof Promise ? ((yield result) as Value) : result;
  } catch {
    throw new TsdbtError('compilation', toText(message));
  }
}

// What templates see while nodes are compiled and run, with access to the database: nodes, tests, snapshots, seeds,
// hooks, operations, source freshness and unit tests. References are in runtime-references.ts, the adapter's methods in
// adapter-object.ts.
import { errorOf } from '../error-table.ts';
import type { Adapter, Session } from '../adapters/adapter.ts';
import type { Table } from '../adapters/table.ts';
import type { Manifest } from '../contracts/manifest.ts';
import type { Json, MacroNode, TestMetadata } from '../contracts/node.ts';
import {
  type Callable,
  argumentBinder,
  callable,
  callableOf,
  fromJson,
  type HostObject,
  type Kwargs,
  lookupAttribute,
  PyDict,
  type Value,
} from '../values/index.ts';
import { type AdapterObjectOptions, createAdapterObject } from './adapter-object.ts';
import { RuntimeConfigObject } from './config-object.ts';
import { createEnvVar } from './env-var.ts';
import { SharedGraph } from './graph-dict.ts';
import { type LazyDict, lazyDictOf, withoutNulls } from './lazy-dict.ts';
import { MacroNamespace } from './macro-namespace.ts';
import type { MacroResolver } from './macro-resolver.ts';
import type { ReferenceLookup } from './manifest-lookup.ts';
import { metricReference } from './metric-reference.ts';
import { hooksOf } from './parse.ts';
import { type ContextNode, type ContextSettings, PROVIDER_MEMBERS, ProviderScope } from './provider.ts';
import { namedArguments } from './reference-arguments.ts';
import { EPHEMERAL_PREFIX, type Located, relationFrom } from './relations.ts';
import { runtimeFunction, runtimeRef, runtimeSource, type ScopeKind, type TimeWindow } from './runtime-references.ts';
import { type Member, type Members, settle } from './scope.ts';
import { testArguments } from './test-arguments.ts';
import { withConfig } from './runtime-config-view.ts';
import { createVar } from './var.ts';

export interface RuntimeScopeOptions {
  readonly context: Omit<ContextSettings, 'adapter'> & { readonly adapter: Adapter };
  readonly resolver: MacroResolver;
  readonly manifest: Manifest;
  readonly lookup: ReferenceLookup;
  readonly node: ContextNode;
  /** Null if nothing may be executed. `compile --no-introspect` has a session: its statements fail by themselves. */
  readonly session: Session | null;
  /** `operation` for run-operation and adapter macros; `unit_test` for unit tests; default `node`. */
  readonly kind?: ScopeKind;
  readonly selectedResources?: ReadonlySet<string>;
  /** Receives each ephemeral model that ref() returns, in order, with repetitions. */
  readonly onCte?: (uniqueId: string) => void;
  /** Receives macros that the code itself calls. */
  readonly onMacro?: (uniqueId: string) => void;
  /** `write(payload)`: records the text that was run. */
  readonly write?: (payload: string) => void;
  /** `load_agate_table()` of a seed. */
  readonly loadSeed?: () => Table | Promise<Table>;
  /** The window of `--sample`. */
  readonly sample?: TimeWindow | null;
  /** The window of the current batch of a microbatch model. */
  readonly batch?: TimeWindow | null;
  /** Additional names: `results`, `schemas`, `database_schemas` in on-run-end … */
  readonly extra?: ReadonlyMap<string, Value>;
  /** Replaces macros by others that call them. */
  readonly wrapped?: ReadonlyMap<string, (macro: Callable) => Callable>;
  readonly unitTest?: UnitTestContext;
  /** Callbacks from the adapter's methods to the runner. */
  readonly adapterHooks?: AdapterHooks;
}

export type AdapterHooks = Pick<
  AdapterObjectOptions,
  'builds' | 'onEvent' | 'onConstraint' | 'onWarning' | 'onBehaviorFlag' | 'now' | 'audit'
>;

/** The replacements made by a unit test. */
export interface UnitTestContext {
  readonly overrides: {
    readonly macros?: { readonly [name: string]: Json };
    readonly vars?: { readonly [name: string]: Json };
    readonly env_vars?: { readonly [name: string]: Json };
  } | null;
  /** The input that replaces `this`: its unique_id and identifier. */
  readonly thisInput: { readonly unique_id: string; readonly identifier: string } | null;
}

export class RuntimeScope extends ProviderScope {
  readonly execute = true;
  readonly options: RuntimeScopeOptions;
  readonly kind: ScopeKind;
  readonly lookup: ReferenceLookup;
  readonly selectedResources: ReadonlySet<string>;
  readonly sample: TimeWindow | null;
  readonly batch: TimeWindow | null;
  readonly dependsOn: ReadonlySet<string>;
  readonly #children = new Map<string, RuntimeScope>();

  constructor(options: RuntimeScopeOptions, members: Members<never> = RUNTIME_MEMBERS) {
    const { context, node, resolver, kind = 'node' } = options;
    super(context, node, members, { resolver, packageName: node.package_name, onMacro: options.onMacro }, true);
    this.options = options;
    this.kind = kind;
    this.lookup = options.lookup;
    this.selectedResources = options.selectedResources ?? new Set();
    this.sample = options.sample ?? null;
    this.batch = options.batch ?? null;
    const depends = node['depends_on'] as { readonly nodes?: readonly string[] } | undefined;
    this.dependsOn = new Set(depends?.nodes ?? []);
    if (options.unitTest?.overrides?.macros !== undefined) overrideMacros(this, options.unitTest.overrides.macros);
    for (const [name, value] of options.extra ?? []) this.define(name, value);
    for (const [name, wrap] of options.wrapped ?? []) {
      const macro = this.get(name);
      if (typeof macro === 'function') this.define(name, wrap(macro));
    }
    // dbt resolves `this` before rendering: its fixture is the first CTE, even if unused.
    if (options.unitTest?.thisInput) this.addCte(options.unitTest.thisInput.unique_id);
  }

  addCte(uniqueId: string): void {
    this.options.onCte?.(uniqueId);
  }

  quote(identifier: string): string {
    return this.options.context.adapter.quote(identifier);
  }

  createAdapter(): HostObject {
    return createAdapterObject({
      adapter: this.options.context.adapter,
      session: this.options.session,
      config: this.context.config,
      now: this.context.clock,
      ...this.options.adapterHooks,
      dispatch: (name, namespace) => this.dispatch(name, namespace),
      executeMacro: (name, args, kwargs) => this.executeMacro(name, args, kwargs),
      builtIn: () => this.#builtIn(),
      inHook: () => this.callStack.some((id) => id.endsWith('.run_hooks')),
      overridden: (name) => this.options.resolver.overridden(name),
    });
  }

  #builtIn(): boolean {
    const {
      node,
      options: { resolver },
    } = this;
    return (
      this.callStack.every((id) => resolver.isBuiltIn(id)) &&
      (node.resource_type !== 'macro' || resolver.isBuiltIn(node.unique_id))
    );
  }

  /** Runs a macro as the adapter does: in a separate context, from the macro's package, with this scope's session. */
  async executeMacro(
    name: string,
    args: readonly Value[],
    kwargs: Kwargs = new Map(),
    packageName?: string,
  ): Promise<Value> {
    const { resolver } = this.options;
    const macro =
      packageName === undefined
        ? resolver.findAnywhere(name)
        : (resolver.namespace(packageName)?.get(name) ?? resolver.find(name, packageName));
    if (macro === undefined) {
      throw packageName === undefined
        ? errorOf('noSuchMacroAnywhere', { macro: name })
        : errorOf('noSuchMacroInPackage', { macro: name, package: packageName });
    }
    const child = this.childOf(macro);
    return settle(child.bindUntracked(macro)(args, kwargs));
  }

  /** Creates the context of a macro that the adapter or a command runs. */
  childOf(macro: MacroNode): RuntimeScope {
    let child = this.#children.get(macro.unique_id);
    if (child === undefined) {
      const { context, resolver, manifest, lookup, session, selectedResources, adapterHooks } = this.options;
      child = new RuntimeScope(
        {
          context,
          resolver,
          manifest,
          lookup,
          session,
          node: macroNode(macro),
          kind: 'operation',
          ...(selectedResources === undefined ? {} : { selectedResources }),
          ...(adapterHooks === undefined ? {} : { adapterHooks }),
        },
        MACRO_MEMBERS,
      );
      const { runtime } = context.templates;
      runtime.stateOf(child).trace = runtime.stateOf(this).trace;
      this.#children.set(macro.unique_id, child);
    }
    return child;
  }

  renderText(text: string): Promise<Value> {
    return this.context.templates.runtime
      .compile(text, { name: this.node.name, path: this.node.original_file_path })
      .render(this);
  }

  /** Returns the node's own relation. */
  self(): Value {
    return relationFrom(this.context.adapter, this.context.config.project.quoting, this.node);
  }
}

/** Represents a macro as the node of its own context. */
function macroNode(macro: MacroNode): ContextNode {
  return macro as MacroNode & { readonly [field: string]: unknown };
}

const WRITE = argumentBinder('write', 'payload');

const SHARED: Members<RuntimeScope> = new Map<string, Member<RuntimeScope>>([
  ...PROVIDER_MEMBERS,
  [
    'ref',
    (scope) =>
      withConfig(
        callable('ref', '*args, **kwargs', (call) => runtimeRef(scope, call)),
        scope.context.config,
      ),
  ],
  [
    'source',
    (scope) =>
      withConfig(
        callable('source', '*args, **kwargs', (call) => runtimeSource(scope, call)),
        scope.context.config,
      ),
  ],
  ['function', (scope) => callable('function', '*args, **kwargs', (call) => runtimeFunction(scope, call))],
  [
    'metric',
    (scope) =>
      callable('metric', '*args, **kwargs', (call) => {
        const { name, packageName } = namedArguments('metric', call);
        const found = scope.lookup.metric(name, packageName, scope.node.package_name);
        if (found === null || found === 'disabled') throw errorOf('metricMissing', { metric: name });
        return metricReference(found.name, found.package_name, { metric: found, logger: scope.context.logger });
      }),
  ],
  ['config', (scope) => new RuntimeConfigObject(scope.node, scope.context.logger)],
  [
    'var',
    (scope) =>
      createVar(scope.vars, {
        nodeName: scope.node.name,
        required: true,
        render: (text) => (scope.jinja(text) ? scope.renderText(text) : text),
        overrides: scope.options.unitTest?.overrides?.vars,
      }),
  ],
  ['graph', ({ options }) => (options.context.graph ?? new SharedGraph()).of(options.manifest)],
  ['model', (scope) => modelDict(scope)],
  ['selected_resources', (scope) => [...scope.selectedResources]],
  ['load_agate_table', (scope) => callable('load_agate_table', '', () => loadAgateTable(scope))],
  [
    'write',
    (scope) =>
      callable('write', WRITE, (payload) => {
        if (scope.node.resource_type === 'macro' || scope.node.resource_type === 'source')
          throw errorOf('cannotWriteHere', {});
        scope.member('model');
        scope.options.write?.(typeof payload === 'string' ? payload : '');
        return '';
      }),
  ],
]);

/** Members of a node's context in addition to those of macros. */
const RUNTIME_MEMBERS: Members<RuntimeScope> = new Map<string, Member<RuntimeScope>>([
  ...SHARED,
  ['this', (scope) => thisOf(scope)],
  ['database', (scope) => scope.node.database ?? scope.context.config.profile.credentials.database],
  ['schema', (scope) => scope.node.schema ?? scope.context.config.profile.credentials.schema],
  ['pre_hooks', (scope) => hooksOf(scope.node, 'pre-hook')],
  [
    'post_hooks',
    (scope) => [
      ...(hooksOf(scope.node, 'post-hook') as Value[]),
      ...(scope.options.session?.publishing ?? []).map((sql) => withoutNulls({ sql, transaction: true, index: null })),
    ],
  ],
  ['compiled_code', (scope) => compiledCode(scope)],
  ['sql', (scope) => (scope.node['language'] === 'python' ? null : compiledCode(scope))],
  [
    'defer_relation',
    (scope) => {
      const deferred = scope.node['defer_relation'] as Located | null | undefined;
      return deferred === null || deferred === undefined
        ? null
        : relationFrom(scope.context.adapter, scope.context.config.project.quoting, deferred);
    },
  ],
  [
    '_dbt_generic_test_kwargs',
    (scope) => {
      const metadata = scope.node['test_metadata'] as TestMetadata | undefined;
      return metadata === undefined
        ? null
        : testArguments(metadata.kwargs, scope, scope.context.templates.runtime, scope.node.name);
    },
  ],
  [
    'env_var',
    (scope) => {
      const { unitTest } = scope.options;
      const overrides = new Map(
        Object.entries(unitTest?.overrides?.env_vars ?? {}).map(([name, value]) => [name, fromJson(value)] as const),
      );
      return createEnvVar(scope.context.env, { record: scope.context.recordEnvVar, overrides });
    },
  ],
]);

/** The context of a macro itself: without `this`, hooks and a node's config. */
const MACRO_MEMBERS: Members<RuntimeScope> = SHARED;

/** Source freshness: `this` is the source. */
const SOURCE_MEMBERS: Members<RuntimeScope> = new Map<string, Member<RuntimeScope>>([
  ...SHARED,
  ['this', (scope) => relationFrom(scope.context.adapter, scope.context.config.project.quoting, scope.node)],
  ['source_node', (scope) => lazyDictOf(scope.node)],
]);

function thisOf(scope: RuntimeScope): Value {
  const { unitTest } = scope.options;
  if (unitTest !== undefined) {
    if (unitTest.thisInput === null) return null;
    return `${EPHEMERAL_PREFIX}${unitTest.thisInput.identifier}`;
  }
  return scope.node.resource_type === 'operation' ? null : scope.self();
}

function compiledCode({ node, context }: RuntimeScope): Value {
  const deferred = node['defer_relation'] as (Located & { readonly relation_name: string | null }) | null | undefined;
  if (deferred != null && context.config.flags.which === 'clone') {
    return (
      'select * from ' +
      `${deferred.relation_name ?? relationFrom(context.adapter, context.config.project.quoting, deferred).render()}`
    );
  }
  return node['extra_ctes_injected'] === true && typeof node['compiled_code'] === 'string'
    ? node['compiled_code']
    : null;
}

/**
 * The node as a dict: without nulls, with `compiled_sql` in addition to `compiled_code`, and with the adapter's data
 * types.
 */
function modelDict(scope: RuntimeScope): LazyDict {
  const { node } = scope;
  const compiled = node['compiled_code'];
  // A copy of the node: it lacks fields that the run sets later (build_path).
  const fields = { ...node, ...(typeof compiled === 'string' ? { compiled_sql: compiled } : {}) };
  const dict = lazyDictOf(fields, { omitNull: true });
  const contract = node['contract'] as { readonly alias_types?: boolean } | undefined;
  if (contract?.alias_types !== true) return dict;
  const columns = dict.get('columns');
  if (columns instanceof PyDict && columns.size > 0) translateTypes(scope, columns);
  return dict;
}

function translateTypes(scope: RuntimeScope, columns: PyDict): void {
  const translate = lookupAttribute(lookupAttribute(scope.get('adapter') ?? null, 'Column') ?? null, 'translate_type');
  if (translate === undefined) return;
  for (const column of columns.values()) {
    const type = column instanceof PyDict ? column.get('data_type') : undefined;
    if (column instanceof PyDict && type !== undefined)
      column.set('data_type', callableOf(translate)([type], new Map()) as Value);
  }
}

async function loadAgateTable(scope: RuntimeScope): Promise<Value> {
  const { node, options } = scope;
  if (node.resource_type !== 'seed' || options.loadSeed === undefined) {
    throw errorOf('seedTableElsewhere', { type: node.resource_type });
  }
  return options.loadSeed();
}

/** Macros that a unit test replaces: a call returns the given value, whatever the arguments. */
function overrideMacros(scope: RuntimeScope, overrides: { readonly [name: string]: Json }): void {
  const globals: [string, Value][] = [];
  for (const [fullName, json] of Object.entries(overrides)) {
    const parts = fullName.split('.');
    const [first = fullName] = parts;
    const name = parts.at(-1) ?? fullName;
    const value = fromJson(json);
    const stand: Callable = () => value;
    if (parts.length === 1) {
      // A name that is not a function (run_started_at, invocation_id …) is replaced by the value itself.
      globals.push([name, typeof scope.get(name) === 'function' ? stand : value]);
    } else {
      const namespace = scope.get(first);
      if (namespace instanceof MacroNamespace && namespace.jinjaItem(name) !== undefined) {
        namespace.override(name, stand);
        if (first === 'dbt') scope.define(name, stand);
      }
    }
  }
  const dbt = scope.get('dbt');
  for (const [name, stand] of globals) {
    if (scope.get(name) === undefined) continue;
    scope.define(name, stand);
    if (dbt instanceof MacroNamespace && dbt.jinjaItem(name) !== undefined) dbt.override(name, stand);
  }
}

/** Creates the context of a node that is compiled or run, of a hook, or of a unit test. */
export function createRuntimeScope(options: RuntimeScopeOptions): RuntimeScope {
  return new RuntimeScope(options);
}

/** Creates the context of a source's freshness query. */
export function createSourceScope(options: Omit<RuntimeScopeOptions, 'kind'>): RuntimeScope {
  return new RuntimeScope({ ...options, kind: 'operation' }, SOURCE_MEMBERS);
}

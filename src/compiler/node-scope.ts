// The runtime context of one node for the compiler and the runner: renders its code, calls macros in it, and reads the
// results of its statements.
import type { Session } from '../adapters/adapter.ts';
import type { Relation } from '../adapters/relation.ts';
import { ResponseObject } from '../adapters/response.ts';
import { Table } from '../adapters/table.ts';
import type { ReferenceLookup } from '../context/manifest-lookup.ts';
import type { ContextNode } from '../context/provider.ts';
import {
  createRuntimeScope,
  createSourceScope,
  type RuntimeScope,
  type RuntimeScopeOptions,
} from '../context/runtime.ts';
import type { TimeWindow } from '../context/runtime-references.ts';
import { settle } from '../context/scope.ts';
import { hasJinja, lineOf } from '../context/templates.ts';
import { testArgumentsLater } from '../context/test-arguments.ts';
import type { GraphNode, Json, MacroNode, SeedNode } from '../contracts/node.ts';
import type { AdapterResponse } from '../contracts/results.ts';
import { errorOf } from '../error-table.ts';
import { TsdbtError } from '../errors.ts';
import { Trace } from '../jinja/index.ts';
import type { Logger } from '../log.ts';
import { getAttribute, isTruthy, type Kwargs, NO_KWARGS, toJson, toText, type Value } from '../values/index.ts';
import type { CompileContext, RenderedCode } from './compile-context.ts';
import { registerSources } from './source-map.ts';
import { writePath } from './write-path.ts';

/** The result of a statement. */
export interface StatementResult {
  readonly message: string;
  readonly response: AdapterResponse | Record<string, never>;
  readonly table: Table;
}

/** Settings of the context that all nodes of a command share. */
export interface ScopeFactory {
  readonly context: RuntimeScopeOptions['context'];
  readonly lookup: ReferenceLookup;
  /** Callbacks of the adapter's methods. */
  readonly adapterHooks: NonNullable<RuntimeScopeOptions['adapterHooks']>;
  /** `--sample`. */
  readonly sample: TimeWindow | null;
  /** Returns the rows of a seed's file. */
  readonly loadSeed: (node: SeedNode) => Table | Promise<Table>;
}

/** One microbatch: the limits of its reads, and its name in file names. */
export interface BatchScope extends TimeWindow {
  readonly name: string;
}

export interface OpenScopeOptions {
  readonly batch?: BatchScope | undefined;
  readonly extra?: ReadonlyMap<string, Value> | undefined;
  readonly wrapped?: RuntimeScopeOptions['wrapped'] | undefined;
  readonly logger?: Logger | undefined;
  /** For `run-operation` and internal calls. */
  readonly operation?: boolean;
  /** Whether the node's own code is rendered, not its materialization. Only there does a unit test replace macros. */
  readonly code?: boolean;
  /** See AdapterObjectOptions. */
  readonly audit?: ((staged: Relation) => Promise<void>) | undefined;
  /** Receives each macro that the code itself calls. */
  readonly onMacro?: (uniqueId: string) => void;
}

/** Opens the context of a node on a session. */
export function openScope(
  ctx: CompileContext,
  node: GraphNode,
  session: Session,
  options: OpenScopeOptions = {},
): NodeScope {
  return new NodeScope(ctx, node, session, options);
}

export class NodeScope {
  readonly scope: RuntimeScope;
  readonly trace = new Trace();
  readonly #ctx: CompileContext;
  readonly #node: GraphNode;
  readonly #ephemerals: string[] = [];
  readonly #batch: BatchScope | undefined;

  constructor(ctx: CompileContext, node: GraphNode, session: Session, options: OpenScopeOptions) {
    this.#ctx = ctx;
    this.#node = node;
    this.#batch = options.batch;
    const { scopes } = ctx;
    const unit = ctx.unitTest;
    const isUnit = unit !== undefined && options.code === true && node.resource_type === 'unit_test';
    const scopeOptions: RuntimeScopeOptions = {
      context: scopes.context,
      resolver: ctx.resolver,
      manifest: ctx.manifest,
      lookup: isUnit ? unit.lookup : scopes.lookup,
      node: node as unknown as ContextNode,
      session,
      selectedResources: ctx.selected,
      sample: scopes.sample,
      batch: options.batch ?? null,
      adapterHooks:
        options.audit === undefined ? scopes.adapterHooks : { ...scopes.adapterHooks, audit: options.audit },
      onCte: (id) => {
        if (!this.#ephemerals.includes(id)) this.#ephemerals.push(id);
      },
      write: (payload) => this.#write(payload),
      ...(options.onMacro === undefined ? {} : { onMacro: options.onMacro }),
      ...(node.resource_type === 'seed' ? { loadSeed: () => scopes.loadSeed(node) } : {}),
      ...(options.extra === undefined ? {} : { extra: options.extra }),
      ...(options.wrapped === undefined ? {} : { wrapped: options.wrapped }),
      ...(options.operation === true ? { kind: 'operation' as const } : {}),
      ...(isUnit ? { kind: 'unit_test' as const, unitTest: unit.context } : {}),
    };
    this.scope = node.resource_type === 'source' ? createSourceScope(scopeOptions) : createRuntimeScope(scopeOptions);
    scopes.context.templates.runtime.stateOf(this.scope).trace = this.trace;
    if (options.code !== true) registerSources(ctx, node, this.trace);
  }

  define(name: string, value: Value): void {
    this.scope.define(name, value);
  }

  /** Ephemeral models that the code has read so far. */
  ephemerals(): readonly string[] {
    return this.#ephemerals;
  }

  #write(payload: string): void {
    const node = this.#node as GraphNode & { build_path?: string | null };
    node.build_path = writePath(node, this.#ctx.config.project.target_path, 'run', this.#batch?.name);
    this.#ctx.write(node.build_path, payload);
  }

  /** Renders the node's own code. */
  async renderCode(): Promise<RenderedCode> {
    const node = this.#node as GraphNode & {
      raw_code: string;
      code_path?: string;
      test_metadata?: { kwargs: { [key: string]: Json } };
    };
    if (node.test_metadata !== undefined)
      this.define(
        '_dbt_generic_test_kwargs',
        await testArgumentsLater(
          node.test_metadata.kwargs,
          this.scope,
          this.#ctx.scopes.context.templates.runtime,
          node.name,
        ),
      );
    if (!hasJinja(node.raw_code))
      return { code: withoutLastNewline(node.raw_code), trace: null, ephemerals: this.#ephemerals };
    const path = node.code_path ?? node.original_file_path;
    const { readSource } = this.#ctx;
    const template = this.#ctx.scopes.context.templates.runtime.compile(node.raw_code, {
      name: node.name,
      path,
      type: node.resource_type,
      get line() {
        return lineOf(readSource(path, node.package_name) ?? readSource(path), node.raw_code);
      },
    });
    try {
      return { code: await template.render(this.scope, this.trace), trace: this.trace, ephemerals: this.#ephemerals };
    } catch (error) {
      // The code of a generic test is not in a file, so its errors have no line.
      if (
        node.test_metadata !== undefined &&
        error instanceof TsdbtError &&
        error.details.lineText !== undefined &&
        node.raw_code.includes(error.details.lineText)
      ) {
        Object.assign(error.details, { line: undefined, column: undefined, lineText: undefined });
      }
      throw error;
    }
  }

  /** Renders a text in this context. */
  async render(text: string, path: string): Promise<string> {
    if (!hasJinja(text)) return withoutLastNewline(text);
    return this.#ctx.scopes.context.templates.runtime
      .compile(text, { name: this.#node.name, path, type: this.#node.resource_type })
      .render(this.scope);
  }

  /**
   * Calls a macro as part of the node: a materialization.
   * @param tracked false: macros that it calls count as called by the node itself
   */
  async callMacro(macro: MacroNode, { tracked = true }: { tracked?: boolean } = {}): Promise<Value> {
    return settle((tracked ? this.scope.bind(macro) : this.scope.bindUntracked(macro))([], NO_KWARGS));
  }

  /** Calls a macro as the adapter does: from the root project, in a separate context. */
  async callNamed(
    name: string,
    args: readonly Value[] = [],
    kwargs: Kwargs = NO_KWARGS,
    packageName?: string,
  ): Promise<Value> {
    return this.scope.executeMacro(name, args, kwargs, packageName);
  }

  /** Calls a macro that returns a statement's result, or (older ones) its table: then `bare` is true. */
  async callForTable(
    name: string,
    kwargs: Kwargs,
  ): Promise<{ table: Table; response: AdapterResponse | Record<string, never>; bare: boolean }> {
    const value = await this.callNamed(name, [], kwargs);
    if (value instanceof Table) return { table: value, response: {}, bare: true };
    const table = getAttribute(value, 'table');
    if (!(table instanceof Table)) throw errorOf('badMacroResult', { macro: name, value: toText(value) });
    return { table, response: responseJson(getAttribute(value, 'response')), bare: false };
  }

  /** Returns the result of a statement; null if there is no statement of that name. */
  statement(name: string): StatementResult | null {
    const result = this.scope.results.peek(name);
    if (result === null || !isTruthy(result)) return null;
    const response = result.get('response') ?? null;
    const table = result.get('table');
    return {
      message: toText(response),
      response: responseJson(response),
      table: table instanceof Table ? table : Table.empty(),
    };
  }
}

function responseJson(response: Value): AdapterResponse | Record<string, never> {
  if (response instanceof ResponseObject) return response.response;
  if (typeof response !== 'object' || response === null || Array.isArray(response)) return {};
  const plain = toJson(response) as Record<string, unknown> | null;
  if (plain === null || typeof plain !== 'object') return {};
  return Object.fromEntries(
    Object.entries(plain).filter(([, v]) => v !== null && v !== undefined),
  ) as unknown as AdapterResponse;
}

/** Jinja drops one trailing newline of a template. */
function withoutLastNewline(text: string): string {
  const normalized = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
  return normalized.endsWith('\n') ? normalized.slice(0, -1) : normalized;
}

// Compiles nodes without a database. A template that needs one is reported instead.
import { compileNode } from '../compiler/compile.ts';
import type { ModelNode, SnapshotNode, TestNode } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import { SILENT } from '../log.ts';
import { createRunContext, type RunContext } from '../runner/context.ts';
import { NoIntrospection, namesWithoutDatabase } from '../runner/no-introspection.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { type Callable, isGenerator, toText, type Value } from '../values/index.ts';
import type { KnownAnalysis } from './known-analysis.ts';

/** The SQL of a node, without and with rows in its relation. */
export interface CompiledQueries {
  readonly first: string;
  readonly later: string | TsdbtError;
}
export type Compilable = ModelNode | SnapshotNode | TestNode;

/** The SQL of a node that is kept for the next command. */
interface KeptQueries {
  readonly inputs: string;
  readonly first: string;
  /** Absent if it is the same. */
  readonly later?: string;
}

export class OfflineCompiler {
  readonly #createContext: () => RunContext;
  #context: RunContext | null = null;
  readonly #known: KnownAnalysis | null;
  readonly #kind: string;
  readonly #masks: readonly string[];
  readonly #queries = new Map<string, CompiledQueries | TsdbtError>();

  /**
   * @param inject whether queries contain the CTEs of ephemeral models
   * @param known what earlier commands have compiled; null: nothing is kept
   * @param masks macros whose SQL becomes the argument of a function with their name
   */
  constructor(
    parsed: ParsedProject,
    needed: ReadonlySet<string>,
    inject: boolean,
    known: KnownAnalysis | null = null,
    masks: readonly string[] = [],
  ) {
    const flags = { ...parsed.config.flags, which: 'compile', inject_ephemeral_ctes: inject };
    const quiet = { ...parsed, config: { ...parsed.config, flags }, logger: SILENT };
    this.#createContext = () => createRunContext(quiet, needed);
    this.#known = known;
    this.#kind = masks.length > 0 ? `sql with ${masks.join()}` : inject ? 'sql' : 'plain sql';
    this.#masks = masks;
  }

  get #ctx(): RunContext {
    return (this.#context ??= this.#createContext());
  }

  /** @returns the error of a template that needs the database */
  async compiled(node: Compilable): Promise<CompiledQueries | TsdbtError> {
    const known = this.#queries.get(node.unique_id);
    if (known !== undefined) return known;
    const queries = this.#kept(node) ?? (await this.#compiledBoth(node, this.#known));
    this.#queries.set(node.unique_id, queries);
    return queries;
  }

  #kept({ unique_id: id }: Compilable): CompiledQueries | null {
    const kept = this.#known?.get<KeptQueries>(this.#kind, id);
    if (kept === undefined || kept.inputs !== this.#known?.inputsOf(id)) return null;
    const { first, later = first } = kept;
    return { first, later };
  }

  /** Compiles a node that may have another text than in the manifest. */
  compiledAgain(node: Compilable): Promise<CompiledQueries | TsdbtError> {
    return this.#compiledBoth(node, null);
  }

  async #compiledBoth(node: Compilable, known: KnownAnalysis | null): Promise<CompiledQueries | TsdbtError> {
    const one = await this.#compiled(node, false);
    if (one instanceof TsdbtError) return one;
    const other = node.config.materialized === 'incremental' ? await this.#compiled(node, true) : one;
    const first = one.compiled_code ?? '';
    if (other instanceof TsdbtError) return { first, later: other };
    const later = other.compiled_code ?? '';
    if (known !== null && [one, other].every((each) => known.isFixed(this.#ctx, each))) {
      const kept: KeptQueries = {
        inputs: known.inputsOf(node.unique_id),
        first,
        ...(later === first ? {} : { later }),
      };
      known.set(this.#kind, node.unique_id, kept);
    }
    return { first, later };
  }

  /** @returns the compiled node, or the error of a template that needs the database */
  async #compiled(node: Compilable, incremental: boolean): Promise<Compilable | TsdbtError> {
    const session = new NoIntrospection(this.#ctx.adapter.session({ name: node.unique_id }), false);
    const extra = namesWithoutDatabase(incremental);
    const wrapped = new Map(this.#masks.map((name) => [name, (macro: Callable) => asArgument(name, macro)]));
    // Compiling adds macros to the node, which may be run later.
    const copy = { ...node, depends_on: { ...node.depends_on, macros: [...node.depends_on.macros] } };
    try {
      return await compileNode(this.#ctx, copy, session, { extra, wrapped, write: false });
    } catch (error) {
      if (error instanceof TsdbtError) return error;
      throw error;
    } finally {
      await session.release();
    }
  }
}

/** A macro whose SQL is the argument of a function with the macro's name, so that the parser finds it. */
function asArgument(name: string, macro: Callable): Callable {
  const written = (sql: Value): Value => `${name}(${toText(sql)})`;
  const finished = function* (result: Generator<unknown, Value, unknown>): Generator<unknown, Value, unknown> {
    return written(yield* result);
  };
  return (args, kwargs) => {
    const result = macro(args, kwargs);
    if (isGenerator(result)) return finished(result);
    return result instanceof Promise ? result.then(written) : written(result);
  };
}

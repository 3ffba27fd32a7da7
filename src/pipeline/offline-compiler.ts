// Compiles nodes without a database. A template that needs one is reported instead.
import { compileNode } from '../compiler/compile.ts';
import type { ModelNode, SnapshotNode, TestNode } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { createRunContext, type RunContext } from '../runner/context.ts';
import { NoIntrospection, namesWithoutDatabase } from '../runner/no-introspection.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';

/** The SQL of a node, without and with rows in its relation. */
export interface CompiledQueries {
  readonly first: string;
  readonly later: string | TsdbtError;
}
export type Compilable = ModelNode | SnapshotNode | TestNode;

const SILENT: Logger = { fire: () => undefined };

export class OfflineCompiler {
  readonly #ctx: RunContext;
  readonly #queries = new Map<string, CompiledQueries | TsdbtError>();

  /** @param inject whether queries contain the CTEs of ephemeral models */
  constructor(parsed: ParsedProject, needed: ReadonlySet<string>, inject: boolean) {
    const flags = { ...parsed.config.flags, which: 'compile', inject_ephemeral_ctes: inject };
    this.#ctx = createRunContext({ ...parsed, config: { ...parsed.config, flags }, logger: SILENT }, needed);
  }

  /** @returns the error of a template that needs the database */
  async compiled(node: Compilable): Promise<CompiledQueries | TsdbtError> {
    const known = this.#queries.get(node.unique_id);
    if (known !== undefined) return known;
    const queries = await this.compiledAgain(node);
    this.#queries.set(node.unique_id, queries);
    return queries;
  }

  /** Compiles a node that may have another text than in the manifest. */
  async compiledAgain(node: Compilable): Promise<CompiledQueries | TsdbtError> {
    const first = await this.#compiled(node, false);
    const branches = node.config.materialized === 'incremental';
    return typeof first === 'string' ? { first, later: branches ? await this.#compiled(node, true) : first } : first;
  }

  /** @returns the SQL, or the error of a template that needs the database */
  async #compiled(node: Compilable, incremental: boolean): Promise<string | TsdbtError> {
    const session = new NoIntrospection(this.#ctx.adapter.session({ name: node.unique_id }), false);
    const extra = namesWithoutDatabase(incremental);
    // Compiling adds macros to the node, which may be run later.
    const copy = { ...node, depends_on: { ...node.depends_on, macros: [...node.depends_on.macros] } };
    try {
      const { compiled_code } = await compileNode(this.#ctx, copy, session, { extra, write: false });
      return compiled_code ?? '';
    } catch (error) {
      if (error instanceof TsdbtError) return error;
      throw error;
    } finally {
      await session.release();
    }
  }
}

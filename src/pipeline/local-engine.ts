// The local engine of a target, in which the relations of a project are empty tables. It starts when it is needed.
import { join } from 'node:path';
import type { Session } from '../adapters/adapter.ts';
import type { EmptyDatabase } from '../adapters/empty-relations.ts';
import { emptyDatabase } from '../adapters/index.ts';
import { SILENT } from '../log.ts';
import { createRunContext, type RunContext } from '../runner/context.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';

export interface EmptyProject {
  readonly database: EmptyDatabase;
  readonly session: Session;
  readonly ctx: RunContext;
  /** Creates a schema once. */
  schema(name: string): Promise<void>;
  /** Columns with types by relation, with and without its schema. */
  columns(schemas: readonly string[]): Promise<Map<string, Map<string, string>>>;
}

export class LocalEngine {
  readonly #parsed: ParsedProject;
  #started: { readonly database: EmptyDatabase; readonly session: Session } | null = null;
  readonly #schemas = new Set<string>();

  constructor(parsed: ParsedProject) {
    this.#parsed = parsed;
  }

  /**
   * The engine without relations, for a version of the project.
   * @throws {TsdbtError} if the engine is not installed or cannot start
   */
  async emptied(parsed: ParsedProject, needed: ReadonlySet<string>): Promise<EmptyProject> {
    const { database, session } = this.#started ?? (await this.#start());
    if (this.#schemas.size > 0) await session.rollback();
    await session.begin();
    // For a database without transactions.
    for (const name of this.#schemas) await session.attempt(database.dropSchema(name), true);
    this.#schemas.clear();
    const config = { ...parsed.config, flags: { ...parsed.config.flags, which: 'compile', empty: false } };
    const ctx = createRunContext({ ...parsed, adapter: database.adapter, config, logger: SILENT }, needed);
    return {
      database,
      session,
      ctx,
      schema: async (name) => {
        if (this.#schemas.has(name)) return;
        this.#schemas.add(name);
        await session.attempt(database.createSchema(name), true);
      },
      columns: async (schemas) => {
        const found = new Map<string, Map<string, string>>();
        if (schemas.length === 0) return found;
        const { table } = await session.execute(database.columnsSql(schemas), { fetch: true });
        for (const row of table.rows) {
          const [schema, relation, column, type = ''] = [...row.values].map(String);
          if (relation === undefined || column === undefined) continue;
          for (const key of [relation, `${schema}.${relation}`]) {
            const known = found.get(key) ?? new Map<string, string>();
            found.set(key, known.has(column) ? known : known.set(column, type));
          }
        }
        return found;
      },
    };
  }

  async #start(): Promise<{ database: EmptyDatabase; session: Session }> {
    const { config, targetPath } = this.#parsed;
    const { project_root: projectDir, quoting } = config.project;
    const folder = join(targetPath, 'strict');
    const database = await emptyDatabase(config.profile, { folder, projectDir, quoting });
    return (this.#started = { database, session: database.adapter.session({ name: 'strict' }) });
  }

  /** Stops the engine, and removes its relations. */
  async close(): Promise<void> {
    if (this.#started === null) return;
    const { database, session } = this.#started;
    try {
      await session.release();
    } finally {
      await database.close();
    }
  }
}

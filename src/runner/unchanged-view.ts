// Recognizes a view that is unchanged since the last run without calling its materialization, which would do nothing.
// In doubt the materialization is called.
import { createHash } from 'node:crypto';
import type { Session } from '../adapters/adapter.ts';
import type { Relation } from '../adapters/relation.ts';
import { relationFrom } from '../context/relations.ts';
import type { ModelNode } from '../contracts/node.ts';
import { writePath } from '../compiler/write-path.ts';
import { markedJson } from '../values/float.ts';
import type { RunContext } from './context.ts';
import type { Outcome } from './node.ts';

const RESPONSE = { _message: 'CREATE VIEW', code: 'CREATE VIEW', rows_affected: -1 };

/** Facts about a node that may be such a view. */
interface Candidate {
  readonly name: string;
  /** Changes with the view's inputs and with its file in target/run. */
  readonly mark: (state: string) => string | null;
  readonly state: string | undefined;
  readonly path: string;
}

/** @returns the result that the materialization would return, or null if it must be called */
export function unchangedView(ctx: RunContext, node: ModelNode, session: Session): Outcome | null {
  if (session.inTransaction) return null;
  const view = candidate(ctx, node, session);
  if (view?.state === undefined) return null;
  const known = ctx.views.get(view.name);
  if (known === undefined || known !== view.mark(view.state)) return null;
  node.build_path = view.path;
  return { status: 'success', message: RESPONSE._message, response: RESPONSE, failures: null };
}

/** Records a view that its materialization has created or left unchanged. Replaces earlier facts. */
export function rememberView(ctx: RunContext, node: ModelNode, session: Session): void {
  if (node.config.materialized !== 'view') return;
  const view = candidate(ctx, node, session);
  const relation = relationFrom(ctx.adapter, ctx.config.project.quoting, node);
  const state = ctx.published.get(relation.render()) ?? view?.state;
  const mark = state === undefined ? null : (view?.mark(state) ?? null);
  if (mark !== null) ctx.views.set(nameOf(relation), mark);
  else if (ctx.views.get(nameOf(relation)) !== undefined) ctx.views.set(nameOf(relation), '');
}

const nameOf = (relation: Relation): string => `${relation.render()} as compiled`;

function candidate(ctx: RunContext, node: ModelNode, session: Session): Candidate | null {
  const {
    adapter,
    config: { project },
  } = ctx;
  const { config } = node;
  if (
    config.materialized !== 'view' ||
    adapter.knownViewState === undefined ||
    node.version !== null ||
    node.language !== 'sql'
  )
    return null;
  if (config['pre-hook'].length > 0 || config['post-hook'].length > 0 || config.contract?.enforced === true)
    return null;
  if (Object.keys(config.grants ?? {}).length > 0 || Object.values(config.persist_docs ?? {}).some(Boolean))
    return null;
  // dbt warns if `config.get` reads a key that exists only under `meta`.
  if ('sql_header' in (config.meta ?? {}) || 'grants' in (config.meta ?? {})) return null;
  const macros = ctx.makers('view');
  if (macros === null) return null;
  const relation = relationFrom(adapter, project.quoting, node);
  const path = writePath(node, project.target_path, 'run');
  return {
    name: nameOf(relation),
    path,
    state: adapter.knownViewState(session, relation),
    mark(state) {
      const file = ctx.fileMark(path);
      return file === null
        ? null
        : createHash('sha256')
            .update(markedJson([macros, state, file, node.compiled_code, config]))
            .digest('hex');
    },
  };
}

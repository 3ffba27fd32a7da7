// Runs selected nodes in the manner of a command: what is built, hooks or not, which order, the journal beside it. The
// run itself is run.ts's.
import { join } from 'node:path';
import type { GraphNode } from '../contracts/node.ts';
import { Dag } from '../graph/dag.ts';
import { TsdbtError } from '../errors.ts';
import { createQueue } from '../graph/queue.ts';
import { Journal } from '../state/journal.ts';
import { isMicrobatch } from './kinds/microbatch.ts';
import { createRunContext } from './create-run-context.ts';
import { kindFor } from './kinds/index.ts';
import type { ParsedProject } from './parsed-project.ts';
import type { RetriedRun, RunContext } from './run-context.ts';
import type { NodeKind } from './node.ts';
import { run, type RunOutcome } from './run.ts';

export interface RunRequest {
  /** unique_ids; `select` gives them. */
  readonly selected: ReadonlySet<string>;
  /** Aborted to stop: running statements are cancelled on the server. */
  readonly signal?: AbortSignal | null;
  /** Of `retry`. */
  readonly retry?: RetriedRun | null;
}

export interface RunSelectedOptions {
  readonly which?: string;
  readonly ctx?: RunContext;
  readonly kindOf?: (node: GraphNode) => NodeKind;
  /**
   * Gets what the nodes gave when the run throws after them; who is not told has the journal's results with the next
   * command.
   */
  readonly stopped?: (outcome: RunOutcome & { readonly ctx: RunContext }) => void;
}

/** What makes commands differ in how they run. */
interface Manner {
  readonly builds: boolean;
  readonly hooks: boolean;
  readonly counts: boolean;
  readonly raiseFirst: boolean;
}

const MANNERS: Readonly<Record<string, Manner>> = {
  run: { builds: true, hooks: true, counts: true, raiseFirst: false },
  build: { builds: true, hooks: true, counts: true, raiseFirst: false },
  seed: { builds: true, hooks: true, counts: true, raiseFirst: false },
  snapshot: { builds: true, hooks: true, counts: true, raiseFirst: false },
  test: { builds: true, hooks: true, counts: true, raiseFirst: false },
  clone: { builds: true, hooks: false, counts: false, raiseFirst: false },
  freshness: { builds: false, hooks: true, counts: true, raiseFirst: false },
  compile: { builds: false, hooks: false, counts: false, raiseFirst: true },
  show: { builds: false, hooks: false, counts: false, raiseFirst: true },
  generate: { builds: false, hooks: false, counts: false, raiseFirst: true },
};

/** Runs what was selected, in the manner of the command that the flags name, and gives one result a node. */
export async function runSelected(
  parsed: ParsedProject,
  request: RunRequest,
  options: RunSelectedOptions = {},
): Promise<RunOutcome & { ctx: RunContext }> {
  const { config, manifest, targetPath } = parsed;
  const { flags, profile, invocation } = config;
  const which = options.which ?? flags.which;
  const manner = MANNERS[which]!;
  const unitTests = new Map<string, string[]>();
  const nodes = new Set(request.selected);
  if (which === 'build') {
    for (const id of request.selected) {
      const model = manifest.unit_tests[id]?.depends_on.nodes[0];
      if (model === undefined || !request.selected.has(model)) continue;
      unitTests.set(model, [...(unitTests.get(model) ?? []), id]);
      nodes.delete(id);
    }
  }
  const { dag } = parsed;
  const threads = flags['single_threaded'] === true ? 1 : (flags.threads ?? profile.threads);
  if (threads < 1)
    throw new TsdbtError('usage', `threads: ${threads} is not a number of threads; it must be greater than 0`);
  const journal =
    manner.builds && flags.write_json
      ? Journal.open(
          join(targetPath, 'run.journal'),
          {
            invocation_id: invocation.invocation_id,
            command: invocation.command,
            args: invocation.args,
            started_at: invocation.started_at.toISOString(),
            pid: parsed.pid,
            selected: [...request.selected],
          },
          parsed.secrets,
        )
      : null;
  const ctx: RunContext = {
    ...(options.ctx ?? createRunContext(parsed, request.selected)),
    journal,
    retry: request.retry ?? null,
  };
  // What clone makes reads nothing of what it makes.
  const graph = which === 'clone' ? new Dag([...nodes], []) : dag;
  const outcome = await finish(
    journal,
    run(ctx, createQueue(graph, nodes), {
      threads,
      build: which === 'build',
      failFast: flags.fail_fast,
      raiseFirst: manner.raiseFirst,
      kindOf: options.kindOf ?? kindFor(which, (model) => isMicrobatch(ctx, model)),
      unitTests,
      descendants: (id) => (graph.has(id) ? graph.dependants(id) : []),
      keepEphemeral:
        which === 'show' ||
        (which === 'compile' && Boolean((flags['select'] as string[] | undefined)?.length || flags['inline'])),
      signal: request.signal ?? null,
      hooks: manner.hooks && !(which === 'freshness' && flags['source_freshness_run_project_hooks'] === false),
      createSchemas: manner.builds,
      countsLine: manner.counts,
      connect: flags.introspect || manner.builds,
      stopped: (stopped) => {
        ctx.views.save();
        ctx.tests.save();
        options.stopped?.({ ...stopped, ctx });
      },
    }),
  );
  ctx.views.save();
  ctx.tests.save();
  return { ...outcome, ctx };
}

/** A run that throws leaves its journal as a killed one does. */
async function finish<T>(journal: Journal | null, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    journal?.close();
    throw error;
  }
}

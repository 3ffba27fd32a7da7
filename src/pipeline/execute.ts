// The parts of a command around its nodes: counts and warnings before, events and artifacts after. The runner runs the
// nodes; the command prints the summary.
import type { GraphNode } from '../contracts/node.ts';
import type { Selection } from '../graph/selector.ts';
import { createRunContext, type RetriedRun, type RunContext } from '../runner/context.ts';
import type { NodeKind } from '../runner/node.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { compilesOnly, type RunOptions, type RunOutcome, type RunRequest, run } from '../runner/run.ts';
import { succeeded } from '../runner/summary.ts';
import type { Progress } from '../runner/workers.ts';
import { reportCounts } from './counts.ts';
import { write, writeSummary } from './write.ts';

/** Observes an execution and may stop it. */
export interface Observer {
  /** Aborting it stops the run: statements in flight are cancelled on the server. */
  readonly signal?: AbortSignal | null | undefined;
  /** Set for `retry`. */
  readonly retry?: RetriedRun | null | undefined;
  /** Usual duration of nodes in seconds, by unique_id: those on the longest path start first. */
  readonly durations?: ReadonlyMap<string, number> | undefined;
  /** Milliseconds within which cancelled nodes must end; default 3 seconds. */
  readonly patience?: number | undefined;
  readonly progress?: Progress | undefined;
  /** Returns the kind of each node; by default the command's own kind. */
  readonly kindOf?: ((node: GraphNode) => NodeKind) | undefined;
  /** Called with the nodes' results if the run throws after them. */
  readonly stopped?: ((outcome: RunOutcome) => void) | undefined;
}

/** The events and artifacts of a command around its nodes. */
interface Frame {
  /** graph_summary.json. */
  readonly summary: boolean;
  /** Warnings of the selection. */
  readonly warnings: boolean;
  /** The event EndRunResult. */
  readonly endResult: boolean;
  /** manifest.json with what was compiled, and run_results.json. */
  readonly artifacts: boolean;
}

const WHOLE: Frame = { summary: true, warnings: true, endResult: true, artifacts: true };
/** Settings of commands that report or write less than the default. */
const FRAMES: ReadonlyMap<string, Frame> = new Map([
  ['generate', { ...WHOLE, warnings: false, endResult: false }],
  ['freshness', { ...WHOLE, summary: false, endResult: false, artifacts: false }],
]);

const frameOf = ({ config }: ParsedProject): Frame => FRAMES.get(config.flags.which) ?? WHOLE;

/** Reports and writes what is known before the first node runs. @returns the context that the nodes share */
export function announce(parsed: ParsedProject, { selected, warnings }: Selection): RunContext {
  const ctx = createRunContext(parsed, selected);
  const frame = frameOf(parsed);
  reportCounts(parsed);
  if (frame.summary && parsed.config.flags.write_json) writeSummary(parsed);
  if (frame.warnings) for (const warning of warnings) parsed.logger.fire(warning);
  return ctx;
}

/**
 * For compile, show and docs generate: compiles each node, and `show` also reads its first rows. Builds nothing.
 * @throws {TsdbtError} the first error
 */
export function compile(parsed: ParsedProject, request: RunRequest, options: RunOptions = {}): Promise<RunOutcome> {
  const { which } = parsed.config.flags;
  return run(parsed, request, { which: compilesOnly(which) ? which : 'compile', ...options });
}

/** Reports an empty selection and writes artifacts without results. */
export function executeNothing(parsed: ParsedProject, ctx: RunContext): RunOutcome {
  ctx.log.nothingToDo();
  if (frameOf(parsed).artifacts) write(parsed, ctx, [], 0);
  return { results: [], elapsed: 0, interrupted: false, ctx };
}

/** Reports and writes the results of the nodes. @param failed whether an error ended the command */
export function conclude(parsed: ParsedProject, { ctx, results, elapsed }: RunOutcome, failed = false): void {
  const { config, now } = parsed;
  const frame = frameOf(parsed);
  const success = !failed && (compilesOnly(config.flags.which) || succeeded(results));
  if (frame.endResult) ctx.log.endRunResult(results, elapsed, new Date(now()).toISOString(), success);
  // SQL given on the command line is not part of the project.
  for (const id of ctx.selected) if (id.startsWith('sql_operation.')) delete ctx.manifest.nodes[id];
  if (frame.artifacts) write(parsed, ctx, results, elapsed);
}

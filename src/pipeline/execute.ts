// What stands around the nodes of every command that has some: counts and warnings before, events and artifacts after.
// How nodes run is the runner's; what people read at the end is the command's.
import type { GraphNode } from '../contracts/node.ts';
import type { Selection } from '../graph/selector.ts';
import { createRunContext, type RetriedRun, type RunContext } from '../runner/context.ts';
import type { NodeKind } from '../runner/node.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { compilesOnly, type RunOptions, type RunOutcome, type RunRequest, run } from '../runner/run.ts';
import { succeeded } from '../runner/summary.ts';
import { reportCounts } from './counts.ts';
import { write, writeSummary } from './write.ts';

/** Who watches an execution, and may stop it. */
export interface Observer {
  /** Aborted to stop: running statements are cancelled on the server. */
  readonly signal?: AbortSignal | null | undefined;
  /** Of `retry`. */
  readonly retry?: RetriedRun | null | undefined;
  /** The kind of each node, in the place of the command's own. */
  readonly kindOf?: ((node: GraphNode) => NodeKind) | undefined;
  /** Told what the nodes gave when the run throws after them. */
  readonly stopped?: ((outcome: RunOutcome) => void) | undefined;
}

/** What a command says and writes around its nodes. */
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
/** Of commands that say or write less than the others. */
const FRAMES: ReadonlyMap<string, Frame> = new Map([
  ['generate', { ...WHOLE, warnings: false, endResult: false }],
  ['freshness', { ...WHOLE, summary: false, endResult: false, artifacts: false }],
]);

const frameOf = ({ config }: ParsedProject): Frame => FRAMES.get(config.flags.which) ?? WHOLE;

/** Says and writes what is known before the first node runs. @returns what the nodes then share */
export function announce(parsed: ParsedProject, { selected, warnings }: Selection): RunContext {
  const ctx = createRunContext(parsed, selected);
  const frame = frameOf(parsed);
  reportCounts(parsed);
  if (frame.summary && parsed.config.flags.write_json) writeSummary(parsed);
  if (frame.warnings) for (const warning of warnings) parsed.logger.fire(warning);
  return ctx;
}

/**
 * compile, show, docs generate: each node is compiled, and `show` reads its first rows; nothing is built.
 * @throws {TsdbtError} the first error
 */
export function compile(parsed: ParsedProject, request: RunRequest, options: RunOptions = {}): Promise<RunOutcome> {
  const { which } = parsed.config.flags;
  return run(parsed, request, { which: compilesOnly(which) ? which : 'compile', ...options });
}

/** Says that nothing was selected; artifacts without results. */
export function executeNothing(parsed: ParsedProject, ctx: RunContext): RunOutcome {
  ctx.log.nothingToDo();
  if (frameOf(parsed).artifacts) write(parsed, ctx, [], 0);
  return { results: [], elapsed: 0, interrupted: false, ctx };
}

/** Says and writes what the nodes gave. @param failed by an error that ends the command */
export function conclude(parsed: ParsedProject, { ctx, results, elapsed }: RunOutcome, failed = false): void {
  const { config, now } = parsed;
  const frame = frameOf(parsed);
  const success = !failed && (compilesOnly(config.flags.which) || succeeded(results));
  if (frame.endResult) ctx.log.endRunResult(results, elapsed, new Date(now()).toISOString(), success);
  // What was typed is no part of the project.
  for (const id of ctx.selected) if (id.startsWith('sql_operation.')) delete ctx.manifest.nodes[id];
  if (frame.artifacts) write(parsed, ctx, results, elapsed);
}

// The journal of one run: append-only JSON lines in target/, one write per step, so that the record of completed work
// survives a kill. run_results.json is derived from it.
import { closeSync, existsSync, openSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Json } from '../contracts/node.ts';
import type { BatchResults, RunResult } from '../contracts/results.ts';
import { systemReason, TsdbtError } from '../errors.ts';
import { MOST_DATA, readFileText } from '../project/read-file.ts';
import type { Secrets } from '../secrets.ts';
import { makeFolder } from '../make-folder.ts';
import { markedJson, parseMarkedJson } from '../values/index.ts';

/** The first line: what the run is about. */
export interface JournalStart {
  readonly invocation_id: string;
  readonly command: string;
  readonly args: { readonly [name: string]: Json };
  /** ISO, UTC. */
  readonly started_at: string;
  readonly pid: number;
  /** unique_ids that the run will execute, in no particular order. */
  readonly selected: readonly string[];
}

type BatchText = readonly [start: string, end: string];

type Line =
  | ({ readonly k: 'start' } & JournalStart)
  | { readonly k: 'begin'; readonly id: string; readonly at: string }
  | { readonly k: 'batches'; readonly id: string; readonly all: readonly BatchText[] }
  | { readonly k: 'batch'; readonly id: string; readonly done: BatchText }
  | { readonly k: 'result'; readonly result: RunResult }
  | { readonly k: 'end'; readonly at: string; readonly elapsed: number };

/** A run read from its journal. */
export interface JournaledRun {
  readonly start: JournalStart;
  readonly results: readonly RunResult[];
  /** Nodes that started and did not finish. */
  readonly interrupted: readonly string[];
  /** Batches of those nodes that are microbatch models. */
  readonly batches: ReadonlyMap<string, BatchResults>;
  /** Whether the run ended normally. */
  readonly ended: boolean;
}

/** The journal of a running command. */
export class Journal {
  readonly path: string;
  #fd: number | null;

  readonly #secrets: Secrets;

  private constructor(path: string, fd: number, secrets: Secrets) {
    this.path = path;
    this.#secrets = secrets;
    this.#fd = fd;
  }

  /** Starts a new journal that replaces that of the last run. */
  static open(path: string, start: JournalStart, secrets: Secrets): Journal {
    let file: number;
    try {
      makeFolder(dirname(path), 0o700);
      // The journal belongs to the program: anything at its path is removed.
      rmSync(path, { recursive: true, force: true });
      file = openSync(path, 'wx', 0o600);
    } catch (error) {
      const reason = systemReason(error, path);
      throw new TsdbtError('runtime', `The journal of the run, ${path}, cannot be written: ${reason}`, {
        cause: error,
      });
    }
    const journal = new Journal(path, file, secrets);
    journal.#write({ k: 'start', ...start, args: secrets.maskArguments(start.args) });
    return journal;
  }

  #write(line: Line): void {
    if (this.#fd !== null) writeSync(this.#fd, `${this.#secrets.maskJson(markedJson(line))}\n`);
  }

  begin(id: string, at: string): void {
    this.#write({ k: 'begin', id, at });
  }

  /** Records the batches that a microbatch model will run. */
  batches(id: string, all: readonly BatchText[]): void {
    this.#write({ k: 'batches', id, all });
  }

  /** Records that a batch is in the database. */
  batch(id: string, done: BatchText): void {
    this.#write({ k: 'batch', id, done });
  }

  result(result: RunResult): void {
    const { node: _node, transient: _transient, ...plain } = result;
    this.#write({ k: 'result', result: plain });
  }

  /** Records the end of the run, whether it succeeded or not. Can be called twice. */
  end(at: string, elapsed: number): void {
    if (this.#fd === null) return;
    this.#write({ k: 'end', at, elapsed });
    this.close();
  }

  /** Without an end line, the next command treats the run as killed. */
  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }
}

/** Reads a journal, even if its last line is torn; null if it does not exist or its first line is incomplete. */
export function readJournal(path: string): JournaledRun | null {
  if (!existsSync(path)) return null;
  let start: JournalStart | null = null;
  let ended = false;
  const begun = new Set<string>();
  const batches = new Map<string, BatchResults>();
  const results = new Map<string, RunResult>();
  for (const text of readText(path).split('\n')) {
    const line = parseLine(text);
    if (line === null) continue;
    switch (line.k) {
      case 'start': {
        const { k: _k, ...rest } = line;
        start = rest;
        break;
      }
      case 'begin':
        begun.add(line.id);
        break;
      case 'batches':
        batches.set(line.id, { successful: [], failed: line.all.map(([from, to]) => [from, to]) });
        break;
      case 'batch': {
        const known = batches.get(line.id);
        const at = known?.failed.findIndex(([from]) => from === line.done[0]) ?? -1;
        if (known !== undefined && at >= 0) known.successful.push(...known.failed.splice(at, 1));
        break;
      }
      case 'result':
        results.set(line.result.unique_id, line.result);
        begun.delete(line.result.unique_id);
        break;
      case 'end':
        ended = true;
        break;
      default:
        line satisfies never;
    }
  }
  return start === null ? null : { start, results: [...results.values()], interrupted: [...begun], batches, ended };
}

/** Only the program writes journals: an unreadable one is ignored. */
function readText(path: string): string {
  try {
    return readFileText(path, MOST_DATA);
  } catch {
    return '';
  }
}

function wellFormed(line: Line): boolean {
  switch (line.k) {
    case 'start':
      return (
        typeof line.args === 'object' &&
        line.args !== null &&
        Array.isArray(line.selected) &&
        line.selected.every((id) => typeof id === 'string') &&
        [line.invocation_id, line.command, line.started_at].every((text) => typeof text === 'string') &&
        typeof line.pid === 'number' &&
        !Number.isNaN(Date.parse(line.started_at))
      );
    case 'begin':
      return typeof line.id === 'string';
    case 'batches':
      return typeof line.id === 'string' && Array.isArray(line.all) && line.all.every(Array.isArray);
    case 'batch':
      return typeof line.id === 'string' && Array.isArray(line.done);
    case 'result':
      return typeof line.result === 'object' && line.result !== null && typeof line.result.unique_id === 'string';
    case 'end':
      return true;
    default:
      return false;
  }
}

function parseLine(text: string): Line | null {
  if (text === '') return null;
  try {
    const line = parseMarkedJson(text) as Line | null;
    return typeof line === 'object' && line !== null && wellFormed(line) ? line : null;
  } catch {
    return null;
  }
}

/** The results of a killed run: finished nodes with their results, running ones as errors, the others as skipped. */
export function projectResults(run: JournaledRun): RunResult[] {
  const done = new Set(run.results.map((r) => r.unique_id));
  const lost = (
    unique_id: string,
    status: 'error' | 'skipped' | 'partial success',
    message: string,
    batches?: BatchResults,
  ): RunResult => ({
    status,
    timing: [],
    thread_id: 'main',
    execution_time: 0,
    adapter_response: {},
    message,
    failures: null,
    unique_id,
    compiled: null,
    compiled_code: null,
    relation_name: null,
    batch_results: batches ?? null,
  });
  const out = [...run.results];
  for (const id of run.interrupted) {
    const batches = run.batches.get(id);
    out.push(
      lost(
        id,
        (batches?.successful.length ?? 0) > 0 ? 'partial success' : 'error',
        'The run was killed while this node was running',
        batches,
      ),
    );
  }
  const running = new Set(run.interrupted);
  for (const id of run.start.selected)
    if (!done.has(id) && !running.has(id)) out.push(lost(id, 'skipped', 'The run was killed before this node started'));
  return out;
}

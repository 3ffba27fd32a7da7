// `parse_index`: an entry of a model's `indexes:` as a template value. include/postgres/macros builds the index.
import { createHash } from 'node:crypto';
import { TsdbtError } from '../../errors.ts';
import { callable } from '../../values/callable.ts';
import { PyDict } from '../../values/dict.ts';
import { toRepr, toText } from '../../values/text.ts';
import type { Value } from '../../values/value.ts';
import { Relation } from '../relation.ts';
import type { TemplateMethods } from '../template-method.ts';

/** Postgres's methods of `adapter`. */
export const POSTGRES_METHODS: TemplateMethods = {
  parse_index: { signature: 'raw_index', run: ({ now }, raw = null) => parseIndex(raw, now) },
};

/** An entry of `indexes:`; `None` stays None. */
function parseIndex(raw: Value, now: () => number): Value {
  if (raw === null) return null;
  const fail = (problem: string, ...path: readonly Value[]): TsdbtError =>
    new TsdbtError('compilation', `Could not parse index config: at path [${path.map(toRepr).join('][')}]: ${problem}`);
  if (!(raw instanceof PyDict)) throw fail(`${toRepr(raw)} is not of type 'object'`);
  const columns = raw.get('columns');
  const unique = raw.get('unique') ?? false;
  const type = raw.get('type') ?? null;
  if (columns !== undefined && !Array.isArray(columns))
    throw fail(`${toRepr(columns)} is not of type 'array'`, 'columns');
  const odd = columns?.findIndex((column) => typeof column !== 'string') ?? -1;
  if (odd >= 0) throw fail(`${toRepr(columns?.[odd] ?? null)} is not of type 'string'`, 'columns', odd);
  if (typeof unique !== 'boolean') throw fail(`${toRepr(unique)} is not of type 'boolean'`, 'unique');
  if (type !== null && typeof type !== 'string')
    throw fail(`${toRepr(type)} is not valid under any of the given schemas`, 'type');
  const unknown = [...raw.keys()].filter((key) => key !== 'columns' && key !== 'unique' && key !== 'type');
  if (unknown.length > 0) {
    const were = `${unknown.length === 1 ? 'was' : 'were'} unexpected`;
    throw fail(`Additional properties are not allowed (${unknown.map(toRepr).sort().join(', ')} ${were})`);
  }
  // Checked last, as in dbt: for a misspelt `columns`, the error names the misspelling.
  if (columns === undefined) throw fail("'columns' is a required property");
  const names = columns.map(toText);
  const fields: Readonly<Record<string, Value>> = {
    columns: names,
    unique,
    type,
    // The current time makes the name unique: the old table's index keeps its name until it is dropped.
    render: callable('render', 'relation', (relation) => {
      const moment = new Date(now()).toISOString().slice(0, -1);
      const text = [
        ...names,
        relation instanceof Relation ? relation.render() : toText(relation),
        toText(unique),
        toText(type),
        moment,
      ].join('_');
      return createHash('md5').update(text).digest('hex');
    }),
  };
  return {
    jinjaType: 'PostgresIndexConfig',
    jinjaGet: (name) => (Object.hasOwn(fields, name) ? fields[name] : undefined),
    jinjaText: () => `PostgresIndexConfig(columns=${toRepr(names)}, unique=${toRepr(unique)}, type=${toRepr(type)})`,
  };
}

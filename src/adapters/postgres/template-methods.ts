// `parse_index`: an entry of a model's `indexes:` as templates see it. What is built of it is SQL, in
// include/postgres/macros.
import { createHash } from 'node:crypto';
import { TsdbtError } from '../../errors.ts';
import { callable } from '../../values/callable.ts';
import { PyDict } from '../../values/dict.ts';
import { toRepr, toText } from '../../values/text.ts';
import type { Value } from '../../values/value.ts';
import { Relation } from '../relation.ts';
import type { TemplateMethods } from '../template-method.ts';

/** The methods of `adapter` that Postgres adds. */
export const POSTGRES_METHODS: TemplateMethods = {
  parse_index: { signature: 'raw_index', run: ({ now }, raw = null) => parseIndex(raw, now) },
};

/** An entry of `indexes:`; `None` stays so. */
function parseIndex(raw: Value, now: () => number): Value {
  if (raw === null) return null;
  if (!(raw instanceof PyDict)) {
    throw new TsdbtError(
      'compilation',
      `Invalid index config:\n  Got: ${toText(raw)}\n  Expected a dictionary with at minimum a "columns" key`,
    );
  }
  const columns = raw.get('columns');
  const unique = raw.get('unique') ?? false;
  const type = raw.get('type') ?? null;
  const odd = Array.isArray(columns) ? columns.find((column) => typeof column !== 'string') : undefined;
  const problem = !Array.isArray(columns)
    ? columns === undefined
      ? "'columns' is a required property"
      : `${toRepr(columns)} is not of type 'array'`
    : odd !== undefined
      ? `${toRepr(odd)} is not of type 'string'`
      : typeof unique !== 'boolean'
        ? `${toRepr(unique)} is not of type 'boolean'`
        : type !== null && typeof type !== 'string'
          ? `${toRepr(type)} is not valid under any of the given schemas`
          : null;
  if (problem !== null) throw new TsdbtError('compilation', `Could not parse index config: ${problem}`);
  const names = (columns as Value[]).map(toText);
  const fields: Readonly<Record<string, Value>> = {
    columns: names,
    unique,
    type,
    // The moment makes the name new: the old table's index has its own until it is dropped.
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

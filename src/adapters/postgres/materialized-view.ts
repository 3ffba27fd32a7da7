// Compares a materialized view with its model: the indexes as dbt-postgres does, and whether the query has changed, for
// `relation.get_materialized_view_config_change_collection`. Macros act on the differences.
import { TsdbtError } from '../../errors.ts';
import { PyDict } from '../../values/dict.ts';
import { toRepr, toText } from '../../values/text.ts';
import { iterate } from '../../values/iterate.ts';
import { isTruthy } from '../../values/truth.ts';
import type { HostObject, Value } from '../../values/value.ts';
import { getItem } from '../../values/access.ts';

const METHODS = ['btree', 'hash', 'gist', 'spgist', 'gin', 'brin'];

interface IndexFields {
  readonly name: string | null;
  readonly columnNames: readonly string[];
  readonly unique: boolean;
  readonly method: string;
}

/** The compared properties of an index: columns, uniqueness and method. Its name changes with each creation. */
class IndexConfig implements HostObject {
  readonly jinjaType = 'PostgresIndexConfig';
  readonly fields: IndexFields;

  constructor(fields: IndexFields) {
    this.fields = fields;
    if (!METHODS.includes(fields.method))
      throw new TsdbtError('compilation', `${toRepr(fields.method)} is not a valid PostgresIndexMethod`);
  }

  get key(): string {
    const { columnNames, unique, method } = this.fields;
    return JSON.stringify([[...new Set(columnNames)].sort(), unique, method]);
  }

  jinjaGet(name: string): Value | undefined {
    const { fields } = this;
    switch (name) {
      case 'name':
        return fields.name;
      case 'column_names':
        return [...fields.columnNames];
      case 'unique':
        return fields.unique;
      case 'method':
        return fields.method;
      case 'as_node_config':
        return PyDict.from({ columns: [...fields.columnNames], unique: fields.unique, type: fields.method });
      default:
        return undefined;
    }
  }

  jinjaText(): string {
    const { name, columnNames, unique, method } = this.fields;
    return (
      `PostgresIndexConfig(name=${toRepr(name)}, column_names=frozenset({${columnNames.map(toRepr).join(', ')}}),` +
      ` unique=${toRepr(unique)}, method=${toRepr(method)})`
    );
  }
}

/** The model's side: `{columns, unique, type}` of `config(indexes=…)`. */
function configuredIndex(entry: Value): IndexConfig {
  const dict = entry instanceof PyDict ? entry : new PyDict();
  return new IndexConfig({
    name: null,
    columnNames: [...iterate(dict.get('columns') ?? [])].map((column) => toText(column).toLowerCase()),
    unique: isTruthy(dict.get('unique') ?? false),
    method: toText(dict.get('type') ?? 'btree'),
  });
}

/** The database's side: a row of `describe_materialized_view`. */
function existingIndex(row: Value): IndexConfig {
  const columns = getItem(row, 'column_names');
  return new IndexConfig({
    name: toText(getItem(row, 'name')),
    columnNames: (columns === null ? '' : toText(columns)).split(',').map((column) => column.toLowerCase()),
    unique: isTruthy(getItem(row, 'unique')),
    method: toText(getItem(row, 'method')),
  });
}

function change(action: 'create' | 'drop', index: IndexConfig): HostObject {
  return {
    jinjaType: 'PostgresIndexConfigChange',
    jinjaGet: (name) =>
      name === 'action' ? action : name === 'context' ? index : name === 'requires_full_refresh' ? false : undefined,
    jinjaText: () => `PostgresIndexConfigChange(action=${toRepr(action)}, context=${index.jinjaText()})`,
  };
}

/**
 * The changes that give the view the configured indexes, drops first; None if there are none. A changed query requires
 * a full refresh.
 * @param results of `describe_materialized_view`: a dict with the table `indexes`, and `query_changed`
 * @param config the model: an object with `config.indexes`
 */
export function materializedViewChanges(results: Value, config: Value): Value {
  const existing = results instanceof PyDict ? (results.get('indexes') ?? []) : [];
  const settings = getItem(config, 'config');
  const configured = settings instanceof PyDict ? settings.get('indexes') : getItem(settings, 'indexes');
  const before = [...iterate(existing)].map(existingIndex);
  const after = Array.isArray(configured) ? configured.map(configuredIndex) : [];
  const beforeKeys = new Set(before.map((index) => index.key));
  const afterKeys = new Set(after.map((index) => index.key));
  const changes: Value[] = [
    ...before.filter((index) => !afterKeys.has(index.key)).map((index) => change('drop', index)),
    ...after.filter((index) => !beforeKeys.has(index.key)).map((index) => change('create', index)),
  ];
  const rebuild = results instanceof PyDict && isTruthy(results.get('query_changed') ?? false);
  if (changes.length === 0 && !rebuild) return null;
  return {
    jinjaType: 'PostgresMaterializedViewConfigChangeCollection',
    jinjaGet: (name) =>
      name === 'indexes'
        ? changes
        : name === 'requires_full_refresh'
          ? rebuild
          : name === 'has_changes'
            ? true
            : undefined,
    jinjaText: () => `PostgresMaterializedViewConfigChangeCollection(indexes=${toRepr(changes)})`,
  };
}

// Statement results by name: store_result, load_result. A result can be loaded once, except `main`, which the runner
// also reads.
import { errorOf } from '../error-table.ts';
import { ResponseObject } from '../adapters/response.ts';
import { type Print, Table } from '../adapters/table.ts';
import { type HostObject, PyDict, PyTuple, toText, type Value } from '../values/index.ts';

export class StatementResults {
  readonly #results = new Map<string, PyDict | null>();
  readonly #print: Print;

  /** @param print output of `table.print_table()` */
  constructor(print: Print) {
    this.#print = print;
  }

  store(name: string, response: Value, given: Value): void {
    const table = given instanceof Table ? given.printingTo(this.#print) : given;
    this.#results.set(name, PyDict.from({ response, data: matrixOf(table), table }));
  }

  /** @throws TsdbtError if the result was loaded before */
  load(name: string): Value {
    const result = this.#results.get(name);
    if (result === undefined) return null;
    if (result === null) throw errorOf('statementLoadedTwice', { name });
    if (name !== 'main') this.#results.set(name, null);
    return result;
  }

  /** Returns the result without marking it as loaded. */
  peek(name: string): PyDict | null {
    return this.#results.get(name) ?? null;
  }

  clear(): void {
    this.#results.clear();
  }

  asDict(): PyDict {
    return new PyDict(this.#results);
  }
}

/** A result without rows. */
export function emptyTable(): Table {
  return Table.empty();
}

/** Rows as tuples of values. */
function matrixOf(table: Value): Value {
  if (!(table instanceof Table)) return [];
  return table.rows.map((row) => new PyTuple(row.values));
}

/** dbt's AdapterResponse for values set by a macro. */
export function responseObject(message: Value, code: Value, rowsAffected: Value): HostObject {
  return new ResponseObject({
    _message: toText(message),
    ...(code === null ? {} : { code: toText(code) }),
    ...(rowsAffected === null
      ? {}
      : { rows_affected: typeof rowsAffected === 'number' ? rowsAffected : toText(rowsAffected) }),
  });
}

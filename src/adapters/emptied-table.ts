// A seed under `--empty`: its columns without rows. SQL types are inferred from the dropped rows, so that the next
// build can insert them.
import { type Row, Table } from './table.ts';

export class EmptiedTable extends Table {
  readonly #full: Table;

  constructor(full: Table) {
    super(full.keys, full.types, [], full.print);
    this.#full = full;
  }

  override get measuredRows(): readonly Row[] {
    return this.#full.measuredRows;
  }
}

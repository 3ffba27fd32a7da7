// What `--empty` leaves of a seed: its columns without rows. SQL types stay those of the rows that were there, so that
// the table takes them with the next build.
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

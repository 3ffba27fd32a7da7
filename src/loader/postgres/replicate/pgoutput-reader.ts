// Reads the messages of Postgres's plugin pgoutput (protocol version 1) and writes the changes of one table as message
// records. Assigns their offsets.
//
// The offset of a change is the position of its transaction's commit in the log, plus the number of the table's changes
// before it in the transaction. A transaction with more changes than the log has bytes up to the next commit pushes the
// next offsets up. So offsets only grow, and are the same whenever the log is read again from a clean point: a position
// between two transactions that no offset has passed.
import { TsdbtError } from '../../../errors.ts';
import { type ChangeRecords, type Commit, NULL_VALUE, type SourceRow, UNCHANGED_VALUE } from './change-records.ts';
import { type ReplicatedColumn, replicatedColumn, type SourceType } from './replicated-relation.ts';
import { EPOCH_MICROS, invalid, knownLsn, momentOf } from './log-position.ts';

/** What is replicated from where. */
export interface ReplicatedTable {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** The key of the loaded table; empty: the replica identity. */
  readonly key: readonly string[];
}

interface Relation {
  readonly columns: readonly ReplicatedColumn[];
  /** Indexes of the key's columns. */
  readonly key: readonly number[];
  /** Why its changes cannot be loaded; null: they can. */
  readonly problem: TsdbtError | null;
}

export const [BEGIN, COMMIT, RELATION, INSERT, UPDATE, DELETE, TRUNCATE] = [...'BCRIUDT'].map((code) =>
  code.charCodeAt(0),
);
const [OLD_KEY, OLD_ROW] = [...'KO'].map((code) => code.charCodeAt(0));
const [NULL_CODE, UNCHANGED_CODE] = [...'nu'].map((code) => code.charCodeAt(0));
const IN_IDENTITY = 1;
/** More than a table can have: a server that sends more is not Postgres. */
const [MOST_COLUMNS, MOST_NAME_BYTES] = [1600, 1024];

export class PgoutputReader {
  readonly records: ChangeRecords;
  readonly #table: ReplicatedTable;
  readonly #types: ReadonlyMap<number, SourceType>;
  /** Null: not sent yet. */
  #relation: Relation | null = null;
  #described: Buffer | null = null;
  #from: bigint | null;
  readonly #snapshot: bigint;
  /** Transactions that committed before were read from another stream. */
  #after = 0n;
  #commit: Commit | null = null;
  /** Offset of the next change. */
  #next = 0n;
  #clean: bigint | null = null;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  /**
   * @param from changes before this offset are skipped
   * @param snapshot instead of it: the end of a snapshot, which has the changes of transactions that committed before
   */
  constructor(
    records: ChangeRecords,
    table: ReplicatedTable,
    types: ReadonlyMap<number, SourceType>,
    from: bigint | null,
    snapshot = 0n,
  ) {
    this.records = records;
    this.#table = table;
    this.#types = types;
    this.#from = from;
    this.#snapshot = snapshot;
  }

  get oid(): number {
    return this.#table.oid;
  }

  /** The offset of the first change that is not skipped; null: the snapshot's end was not read yet. */
  get from(): bigint | null {
    return this.#from;
  }

  /** The message that describes the table; null: none was read. */
  get described(): Buffer | null {
    return this.#described;
  }

  /** Goes on with another stream: everything before the last clean point is skipped there. */
  resume(): void {
    this.#after = this.#clean ?? 0n;
  }

  /** The offset after everything that was read. */
  get next(): bigint {
    return this.#clean !== null && this.#clean > this.#next ? this.#clean : this.#next;
  }

  /** The last clean point; null: there was none. */
  get clean(): bigint | null {
    return this.#clean;
  }

  /** Everything before the position was read, and no transaction is open. */
  reached(lsn: bigint): void {
    if (this.#commit !== null) return;
    this.#endSnapshot(lsn);
    if (lsn >= this.#next && lsn >= this.#after && lsn > (this.#clean ?? 0n)) this.#clean = lsn;
  }

  /** The changes of the snapshot's transactions are skipped, but count: offsets after it are greater than theirs. */
  #endSnapshot(lsn: bigint): void {
    if (this.#from === null && lsn >= this.#snapshot)
      this.#from = this.#next > this.#snapshot ? this.#next : this.#snapshot;
  }

  /** Whether a transaction is being read. */
  get inTransaction(): boolean {
    return this.#commit !== null;
  }

  /** @param bytes one message @throws `runtime` error if the table cannot be replicated, or the message is invalid */
  read(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#at = 1;
    try {
      this.#message();
    } catch (error) {
      throw error instanceof RangeError ? invalid('it ends too early') : error;
    }
  }

  #message(): void {
    const bytes = this.#bytes;
    switch (bytes[0]) {
      case BEGIN: {
        const lsn = knownLsn(this.#long());
        const micros = this.#bytes.readBigInt64BE(this.#at);
        if (momentOf(micros) === null) throw invalid('no commit has its time');
        this.#commit = { lsn, micros: micros + EPOCH_MICROS };
        this.#endSnapshot(lsn);
        if (lsn > this.#next) this.#next = lsn;
        break;
      }
      case COMMIT: {
        const end = knownLsn(bytes.readBigUInt64BE(10));
        this.#commit = null;
        this.reached(end);
        break;
      }
      case RELATION:
        this.#describe();
        break;
      case INSERT:
        this.#insert();
        break;
      case UPDATE:
        this.#update();
        break;
      case DELETE:
        this.#delete();
        break;
      case TRUNCATE:
        this.#truncate();
        break;
    }
  }

  #describe(): void {
    const oid = this.#int();
    const [schema, name] = [this.#string() || 'pg_catalog', this.#string()];
    this.#at++;
    if (oid !== this.#table.oid) {
      // A renamed table keeps its oid, and changes from before have its earlier name.
      if (schema === this.#table.schema && name === this.#table.name && this.#loads(this.#commit?.lsn ?? null))
        throw new TsdbtError('runtime', `${schema}.${name} was dropped and created again`, {
          hint: '`tsdbt load rewind --to earliest` takes a new snapshot.',
        });
      return;
    }
    const message = this.#bytes;
    const columns: ReplicatedColumn[] = [];
    const sent = this.#short();
    if (sent > MOST_COLUMNS) throw invalid(`it has ${sent} columns`);
    for (let count = sent; count > 0; count--) {
      const flags = this.#bytes[this.#at++] ?? 0;
      const column = this.#string();
      columns.push(replicatedColumn(column, this.#int(), (flags & IN_IDENTITY) !== 0, this.#types));
      this.#at += 4;
    }
    const { key } = this.#table;
    const names = columns.map((column) => column.name);
    const lacking = key.find((each) => columns.every((column) => column.name !== each || !column.inIdentity));
    this.#described = Buffer.from(message);
    this.#relation = {
      columns,
      key:
        key.length > 0
          ? key.flatMap((each) => (names.includes(each) ? [names.indexOf(each)] : []))
          : columns.flatMap(({ inIdentity }, i) => (inIdentity ? [i] : [])),
      // Of changes that are skipped it does not matter.
      problem:
        lacking === undefined
          ? null
          : new TsdbtError(
              'runtime',
              `${schema}.${name} cannot be replicated: key column '${lacking}' is ` +
                (names.includes(lacking) ? "not in the table's replica identity" : 'not published'),
              { hint: `alter table ${schema}.${name} replica identity full, or use the columns of its primary key.` },
            ),
    };
  }

  /** Whether changes at a position are loaded, not skipped. */
  #loads(lsn: bigint | null): boolean {
    return lsn !== null && lsn >= this.#after && this.#from !== null && lsn >= this.#from;
  }

  #insert(): void {
    const relation = this.#changed();
    if (relation === null) return;
    this.#at++;
    const row = this.#row(relation);
    this.#add('c', relation, row, row);
  }

  #update(): void {
    const relation = this.#changed();
    if (relation === null) return;
    const mark = this.#bytes[this.#at++];
    let old: SourceRow | null = null;
    if (mark === OLD_KEY || mark === OLD_ROW) {
      old = this.#row(relation);
      this.#at++;
    }
    const row = this.#row(relation);
    const moved = old !== null && !hasSameKey(old, row, relation.key);
    if (moved) this.#add('d', relation, null, old);
    // The previous row of a replica identity `full` has all values, and that of a key has those of the key.
    this.#add(moved ? 'c' : 'u', relation, row, row, old);
  }

  #delete(): void {
    const relation = this.#changed();
    if (relation === null) return;
    this.#at++;
    this.#add('d', relation, null, this.#row(relation));
  }

  #truncate(): void {
    const count = this.#int();
    this.#at++;
    for (let i = 0; i < count; i++) {
      const relation = this.#changed();
      if (relation !== null) this.#add('t', relation, null, null);
    }
  }

  #add(
    op: 'c' | 'u' | 'd' | 't',
    { columns, key, problem }: Relation,
    after: SourceRow | null,
    keyed: SourceRow | null,
    old: SourceRow | null = null,
  ): void {
    if (this.#commit === null || this.#commit.lsn < this.#after) return;
    const offset = this.#next++;
    if (this.#from === null || offset < this.#from) return;
    if (problem !== null) throw problem;
    this.records.add(op, offset, this.#commit, columns, after, keyed, key, old);
  }

  /** The relation of a change; null: another table's. */
  #changed(): Relation | null {
    if (this.#int() !== this.#table.oid) return null;
    if (this.#relation === null) throw invalid('it has a change of a table that was not described');
    return this.#relation;
  }

  /** Reads a row; its values stay in the message's bytes. */
  #row({ columns }: Relation): SourceRow {
    const bytes = this.#bytes;
    const spans: number[] = [];
    const sent = this.#short();
    if (sent !== columns.length) throw invalid(`it has ${sent} values for ${columns.length} columns`);
    for (let count = sent; count > 0; count--) {
      const code = bytes[this.#at++];
      if (code === NULL_CODE) spans.push(NULL_VALUE, 0);
      else if (code === UNCHANGED_CODE) spans.push(UNCHANGED_VALUE, 0);
      else {
        const length = this.#int();
        spans.push(this.#at, (this.#at += length));
      }
    }
    if (this.#at > bytes.length) throw invalid('it ends too early');
    return { bytes, spans };
  }

  #short(): number {
    this.#at += 2;
    return this.#bytes.readUInt16BE(this.#at - 2);
  }

  #int(): number {
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  #long(): bigint {
    this.#at += 8;
    return this.#bytes.readBigUInt64BE(this.#at - 8);
  }

  #string(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end === -1 || end - this.#at > MOST_NAME_BYTES) throw invalid('it has a name without an end');
    const text = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return text;
  }
}

/** Whether both rows have the same values in these columns. An unchanged value is the same. */
function hasSameKey(old: SourceRow, row: SourceRow, key: readonly number[]): boolean {
  return key.every((i) => {
    const [start = 0, end = 0, oldStart = 0, oldEnd = 0] = [
      ...row.spans.slice(i * 2, i * 2 + 2),
      ...old.spans.slice(i * 2, i * 2 + 2),
    ];
    if (start === UNCHANGED_VALUE) return true;
    if (start < 0 || oldStart < 0) return start === oldStart;
    return old.bytes.compare(row.bytes, start, end, oldStart, oldEnd) === 0;
  });
}

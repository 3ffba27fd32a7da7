// Builds a row of COPY's text format from the bytes of an ordinary JSON envelope without parsing all of it. The
// invariant of json-row-path.ts applies: a row equals, byte for byte, what debezium-decoder.ts and row-encoder.ts build
// from the message. In doubt nothing is added, and they decide; only they reject messages and stop.
//
// The row after the change and the key are scanned as plain objects. Unconverted values are copied; connector-cells.ts
// writes dates, timestamps and decimals; every other value is parsed and converted individually.
import type { TopicPartition } from '../../brokers/broker.ts';
import { Halt, type Operation } from '../row-change.ts';
import { PoisonMessage } from '../message-decoder.ts';
import { isDigit, LINE_FEED, MINUS, OPEN, QUOTE, TAB, ZERO } from '../values/ascii.ts';
import { CopyWriter, copied } from '../rows/copy-writer.ts';
import {
  ABSENT,
  ESCAPED,
  JSON_CARE,
  JSON_PLAIN,
  JsonScanner,
  NULL,
  PART,
  PLAIN,
  REST_STRIDE,
  TEXT,
} from '../rows/json-scanner.ts';
import { PartCells } from '../rows/part-cells.ts';
import type { Records } from '../../brokers/message-records.ts';
import type { RowBuffer } from '../rows/row-buffer.ts';
import { parseJson } from '../values/lossless-json.ts';
import type { LoadTarget } from '../../settings/load-target.ts';
import { cellOf, partitionTime, restCell, type ColumnPlan, type RowPlan } from '../rows/row-encoder.ts';
import type { RowPath } from '../rows/row-writer.ts';
import { Members } from './json-members.ts';
import type { PlainKey } from './message-key.ts';
import { QuickCells } from './connector-cells.ts';
import { SchemaHead } from './schema-prefix.ts';
import type { Semantics } from './field-semantics.ts';
import type { Floor, SnapshotFloors } from './snapshot-floors.ts';
import { SOURCE_FIELDS, sourcePosition } from './source-position.ts';
import type { Placeholder } from './toast-placeholder.ts';
import type { Conversion, ValueReader } from './change-values.ts';

/** What debezium-decoder.ts knows about the changes of one target. */
export interface ChangeSource {
  readonly target: Pick<LoadTarget, 'name' | 'path' | 'mode' | 'changes'>;
  readonly values: ValueReader;
  readonly placeholder: Placeholder;
  /** What takes a key that is not an object. */
  readonly plain: PlainKey | null;
  /** The source of the changes so far; null: there was none. */
  readonly source: string | null;
}

const [OP, AFTER, SOURCE] = [0, 1, 2];
const [CONNECTOR, NAME, LSN, TS_US, SEQUENCE] = [0, 1, 2, 6, 7];
const OPERATIONS: ReadonlyMap<number, Operation> = new Map(
  (['c', 'r', 'u', 'd'] as const).map((op) => [op.charCodeAt(0), op]),
);
const POSTGRES = Buffer.from('"postgresql"');
/** Before the first number of `sequence`. */
const SEQUENCE_BEGIN = Buffer.from(String.raw`"[\"`);
/** Smaller numbers have only digits that a double represents exactly. */
const SURE = 9e15;
/** A cell is at most twice as long as its value, plus this; so is the end of a row. */
const [CELL_BYTES, END_BYTES] = [80, 160];
/** Ordinary keys that are not objects: JSON texts, and texts that are not JSON. */
const QUOTED_KEY = /^"[\w.:@+/ -]+"$/;
const BARE_KEY = /^(?!(?:true|false|null)$)[A-Za-z_][\w.:@+/-]*$/;
/** For a text column, which takes them unchanged. */
const TEXT_KEY = /^[\w.:@+/-]+$/;
const YEAR_0 = Buffer.from('0000-');

/** How the values of messages with the same schemas are converted. */
interface Program {
  readonly fields: ReadonlyMap<string, Semantics> | null;
  readonly keyFields: ReadonlyMap<string, Semantics> | null;
  readonly connector: string;
  readonly conversions: ReadonlyMap<string, Conversion>;
  /** By column; null: its values are not converted. */
  readonly columns: readonly (Conversion | null)[];
  /** Whether fields without a column are converted. */
  readonly convertsRest: boolean;
  /** By column: whether it is read in the same way in key and row. */
  readonly agrees: readonly boolean[];
}

export class EnvelopeCells implements RowPath {
  readonly #plan: RowPlan;
  readonly #floors: SnapshotFloors;
  readonly #changes: ChangeSource;
  readonly #row: JsonScanner;
  readonly #key: JsonScanner;
  readonly #envelope = new Members(['op', 'after', 'source']);
  readonly #source = new Members(SOURCE_FIELDS);
  readonly #head = new SchemaHead('after');
  readonly #keyHead = new SchemaHead(null);
  readonly #writer: CopyWriter;
  readonly #quick = new QuickCells();
  readonly #parts: PartCells | null;
  readonly #tails: { readonly kept: Buffer; readonly deleted: Buffer };
  readonly #partitionColumn: number;
  #program: Program | null = null;
  #place: Buffer | null = null;
  #floor: Floor | null = null;
  /** The source so far as JSON, and as a cell with tabs before and after. */
  #name: string | null = null;
  #written = Buffer.alloc(0);
  #cell = Buffer.alloc(0);
  #connector = '';
  #position = 0n;
  /** The time of the source; undefined: the message contains it in microseconds. */
  #at: string | null | undefined;
  #micros: number | null = null;
  /** Fields of the current message's row and key by their schemas; null: it came without them. */
  #fields: Program['fields'] = null;
  #keyFields: Program['fields'] = null;
  #bytes: Buffer = Buffer.alloc(0);
  #time: number | null = null;

  /** @returns null for columns that only the slow path can fill */
  static of(plan: RowPlan, floors: SnapshotFloors, changes: ChangeSource): EnvelopeCells | null {
    const names = plan.columns.map(({ name }) => name);
    const wrapping = names.includes('schema') && names.includes('payload');
    return wrapping || plan.columns.some(({ path }) => path !== null) ? null : new EnvelopeCells(plan, floors, changes);
  }

  private constructor(plan: RowPlan, floors: SnapshotFloors, changes: ChangeSource) {
    this.#plan = plan;
    this.#floors = floors;
    this.#changes = changes;
    // All other fields are checked: one of them may be a kept, unchanged large value.
    this.#row = new JsonScanner({ ...plan, rest: true });
    this.#key = new JsonScanner({ ...plan, rest: true, watchesDrift: false, dropped: new Set() });
    this.#writer = new CopyWriter(plan);
    this.#parts = PartCells.of(plan, (column, cell) => {
      const { found, spans } = this.#row;
      found[column] = cell === null ? NULL : PART;
      spans[column * 2] = column;
      this.#writer.parts[column] = cell ?? '';
    });
    const tail = plan.tail.toString('utf8').slice(0, -1);
    this.#tails = { kept: Buffer.from(`${tail}\t`), deleted: Buffer.from(`${tail.replace('\tf\t', '\tt\t')}\t`) };
    this.#partitionColumn = plan.columns.findIndex(({ name }) => name === plan.partitionColumn);
  }

  add(records: Records, i: number, rows: RowBuffer, place: Buffer, loadedAt: Buffer): boolean {
    const { bytes } = records;
    this.#bytes = bytes;
    const op = this.#operation(bytes, records.valueStart(i), records.valueEnd(i));
    if (op === null || !this.#sourceOf(bytes)) return false;
    const { mode, changes } = this.#changes.target;
    if (op === 'd' && (changes?.deletes === 'ignore' || this.#partitionColumn >= 0)) return false;
    if (place !== this.#place && !this.#enter(place)) return false;
    const keyed = this.#keyOf(records, i);
    if (keyed === null || (!keyed && (mode === 'upsert' || op === 'd'))) return false;
    if (!this.#rowOf(bytes, op)) return false;
    const program = this.#programOf(keyed);
    if (!this.#looks(bytes, program, keyed) || this.#stepsBack(bytes, op)) return false;
    return this.#write(program, records, i, rows, { op, place, loadedAt });
  }

  /** Finds the envelope's members. @returns null: use the slow path */
  #operation(bytes: Buffer, start: number, end: number): Operation | null {
    const envelope = this.#envelope;
    const head = this.#head;
    const payload = head.payload(bytes, start, end);
    this.#fields = payload < 0 ? null : head.fields;
    if (payload >= 0) {
      if (!head.ends(bytes, envelope.scan(bytes, payload, end), end)) return null;
    } else if (envelope.scan(bytes, start, end) !== end) return null;
    else if (!envelope.has(OP)) return head.learn(bytes, start, end) ? this.#operation(bytes, start, end) : null;
    const op = envelope.starts[OP] ?? -1;
    if (op < 0 || bytes[op] !== QUOTE || (envelope.ends[OP] ?? 0) - op !== 3) return null;
    return OPERATIONS.get(bytes[op + 1] ?? 0) ?? null;
  }

  /** Reads the position in the source. @returns false: use the slow path */
  #sourceOf(bytes: Buffer): boolean {
    const source = this.#source;
    const [start = -1, end = -1] = [this.#envelope.starts[SOURCE], this.#envelope.ends[SOURCE]];
    if (start < 0 || source.scan(bytes, start, end) < 0) return false;
    const { source: name } = this.#changes;
    if (name === null || (name !== this.#name && !this.#called(name))) return false;
    if (!stands(this.#written, bytes, source.starts[NAME] ?? 0, source.ends[NAME] ?? 0)) return false;
    const postgres = stands(POSTGRES, bytes, source.starts[CONNECTOR] ?? 0, source.ends[CONNECTOR] ?? 0);
    const position = postgres ? wholeOf(bytes, source.starts[LSN] ?? -1, source.ends[LSN] ?? -1) : Number.NaN;
    const micros = wholeOf(bytes, source.starts[TS_US] ?? -1, source.ends[TS_US] ?? -1);
    if (Number.isNaN(position) || Number.isNaN(micros)) return this.#otherSource();
    this.#connector = 'postgresql';
    this.#position = BigInt(position);
    this.#at = undefined;
    this.#micros = micros;
    return true;
  }

  /** The same for other connectors, and for other notations. */
  #otherSource(): boolean {
    const text = (field: number): string | null => {
      const found = this.#source.text(field);
      if (found === null || found === 'null') return null;
      return found.startsWith('"') ? found.slice(1, -1) : found;
    };
    const [connector = null, name = null, lsn = null, file = null, pos = null, ts_ms = null, ts_us = null] =
      SOURCE_FIELDS.map((_, field) => text(field));
    try {
      const fields = { connector, name, lsn, file, pos, ts_ms, ts_us, sequence: null };
      const found = sourcePosition(fields, this.#changes.target);
      this.#position = found.position;
      this.#connector = found.connector;
      this.#at = found.at;
      this.#micros = found.micros;
      return true;
    } catch (error) {
      if (error instanceof PoisonMessage || error instanceof Halt) return false;
      throw error;
    }
  }

  /** Whether the source's positions may have restarted. Most changes have no earlier commit after them. */
  #stepsBack(bytes: Buffer, op: Operation): boolean {
    const floor = this.#floor;
    if (floor === null || !floor.isBehind(op, this.#position, this.#micros)) return false;
    const start = (this.#source.starts[SEQUENCE] ?? -1) + SEQUENCE_BEGIN.length;
    if (!stands(SEQUENCE_BEGIN, bytes, start - SEQUENCE_BEGIN.length, start)) return true;
    let end = start;
    while (isDigit(bytes[end])) end++;
    // NaN is never less.
    return !(wholeOf(bytes, start, end) >= Number(floor.newest));
  }

  /** Reads the source's name. @returns false for one that COPY or JSON escapes */
  #called(name: string): boolean {
    if (/[\\"\p{Cc}\p{Cs}\ufffd]/u.test(name)) return false;
    this.#name = name;
    this.#written = Buffer.from(`"${name}"`);
    this.#cell = Buffer.from(`\t${name}\t`);
    return true;
  }

  /** Reads topic and partition. @returns false for a name that COPY escapes, and for another source than the table's */
  #enter(place: Buffer): boolean {
    const [, topic = '', partition] = place.toString('utf8').split('\t');
    if (topic.includes('\\')) return false;
    const at: TopicPartition = { topic, partition: Number(partition) };
    const floor = this.#floors.of(at);
    if (floor.source !== null && floor.source !== this.#changes.source) return false;
    this.#floor = floor;
    this.#place = place;
    return true;
  }

  /** Scans the key. @returns false: there is none; null: use the slow path */
  #keyOf(records: Records, i: number): boolean | null {
    const start = records.keyStart(i);
    if (start < 0) return false;
    const end = records.keyEnd(i);
    const { bytes } = records;
    if (bytes[start] !== OPEN) return this.#plainKey(bytes, start, end);
    const scanner = this.#key;
    const head = this.#keyHead;
    const payload = head.payload(bytes, start, end);
    this.#keyFields = payload < 0 ? null : head.fields;
    if (payload >= 0) {
      if (!head.ends(bytes, end - 1, end) || !scanner.scan(bytes, payload, end - 1)) return null;
    } else if (!scanner.scan(bytes, start, end)) return null;
    else if (scanner.rest.length > 0) return head.learn(bytes, start, end) ? this.#keyOf(records, i) : null;
    if (scanner.rest.length > 0) return null;
    if (this.#changes.target.mode === 'upsert')
      for (const [column, { key, part }] of this.#plan.columns.entries())
        if (key && part === null ? (scanner.found[column] ?? ABSENT) <= NULL : scanner.found[column] !== ABSENT)
          return null;
    return true;
  }

  /** Reads a key that is not an object for the only key column. @returns like `#keyOf`; false: no column takes it */
  #plainKey(bytes: Buffer, start: number, end: number): boolean | null {
    const { plain } = this.#changes;
    const column = plain === null ? -1 : this.#plan.columns.findIndex(({ name }) => name === plain.column);
    if (plain === null || (column < 0 && plain.column !== null)) return null;
    const quoted = bytes[start] === QUOTE;
    const text = bytes.toString('latin1', start, end);
    const whole = !plain.text && /^(?:0|-?[1-9]\d{0,14})$/.test(text);
    if (!whole && !(quoted ? QUOTED_KEY : plain.text ? TEXT_KEY : BARE_KEY).test(text)) return null;
    if (column < 0) return false;
    const { found, spans, rest } = this.#key;
    found.fill(ABSENT);
    rest.length = 0;
    found[column] = whole ? PLAIN : TEXT;
    spans[column * 2] = quoted ? start + 1 : start;
    spans[column * 2 + 1] = quoted ? end - 1 : end;
    this.#keyFields = null;
    return true;
  }

  /** Scans the row after the change. @returns false: use the slow path */
  #rowOf(bytes: Buffer, op: Operation): boolean {
    const scanner = this.#row;
    if (op === 'd') {
      scanner.found.fill(ABSENT);
      scanner.rest.length = 0;
      return true;
    }
    const [start = -1, end = -1] = [this.#envelope.starts[AFTER], this.#envelope.ends[AFTER]];
    return start >= 0 && bytes[start] === OPEN && scanner.scan(bytes, start, end);
  }

  #programOf(keyed: boolean): Program {
    const fields = this.#fields;
    const keyFields = keyed ? this.#keyFields : null;
    const connector = this.#connector;
    const known = this.#program;
    if (known?.fields === fields && known.keyFields === keyFields && known.connector === connector) return known;
    const { values } = this.#changes;
    const conversions = fields === null ? values.bare(connector) : values.of(fields, connector);
    const { columns, taken, elsewhere } = this.#plan;
    const ofKey = keyFields === null ? values.bare(connector) : values.of(keyFields, connector);
    this.#program = {
      fields,
      keyFields,
      connector,
      conversions,
      columns: columns.map(({ name, part }) => (part === null ? (conversions.get(name) ?? null) : null)),
      convertsRest: [...conversions].some(
        ([name, { quick }]) => !taken.children.has(name) && !elsewhere.has(name) && quick.how !== 'same',
      ),
      agrees: columns.map(({ name }) => {
        const alike = (fields === null) === (keyFields === null);
        if (alike && JSON.stringify(fields?.get(name)) === JSON.stringify(keyFields?.get(name))) return true;
        return isSame(conversions.get(name)) && isSame(ofKey.get(name));
      }),
    };
    return this.#program;
  }

  /** Looks for what requires the slow path in fields without a column, and in the key's fields in the row. */
  #looks(bytes: Buffer, program: Program, keyed: boolean): boolean {
    const { rest, found, spans } = this.#row;
    for (let i = 0; i < rest.length; i += REST_STRIDE) {
      const [kind = 0, start = 0, end = 0] = [rest[i + 4], rest[i + 2], rest[i + 3]];
      const text = kind === TEXT || kind === ESCAPED;
      if (this.#plan.rest && this.#unavailable(bytes, kind, text ? start + 1 : start, text ? end - 1 : end))
        return false;
      if (this.#plan.elsewhere.size > 0 && this.#plan.elsewhere.has(bytes.toString('utf8', rest[i], rest[i + 1])))
        return false;
    }
    if (!keyed) return true;
    // The key counts. Invalid values of its columns in the row are rejected, unless they have the same bytes.
    const { found: keyFound, spans: keySpans } = this.#key;
    for (let column = 0; column < keyFound.length; column++) {
      if (keyFound[column] === ABSENT) continue;
      if (program.agrees[column] !== true) return false;
      const [start = 0, end = 0] = [keySpans[column * 2], keySpans[column * 2 + 1]];
      if (found[column] !== ABSENT) {
        if (found[column] !== keyFound[column]) return false;
        const at = spans[column * 2] ?? 0;
        const length = end - start;
        if ((spans[column * 2 + 1] ?? 0) - at !== length) return false;
        for (let i = 0; i < length; i++) if (bytes[at + i] !== bytes[start + i]) return false;
      }
      found[column] = keyFound[column] ?? ABSENT;
      spans[column * 2] = start;
      spans[column * 2 + 1] = end;
    }
    return true;
  }

  /** Whether it is the placeholder of an unchanged value. */
  #unavailable(bytes: Buffer, kind: number, start: number, end: number): boolean {
    const { placeholder } = this.#changes;
    if (kind === TEXT) return placeholder.stands(bytes, start, end);
    return (
      (kind === ESCAPED || kind === JSON_PLAIN || kind === JSON_CARE) &&
      placeholder.is(readValue(bytes, kind, start, end))
    );
  }

  #write(
    program: Program,
    records: Records,
    i: number,
    rows: RowBuffer,
    { op, place, loadedAt }: { readonly op: Operation; readonly place: Buffer; readonly loadedAt: Buffer },
  ): boolean {
    const { bytes } = records;
    const { columns, rest } = this.#plan;
    const { found, spans, rest: others } = this.#row;
    const more = this.#parts === null ? 0 : this.#parts.read(records, i, place);
    if (more < 0) return false;
    const keeps = op === 'u' && this.#changes.target.changes?.keeps === true;
    const most =
      records.size(i) * 2 + (columns.length + 1) * CELL_BYTES + place.length + this.#tails.kept.length + more;
    rows.room(most + this.#cell.length + END_BYTES);
    const writer = this.#writer;
    writer.begin(bytes, rows.bytes);
    let to = rows.end;
    let { keyEnd } = rows;
    this.#time = null;
    let column = -1;
    for (const plan of columns) {
      column++;
      const cell = to;
      const kind = found[column] ?? ABSENT;
      if (kind <= NULL) {
        if (keeps && kind === ABSENT && plan.part === null && !plan.stamped) return false;
        if (column === this.#partitionColumn || plan.key) return false;
        to = op === 'd' && !plan.stamped ? writer.nothing(to) : writer.absent(to, plan, loadedAt);
      } else {
        const start = spans[column * 2] ?? 0;
        const end = spans[column * 2 + 1] ?? 0;
        const conversion = program.columns[column] ?? null;
        const ordinary = kind === PART || column !== this.#partitionColumn;
        to = ordinary ? this.#valueCell(to, plan, kind, start, end, conversion, rows.bytes) : -1;
        if (to < 0) {
          const text = this.#closely(plan, kind, start, end, conversion);
          if (text === null) return false;
          rows.room(most + this.#cell.length + END_BYTES + text.length * 3, cell);
          writer.begin(bytes, rows.bytes);
          to = cell + rows.bytes.write(text, cell, 'utf8');
        }
      }
      if (to < 0) return false;
      if (plan.key) keyEnd = rows.keyCell(cell, to, keyEnd);
      rows.bytes[to++] = TAB;
    }
    const text = program.convertsRest && others.length > 0 ? this.#restClosely(program) : '';
    if (text === null) return false;
    if (!rest) to--;
    else if (text !== '') {
      rows.room(this.#cell.length + place.length + this.#tails.kept.length + END_BYTES + text.length * 3, to);
      writer.begin(bytes, rows.bytes);
      to += rows.bytes.write(text, to, 'utf8');
    } else to = writer.restCell(to, others);
    const floor = this.#floor;
    if (floor === null) return false;
    const position = floor.ranked(op, this.#position, this.#micros);
    to = this.#end(to, records, i, rows.bytes, op, place, position);
    rows.place(position);
    if (op === 'd') rows.tombstones++;
    rows.added(i, to, keyEnd);
    const of = this.#partitionColumn;
    const time = of < 0 ? null : found[of] === PART ? (this.#parts?.time ?? null) : this.#time;
    if (time !== null) rows.addTime(time);
    return true;
  }

  /** Writes a value. @returns the end of the cell; -1: it must be parsed and converted */
  #valueCell(
    to: number,
    plan: ColumnPlan,
    kind: number,
    start: number,
    end: number,
    conversion: Conversion | null,
    out: Buffer,
  ): number {
    const bytes = this.#bytes;
    if (kind === PART) return this.#writer.cell(to, plan, kind, start, end);
    if (kind !== PLAIN && (kind !== TEXT || this.#changes.placeholder.stands(bytes, start, end))) return -1;
    const number = kind === PLAIN && (bytes[start] === MINUS || isDigit(bytes[start]));
    const text = kind === TEXT;
    const { quick } = conversion ?? UNCONVERTED;
    switch (quick.how) {
      case 'same':
        break;
      case 'special':
        if (text && bytes[start] !== MINUS && !isDigit(bytes[start])) return -1;
        break;
      case 'stamp':
        if (text && !isStamp(bytes, start)) return -1;
        break;
      case 'moment':
        if (number) return this.#quick.moment(to, bytes, start, end, plan, quick, out);
        if (!text || quick.zone !== 'Z' || !isStamp(bytes, start)) return -1;
        break;
      case 'day':
        return number ? this.#quick.day(to, bytes, start, end, plan, out) : -1;
      case 'decimal':
        if (text) return this.#quick.decimal(to, bytes, start, end, plan, quick, out);
        break;
      default:
        return -1;
    }
    return this.#writer.cell(to, plan, kind, start, end);
  }

  /** Parses a value, converts it, and returns its cell. @returns null: use the slow path */
  #closely(plan: ColumnPlan, kind: number, start: number, end: number, conversion: Conversion | null): string | null {
    const value = readValue(this.#bytes, kind, start, end);
    if (this.#changes.placeholder.is(value)) return null;
    try {
      const converted = conversion === null ? value : conversion.read(value);
      if (converted === null || converted === undefined) return null;
      const text = cellOf(converted, plan, this.#plan);
      if (plan.name === this.#plan.partitionColumn) this.#time = partitionTime(converted, plan);
      return text;
    } catch (error) {
      if (error instanceof PoisonMessage) return null;
      throw error;
    }
  }

  /** The cell of the fields without a column, some of which are converted. @returns like `#closely` */
  #restClosely({ conversions }: Program): string | null {
    const { rest } = this.#row;
    const bytes = this.#bytes;
    const record: Record<string, unknown> = Object.create(null);
    try {
      for (let i = 0; i < rest.length; i += REST_STRIDE) {
        const [kind = 0, start = 0, end = 0] = [rest[i + 4], rest[i + 2], rest[i + 3]];
        const name = bytes.toString('utf8', rest[i], rest[i + 1]);
        const text = kind === TEXT || kind === ESCAPED;
        const value = kind === NULL ? null : readValue(bytes, kind, text ? start + 1 : start, text ? end - 1 : end);
        const conversion = conversions.get(name);
        record[name] = value === null || conversion === undefined ? value : conversion.read(value);
      }
      return restCell(record);
    } catch (error) {
      if (error instanceof PoisonMessage) return null;
      throw error;
    }
  }

  /** Writes the end of a row, after its last own cell. @returns the row's end */
  #end(from: number, records: Records, i: number, out: Buffer, op: Operation, place: Buffer, position: bigint): number {
    const writer = this.#writer;
    const tail = op === 'd' ? this.#tails.deleted : this.#tails.kept;
    let to = copied(place, 0, place.length, out, from);
    to = writer.digits(to, records.offsetNumber(i));
    out[to++] = TAB;
    to = writer.moment(to, records.timestamp(i));
    to = copied(tail, 0, tail.length, out, to);
    to = position < SURE ? writer.digits(to, Number(position)) : to + out.write(String(position), to, 'latin1');
    out[to++] = TAB;
    out[to++] = op.charCodeAt(0);
    to = copied(this.#cell, 0, this.#cell.length, out, to);
    if (this.#at === undefined)
      to = this.#quick.micros(to, this.#bytes, this.#source.starts[TS_US] ?? 0, this.#source.ends[TS_US] ?? 0, out);
    else if (this.#at === null) to = writer.nothing(to);
    else to += out.write(this.#at, to, 'latin1');
    out[to++] = LINE_FEED;
    return to;
  }
}

const UNCONVERTED: Pick<Conversion, 'quick'> = { quick: { how: 'same', perSecond: 0, zone: '', scale: 0 } };

/** Whether a conversion leaves values unchanged. */
function isSame(conversion: Conversion | undefined): boolean {
  return (conversion ?? UNCONVERTED).quick.how === 'same';
}

/** A value as the slow path reads it; not null. */
function readValue(bytes: Buffer, kind: number, start: number, end: number): unknown {
  if (kind === TEXT) return bytes.toString('utf8', start, end);
  if (kind === ESCAPED) return JSON.parse(bytes.toString('utf8', start - 1, end + 1));
  // The surrounding bytes show how a number is written.
  return parseJson(` ${bytes.toString('utf8', start, end)} `);
}

/** Whether a text begins with a year that databases read unchanged. */
function isStamp(bytes: Buffer, start: number): boolean {
  return isDigit(bytes[start]) && bytes[start + 4] === MINUS && !stands(YEAR_0, bytes, start, start + YEAR_0.length);
}

function stands(text: Buffer, bytes: Buffer, start: number, end: number): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text[i]) return false;
  return true;
}

/** The number represented by these digits; NaN: other bytes, or too many digits. */
function wholeOf(bytes: Buffer, start: number, end: number): number {
  if (start < 0 || end - start > 16) return Number.NaN;
  let value = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? QUOTE;
    if (!isDigit(byte)) return Number.NaN;
    value = value * 10 + byte - ZERO;
  }
  return value < SURE && end > start ? value : Number.NaN;
}

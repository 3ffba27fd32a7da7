// Builds a row of COPY's text format from the bytes of an ordinary Avro message, without an intermediate record. The
// invariant of json-row-path.ts applies: a row equals, byte for byte, what avro-decoder.ts and row-encoder.ts build
// from the message. In doubt nothing is added, and they decide; only they reject messages.
//
// The first pass reads the fields in byte order: texts are noted by position, numbers by value, and everything else
// becomes its cell immediately. The second pass writes the cells in column order.
import { isUtf8 } from 'node:buffer';
import { surelyFits } from '../values/column-check.ts';
import { PoisonMessage } from '../message-decoder.ts';
import { BACKSLASH, CAPITAL_Z, MINUS, POINT, SPACE, TAB, ZERO } from '../values/ascii.ts';
import { CopyWriter, copied } from '../rows/copy-writer.ts';
import { PartCells } from '../rows/part-cells.ts';
import type { Records } from '../../brokers/message-records.ts';
import type { RowBuffer } from '../rows/row-buffer.ts';
import { HEAD_BYTES, MAGIC } from '../registered-schemas.ts';
import { type PathNode, remainder, valueAt } from '../values/path-tree.ts';
import { type ColumnPlan, cellOf, partitionTime, restCell, type RowPlan } from '../rows/row-encoder.ts';
import type { RowPath } from '../rows/row-writer.ts';
import { Cursor } from './byte-cursor.ts';
import type { WriterSchema } from './avro-decoder.ts';
import { USUAL_END_SECOND, USUAL_FIRST_SECOND } from '../values/time-range.ts';
import { momentText, secondsOf } from '../values/logical-types.ts';
import { double, type Reader, readString } from './avro-reader.ts';
import type { AvroType } from './avro-schema.ts';

/** Maximum length of a cell that is not a text. */
const CELL_BYTES = 48;
/** How a field's value is read, and what is noted of it. */
const [SKIPPED, VALUE, TEXT, WHOLE, BOOLEAN, SYMBOL, MOMENT, TAKEN, DOUBLE] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
/** The value noted for a column: a kind from above, or one of these. */
const [ABSENT, NULL] = [9, 10];
/** A double that is a whole number of ten-thousandths, below a limit, is written by its digits. */
const [DOUBLE_SCALE, DOUBLE_DIGITS, DOUBLE_LIMIT] = [10_000, 4, 1e9];
/** Characters of a timestamp to the second. */
const CLOCK_BYTES = 19;
/** The first seconds of the years 1 and 10000. */
const [YEAR_1, YEAR_10000] = [-62_135_596_800, 253_402_300_800];
/** COPY's escape letter by control character; 0: no escape. */
const ESCAPES = new Uint8Array(SPACE);
ESCAPES.set(Buffer.from('btnvfr'), 8);

/** A column's value in the current message. */
interface Slot {
  readonly plan: ColumnPlan;
  found: number;
  /** The position of a text. */
  start: number;
  end: number;
  /** A number, 1 for true, or the index of a symbol. */
  number: number;
  /** A cell. */
  text: string;
}

/** One field of a schema, ready to be read. */
interface Step {
  readonly how: number;
  /** Null: it goes to the rest, or nowhere. */
  readonly slot: Slot | null;
  readonly name: string;
  readonly read: Reader;
  /** The index of null in a union with one other branch; -1: it is not such a union. */
  readonly nullBranch: number;
  /** For whole numbers: whether it has 64 bits. */
  readonly wide: boolean;
  /** For timestamps: units per second, their digits, and whether a Z follows. */
  readonly perSecond: number;
  readonly digits: number;
  readonly zone: string;
  /** For a value of which columns take parts: which parts. */
  readonly taken: PathNode | null;
  /** Whether the rest keeps what columns leave of it. */
  readonly keep: boolean;
  /** For an enum: its symbols as cells. */
  readonly symbols: readonly Buffer[];
}

/** A schema's fields, and the columns in order with their initial values. */
interface Program {
  readonly steps: readonly Step[];
  readonly columns: readonly { readonly slot: Slot; readonly step: Step | null; readonly fallback: string | null }[];
  /** Space for the longest symbols. */
  readonly bytes: number;
}

export class AvroCells implements RowPath {
  readonly #plan: RowPlan;
  readonly #schema: (id: number) => WriterSchema | null;
  readonly #writer: CopyWriter;
  readonly #programs = new WeakMap<WriterSchema, Program | null>();
  readonly #cursor = new Cursor();
  readonly #slots: readonly Slot[];
  /** The column that determines the row's partition. */
  readonly #partition: Slot | null;
  readonly #parts: PartCells | null;
  #lastSchema: WriterSchema | null = null;
  #program: Program | null = null;
  #time = 0;
  #rest: Record<string, unknown> | null = null;
  #textLength = 0;
  /** The second whose text is in `#clock`. */
  #second = Number.NaN;
  readonly #clock = Buffer.alloc(CLOCK_BYTES);

  /** @param schema returns what is known about a schema id, without a request */
  constructor(plan: RowPlan, schema: (id: number) => WriterSchema | null) {
    this.#plan = plan;
    this.#schema = schema;
    this.#writer = new CopyWriter(plan);
    this.#slots = plan.columns.map((column) => ({
      plan: column,
      found: ABSENT,
      start: 0,
      end: 0,
      number: 0,
      text: '',
    }));
    this.#partition = this.#slots.find((slot) => slot.plan.name === plan.partitionColumn) ?? null;
    this.#parts = PartCells.of(plan, (column, cell) => {
      const slot = this.#slots[column];
      if (slot !== undefined && cell !== null) this.#keepText(slot, cell);
    });
  }

  add(records: Records, i: number, rows: RowBuffer, place: Buffer, loadedAt: Buffer): boolean {
    const start = records.valueStart(i);
    const end = records.valueEnd(i);
    const { bytes } = records;
    if (end - start < HEAD_BYTES || bytes[start] !== MAGIC) return false;
    const program = this.#programOf(bytes.readInt32BE(start + 1));
    if (program === null) return false;
    const cursor = this.#cursor.set(bytes, start + HEAD_BYTES, end);
    try {
      if (!this.#read(program, cursor)) return false;
    } catch (error) {
      // The slow path reports what is wrong.
      if (error instanceof PoisonMessage || error instanceof RangeError) return false;
      throw error;
    }
    return this.#write(program, records, i, rows, place, loadedAt);
  }

  #programOf(id: number): Program | null {
    const schema = this.#schema(id);
    if (schema === null) return null;
    if (schema === this.#lastSchema) return this.#program;
    let program = this.#programs.get(schema);
    if (program === undefined) {
      program = this.#compile(schema);
      this.#programs.set(schema, program);
    }
    [this.#lastSchema, this.#program] = [schema, program];
    return program;
  }

  /** Null if all messages of the schema must be decoded. */
  #compile({ resolution, fields, refused }: WriterSchema): Program | null {
    if (resolution === null || refused !== null) return null;
    // Such a row begins with what ends the others.
    if (this.#slots.length === 0 && !this.#plan.rest) return null;
    const { dropped, elsewhere, taken, watchesDrift, rest } = this.#plan;
    const slots = new Map(this.#slots.map((slot) => [slot.plan.name, slot]));
    const steps: Step[] = [];
    const fallbacks = new Map<Slot, string | null>();
    try {
      for (const { as, type, read } of fields) {
        const node = as === null ? undefined : taken.children.get(as);
        const keep = rest && as !== null && !dropped.has(as);
        const [column = -1] = node?.columns ?? [];
        const slot = node?.columns.length === 1 && node.children.size === 0 ? this.#slots[column] : undefined;
        // A new field may have to become a column.
        if (watchesDrift && node === undefined && as !== null && !dropped.has(as) && !elsewhere.has(as)) return null;
        const otherwise = node === undefined ? (keep ? VALUE : SKIPPED) : TAKEN;
        steps.push({
          ...this.#step(type, read, as ?? '', slot ?? null, otherwise),
          taken: node ?? null,
          keep,
        });
      }
      for (const [name, value] of resolution.fallbacks) {
        const slot = slots.get(name);
        if (slot === undefined) return null;
        fallbacks.set(slot, value === null ? null : cellOf(value, slot.plan, this.#plan));
      }
    } catch (error) {
      if (error instanceof PoisonMessage) return null;
      throw error;
    }
    const partition = this.#partition;
    const { path, part } = partition?.plan ?? {};
    if (partition !== null && path === null && part === null && !steps.some(({ slot }) => slot === partition))
      return null;
    const columns = this.#slots.map((slot) => ({
      slot,
      step: steps.find((step) => step.slot === slot) ?? null,
      fallback: fallbacks.get(slot) ?? null,
    }));
    const bytes = steps.reduce((sum, { symbols }) => sum + Math.max(0, ...symbols.map(({ length }) => length)), 0);
    return { steps, columns, bytes };
  }

  /** @param otherwise how it is read without a column @throws PoisonMessage for a symbol that its column rejects */
  #step(
    type: AvroType,
    read: Reader,
    name: string,
    slot: Slot | null,
    otherwise: number,
  ): Omit<Step, 'taken' | 'keep'> {
    const nullBranch =
      type.kind === 'union' && type.branches.length === 2 ? type.branches.findIndex(({ kind }) => kind === 'null') : -1;
    const value = type.kind === 'union' && nullBranch >= 0 ? (type.branches[1 - nullBranch] ?? type) : type;
    const ordinary = slot === null ? otherwise : howOf(value, slot.plan);
    // The day of a partition is computed from the decoded value.
    const how = slot !== null && slot === this.#partition && ordinary !== MOMENT ? VALUE : ordinary;
    const logical = 'logical' in value ? value.logical : null;
    const epoch = logical === null ? (slot?.plan.epoch ?? null) : null;
    const unit = logical !== null && 'perSecond' in logical ? logical.perSecond : 0;
    const perSecond = epoch === null ? unit : 10 ** epoch;
    const symbols = how === SYMBOL && value.kind === 'enum' ? value.symbols : [];
    return {
      how,
      slot,
      name,
      read,
      nullBranch: how === VALUE || how === SKIPPED ? -1 : nullBranch,
      wide: value.kind === 'long',
      perSecond,
      digits: String(perSecond).length - 1,
      zone: logical?.name === 'timestamp' || epoch !== null ? 'Z' : '',
      symbols: slot === null ? [] : symbols.map((symbol) => Buffer.from(cellOf(symbol, slot.plan, this.#plan))),
    };
  }

  /** Reads the fields in byte order. @returns false: use the slow path */
  #read({ steps, columns }: Program, cursor: Cursor): boolean {
    this.#textLength = 0;
    this.#rest = null;
    for (const { slot, fallback, step } of columns) {
      if (step !== null) continue;
      slot.found = ABSENT;
      if (fallback !== null) this.#keepText(slot, fallback);
    }
    for (const step of steps) {
      const { slot, how } = step;
      if (slot === null) {
        const value = step.read(cursor);
        if (how === TAKEN && step.taken !== null) this.#spread(value, step.taken);
        const left =
          how === VALUE ? value : step.keep && step.taken !== null ? remainder(value, step.taken) : undefined;
        if (left !== undefined) {
          this.#rest ??= empty();
          this.#rest[step.name] = left;
        }
        continue;
      }
      if (step.nullBranch >= 0) {
        const branch = cursor.int();
        if (branch === step.nullBranch) {
          slot.found = NULL;
          continue;
        }
        if (branch !== 1 - step.nullBranch) return false;
      }
      if (!this.#value(step, slot, cursor)) return false;
    }
    return cursor.at === cursor.end;
  }

  /** @returns false: use the slow path */
  #value(step: Step, slot: Slot, cursor: Cursor): boolean {
    switch (step.how) {
      case TEXT:
        this.#text(slot, cursor);
        return true;
      case WHOLE: {
        const value = cursor.long();
        if (typeof value !== 'number' || (!step.wide && (value | 0) !== value)) return false;
        this.#whole(slot, value);
        return true;
      }
      case MOMENT: {
        const value = cursor.long();
        if (typeof value !== 'number') return false;
        this.#moment(slot, step, value);
        return true;
      }
      case DOUBLE:
        this.#double(slot, cursor);
        return true;
      case BOOLEAN:
        slot.number = cursor.byte();
        slot.found = BOOLEAN;
        return slot.number <= 1;
      case SYMBOL:
        slot.number = cursor.int();
        slot.found = SYMBOL;
        return slot.number >= 0 && slot.number < step.symbols.length;
      default:
        this.#keepValue(slot, step.read(cursor));
        return true;
    }
  }

  /** Passes the parts of a value to their columns. */
  #spread(value: unknown, { columns, children }: PathNode): void {
    if (value === undefined) return;
    for (const column of columns) {
      const slot = this.#slots[column];
      if (slot !== undefined) this.#keepValue(slot, value);
    }
    for (const [step, child] of children) this.#spread(valueAt(value, [step]), child);
  }

  #keepValue(slot: Slot, value: unknown): void {
    if (value === null) {
      slot.found = NULL;
      return;
    }
    this.#keepText(slot, cellOf(value, slot.plan, this.#plan));
    if (slot === this.#partition) this.#time = partitionTime(value, slot.plan) ?? Number.NaN;
  }

  #text(slot: Slot, cursor: Cursor): void {
    const { check, kind } = slot.plan;
    const { at: before, bytes } = cursor;
    const start = cursor.span();
    if (check.ordinary === 'anything' || surelyFits(check, false, true, kind !== 'plain', bytes, start, cursor.at)) {
      slot.start = start;
      slot.end = cursor.at;
      slot.found = TEXT;
      return;
    }
    cursor.at = before;
    this.#keepText(slot, cellOf(readString(cursor), slot.plan, this.#plan));
  }

  #whole(slot: Slot, value: number): void {
    const { ordinary, size } = slot.plan.check;
    if (ordinary !== 'anything' && ordinary !== 'float' && !(Math.abs(value) < 10 ** Math.min(size, 16) - 1)) {
      this.#keepText(slot, cellOf(value, slot.plan, this.#plan));
      return;
    }
    slot.number = value;
    slot.found = WHOLE;
  }

  /**
   * Notes a double with few digits as a whole number of ten-thousandths. Its digits are those that JavaScript writes:
   * below the limit no two such numbers are the same double.
   */
  #double(slot: Slot, cursor: Cursor): void {
    const value = cursor.bytes.readDoubleLE(cursor.fixed(8));
    const units = Math.round(value * DOUBLE_SCALE);
    const { ordinary, size } = slot.plan.check;
    const most = ordinary === 'decimal' ? Math.min(10 ** Math.min(size, 16) - 1, DOUBLE_LIMIT) : DOUBLE_LIMIT;
    if (units / DOUBLE_SCALE === value && Math.abs(value) < most && (units !== 0 || Object.is(value, 0))) {
      slot.number = units;
      slot.found = DOUBLE;
      return;
    }
    // The union's branch follows.
    this.#keepValue(slot, double(value));
  }

  #moment(slot: Slot, { perSecond, zone }: Step, value: number): void {
    const partition = slot === this.#partition;
    const { epoch, years } = slot.plan;
    // A logical type's unit comes from its schema; a column's own may be wrong.
    const [first, end] =
      epoch === null || years === null ? [YEAR_1, YEAR_10000] : [USUAL_FIRST_SECOND, USUAL_END_SECOND];
    if (value >= first * perSecond && value < end * perSecond) {
      slot.number = value;
      slot.found = MOMENT;
      if (partition) this.#time = (value / perSecond) * 1000;
      return;
    }
    this.#keepValue(slot, epoch === null ? momentText(value, perSecond, zone) : value);
  }

  #keepText(slot: Slot, text: string): void {
    slot.found = VALUE;
    slot.text = text;
    this.#textLength += text.length;
  }

  #write(program: Program, records: Records, i: number, rows: RowBuffer, place: Buffer, loadedAt: Buffer): boolean {
    const { rest, tail } = this.#plan;
    const { columns } = program;
    const restText = rest ? this.#restText() : '';
    if (restText === null) return false;
    // Its cells count like other texts.
    if (this.#parts !== null && this.#parts.read(records, i, place) < 0) return false;
    rows.room(
      (records.valueEnd(i) - records.valueStart(i)) * 2 +
        (this.#textLength + restText.length) * 3 +
        (columns.length + 2) * CELL_BYTES +
        program.bytes +
        place.length +
        tail.length,
    );
    const { bytes: out } = rows;
    const writer = this.#writer;
    writer.begin(records.bytes, out);
    let to = rows.end;
    let { keyEnd } = rows;
    for (const { slot, step } of columns) {
      const { plan } = slot;
      const cell = to;
      if (slot.found < ABSENT) to = this.#cell(to, slot, step, records.bytes, out);
      else to = slot === this.#partition ? -1 : writer.absent(to, plan, loadedAt);
      if (to < 0) return false;
      if (plan.key) keyEnd = rows.keyCell(cell, to, keyEnd);
      out[to++] = TAB;
    }
    if (!rest) to--;
    else if (this.#rest === null) to = writer.nothing(to);
    else to += out.write(restText, to, 'utf8');
    to = writer.end(to, place, records, i);
    rows.added(i, to, keyEnd);
    const time = this.#partition?.plan.part == null ? this.#time : (this.#parts?.time ?? Number.NaN);
    if (this.#partition !== null && !Number.isNaN(time)) rows.addTime(time);
    return true;
  }

  /** Null: use the slow path. */
  #restText(): string | null {
    if (this.#rest === null) return '\\N';
    try {
      return restCell(this.#rest);
    } catch (error) {
      if (error instanceof PoisonMessage) return null;
      throw error;
    }
  }

  /** @returns the end of the cell; -1: use the slow path */
  #cell(to: number, slot: Slot, step: Step | null, bytes: Buffer, out: Buffer): number {
    switch (slot.found) {
      case TEXT:
        return textCell(this.#writer, bytes, slot.start, slot.end, out, to);
      case WHOLE: {
        if (slot.number >= 0) return this.#writer.digits(to, slot.number);
        out[to] = MINUS;
        return this.#writer.digits(to + 1, -slot.number);
      }
      case DOUBLE:
        return this.#doubleCell(to, slot.number, out);
      case MOMENT:
        return step === null ? -1 : this.#momentCell(to, step, slot.number, out);
      case BOOLEAN:
        return to + out.write(slot.number === 1 ? 'true' : 'false', to, 'latin1');
      case SYMBOL: {
        const symbol = step?.symbols[slot.number];
        return symbol === undefined ? -1 : copied(symbol, 0, symbol.length, out, to);
      }
      default:
        return to + out.write(slot.text, to, 'utf8');
    }
  }

  #doubleCell(from: number, number: number, out: Buffer): number {
    let to = from;
    if (number < 0) out[to++] = MINUS;
    const units = Math.abs(number);
    const whole = Math.floor(units / DOUBLE_SCALE);
    to = this.#writer.digits(to, whole);
    let rest = units - whole * DOUBLE_SCALE;
    if (rest === 0) return to;
    out[to++] = POINT;
    let digits = DOUBLE_DIGITS;
    for (; rest % 10 === 0; digits--) rest /= 10;
    for (let at = to + digits - 1; at >= to; at--) {
      out[at] = ZERO + (rest % 10);
      rest = (rest / 10) | 0;
    }
    return to + digits;
  }

  #momentCell(from: number, { perSecond, digits, zone }: Step, value: number, out: Buffer): number {
    const second = secondsOf(value, perSecond);
    if (second !== this.#second) {
      this.#second = second;
      this.#clock.write(momentText(second, 1, ''), 0, CLOCK_BYTES, 'latin1');
    }
    let to = copied(this.#clock, 0, CLOCK_BYTES, out, from);
    if (digits > 0) out[to++] = POINT;
    let units = value - second * perSecond;
    for (let at = to + digits - 1; at >= to; at--) {
      out[at] = ZERO + (units % 10);
      units = Math.floor(units / 10);
    }
    to += digits;
    if (zone !== '') out[to++] = CAPITAL_Z;
    return to;
  }
}

/** How values of a type become cells of a column. */
function howOf(type: AvroType, { hashed, kind, epoch, check: { ordinary } }: ColumnPlan): number {
  if (hashed || kind === 'json' || kind === 'array' || kind === 'bytes' || ordinary === 'nothing') return VALUE;
  if (epoch !== null && !(type.kind === 'int' || type.kind === 'long')) return VALUE;
  switch (type.kind) {
    case 'string':
      return kind === 'local time' ? VALUE : TEXT;
    case 'boolean':
      return kind === 'plain' && (ordinary === 'anything' || ordinary === 'boolean') ? BOOLEAN : VALUE;
    case 'double':
      return kind === 'plain' && ['anything', 'decimal', 'float'].includes(ordinary) ? DOUBLE : VALUE;
    case 'enum':
      return ordinary === 'anything' ? SYMBOL : VALUE;
    case 'int':
    case 'long': {
      if (type.logical === null && epoch !== null)
        return ordinary === 'anything' || ordinary === 'moment' ? MOMENT : VALUE;
      if (type.logical === null)
        return kind === 'plain' && ['anything', 'whole', 'decimal', 'float'].includes(ordinary) ? WHOLE : VALUE;
      const isMoment = type.logical.name === 'timestamp' || type.logical.name === 'local-timestamp';
      return isMoment && (ordinary === 'anything' || ordinary === 'moment') ? MOMENT : VALUE;
    }
    default:
      return VALUE;
  }
}

/**
 * Copies a text with COPY's escapes.
 * @param writer has the bytes
 * @returns the end of the cell; -1: it is not UTF-8, or contains NUL
 */
function textCell(writer: CopyWriter, bytes: Buffer, start: number, end: number, out: Buffer, from: number): number {
  const plain = writer.plainWords(start, end, from);
  let to = from + plain;
  let seen = 0;
  for (let at = start + plain; at < end; at++) {
    const byte = bytes[at] ?? 0;
    seen |= byte;
    if (byte >= SPACE && byte !== BACKSLASH) {
      out[to++] = byte;
      continue;
    }
    if (byte === 0) return -1;
    const letter = byte === BACKSLASH ? BACKSLASH : (ESCAPES[byte] ?? 0);
    if (letter !== 0) out[to++] = BACKSLASH;
    out[to++] = letter === 0 ? byte : letter;
  }
  return seen < 0x80 || isUtf8(bytes.subarray(start, end)) ? to : -1;
}

function empty(): Record<string, unknown> {
  return Object.create(null);
}

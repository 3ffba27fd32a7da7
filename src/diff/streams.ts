// Compares relations of two databases: both send the rows that hashes do not prove equal, sorted by the key, and the
// two streams are merged. Memory holds one row of each side and the sample.
import { errorOf } from '../error-table.ts';
import { equalPart, type Place } from './buckets.ts';
import type { DiffSide } from './dialect.ts';
import { cellsOf, firstCells, LineReader } from './lines.ts';
import { type DiffPlan, type DiffRequest, type PairedColumn, readable, shownText } from './plan.ts';
import type { DiffRow, RowDiff } from './result.ts';

/** Compares two relations on different servers. Both are read in key order, unless hashes show that they are equal. */
export async function diffStreams(
  here: DiffSide,
  there: DiffSide,
  plan: DiffPlan,
  request: DiffRequest,
): Promise<RowDiff> {
  const equal = await equalPart(here, there, plan, request);
  if (equal !== null && equal.rest === null) return nothingDiffers(plan, equal.rows);
  const { counts, ...found } = await diffRows(here, there, plan, request, equal?.rest ?? null);
  const alike = equal?.rows ?? 0;
  return { ...found, counts: { ...counts, here: counts.here + alike, there: counts.there + alike } };
}

function nothingDiffers({ columns }: DiffPlan, rows: number): RowDiff {
  return {
    counts: { here: rows, there: rows, only_here: 0, only_there: 0, differs: 0 },
    differing: columns.map(() => 0),
    sample: [],
  };
}

/** @param part conditions on the rows of each side; null: reads all */
async function diffRows(
  here: DiffSide,
  there: DiffSide,
  plan: DiffPlan,
  request: DiffRequest,
  part: Readonly<Record<Place, string>> | null,
): Promise<RowDiff> {
  const answered = promised<AsyncIterable<Uint8Array>>();
  const merged = promised<void>();
  // Both promises are awaited later. They may fail before that, so an early handler prevents an unhandled rejection.
  for (const { promise } of [answered, merged]) promise.catch(() => undefined);
  // Both sides sort concurrently: a server that has finished would time out if nobody read its answer while the other
  // one begins.
  const other = there.lines(rowsSql(there, plan, request, 'there', part), (theirs) => {
    answered.resolve(theirs);
    return merged.promise;
  });
  other.catch(answered.reject);
  try {
    const found = await here.lines(rowsSql(here, plan, request, 'here', part), async (ours) =>
      new Merge(plan, request.limit).run(
        new SortedLines(ours, plan.key, 'here'),
        new SortedLines(await answered.promise, plan.key, 'there'),
      ),
    );
    merged.resolve();
    await other;
    return found;
  } catch (error) {
    merged.reject(error);
    await other.catch(() => undefined);
    throw error;
  }
}

interface Promised<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** A promise with the functions that settle it. */
function promised<T>(): Promised<T> {
  let settle: Omit<Promised<T>, 'promise'> = { resolve: () => undefined, reject: () => undefined };
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle };
}

/** Keys and values as texts with the same sort order in every database. */
function rowsSql(
  side: DiffSide,
  { key, columns }: DiffPlan,
  { where }: DiffRequest,
  place: Place,
  part: Readonly<Record<Place, string>> | null,
): string {
  const value = ({ name }: PairedColumn): string => `t.${side.quote(name)}`;
  const list = [
    ...key.map((column) => column[place].text(value(column))),
    ...columns.map((column) => shownText(side, column[place], value(column))),
  ];
  const order = key.map((column) =>
    isWhole(column) ? value(column) : side.sorted(`(${column[place].text(value(column))})`),
  );
  const conditions = [where, part?.[place] ?? null].flatMap((text) => (text === null ? [] : [`(${text}\n)`]));
  const condition = conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`;
  return `select ${list.join(', ')} from ${side.relation} t${condition} order by ${order.join(', ')}`;
}

function isWhole({ here, there }: PairedColumn): boolean {
  return here.whole && there.whole;
}

/** The lines of one side. A null in the key or a duplicate key is an error. */
class SortedLines {
  readonly #reader: LineReader;
  readonly #key: readonly PairedColumn[];
  readonly #place: Place;
  #last: Buffer | null = null;
  line: Buffer | null = null;
  /** Cells of the key as sent. */
  key: Buffer = Buffer.alloc(0);
  rows = 0;

  constructor(chunks: AsyncIterable<Uint8Array>, key: readonly PairedColumn[], place: Place) {
    this.#reader = new LineReader(chunks);
    this.#key = key;
    this.#place = place;
  }

  /** Advances to the next line; returns a promise if it has not arrived yet. */
  step(): undefined | Promise<void> {
    const next = this.#reader.next();
    if (next instanceof Promise) return next.then((line) => this.#take(line));
    this.#take(next);
    return undefined;
  }

  #take(line: Buffer | null): void {
    this.#last = this.line === null ? null : this.key;
    this.line = line;
    if (line === null) return;
    this.rows++;
    this.key = firstCells(line, this.#key.length);
    const last = this.#last;
    if (this.key.includes('\\N')) {
      const empty = cellsOf(this.key).indexOf(null);
      if (empty >= 0) throw errorOf('diffKeyNull', { place: this.#place, column: this.#key[empty]?.name ?? '' });
    }
    if (last === null) return;
    const order = Buffer.compare(last, this.key);
    if (order === 0) throw twice(this.#place, this.#key, cellsOf(this.key));
    // A database whose encoding is not UTF-8 sorts some texts differently.
    if (order > 0 && compareKeys(this.#key, last, this.key) > 0)
      throw errorOf('diffKeyOrder', { place: this.#place, key: this.#key.map(({ name }) => name).join(', ') });
  }
}

/** The order in which both databases sort keys: whole numbers numerically, texts by their bytes. */
function compareKeys(key: readonly PairedColumn[], ours: Buffer, theirs: Buffer): number {
  if (ours.equals(theirs)) return 0;
  const [a, b] = [cellsOf(ours), cellsOf(theirs)];
  for (const [at, column] of key.entries()) {
    const [x, y] = [a[at] ?? '', b[at] ?? ''];
    if (x === y) continue;
    if (!isWhole(column)) return x < y ? -1 : 1;
    return BigInt(x) < BigInt(y) ? -1 : 1;
  }
  return 0;
}

/** The error of a duplicate key. */
export function twice(place: Place, key: readonly PairedColumn[], values: readonly (string | null)[]): Error {
  const example = key.map((column, at) => `${column.name} = ${readable(column, values[at] ?? null)}`).join(', ');
  return errorOf('diffKeyTwice', { key: key.map(({ name }) => name).join(', '), place, example });
}

class Merge {
  readonly #plan: DiffPlan;
  readonly #limit: number;
  readonly #sample: DiffRow[] = [];
  readonly #counts = { only_here: 0, only_there: 0, differs: 0 };
  readonly #differing: number[];

  constructor(plan: DiffPlan, limit: number) {
    this.#plan = plan;
    this.#limit = limit;
    this.#differing = plan.columns.map(() => 0);
  }

  async run(here: SortedLines, there: SortedLines): Promise<RowDiff> {
    await Promise.all([here.step(), there.step()]);
    for (;;) {
      const [ours, theirs] = [here.line, there.line];
      if (ours === null && theirs === null) break;
      const order =
        ours === null
          ? 1
          : theirs === null
            ? -1
            : ours.equals(theirs)
              ? 0
              : compareKeys(this.#plan.key, here.key, there.key);
      if (order < 0) this.#only('only_here', here.key);
      else if (order > 0) this.#only('only_there', there.key);
      else if (ours !== null && theirs !== null && !ours.equals(theirs)) this.#pair(ours, theirs);
      if (order <= 0) {
        const waiting = here.step();
        if (waiting !== undefined) await waiting;
      }
      if (order >= 0) {
        const waiting = there.step();
        if (waiting !== undefined) await waiting;
      }
    }
    return {
      counts: { here: here.rows, there: there.rows, ...this.#counts },
      differing: this.#differing,
      sample: this.#sample,
    };
  }

  #only(kind: 'only_here' | 'only_there', key: Buffer): void {
    if (++this.#counts[kind] <= this.#limit) this.#sample.push({ kind, key: this.#keyOf(cellsOf(key)), changes: [] });
  }

  /** Compares two rows with the same key and different lines: a value can be escaped in two ways. */
  #pair(ours: Buffer, theirs: Buffer): void {
    const { key, columns } = this.#plan;
    const [a, b] = [cellsOf(ours), cellsOf(theirs)];
    const changed = columns.flatMap((column, at) => {
      const [x = null, y = null] = [a[key.length + at], b[key.length + at]];
      return x === y ? [] : [{ column, at, x, y }];
    });
    if (changed.length === 0) return;
    for (const { at } of changed) this.#differing[at] = (this.#differing[at] ?? 0) + 1;
    if (++this.#counts.differs > this.#limit) return;
    const changes = changed.map(({ column, x, y }) => ({
      column: column.name,
      here: readable(column, x),
      there: readable(column, y),
    }));
    this.#sample.push({ kind: 'differs', key: this.#keyOf(a), changes });
  }

  #keyOf(cells: readonly (string | null)[]): string[] {
    return this.#plan.key.map((column, at) => readable(column, cells[at] ?? null) ?? '');
  }
}

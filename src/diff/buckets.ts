// Finds the parts of two relations that may differ without sorting or sending rows: rows are assigned to buckets by the
// hash of their key, and each database adds up the hashes of a bucket's rows. streams.ts then reads the differing
// buckets.
import { bothSides } from './both-sides.ts';
import type { DiffSide } from './dialect.ts';
import { cellsOf, LineReader } from './lines.ts';
import { type DiffPlan, type DiffRequest, type PairedColumn, rowsOf } from './plan.ts';

/** If more of the 4,096 buckets differ than this, all rows are read. */
const MOST_BUCKETS = 1000;

export type Place = 'here' | 'there';

/** The part that need not be read. */
export interface EqualPart {
  /** Number of its rows on each side. */
  readonly rows: number;
  /** Conditions on `t` for the remaining rows; null if there are none. */
  readonly rest: Readonly<Record<Place, string>> | null;
}

/** @returns null if all rows must be read, because a key is null or duplicated; reading the rows finds which one */
export async function equalPart(
  here: DiffSide,
  there: DiffSide,
  plan: DiffPlan,
  request: DiffRequest,
): Promise<EqualPart | null> {
  const hash = here.quickHash === there.quickHash ? here.quickHash : 'md5';
  const [ours, theirs] = await bothSides(
    buckets(here, plan, request, 'here', hash),
    buckets(there, plan, request, 'there', hash),
  );
  if (ours === null || theirs === null) return null;
  const all = [...new Set([...ours.keys(), ...theirs.keys()])];
  const left = all.filter((bucket) => ours.get(bucket)?.sum !== theirs.get(bucket)?.sum);
  if (left.length > MOST_BUCKETS) return null;
  const leftOut = new Set(left);
  const rows = [...ours].reduce((sum, [bucket, found]) => sum + (leftOut.has(bucket) ? 0 : found.rows), 0);
  if (left.length === 0) return { rows, rest: null };
  const rest = (side: DiffSide, place: Place): string =>
    `${side.bucket(hashOf(side, plan.key, place, hash))} in (${left.join(', ')})`;
  return { rows, rest: { here: rest(here, 'here'), there: rest(there, 'there') } };
}

interface Bucket {
  readonly rows: number;
  /** Number of rows, and the sum of their hashes. */
  readonly sum: string;
}

/** @returns null if a key is null or duplicated */
async function buckets(
  side: DiffSide,
  { key, columns }: DiffPlan,
  { where }: DiffRequest,
  place: Place,
  hash: string,
): Promise<ReadonlyMap<string, Bucket> | null> {
  const nulls = key.map(({ name }) => `t.${side.quote(name)} is null`).join(' or ');
  const rows =
    `select ${hashOf(side, key, place, hash)} as key_hash, ${hashOf(side, [...key, ...columns], place, hash)} as ` +
    `row_hash, case when ${nulls} then 1 else 0 end as no_key from ${rowsOf(side, where)}`;
  const found = new Map<string, Bucket>();
  const whole = await side.lines(
    `select ${side.bucket('h.key_hash')} as bucket, count(*), count(distinct h.key_hash), max(h.no_key), ` +
      `${side.sum('h.row_hash')} from (${rows}) h group by ${side.bucket('h.key_hash')}`,
    async (chunks) => {
      let told = true;
      const reader = new LineReader(chunks);
      for (let line = await reader.next(); line !== null; line = await reader.next()) {
        const [bucket, count, keys, noKey, sum] = cellsOf(line);
        told &&= count === keys && noKey === '0';
        found.set(bucket ?? '', { rows: Number(count), sum: `${count} ${sum}` });
      }
      return told;
    },
  );
  return whole ? found : null;
}

/** The hash of the values of some columns. */
function hashOf(side: DiffSide, columns: readonly PairedColumn[], place: Place, hash: string): string {
  const texts = columns.map((column) => {
    const text = column[place].text(`t.${side.quote(column.name)}`);
    // Only these can contain the separator between two texts.
    return /^(?:text|postgres|clickhouse)/.test(column.family) ? side.measured(text) : text;
  });
  return side.hashed(texts, hash);
}

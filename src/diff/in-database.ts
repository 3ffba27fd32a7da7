// Compares two relations of one database there: a full join by the key counts, a second one reads the sample.
import { errorOf } from '../error-table.ts';
import type { DiffSide } from './dialect.ts';
import { cellsOf, LineReader } from './lines.ts';
import { type DiffPlan, type DiffRequest, type PairedColumn, readable, rowsOf, shownText } from './plan.ts';
import { DIFF_KINDS, type DiffRow, type RowDiff } from './result.ts';
import { twice } from './streams.ts';

/** @param here runs the queries; its snapshot contains both relations */
export async function diffInDatabase(
  here: DiffSide,
  there: DiffSide,
  plan: DiffPlan,
  request: DiffRequest,
): Promise<RowDiff> {
  await refuseKeys(here, here, plan, request, 'here');
  await refuseKeys(here, there, plan, request, 'there');
  const both = `a.p is not null and b.p is not null`;
  const differ = plan.columns.map((column, at) => differs(here, column, at));
  const any = differ.length === 0 ? '1 = 0' : differ.join(' or ');
  const counted = [
    here.countIf('a.p is not null'),
    here.countIf('b.p is not null'),
    here.countIf('b.p is null'),
    here.countIf('a.p is null'),
    here.countIf(`${both} and (${any})`),
    ...differ.map((condition) => here.countIf(`${both} and ${condition}`)),
  ];
  const joined = joinSql(here, there, plan, request);
  const [row = []] = await read(here, `select ${counted.join(', ')} from ${joined}`);
  const [ours = 0, theirs = 0, only_here = 0, only_there = 0, changed = 0, ...differing] = row.map(Number);
  const sampled = request.limit > 0 && only_here + only_there + changed > 0;
  return {
    counts: { here: ours, there: theirs, only_here, only_there, differs: changed },
    differing,
    sample: sampled ? await sampleOf(here, plan, request.limit, joined, any) : [],
  };
}

type Place = 'here' | 'there';

/** @throws `runtime` error for a null in the key, or a duplicate key */
async function refuseKeys(
  session: DiffSide,
  side: DiffSide,
  { key }: DiffPlan,
  { where }: DiffRequest,
  place: Place,
): Promise<void> {
  const values = key.map((column) => compared(column, place, `t.${side.quote(column.name)}`));
  const texts = key.map((column, at) => `${shownKey(column, place)(`k${at}`)}`);
  const names = key.map((_, at) => `k${at}`);
  const nulls = names.map((name) => `${name} is null`).join(' or ');
  const rows = await read(
    session,
    `select ${texts.join(', ')} from (select ${values.map((value, at) => `${value} as k${at}`).join(', ')}, count(*) ` +
      `as n from ${rowsOf(side, where)} group by ${values.join(', ')}) g where n > 1 or ` +
      `${nulls} limit 1`,
  );
  const [found] = rows;
  if (found === undefined) return;
  const empty = found.indexOf(null);
  if (empty >= 0) throw errorOf('diffKeyNull', { place, column: key[empty]?.name ?? '' });
  throw twice(place, key, found);
}

/** Joins both relations by key. */
function joinSql(here: DiffSide, there: DiffSide, { key, columns }: DiffPlan, { where }: DiffRequest): string {
  const side = (each: DiffSide, place: Place, name: string): string => {
    const keys = key.map((column, at) => `${compared(column, place, `t.${each.quote(column.name)}`)} as k${at}`);
    const values = columns.map((column, at) => `t.${each.quote(column.name)} as c${at}`);
    return `(select 1 as p, ${[...keys, ...values].join(', ')} from ${rowsOf(each, where)}) ${name}`;
  };
  const same = key.map((_, at) => `a.k${at} = b.k${at}`).join(' and ');
  return `${side(here, 'here', 'a')} full join ${side(there, 'there', 'b')} on ${same}`;
}

async function sampleOf(
  side: DiffSide,
  plan: DiffPlan,
  limit: number,
  joined: string,
  any: string,
): Promise<DiffRow[]> {
  const { key, columns } = plan;
  const kind = `case when b.p is null then 0 when a.p is null then 1 when ${any} then 2 else 3 end`;
  const keys = key.map((_, at) => `coalesce(a.k${at}, b.k${at})`);
  const values = columns.flatMap((column, at) => [
    `${shownText(side, column.here, `a.c${at}`)} as x${at}`,
    `${shownText(side, column.there, `b.c${at}`)} as y${at}`,
  ]);
  const found = [`${kind} as kind`, ...keys.map((value, at) => `${value} as k${at}`), ...values];
  const order = key.map((_, at) => `k${at}`).join(', ');
  const shown = [
    ...key.map((column, at) => shownKey(column, 'here')(`k${at}`)),
    ...columns.flatMap((_, at) => [`x${at}`, `y${at}`]),
  ];
  const rows = await read(
    side,
    `select kind, ${shown.join(', ')} from (select f.*, row_number() over (partition by kind order by ${order}) as n ` +
      `from (select ${found.join(', ')} from ${joined}) f where kind < 3) g where n <= ${limit} order by kind, n`,
  );
  return rows.map(([place, ...cells]) => {
    const which = DIFF_KINDS[Number(place)] ?? 'differs';
    return {
      kind: which,
      key: key.map((column, at) => readable(column, cells[at] ?? null) ?? ''),
      changes:
        which === 'differs'
          ? columns.flatMap((column, at) => {
              const [x = null, y = null] = cells.slice(key.length + 2 * at);
              return x === y ? [] : [{ column: column.name, here: readable(column, x), there: readable(column, y) }];
            })
          : [],
    };
  });
}

/** Whether values of both sides are compared unconverted. */
function isNative({ here, there }: PairedColumn): boolean {
  return here.native !== null && here.native.kind === there.native?.kind;
}

/** A value in its compared form. */
function compared(column: PairedColumn, place: Place, value: string): string {
  const form = column[place];
  return isNative(column) ? (form.native?.value(value) ?? value) : form.text(value);
}

/** The text of a key in its compared form. */
function shownKey(column: PairedColumn, place: Place): (value: string) => string {
  return isNative(column) ? column[place].text : (value) => value;
}

function differs(side: DiffSide, column: PairedColumn, at: number): string {
  return side.distinct(compared(column, 'here', `a.c${at}`), compared(column, 'there', `b.c${at}`));
}

/** Reads the rows of a small query. */
function read(side: DiffSide, sql: string): Promise<(string | null)[][]> {
  return side.lines(sql, async (chunks) => {
    const reader = new LineReader(chunks);
    const rows: (string | null)[][] = [];
    for (let line = await reader.next(); line !== null; line = await reader.next()) rows.push(cellsOf(line));
    return rows;
  });
}

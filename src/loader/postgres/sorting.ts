// Separates the rows of a flush that the database rejects, in one transaction. The rows go into a temporary table of
// texts and from there in blocks into the real one. A rejected block is halved; each block is a subtransaction.
import { quoteIdentifier } from '../../adapters/postgres/literal.ts';

/** The table and its columns. */
export interface Sorting {
  readonly table: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Statements that write rows; `SOURCE` is the placeholder for the table that they are read from. */
  readonly writes: (source: string) => readonly string[];
  readonly rows: number;
  /** Number of rejected rows at which it gives up. */
  readonly most: number;
}

/** Temporary tables: the rows as texts, numbered from 1, and the rejected ones. */
export const [SORT_STAGE, REFUSED] = ['tsdbt_load_sort', 'tsdbt_load_refused'];
/** The number of a row in `SORT_STAGE`; distinct from columns of any name. */
export const ROW = 'tsdbt_row';
/** Rows per block: minimum, first, maximum. Blocks shrink where many rows are rejected. */
const [SMALLEST_BLOCK, FIRST_BLOCK, LARGEST_BLOCK] = [4, 256, 2048];
/** Errors caused by rows: values, constraints, triggers, rows that are too large. */
const DATA_ERROR = /^(2[1237]|44|45|54|P0)/;
/** Errors in a statement, or in a value of a type that reads names or expressions, such as `regclass` and `tsquery`. */
const MAYBE_DATA = /^(0A|3F|42)/;

/** Whether sorting may find rows that caused the error; otherwise the table, the server or the network did. */
export const mayBeData = (code: string): boolean => DATA_ERROR.test(code) || MAYBE_DATA.test(code);

/** @returns statements that run before the COPY into `SORT_STAGE` */
export function prepareSorting({ columns }: Sorting): string[] {
  return [
    // Deferred constraints would fail only at the commit.
    'set constraints all immediate',
    `create temporary table ${SORT_STAGE} (${ROW} bigint generated always as identity primary key, ` +
      `${columns.map(({ name }) => `${quoteIdentifier(name)} text`).join(', ')}) on commit drop`,
    `create temporary table ${REFUSED} (n bigint not null, reason text not null) on commit drop`,
  ];
}

/** @returns the statement that writes every valid row, and the others into `REFUSED` */
export function sortRows({ columns, writes, rows, most }: Sorting): string {
  // Columns may have the names of the variables, or `found`: an unqualified name refers to the column. A cast without a
  // length parses like the column's input: an explicit length would truncate.
  const values = columns
    .map(({ name, type }) => `${quoteIdentifier(name)}::${type} as ${quoteIdentifier(name)}`)
    .join(', ');
  const source =
    `(select ${ROW}, ${values} from ${SORT_STAGE} where ${ROW} between tsdbt_sort.lowest and tsdbt_sort.highest ` +
    `order by ${ROW}) as tsdbt_rows`;
  return (
    `do $tsdbt_sort$
#variable_conflict use_column
<<tsdbt_sort>>
declare
  starts bigint[];
  ends bigint[];
  lowest bigint;
  highest bigint;
  block bigint := 1;
  size bigint := ${FIRST_BLOCK};
  refused bigint := 0;
  before bigint;
  detail text;
  readable boolean;
begin
  while block <= ${rows} and refused <= ${most} loop
    starts := array[block];
    ends := array[least(block + size - 1, ${rows})];
    block := block + size;
    before := refused;
    while cardinality(starts) > 0 and refused <= ${most} loop
      lowest := starts[cardinality(starts)];
      highest := ends[cardinality(ends)];
      starts := starts[:cardinality(starts) - 1];
      ends := ends[:cardinality(ends) - 1];
      begin
        ${writes(source).join(';\n        ')};
      exception when others then
        if sqlstate !~ '${DATA_ERROR.source}' then
          readable := true;
          if sqlstate ~ '${MAYBE_DATA.source}' then
            begin
              perform tsdbt_rows.* from ${source};
            exception when others then
              readable := false;
            end;
          end if;
          if readable then raise; end if;
        end if;
        if lowest = highest then
          get stacked diagnostics detail = pg_exception_detail;
          insert into ${REFUSED} values (lowest, sqlerrm || case when detail <> '' then E'\\nDETAIL:  ' || ` +
    `detail else '' end);
          refused := refused + 1;
        else
          starts := starts || array[(lowest + highest) / 2 + 1, lowest];
          ends := ends || array[highest, (lowest + highest) / 2];
        end if;
      end;
    end loop;
    size := case when refused > before then greatest(size / 4, ${SMALLEST_BLOCK}) else least(size * 2, ` +
    `${LARGEST_BLOCK}) end;
  end loop;
end $tsdbt_sort$`
  );
}

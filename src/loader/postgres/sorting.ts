// A flush of which the database refuses some rows: all of them go into a temporary table of texts, from there block by
// block into the real one, each block in a subtransaction, and a block that is refused in halves. One transaction,
// whatever their number. SQL texts only.
import { quoteIdentifier } from '../../adapters/postgres/literal.ts';

/** What the rows go into, and how. */
export interface Sorting {
  readonly table: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Statements that write rows; `SOURCE` stands for what the rows are read from. */
  readonly writes: (source: string) => readonly string[];
  readonly rows: number;
  /** Refused rows beyond which it is not gone on. */
  readonly most: number;
}

/** Temporary tables: the rows as texts, numbered from 1, and what is refused. */
export const [SORT_STAGE, REFUSED] = ['tsdbt_load_sort', 'tsdbt_load_refused'];
/** Rows that are tried at once: fewer where many are refused, more where few are. */
const [SMALLEST_BLOCK, FIRST_BLOCK, LARGEST_BLOCK] = [4, 256, 2048];
/**
 * The rows' fault, and not the table's, the server's or the network's: what the values are, what constraints and
 * triggers say, rows too large.
 */
export const DATA_ERROR = /^(2[1237]|44|45|54|P0)/;

/** @returns statements that come before the rows are copied into `SORT_STAGE` */
export function prepareSorting({ columns }: Sorting): string[] {
  return [
    // Otherwise what is wrong would come out with the commit.
    'set constraints all immediate',
    `create temporary table ${SORT_STAGE} (n bigint generated always as identity primary key, ` +
      `${columns.map(({ name }) => `${quoteIdentifier(name)} text`).join(', ')}) on commit drop`,
    `create temporary table ${REFUSED} (n bigint not null, reason text not null) on commit drop`,
  ];
}

/** @returns the statement that writes what can be written and leaves the rest in `REFUSED` */
export function sortRows({ columns, writes, rows, most }: Sorting): string {
  // As the column's own input reads it: without a length, which an explicit cast would cut to.
  const values = columns
    .map(({ name, type }) => `${quoteIdentifier(name)}::${type} as ${quoteIdentifier(name)}`)
    .join(', ');
  const source = `(select n, ${values} from ${SORT_STAGE} where n between lowest and highest order by n) as tsdbt_rows`;
  return (
    `do $tsdbt_sort$
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
        if sqlstate !~ '${DATA_ERROR.source}' then raise; end if;
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

// The planned content of a publication into files: its columns in the files, the source's summary of its rows, and the
// version computed from both.
import { publishedColumns, refuseValues, versionOf } from '../publication-plan.ts';
import type { Publishing, SourceColumn, Summary } from '../publication-target.ts';
import type { LakeColumn } from './lake-column.ts';

/** Returns a column for files, by the source database. @throws for types without an equivalent */
export type LakeColumnOf = (dialect: string, column: SourceColumn) => LakeColumn;

/** The planned content of a publication. */
export interface PlannedFiles {
  readonly columns: readonly LakeColumn[];
  readonly summary: Summary;
  readonly version: string;
}

/** Opens and queries the source. @throws `runtime` errors for types and values that files cannot hold */
export async function planFiles(
  { node: { config }, source }: Publishing,
  columnOf: LakeColumnOf,
): Promise<PlannedFiles> {
  await source.open();
  const columns = publishedColumns(config, await source.columns()).map((column) => columnOf(source.dialect, column));
  const summary = await source.summary(
    columns.flatMap((column) => column.checks),
    columns,
  );
  refuseValues(summary);
  return { columns, summary, version: versionOf(config, columns, summary) };
}

// What a publication into files is going to hold: its columns as files have them, what the source says of its rows, and
// the version that follows from both.
import { publishedColumns, refuseValues, versionOf } from '../plan.ts';
import type { Publishing, SourceColumn, Summary } from '../receiver.ts';
import type { LakeColumn } from './lake-column.ts';

/** A column as files have it, by the database that it comes from. @throws for types that have no equal */
export type LakeColumnOf = (dialect: string, column: SourceColumn) => LakeColumn;

/** What is going to be published. */
export interface PlannedFiles {
  readonly columns: readonly LakeColumn[];
  readonly summary: Summary;
  readonly version: string;
}

/** Opens the source and asks it. @throws `runtime` errors for types and values that files do not take */
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

// The encoder of a table's present columns, and its fast path. A new column makes a new one.
import type { Decoder } from './decode.ts';
import { FastPath } from './fast/fast-path.ts';
import type { LoadColumn, LoadTarget } from './load-target.ts';
import { RowEncoder } from './row-encoder.ts';

export interface RowMaker {
  readonly columns: readonly LoadColumn[];
  readonly encoder: RowEncoder;
  /** Null when every message must be decoded. */
  readonly fastPath: FastPath | null;
}

/** @param columns the table's columns that messages fill */
export function rowMaker(
  target: LoadTarget,
  decoder: Decoder,
  columns: readonly LoadColumn[],
  { hashKey, loadId }: { readonly hashKey: string | null; readonly loadId: string },
): RowMaker {
  const encoder = new RowEncoder(target, { columns, hashKey, loadId });
  return { columns, encoder, fastPath: decoder.plain ? new FastPath(encoder.plan) : null };
}

// How a table's messages become rows at the moment: its columns, the encoder for every message, and the fast path for
// ordinary ones. A new one is made when the table gets a column.
import type { Decoder } from './decode.ts';
import { FastPath } from './fast/fast-path.ts';
import type { LoadColumn, LoadTarget } from './load-target.ts';
import { RowEncoder } from './row-encoder.ts';

export interface RowMaker {
  readonly columns: readonly LoadColumn[];
  readonly encoder: RowEncoder;
  /** Null where every message has to be decoded. */
  readonly fastPath: FastPath | null;
}

/** @param columns of the table, those that messages fill */
export function rowMaker(
  target: LoadTarget,
  decoder: Decoder,
  columns: readonly LoadColumn[],
  { hashKey, loadId }: { readonly hashKey: string | null; readonly loadId: string },
): RowMaker {
  const encoder = new RowEncoder(target, { columns, hashKey, loadId });
  return { columns, encoder, fastPath: decoder.plain ? new FastPath(encoder.plan) : null };
}

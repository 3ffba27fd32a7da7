// The encoder of a table's current columns, and its fast path. A new column requires a new one.
import { isArchive } from '../../settings/archive-settings.ts';
import { LinePath } from './archive-lines.ts';
import type { SnapshotFloors } from '../debezium/snapshot-floors.ts';
import type { Decoder } from '../message-decoder.ts';
import { FastPath } from './json-row-path.ts';
import type { Records } from '../../brokers/message-records.ts';
import type { RowBuffer } from './row-buffer.ts';
import type { LoadColumn, LoadTarget } from '../../settings/load-target.ts';
import { RowEncoder } from './row-encoder.ts';

/** Builds rows of ordinary messages from their bytes, without an intermediate record. */
export interface RowPath {
  /** Whether it also builds rows of tombstones. */
  readonly tombstones?: true;
  /**
   * Builds a row of a message that is not a tombstone. Never throws for a message.
   * @param place ASCII: topic and partition as cells, with tabs before and after
   * @param loadedAt ASCII: for `processing_ts`
   * @returns false: nothing was added; use decoder and encoder
   */
  add(records: Records, i: number, rows: RowBuffer, place: Buffer, loadedAt: Buffer): boolean;
}

export interface RowMaker {
  readonly columns: readonly LoadColumn[];
  readonly encoder: RowEncoder;
  /** Null if every message must be decoded. */
  readonly fastPath: RowPath | null;
}

/** @param columns the table's columns that messages fill */
export function rowMaker(
  target: LoadTarget,
  decoder: Decoder,
  columns: readonly LoadColumn[],
  {
    hashKey,
    loadId,
    floors,
  }: { readonly hashKey: string | null; readonly loadId: string; readonly floors: SnapshotFloors },
): RowMaker {
  const encoder = new RowEncoder(target, { columns, hashKey, loadId, keys: decoder.keys });
  if (isArchive(target)) return { columns, encoder, fastPath: new LinePath() };
  return {
    columns,
    encoder,
    fastPath: decoder.plain ? new FastPath(encoder.plan) : (decoder.path?.(encoder.plan, floors) ?? null),
  };
}

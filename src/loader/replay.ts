// Replays dead letters through decoder and sink: those that now fit become rows; the others stay dead letters, with the
// current reason.
import type { Message } from './brokers/broker.ts';
import { Change, Halt, Skipped } from './formats/row-change.ts';
import {
  type Decoded,
  type DecodedRecord,
  type Decoder,
  PoisonMessage,
  poisonReason,
} from './formats/message-decoder.ts';
import { addDriftColumns, fieldNames, RejectedFields } from './added-columns.ts';
import { decodeMessage } from './formats/decode-message.ts';
import type { LoadTarget } from './settings/load-target.ts';
import { type Floor, SnapshotFloors } from './formats/debezium/snapshot-floors.ts';
import { recordsOf } from './brokers/message-records.ts';
import { RowBuffer } from './formats/rows/row-buffer.ts';
import { RowEncoder } from './formats/rows/row-encoder.ts';
import type { DeadLetter, Sink, StoredLetter } from './sink.ts';

export interface ReplayOptions {
  readonly sink: Sink;
  readonly decoder: Decoder;
  readonly target: LoadTarget;
  readonly hashKey: string | null;
  readonly loadId: string;
  readonly now: () => number;
}

const AT_ONCE = 5000;

/**
 * @returns number of rows, and of dead letters that stayed. These include letters of an earlier topic of the name if
 *   the row with the greater offset counts, because it is unknown which row of a key is newer
 */
export async function replayLetters({
  sink,
  decoder,
  target,
  hashKey,
  loadId,
  now,
}: ReplayOptions): Promise<{ rows: number; dead: number }> {
  let columns = await sink.prepare(target);
  let encoder = new RowEncoder(target, { columns, hashKey, loadId, keys: decoder.keys });
  const total = { rows: 0, dead: 0 };
  const floors = new SnapshotFloors(target);
  const rejected = new RejectedFields();
  // Letters that fail again get newer ids, so they are not tried twice in one replay.
  const upTo = await sink.newestLetter(target);
  for (let after = '0'; ; ) {
    const found = await sink.letters(target, { after, upTo, limit: AT_ONCE });
    const last = found.at(-1);
    if (last === undefined) return total;
    after = last.id;
    const letters = found.filter(({ earlier, message }) => !earlier || !isByOffset(target, message));
    total.dead += found.length - letters.length;
    if (letters.length === 0) continue;
    const loadedAt = new Date(now()).toISOString();
    const rows = new RowBuffer();
    const dead: DeadLetter[] = [];
    /** Runs the work; a message that causes an error becomes a dead letter again. */
    const attempt = async (letter: StoredLetter, work: () => void | Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        if (error instanceof Halt) throw error.error;
        const reason = poisonReason(error);
        if (reason === null) throw error;
        dead.push({ message: letter.message, topic: letter.topic, partition: letter.partition, error: reason });
      }
    };
    const decoded: { readonly letter: StoredLetter; readonly record: Exclude<Decoded, Skipped> }[] = [];
    // Columns are added before the first row is encoded: all rows have the same ones.
    for (const letter of letters)
      await attempt(letter, async () => {
        const record = await decodeMessage(decoder, encoder.plan, letter.message);
        if (record instanceof Skipped) return;
        const drift = target.schemaDrift === 'ignore' ? [] : encoder.drift(fieldsOf(record));
        if (drift.length > 0) {
          if (target.schemaDrift !== 'add_column')
            throw new PoisonMessage(`no column is declared for ${fieldNames(drift)}`);
          columns = await addDriftColumns(drift, columns.length, rejected, (more) => sink.addColumns(target, more));
          encoder = new RowEncoder(target, { columns, hashKey, loadId, keys: decoder.keys });
        }
        decoded.push({ letter, record });
      });
    for (const { letter, record } of decoded) {
      // A tombstone comes after the changes that are replayed with it, and not after others of unknown positions.
      const unplaced = sink.newestChanges !== undefined && isUnplaced(record, floors.of(letter));
      const ranked = record instanceof Change ? floors.inOrder(letter, record) : record;
      await attempt(letter, () => {
        if (unplaced)
          throw new PoisonMessage(
            'a tombstone has no position, so it cannot be told whether the row is newer: delete the row in the ' +
              'source again, or rewind to before the tombstone',
          );
        const row = encoder.encode(letter.message, ranked, letter.topic, letter.partition, loadedAt);
        rows.from(recordsOf([letter.message]), letter.topic, letter.partition);
        rows.add(0, row.line, row.key, row.tombstone, row.change);
        if (row.partitionTime !== null) rows.addTime(row.partitionTime);
      });
    }
    const flushed = await sink.flush({
      target,
      columns,
      ranges: [],
      rows,
      dead,
      loadId,
      replayed: letters.map(({ id }) => id),
    });
    total.rows += flushed.rows;
    total.dead += flushed.dead.length;
  }
}

/** Whether the offset alone decides if the table's row is newer. */
function isByOffset({ mode, changes }: LoadTarget, { value }: Message): boolean {
  return mode === 'upsert' && (changes === null || value === null);
}

/** Whether it is a tombstone before which no change was replayed. With the lowest position it would delete nothing. */
function isUnplaced(record: DecodedRecord | Change, floor: Floor): boolean {
  return record instanceof Change && record.source === null && !floor.hasPosition;
}

function fieldsOf(record: DecodedRecord | Change): DecodedRecord {
  return record instanceof Change ? record.record : record;
}

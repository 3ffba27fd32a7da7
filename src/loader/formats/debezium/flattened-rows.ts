// Rows flattened by the connector's transform ExtractNewRecordState: metadata of the envelope is in fields whose names
// begin with `__`. Their order is exact only with the position in the source and marks of deleted rows, so a row
// without them is rejected.
import { type DecodedRecord, type Fields, isRecord, jsonRecord, PoisonMessage, utf8 } from '../message-decoder.ts';
import { ExactNumber } from '../values/lossless-json.ts';
import { type LoadTarget, pathOf } from '../../settings/load-target.ts';
import type { Envelope } from './debezium-decoder.ts';
import { fieldsOfJson, type Semantics } from './field-semantics.ts';
import type { SourceFields } from './source-position.ts';

type FlatTarget = Pick<LoadTarget, 'columns' | 'changes' | 'topic' | 'topics'>;

const DELETED = '__deleted';
/** Fields of the transform by meaning; `lsn` in its `add.fields` is `__lsn`, and `source.lsn` is `__source_lsn`. */
const NAMES = {
  op: ['__op'],
  connector: ['__connector', '__source_connector'],
  name: ['__name', '__source_name'],
  lsn: ['__lsn', '__source_lsn'],
  file: ['__file', '__source_file'],
  pos: ['__pos', '__source_pos'],
  // `ts_ms` alone is the connector's time.
  ts_ms: ['__source_ts_ms'],
  ts_us: ['__source_ts_us'],
  sequence: ['__sequence', '__source_sequence'],
} as const satisfies Readonly<Record<string, readonly string[]>>;
const TRANSFORM =
  'the transform needs add.fields: op,lsn,source.ts_ms (of MySQL op,file,pos,source.ts_ms), of several topics ' +
  'source.name, too, and delete.tombstone.handling.mode: rewrite';

/** Reads a metadata field as text. @throws PoisonMessage for a record, a map or a list */
export function plainText(value: unknown): string {
  if (typeof value === 'object' && !(value instanceof ExactNumber))
    throw new PoisonMessage('no envelope of a change: what says where it stands is no text and no number');
  return String(value);
}

/** Converts flattened rows to envelopes. */
export class FlatRows {
  readonly #deletesCount: boolean;
  /** Fields of the transform that no declared column takes, by name or path: they are not part of the row. */
  readonly #beside: ReadonlySet<string>;

  /** The source's name if rows do not contain it: the prefix of the topic's name. Null: there are several topics. */
  readonly #source: string | null;

  constructor({ columns, changes, topic, topics }: FlatTarget) {
    this.#source = topics === undefined ? (topic.split('.')[0] ?? topic) : null;
    this.#deletesCount = changes?.deletes !== 'ignore';
    const declared = new Set<unknown>(columns.map((column) => pathOf(column)?.[0]));
    this.#beside = new Set([DELETED, ...Object.values(NAMES).flat()].filter((name) => !declared.has(name)));
  }

  /** @param taken as in `of` @throws PoisonMessage */
  ofJson(value: Uint8Array, taken?: Fields): Envelope {
    const text = jsonRecord(utf8(value));
    const { schema, payload } = text;
    const wrapped = isRecord(schema) && isRecord(payload) && Object.keys(text).length === 2;
    return wrapped ? this.of(payload, fieldsOfJson(schema, null), taken) : this.of(text, null, taken);
  }

  /**
   * @param fields null: it came without a schema
   * @param taken fields that columns of the table take: they remain parts of the row
   * @throws PoisonMessage
   */
  of(record: DecodedRecord, fields: ReadonlyMap<string, Semantics> | null, taken?: Fields): Envelope {
    const said = (name: keyof typeof NAMES): string | null => {
      const found = NAMES[name].map((each) => record[each]).find((value) => value !== undefined && value !== null);
      return found === undefined ? null : plainText(found);
    };
    const [op, lsn, file, pos] = [said('op'), said('lsn'), said('file'), said('pos')];
    const [ts_ms, ts_us] = [said('ts_ms'), said('ts_us')];
    const name = said('name') ?? this.#source;
    const deleted = record[DELETED] ?? null;
    const lacking = [
      ...(op === null ? ['__op'] : []),
      ...(lsn === null && (file === null || pos === null) ? ['__lsn'] : []),
      ...(ts_ms === null && ts_us === null ? ['__source_ts_ms'] : []),
      ...(name === null ? ['__source_name'] : []),
      // Otherwise a delete is a tombstone, which has no position.
      ...(deleted === null && this.#deletesCount ? [DELETED] : []),
    ];
    if (lacking.length > 0)
      throw new PoisonMessage(
        `the flattened row has no ${lacking.map((name) => `'${name}'`).join(', ')}, without which changes have no ` +
          `order: ${TRANSFORM}`,
      );
    const source: SourceFields = {
      connector: said('connector') ?? (lsn === null ? 'mysql' : 'postgresql'),
      ...{ name, lsn, file, pos, ts_ms, ts_us, sequence: said('sequence') },
    };
    const row = (): { readonly record: DecodedRecord; readonly fields: typeof fields } => ({
      record: this.#rowOf(record, taken),
      fields,
    });
    return { op: deleted === true || deleted === 'true' ? 'd' : op, source, after: row, before: row };
  }

  #rowOf(record: DecodedRecord, taken?: Fields): DecodedRecord {
    const row: Record<string, unknown> = Object.create(null);
    for (const name in record) if (!this.#beside.has(name) || taken?.has(name) === true) row[name] = record[name];
    return row;
  }
}

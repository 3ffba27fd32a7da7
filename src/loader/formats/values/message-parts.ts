// Values of columns that do not come from the message's value: its key, headers, position and timestamp. Pure.
import type { Message } from '../../brokers/broker.ts';
import type { ColumnOrigin } from '../../settings/column-origin.ts';
import { PoisonMessage, utf8 } from '../message-decoder.ts';
import { ExactNumber, parseJson } from './lossless-json.ts';
import type { LoadColumn } from '../../settings/load-target.ts';
import { valueAt } from './path-tree.ts';
import type { Kind } from '../rows/row-encoder.ts';

/** A message's key, decoded on demand. @throws PoisonMessage from each method */
export interface MessageKey {
  /** As accepted by a column that is not JSON. */
  readonly whole: unknown;
  /** As in JSON: the input of paths. */
  readonly value: unknown;
}

/** Reads keys. */
export interface KeyReader {
  /** Fetches what reading a key needs; null: nothing is missing. @throws PoisonMessage */
  prepare(key: Uint8Array): Promise<void> | null;
  /** @returns null: `prepare` must be called first @throws PoisonMessage */
  read(key: Uint8Array): MessageKey | null;
}

/** A message's parts for columns. */
export type MessageParts = Pick<Message, 'offset' | 'timestamp' | 'key' | 'headers'> & {
  readonly topic: string;
  readonly partition: number;
};

/** An origin other than the message's value. */
export type PartOrigin = Exclude<ColumnOrigin, { readonly part: 'value' }>;

const NUMBER_TYPE = /^(?:(?:nullable|lowcardinality)\()*u?(?:small|big)?(?:int|numeric|decimal|real|double|float)/i;

/** A key in UTF-8, parsed as JSON if a path or a JSON column needs it. */
class TextKey implements MessageKey {
  readonly #bytes: Uint8Array;
  #parsed: { readonly value: unknown } | null = null;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get whole(): string {
    return utf8(this.#bytes);
  }

  get value(): unknown {
    if (this.#parsed === null) {
      try {
        this.#parsed = { value: parseJson(this.whole) };
      } catch (error) {
        if (error instanceof PoisonMessage) throw error;
        throw new PoisonMessage('the key is not JSON');
      }
    }
    return this.#parsed.value;
  }
}

export function textKey(bytes: Uint8Array): MessageKey {
  return new TextKey(bytes);
}

export const textKeys: KeyReader = { prepare: () => null, read: textKey };

/** Whether a column is not filled from the message's value. */
export function isPart({ origin }: Pick<LoadColumn, 'origin'>): boolean {
  return origin !== undefined && origin.part !== 'value';
}

/**
 * The value of a column as in JSON; undefined if the message has no such part.
 * @param key null: the message has none, or it was not read yet
 * @throws PoisonMessage for bytes that are not text
 */
export function partOf(
  origin: PartOrigin,
  { type, kind }: { readonly type: string; readonly kind: Kind },
  parts: MessageParts,
  key: MessageKey | null,
): unknown {
  switch (origin.part) {
    case 'key':
      if (parts.key === null) return null;
      if (kind === 'bytes' && origin.path.length === 0) return base64(parts.key);
      if (key === null) return null;
      return origin.path.length > 0 || kind === 'json' ? valueAt(key.value, origin.path) : key.whole;
    case 'header':
      return headerOf(origin.name, kind, parts.headers);
    case 'headers':
      return headersOf(parts.headers);
    case 'offset':
      return parts.offset <= Number.MAX_SAFE_INTEGER
        ? Number(parts.offset)
        : new ExactNumber(String(parts.offset), null);
    case 'timestamp':
      if (parts.timestamp === null) return null;
      return NUMBER_TYPE.test(type) ? parts.timestamp : new Date(parts.timestamp).toISOString();
    default:
      return parts[origin.part];
  }
}

/** The last header of a name; for a column of lists or JSON all of them, as a list. */
function headerOf(name: string, kind: Kind, headers: Message['headers']): unknown {
  const found = headers.filter(([each]) => each === name).map(([, value]) => value);
  const last = found.at(-1);
  if (last === undefined) return undefined;
  if (kind === 'array' || kind === 'json') return found.map((value) => (value === null ? null : textOf(name, value)));
  if (last === null) return null;
  return kind === 'bytes' ? base64(last) : textOf(name, last);
}

function textOf(name: string, value: Uint8Array): string {
  try {
    return utf8(value);
  } catch {
    throw new PoisonMessage(`header '${name}': not UTF-8`);
  }
}

/** All headers as an object: a repeated name has a list, bytes that are not text are base64. */
function headersOf(headers: Message['headers']): unknown {
  const found = new Map<string, unknown[]>();
  for (const [name, value] of headers) {
    const values = found.get(name);
    if (values === undefined) found.set(name, [shown(value)]);
    else values.push(shown(value));
  }
  const object: Record<string, unknown> = Object.create(null);
  for (const [name, values] of found) object[name] = values.length === 1 ? values[0] : values;
  return object;
}

function shown(value: Uint8Array | null): unknown {
  if (value === null) return null;
  try {
    const text = utf8(value);
    if (!text.includes('\0')) return text;
  } catch (error) {
    if (!(error instanceof PoisonMessage)) throw error;
  }
  return { base64: base64(value) };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}

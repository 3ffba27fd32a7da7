// Converts a message to one line of JSON, and back. A value that is a JSON object keeps its own fields, spelt
// unchanged; the message's position, time, key and headers precede them. Any other value is a text, or base64 if it is
// not text.
import { isUtf8 } from 'node:buffer';
import type { Message } from '../../brokers/broker.ts';
import { type Records, storableTime } from '../../brokers/message-records.ts';
import { HALF_PAIR } from '../message-decoder.ts';
import type { RowBuffer } from './row-buffer.ts';
import type { RowPath } from './row-writer.ts';

/** Fields of a line in addition to the value's. A value that has one of them is stored as a text. */
const OWN = [
  '_topic',
  '_partition',
  '_offset',
  '_kafka_ts',
  '_key',
  '_key_base64',
  '_headers',
  '_value',
  '_value_base64',
];
const [SPACE, TAB, LINE_FEED, RETURN, OPEN, CLOSE, COMMA] = [0x20, 0x09, 0x0a, 0x0d, 0x7b, 0x7d, 0x2c];
/** Bytes of a line in addition to key, value and headers. */
const FRAME_BYTES = 512;

/** A header in a line; `base64` if its bytes are not text. */
interface LineHeader {
  readonly name: string;
  readonly value: string | null;
  readonly base64?: string;
}

/** Writes lines into a buffer of rows. */
export class LinePath implements RowPath {
  readonly tombstones = true;
  #place: Buffer | null = null;
  #head = '';
  #second = Number.NaN;
  #clock = '';

  add(records: Records, i: number, rows: RowBuffer, place: Buffer): boolean {
    if (this.#place !== place) {
      const [, topic = '', partition = ''] = place.toString('latin1').split('\t');
      this.#head = `{"_topic":${JSON.stringify(topic)},"_partition":${partition},"_offset":`;
      this.#place = place;
    }
    const frame =
      `${this.#head}${records.offset(i)},"_kafka_ts":${this.#time(records.timestamp(i))},` +
      `${keyText(records.key(i))},"_headers":${headersText(records.headers(i))}`;
    const start = records.valueStart(i);
    const end = records.valueEnd(i);
    if (start >= 0 && !this.#spliced(records, i, rows, frame)) {
      const value = records.bytes.subarray(start, end);
      const rest = isUtf8(value)
        ? `,"_value":${JSON.stringify(value.toString('utf8'))}}\n`
        : `,"_value_base64":"${value.toString('base64')}"}\n`;
      this.#whole(rows, i, `${frame}${rest}`);
    } else if (start < 0) this.#whole(rows, i, `${frame},"_value":null}\n`);
    return true;
  }

  #whole(rows: RowBuffer, i: number, line: string): void {
    rows.room(line.length * 3);
    rows.added(i, rows.end + rows.bytes.write(line, rows.end, 'utf8'), rows.keyEnd);
  }

  /** Writes an object value after the frame, without its opening brace. @returns false: it is not an object */
  #spliced(records: Records, i: number, rows: RowBuffer, frame: string): boolean {
    const { bytes } = records;
    let start = records.valueStart(i);
    const end = records.valueEnd(i);
    while (start < end && isSpace(bytes[start])) start++;
    if (bytes[start] !== OPEN || !isUtf8(bytes.subarray(start, end))) return false;
    // Syntax is ASCII, so the meaning of other bytes is irrelevant.
    const text = bytes.toString('latin1', start, end);
    try {
      const fields: unknown = JSON.parse(text);
      if (text.includes('"_') || text.includes('\\')) {
        if (typeof fields !== 'object' || fields === null) return false;
        for (const name of OWN) if (Object.hasOwn(fields, name)) return false;
      }
    } catch {
      return false;
    }
    let first = start + 1;
    while (isSpace(bytes[first])) first++;
    rows.room(frame.length * 3 + (end - start) + FRAME_BYTES);
    const out = rows.bytes;
    let at = rows.end + out.write(frame, rows.end, 'utf8');
    if (bytes[first] !== CLOSE) out[at++] = COMMA;
    const copied = at;
    at += bytes.copy(out, at, start + 1, end);
    // In JSON, line breaks occur only between values.
    if (text.includes('\n') || text.includes('\r'))
      for (let k = copied; k < at; k++) if (out[k] === LINE_FEED || out[k] === RETURN) out[k] = SPACE;
    out[at++] = LINE_FEED;
    rows.added(i, at, rows.keyEnd);
    return true;
  }

  #time(time: number): string {
    if (Number.isNaN(time)) return 'null';
    const second = Math.floor(time / 1000);
    if (second !== this.#second) {
      this.#clock = new Date(second * 1000).toISOString().slice(0, -4);
      this.#second = second;
    }
    return `"${this.#clock}${String(time - second * 1000).padStart(3, '0')}Z"`;
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === LINE_FEED || byte === RETURN || byte === TAB;
}

function keyText(key: Uint8Array | null): string {
  if (key === null) return '"_key":null';
  return isUtf8(key)
    ? `"_key":${JSON.stringify(bufferOf(key).toString('utf8'))}`
    : `"_key":null,"_key_base64":"${bufferOf(key).toString('base64')}"`;
}

/** A message's headers as JSON. */
export function headersText(headers: Message['headers']): string {
  if (headers.length === 0) return '[]';
  const shown = headers.map(([name, value]): LineHeader => {
    if (value === null) return { name, value };
    return isUtf8(value)
      ? { name, value: bufferOf(value).toString('utf8') }
      : { name, value: null, base64: bufferOf(value).toString('base64') };
  });
  return JSON.stringify(shown);
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** A message with its position, as read from a line. */
export interface ArchivedMessage extends Message {
  readonly topic: string;
  readonly partition: number;
}

/** The message of a line; null: it is not a line of an archive. */
export function messageOf(line: Buffer): ArchivedMessage | null {
  let fields: unknown;
  try {
    fields = JSON.parse(line.toString('utf8'));
  } catch {
    return null;
  }
  if (typeof fields !== 'object' || fields === null) return null;
  const own = new Map(Object.entries(fields));
  const [topic, partition, offset, time] = [
    own.get('_topic'),
    own.get('_partition'),
    own.get('_offset'),
    own.get('_kafka_ts'),
  ];
  if (typeof topic !== 'string' || !Number.isSafeInteger(partition) || !Number.isSafeInteger(offset)) return null;
  const headers: unknown = own.get('_headers');
  const apart = own.has('_value') || own.has('_value_base64');
  // The value's own fields follow the headers.
  if (headers === undefined ? !apart : !areHeaders(headers)) return null;
  return {
    topic,
    partition,
    offset: BigInt(offset),
    timestamp: typeof time === 'string' ? storableTime(Date.parse(time)) : null,
    key: bytesOf(own.get('_key'), own.get('_key_base64')),
    value: apart ? bytesOf(own.get('_value'), own.get('_value_base64')) : bodyOf(line),
    headers: headersOf(headers),
  };
}

/** Whether they are those of a line: names are texts that a database can store. */
export function areHeaders(headers: unknown): boolean {
  return (
    Array.isArray(headers) &&
    headers.every(
      (each: unknown) =>
        typeof each === 'object' &&
        each !== null &&
        'name' in each &&
        typeof each.name === 'string' &&
        !HALF_PAIR.test(each.name),
    )
  );
}

/** The parsed headers from the output of `headersText`. */
export function headersOf(headers: unknown): Message['headers'] {
  return Array.isArray(headers)
    ? headers.map(({ name, value, base64 }: LineHeader) => [name, bytesOf(value, base64)] as const)
    : [];
}

function bytesOf(text: unknown, base64: unknown): Buffer | null {
  if (typeof base64 === 'string') return Buffer.from(base64, 'base64');
  return typeof text === 'string' ? Buffer.from(text) : null;
}

/** The value's own bytes after the frame: numbers keep their spelling. */
function bodyOf(line: Buffer): Buffer {
  // Neither key nor headers can contain this outside of a text, where its quotes would be escaped.
  const headers = line.indexOf('"_headers":[');
  let [at, depth, inText] = [headers + '"_headers":'.length, 0, false];
  for (; at < line.length; at++) {
    const byte = line[at];
    if (inText) {
      if (byte === 0x5c) at++;
      else if (byte === 0x22) inText = false;
    } else if (byte === 0x22) inText = true;
    else if (byte === 0x5b) depth++;
    else if (byte === 0x5d && --depth === 0) break;
  }
  const next = line[at + 1] === COMMA ? at + 2 : at + 1;
  return Buffer.concat([Buffer.from('{'), line.subarray(next)]);
}

/** The non-empty lines of a text. */
export function* linesOf(text: Buffer): Generator<Buffer> {
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf(LINE_FEED, start);
    const end = found < 0 ? text.length : found;
    if (end > start) yield text.subarray(start, end);
    start = end + 1;
  }
}

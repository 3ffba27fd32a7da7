// The part of a message before its payload if JSON's converter writes schemas: `{"schema":…,"payload":`. It is the same
// in all messages of one table version, so that one comparison of bytes replaces parsing it.
import { CLOSE } from '../values/ascii.ts';
import { isRecord, jsonRecord, PoisonMessage, utf8 } from '../message-decoder.ts';
import { Members } from './json-members.ts';
import { fieldsOfJson, type Semantics } from './field-semantics.ts';

const [SCHEMA, PAYLOAD] = [0, 1];

export class SchemaHead {
  /** Fields of the row, or of the key, by the schema in the head; null: it names none. */
  fields: ReadonlyMap<string, Semantics> | null = null;
  readonly #member: 'after' | null;
  readonly #members = new Members(['schema', 'payload', 'op']);
  #bytes = Buffer.alloc(0);

  /** @param member of the envelope whose fields are needed; null: for a key */
  constructor(member: 'after' | null) {
    this.#member = member;
  }

  /** Start of the payload, if the message has the known head; -1: it has another one, or none. */
  payload(bytes: Buffer, start: number, end: number): number {
    const { length } = this.#bytes;
    if (length === 0 || end - start <= length) return -1;
    return bytes.compare(this.#bytes, 0, length, start, start + length) === 0 ? start + length : -1;
  }

  /** Whether a message ends directly after its payload. */
  ends(bytes: Buffer, behind: number, end: number): boolean {
    return behind === end - 1 && bytes[behind] === CLOSE;
  }

  /** Learns the head of a message. @returns false: it has none, or one that only the slow path can parse */
  learn(bytes: Buffer, start: number, end: number): boolean {
    const members = this.#members;
    if (members.scan(bytes, start, end) !== end) return false;
    const [payload = -1, behind = -1] = [members.starts[PAYLOAD], members.ends[PAYLOAD]];
    if (payload < 0 || !members.has(SCHEMA) || members.has(2) || !this.ends(bytes, behind, end)) return false;
    try {
      const { length } = Object.keys(jsonRecord(utf8(bytes.subarray(start, end))));
      const schema = jsonRecord(members.text(SCHEMA) ?? '');
      if (length !== 2 || !isRecord(schema) || !('fields' in schema)) return false;
      this.fields = fieldsOfJson(JSON.parse(members.text(SCHEMA) ?? ''), this.#member);
    } catch (error) {
      if (error instanceof PoisonMessage || error instanceof SyntaxError) return false;
      throw error;
    }
    this.#bytes = Buffer.from(bytes.subarray(start, payload));
    return true;
  }
}

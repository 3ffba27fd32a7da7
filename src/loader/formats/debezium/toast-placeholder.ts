// Recognizes the placeholder that Debezium writes for an unchanged value which Postgres stores outside of the row
// (TOAST) and does not log. It has a form for each type. Pure.

const DEFAULT = '__debezium_unavailable_value';
const HEX = 'hex:';

export class Placeholder {
  readonly #forms: ReadonlySet<unknown>;
  readonly #text: string;
  readonly #bytes: Buffer;
  readonly #shortest: number;
  /** The forms that JSON writes without escapes. */
  readonly #written: readonly Buffer[];

  /** @param written the connector's `unavailable.value.placeholder`: a text, or `hex:` and bytes */
  constructor(written: string = DEFAULT) {
    const bytes = written.startsWith(HEX) ? Buffer.from(written.slice(HEX.length), 'hex') : Buffer.from(written);
    const text = bytes.toString('utf8');
    const plain = [text, bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex')];
    this.#text = text;
    this.#bytes = bytes;
    // A map of hstore comes as JSON.
    this.#forms = new Set([...plain, JSON.stringify({ [text]: text })]);
    this.#shortest = text.length;
    this.#written = plain.map((form) => Buffer.from(form));
  }

  /** @param value of a row, as in JSON or Avro */
  is(value: unknown): boolean {
    if (typeof value === 'string') return value.length >= this.#shortest && this.#forms.has(value);
    if (Array.isArray(value))
      return value.length === 1
        ? this.#forms.has(value[0])
        : value.length === this.#bytes.length && value.every((item, i) => item === this.#bytes[i]);
    return typeof value === 'object' && value !== null && this.#text in value;
  }

  /** The same for a JSON text without escapes. */
  stands(bytes: Buffer, start: number, end: number): boolean {
    const length = end - start;
    for (const form of this.#written) {
      if (form.length !== length || form[0] !== bytes[start]) continue;
      if (form.equals(bytes.subarray(start, end))) return true;
    }
    return false;
  }
}

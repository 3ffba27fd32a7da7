// Stops the client library's reader of answers where it trusts a broker's lengths. One below 0 moves it backwards, so
// that it reads a few bytes without end.

type KafkaLibrary = typeof import('@platformatic/kafka');
type Reader = InstanceType<KafkaLibrary['Reader']>;

/** Metadata of 200,000 partitions. fetch-request.ts reads longer answers. */
const MAX_LISTED_BYTES = 8 * 1024 ** 2;
/** Methods that follow a length. */
const METHODS = ['readNullableString', 'readNullableBytes', 'readNullableArray', 'readNullableMap', 'skip'] as const;

const guarded = new WeakSet<KafkaLibrary>();

/** Guards all answers that the library reads from now on: an error ends their connection. */
export function guardReader(library: KafkaLibrary): void {
  if (guarded.has(library)) return;
  guarded.add(library);
  const reader: Reader = library.Reader.prototype;
  for (const name of METHODS) {
    const least = name === 'skip' ? 0 : 1;
    const read: (...args: never) => unknown = reader[name];
    Reflect.set(reader, name, function (this: Reader, ...args: readonly unknown[]): unknown {
      const { position, buffer } = this;
      if (least > 0 && buffer.length > MAX_LISTED_BYTES)
        throw new RangeError(`an answer of ${buffer.length} bytes, expected at most ${MAX_LISTED_BYTES}`);
      // Each read searches its chunk from the first one on.
      if (least > 0 && buffer.buffers.length > 1) buffer.buffers = [buffer.slice()];
      const value: unknown = Reflect.apply(read, this, args);
      if (this.position < position + least || this.position > buffer.length)
        throw new RangeError('an answer with an invalid length');
      return value;
    });
  }
}

// Ends a broker's connection when its answer is invalid or too long. Without it, the client library reads an answer of
// any length into memory, and an error while it reads one ends the process.
import { Socket } from 'node:net';

/** Greater than any fetched batch: one of more than 256 MB stops its partition. */
export const MAX_ANSWER_BYTES = 300 * 1024 ** 2;
/** The correlation id that each answer begins with. */
const MIN_ANSWER_BYTES = 4;
const LENGTH_BYTES = 4;
/** What a broker with TLS answers first to a client without. */
const TLS_ALERT = 0x1503;

type KafkaLibrary = typeof import('@platformatic/kafka');

const guarded = new WeakSet<KafkaLibrary | Socket>();

/** Guards all connections that the library opens from now on. */
export function guardSockets(library: KafkaLibrary): void {
  if (guarded.has(library)) return;
  guarded.add(library);
  // Published when the socket exists and has not received anything, and for a connection that already exists.
  library.connectionsConnectsChannel.end.subscribe((message) => {
    if (typeof message !== 'object' || message === null || !('connection' in message)) return;
    const { connection } = message;
    if (!(connection instanceof library.Connection) || !(connection.socket instanceof Socket)) return;
    // A failed login can emit two errors. The second one has no other listener and would end the process.
    if (!guarded.has(connection.socket)) connection.on('error', () => undefined);
    guard(connection.socket);
  });
}

function guard(socket: Socket): void {
  if (guarded.has(socket)) return;
  guarded.add(socket);
  const emit = socket.emit.bind(socket);
  const lengths = new AnswerLengths();
  socket.emit = (event: string | symbol, ...args: readonly unknown[]): boolean => {
    if (event !== 'data') return Reflect.apply(emit, socket, [event, ...args]);
    try {
      if (args[0] instanceof Buffer) lengths.follow(args[0]);
      return Reflect.apply(emit, socket, [event, ...args]);
    } catch (error) {
      socket.destroy(error instanceof Error ? error : new Error(String(error)));
      return true;
    }
  };
}

/** Follows the lengths of a connection's answers. */
class AnswerLengths {
  /** Bytes of the current answer that are missing. */
  #left = 0;
  /** The length of the next answer, as far as it was received. */
  #length = Buffer.alloc(0);

  /** @throws Error if an answer has an invalid length */
  follow(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const skipped = Math.min(this.#left, bytes.length - at);
      this.#left -= skipped;
      at += skipped;
      if (this.#left > 0) return;
      const wanted = LENGTH_BYTES - this.#length.length;
      this.#length = Buffer.concat([this.#length, bytes.subarray(at, at + wanted)]);
      at += wanted;
      if (this.#length.length < LENGTH_BYTES) return;
      this.#left = this.#length.readInt32BE(0);
      this.#length = Buffer.alloc(0);
      if (this.#left >> 16 === TLS_ALERT) throw new Error('the broker requires TLS');
      if (this.#left < MIN_ANSWER_BYTES || this.#left > MAX_ANSWER_BYTES)
        throw new Error(`an answer of ${this.#left} bytes, expected ${MIN_ANSWER_BYTES} to ${MAX_ANSWER_BYTES}`);
    }
  }
}

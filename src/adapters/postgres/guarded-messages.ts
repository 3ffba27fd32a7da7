// Ends a server's connection when it sends an invalid message. Without it, `pg` reads an error or a notice without an
// end forever, an error while it reads a message ends the process, and a length may be 4 GB.
import type { Duplex } from 'node:stream';

/** Code and length. */
const HEAD_BYTES = 5;
/** As the server's own limit. */
const MAX_MESSAGE_BYTES = 1024 ** 3;
const [ERROR, NOTICE] = ['E', 'N'].map((code) => code.charCodeAt(0));

type Listener = (bytes: Buffer) => void;

/** Guards what a connection of `pg` reads, before it is opened. */
export function guardMessages(connection: object): void {
  if (!('attachListeners' in connection) || typeof connection.attachListeners !== 'function')
    throw new Error('the driver has no attachListeners');
  const attach = connection.attachListeners.bind(connection);
  connection.attachListeners = (stream: Duplex): void => {
    attach({
      on: (event: string, listener: Listener) =>
        stream.on(event, event === 'data' ? whole(stream, listener) : listener),
    });
  };
}

/** A listener that passes on only whole messages, so that nothing is read after their end. */
function whole(stream: Duplex, listener: Listener): Listener {
  let parts: Buffer[] = [];
  let size = 0;
  let wanted = HEAD_BYTES;
  return (bytes) => {
    parts.push(bytes);
    size += bytes.length;
    if (size < wanted) return;
    try {
      const all = parts.length === 1 ? bytes : Buffer.concat(parts, size);
      let at = 0;
      wanted = HEAD_BYTES;
      while (at + HEAD_BYTES <= all.length) {
        const end = endOf(all, at);
        wanted = end - at;
        if (end > all.length) break;
        wanted = HEAD_BYTES;
        at = end;
      }
      parts = at < all.length ? [all.subarray(at)] : [];
      size = all.length - at;
      if (at > 0) listener(all.subarray(0, at));
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  };
}

/** @returns the end of a message @throws Error if it is invalid */
function endOf(bytes: Buffer, at: number): number {
  const [code, length] = [bytes[at], bytes.readUInt32BE(at + 1)];
  const end = at + 1 + length;
  if (length < HEAD_BYTES - 1 || length > MAX_MESSAGE_BYTES)
    throw new Error(`the server sent an invalid message of ${length} bytes`);
  if ((code === ERROR || code === NOTICE) && end <= bytes.length && !hasEnd(bytes, at + HEAD_BYTES, end))
    throw new Error('the server sent an error without an end');
  return end;
}

/** Whether fields, each a code and a text that ends with 0, are followed by a code 0. */
function hasEnd(bytes: Buffer, from: number, end: number): boolean {
  let at = from;
  while (at < end && bytes[at] !== 0) {
    const zero = bytes.indexOf(0, at + 1);
    if (zero < 0) return false;
    at = zero + 1;
  }
  return at < end;
}

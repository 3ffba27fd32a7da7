// Ends a server's connection when it sends an invalid message. Without it, `pg` reads an error or a notice without an
// end forever, and `pg-copy-streams` a message without a length; an error of `pg` ends the process.
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

/** Guards what a COPY of `pg-copy-streams` reads, before it is sent. */
export function guardCopy(copy: object, source: Duplex): void {
  if (!('_parse' in copy) || typeof copy._parse !== 'function') throw new Error('the driver has no _parse');
  const parse: (bytes: Buffer) => unknown = copy._parse.bind(copy);
  let head = Buffer.alloc(0);
  let left = 0;
  copy._parse = (bytes: Buffer): unknown => {
    try {
      for (let at = 0; at < bytes.length; ) {
        const skipped = Math.min(left, bytes.length - at);
        left -= skipped;
        at += skipped;
        if (left > 0 || at === bytes.length) break;
        const whole = head.length === 0 && at + HEAD_BYTES <= bytes.length;
        const missing = HEAD_BYTES - head.length;
        if (!whole) head = Buffer.concat([head, bytes.subarray(at, at + missing)]);
        at += missing;
        if (!whole && head.length < HEAD_BYTES) break;
        left = (whole ? lengthAt(bytes, at - HEAD_BYTES) : lengthAt(head, 0)) + 1 - HEAD_BYTES;
        if (!whole) head = Buffer.alloc(0);
      }
      return parse(bytes);
    } catch (error) {
      source.destroy(error instanceof Error ? error : new Error(String(error)));
      return false;
    }
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
  const code = bytes[at];
  const end = at + 1 + lengthAt(bytes, at);
  if ((code === ERROR || code === NOTICE) && end <= bytes.length && !hasEnd(bytes, at + HEAD_BYTES, end))
    throw new Error('the server sent an error without an end');
  return end;
}

/** The length of the message, which includes itself, but not the code. @throws Error if it is invalid */
function lengthAt(bytes: Buffer, at: number): number {
  const length = bytes.readUInt32BE(at + 1);
  if (length < HEAD_BYTES - 1 || length > MAX_MESSAGE_BYTES)
    throw new Error(`the server sent an invalid message of ${length} bytes`);
  return length;
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

// The rows of a COPY, in and out, over a connection that is ready for it. Loads the streams with the first one.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AdapterResponse } from '../../contracts/results.ts';
import type { TsdbtError } from '../../errors.ts';
import type { Connection } from './connection.ts';
import { guardCopy } from './guarded-messages.ts';

/** A COPY that is about to be sent. */
export interface Copy {
  readonly connection: Connection;
  readonly text: string;
  /** Waits until the server is ready again. */
  readonly settle: () => Promise<void>;
  /** Rolls back. @returns the error to throw */
  readonly failed: (error: unknown) => Promise<TsdbtError>;
}

/** What a COPY has given, and the server's answer. */
export interface Copied<T> {
  readonly value: T;
  readonly response: AdapterResponse;
}

/** @returns the number of rows */
export async function copyRowsIn(
  { connection, text, settle, failed }: Copy,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Copied<number>> {
  const { copyFrom } = await import('./copy-stream.ts');
  const stream = connection.client.query(copyFrom(text));
  try {
    await pipeline(Readable.from(chunks), stream);
  } catch (error) {
    throw await failed(error);
  }
  await settle();
  const count = stream.rowCount ?? 0;
  return { value: count, response: { _message: `COPY ${count}`, code: 'COPY', rows_affected: count } };
}

/** @returns what the taker of the rows gives */
export async function copyRowsOut<T>(
  { connection, text, settle, failed }: Copy,
  take: (rows: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<Copied<T>> {
  const { copyTo } = await import('./copy-stream.ts');
  const query = copyTo(text);
  guardCopy(query, connection.client.connection.stream);
  const stream = connection.client.query(query);
  let failure: unknown = null;
  stream.on('error', (error) => {
    // A taker that fails destroys the stream within a pipeline: that is no failure of this server.
    if (error.name !== 'AbortError') failure = error;
  });
  try {
    const value = await take(stream);
    await settle();
    return { value, response: { _message: 'COPY', code: 'COPY', rows_affected: stream.rowCount } };
  } catch (error) {
    if (failure !== null) throw await failed(failure);
    // The taker has failed: rows that nobody reads stand between this connection and its next answer.
    connection.broken = true;
    connection.client.connection.stream.destroy();
    throw error;
  }
}

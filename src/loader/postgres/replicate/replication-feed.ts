// A connection for the replication protocol: passes on what the server sends by COPY, and confirms positions.
import { type DriverClient, destroy } from '../../../adapters/postgres/connection.ts';
import { startupOptions } from '../../../adapters/postgres/value-settings.ts';
import { TsdbtError } from '../../../errors.ts';
import { EPOCH_MICROS } from './log-position.ts';

/** Values have the same text in every server; a stream has no time limit. */
export const PLAIN_TEXTS = startupOptions({ statement_timeout: '0', idle_in_transaction_session_timeout: '0' });

const COPY_DATA = 0x64;
const STATUS = 0x72;
const STATUS_BYTES = 34;
const HEAD_BYTES = 5;

/** Wakes what waits for data, and keeps the error that ended it. */
export class Arrivals {
  #failure: { readonly error: unknown } | null = null;
  #arrived: () => void = () => undefined;

  get failed(): boolean {
    return this.#failure !== null;
  }

  arrived(): void {
    this.#arrived();
  }

  /** @throws the error that ended it */
  throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#arrived();
  }

  /** Resolves when something arrives, or after some time. */
  async arrival(ms: number): Promise<void> {
    if (this.#failure !== null) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#arrived = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.#arrived = () => undefined;
  }
}

export class ReplicationFeed extends Arrivals {
  readonly #client: DriverClient;
  readonly #ended: (error: unknown) => void;
  #paused = false;
  #closed = false;

  /**
   * @param receive gets the contents of each CopyData message; its error ends the feed
   * @param ended gets the error that ended it
   */
  constructor(
    client: DriverClient,
    receive: (bytes: Buffer) => void,
    ended: (error: unknown) => void = () => undefined,
  ) {
    super();
    this.#client = client;
    this.#ended = ended;
    client.connection.on('copyData', ({ chunk }: { readonly chunk: Buffer }) => {
      if (this.failed || this.#closed) return;
      try {
        receive(chunk);
      } catch (error) {
        this.fail(error);
      }
      this.arrived();
    });
    client.on('error', (error) => this.fail(lost(error)));
    client.on('end', () => this.fail(lost(null)));
  }

  override fail(error: unknown): void {
    const first = !this.failed && !this.#closed;
    super.fail(error);
    if (first) this.#ended(error);
  }

  /** Runs a statement; returns the first row's values. */
  async run(sql: string): Promise<readonly unknown[]> {
    const { rows } = await this.#client.query<unknown[]>({ text: sql, rowMode: 'array' });
    return rows[0] ?? [];
  }

  /** Stops or resumes reading: the server waits meanwhile. */
  pause(paused: boolean): void {
    if (paused === this.#paused) return;
    this.#paused = paused;
    const { stream } = this.#client.connection;
    if (paused) stream.pause();
    else stream.resume();
  }

  /**
   * Reports positions to the server, and asks for its own.
   * @param flushed the server may forget everything before it; 0: nothing new
   */
  confirm(written: bigint, flushed: bigint): void {
    if (this.#closed || this.failed) return;
    const frame = Buffer.alloc(HEAD_BYTES + STATUS_BYTES);
    frame[0] = COPY_DATA;
    frame.writeUInt32BE(STATUS_BYTES + 4, 1);
    frame[HEAD_BYTES] = STATUS;
    frame.writeBigUInt64BE(written > flushed ? written : flushed, HEAD_BYTES + 1);
    frame.writeBigUInt64BE(flushed, HEAD_BYTES + 9);
    frame.writeBigUInt64BE(flushed, HEAD_BYTES + 17);
    frame.writeBigUInt64BE(BigInt(Date.now()) * 1000n - EPOCH_MICROS, HEAD_BYTES + 25);
    frame[HEAD_BYTES + 33] = 1;
    this.#client.connection.stream.write(frame);
  }

  /** Ends the connection; the server frees the slot. */
  close(): void {
    this.#closed = true;
    destroy(this.#client);
  }
}

function lost(error: Error | null): TsdbtError {
  const why = error === null ? 'the server closed it' : error.message;
  return new TsdbtError('connection', `the replication connection was lost: ${why}`);
}

// Writes events to the console and logs/dbt.log in dbt's text, debug or JSON format, with secrets masked. Buffers the
// file and rotates it by size.
import { closeSync, existsSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorOf } from '../error-table.ts';
import { systemReason } from '../errors.ts';
import {
  debugLine,
  isPrintEvent,
  jsonLine,
  type LineContext,
  type LogEvent,
  type Logger,
  type LogLevel,
  passes,
  textLine,
} from '../log.ts';
import type { Secrets } from '../secrets.ts';
import { unmarkFloats } from '../values/index.ts';
import { makeFolder } from '../make-folder.ts';
import { wallClock } from './wall-clock.ts';

export type LineFormat = 'text' | 'debug' | 'json';

export interface SinkOptions {
  readonly format: LineFormat;
  readonly level: LogLevel;
  readonly colors: boolean;
  readonly context: LineContext;
  /** Masked in every line. */
  readonly secrets: Secrets;
  /** dbt hides these two noisy events unless asked. */
  readonly cacheEvents: boolean;
  /** Whether the lines go to a terminal, which interprets control characters. */
  readonly terminal?: boolean;
}

const CACHE_EVENTS = new Set(['CacheAction', 'CacheDumpGraph']);
/** Events of `clean`, which may just have removed the log folder. */
const CLEAN_EVENTS = new Set(['CheckCleanPath', 'ConfirmCleanPath', 'FinishedCleanPaths']);

function formatLine(event: LogEvent, options: SinkOptions, revealed = false): string {
  const now = wallClock();
  const at = new Date(now);
  const micros = Math.floor((now % 1000) * 1000);
  const line =
    options.format === 'json'
      ? unmarkFloats(jsonLine(event, at, micros, options.colors, options.context))
      : options.format === 'debug'
        ? debugLine(event, at, micros, options.colors, options.context)
        : textLine(event, at, options.colors, options.terminal === true);
  if (revealed) return line;
  return options.format === 'json' ? options.secrets.maskJsonLine(line) : options.secrets.mask(line);
}

/** Writes events to the console. @param write receives whole lines, each with its line feed */
export function consoleSink(options: SinkOptions, write: (text: string) => void): Logger {
  return {
    fire(event) {
      const level = isPrintEvent(event) ? 'error' : event.level;
      if (!passes(level, options.level) || (CACHE_EVENTS.has(event.name) && !options.cacheEvents)) return;
      write(`${formatLine(event, options, event.revealed)}\n`);
    },
  };
}

/** Combines writes that occur close together, because one write per line costs more than the line. */
export class Batch {
  readonly #write: (text: string) => void;
  readonly #pause: number;
  #text = '';

  /** @param pause milliseconds that a line may wait; 0: until the next turn of the event loop */
  constructor(write: (text: string) => void, pause = 0) {
    this.#write = write;
    this.#pause = pause;
  }

  add(text: string): void {
    if (this.#text === '') {
      if (this.#pause === 0) setImmediate(() => this.flush());
      else setTimeout(() => this.flush(), this.#pause).unref();
    }
    this.#text += text;
  }

  flush(): void {
    const text = this.#text;
    this.#text = '';
    if (text !== '') this.#write(text);
  }
}

const FLUSH_BYTES = 64 * 1024;
const FLUSH_MS = 500;
const BACKUPS = 5;
/** Only the owner may read the log, because it contains SQL and rows. */
const LOG_MODE = 0o600;

/** Writes events to a file in blocks; `flush` writes the last block. */
export class FileSink implements Logger {
  readonly #options: SinkOptions;
  readonly #path: string;
  readonly #maxBytes: number;
  #fd: number | null = null;
  #size = 0;
  #buffer: string[] = [];
  #buffered = 0;
  #flushedAt = performance.now();

  /** @param maxBytes size at which the file becomes `dbt.log.1` …; 0 for never */
  constructor(path: string, maxBytes: number, options: SinkOptions) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#options = options;
  }

  fire(event: LogEvent): void {
    const level = isPrintEvent(event) ? 'error' : event.level;
    if (
      !passes(level, this.#options.level) ||
      CLEAN_EVENTS.has(event.name) ||
      (CACHE_EVENTS.has(event.name) && !this.#options.cacheEvents)
    )
      return;
    const line = `${formatLine(event, this.#options)}\n`;
    this.#buffer.push(line);
    this.#buffered += line.length;
    if (this.#buffered >= FLUSH_BYTES || performance.now() - this.#flushedAt >= FLUSH_MS) this.flush();
  }

  /** A log that cannot be written is abandoned silently: it must never stop the work. */
  flush(): void {
    this.#flushedAt = performance.now();
    if (this.#buffer.length === 0) return;
    const block = Buffer.from(this.#buffer.join(''), 'utf8');
    this.#buffer = [];
    this.#buffered = 0;
    try {
      this.#open();
      if (this.#maxBytes > 0 && this.#size > 0 && this.#size + block.length >= this.#maxBytes) this.#rotate();
      if (this.#fd !== null) writeSync(this.#fd, block);
      this.#size += block.length;
    } catch {
      this.#fd = null;
    }
  }

  close(): void {
    this.flush();
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #open(): void {
    if (this.#fd !== null && existsSync(this.#path)) return;
    if (this.#fd !== null) closeSync(this.#fd);
    try {
      makeFolder(dirname(this.#path), 0o700);
      // Opening a pipe without a reader would block.
      if (existsSync(this.#path) && !statSync(this.#path).isFile()) throw new Error('it is no plain file');
      this.#fd = openSync(this.#path, 'a', LOG_MODE);
      this.#size = statSync(this.#path).size;
    } catch (error) {
      throw errorOf('cannotWriteLog', { path: this.#path, why: systemReason(error, this.#path) }, { cause: error });
    }
  }

  #rotate(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    for (let i = BACKUPS - 1; i >= 0; i--) {
      const from = i === 0 ? this.#path : `${this.#path}.${i}`;
      if (existsSync(from)) renameSync(from, `${this.#path}.${i + 1}`);
    }
    this.#fd = openSync(this.#path, 'a', LOG_MODE);
    this.#size = 0;
  }
}

/** Combines several loggers into one. */
export function teeLogger(sinks: readonly Logger[]): Logger {
  return {
    fire(event) {
      for (let i = 0; i < sinks.length; i++) sinks[i]?.fire(event);
    },
  };
}

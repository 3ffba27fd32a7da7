// Reads and writes the parse caches in the target folder: partial_parse.json, and others for commands whose templates
// read flags. The parser decides which one is valid.
import { createHash } from 'node:crypto';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { systemReason, TsdbtError } from '../errors.ts';
import type { CachedParseOutput, ParseCache } from '../parser/parse-cache.ts';
import type { Secrets } from '../secrets.ts';
import type { StateSeal } from '../user-state.ts';
import { readSigned, writeSigned } from './signed-file.ts';

const FILE = 'partial_parse.json';
const OF_COMMAND = /^partial_parse\.[0-9a-f]{16}\.json$/;
/** Maximum number of additional caches: few commands need one, and each can be as large as the manifest. */
const MOST_BESIDE = 4;
/** Signature of everything after it in the file. */
const PURPOSE = 'parse cache';

/** The parse caches of earlier commands and their paths. */
export class ParseCaches {
  readonly #folder: string;
  readonly #seal: StateSeal;
  readonly #first: string;
  readonly #onUnusable: (reason: string) => void;
  readonly #paths = new Map<ParseCache, string>();

  /**
   * @param seal signs each parse, so that SQL from a parse that the user did not make is never run
   * @param first path of the first parse, if not the default
   * @param onUnusable called if the first parse is missing or incomplete
   */
  constructor(
    folder: string,
    seal: StateSeal,
    first?: string | null,
    onUnusable: (reason: string) => void = () => undefined,
  ) {
    this.#folder = folder;
    this.#seal = seal;
    this.#first = first ?? join(folder, FILE);
    this.#onUnusable = onUnusable;
  }

  /** Yields the cached parses, each read on demand. Yields nothing if the first cannot be read. */
  *read(): Generator<ParseCache, void, undefined> {
    const first = readParseCache(this.#first, this.#seal);
    if (typeof first === 'string') {
      this.#onUnusable(first === 'missing' ? 'not found' : 'cannot be read');
      return;
    }
    this.#paths.set(first, join(this.#folder, FILE));
    yield first;
    for (const path of this.#beside()) {
      const cache = readParseCache(path, this.#seal);
      if (typeof cache === 'string') continue;
      this.#paths.set(cache, path);
      yield cache;
    }
  }

  /**
   * Stores a parse for the next command. A read-only folder does not fail a command that writes nothing else.
   * @returns why it could not be stored; null: it was
   */
  write(output: CachedParseOutput, secrets: Secrets): string | null {
    try {
      this.#keep(output, secrets);
      return null;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (error instanceof TsdbtError && error.cause instanceof Error && 'syscall' in error.cause) return error.message;
      if ('syscall' in error) return systemReason(error);
      throw error;
    }
  }

  #keep({ cache, replaces, alone }: CachedParseOutput, secrets: Secrets): void {
    const own = replaces === null ? undefined : this.#paths.get(replaces);
    const { command, hooks } = cache.header;
    const name = createHash('sha256')
      .update(JSON.stringify([command, hooks[0]]))
      .digest('hex')
      .slice(0, 16);
    const path = own ?? join(this.#folder, alone ? FILE : `partial_parse.${name}.json`);
    if (alone) for (const other of this.#beside()) rmSync(other, { force: true });
    else if (own === undefined)
      for (const other of this.#beside().slice(MOST_BESIDE - 1)) rmSync(other, { force: true });
    writeParseCache(path, cache, secrets, this.#seal);
  }

  /** Paths of the parses other than the first, newest first. */
  #beside(): string[] {
    let names: string[];
    try {
      names = readdirSync(this.#folder).filter((name) => OF_COMMAND.test(name));
    } catch {
      return [];
    }
    const time = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    return names
      .map((name) => join(this.#folder, name))
      .map((path) => [path, time(path)] as const)
      .sort(([a, one], [b, other]) => other - one || (a < b ? -1 : 1))
      .map(([path]) => path);
  }
}

/**
 * Reads a cached parse.
 * @returns 'missing', or 'unreadable' for an incomplete file or one signed with another key
 */
export function readParseCache(path: string, seal: StateSeal): ParseCache | 'missing' | 'unreadable' {
  const bytes = readSigned(path, PURPOSE, seal);
  if (typeof bytes === 'string') return bytes;
  const first = bytes.indexOf('\n');
  const second = bytes.indexOf('\n', first + 1);
  const third = bytes.indexOf('\n', second + 1);
  if (first < 0 || second <= first || third <= second) return 'unreadable';
  return {
    header: JSON.parse(bytes.toString('utf8', 0, first)) as ParseCache['header'],
    yaml: bytes.subarray(first + 1, second),
    index: bytes.subarray(second + 1, third),
    body: bytes.subarray(third + 1),
  };
}

/** Stores a parse for the next command, unless it contains a secret. */
export function writeParseCache(
  path: string,
  { header, yaml, index, body }: ParseCache,
  secrets: Secrets,
  seal: StateSeal,
): void {
  writeSigned(path, PURPOSE, seal, secrets, `${JSON.stringify(header)}\n`, yaml, '\n', index, '\n', body);
}

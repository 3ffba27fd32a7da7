// State that runs of a target share: short texts by name in a file in target/, such as fingerprints of views, or when a
// test last saw all rows. If the file is lost or stale, work is repeated.
import { randomBytes } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { MOST_DATA, readFileText } from '../project/read-file.ts';
import { makeFolder } from '../make-folder.ts';
import type { StateSeal } from '../user-state.ts';

/**
 * The file consists of this text, the signature of what follows, `",`, and the databases: valid JSON, signed as text.
 */
const HEAD = '{"signature":"';
const SIGNED = /^\{"signature":"([0-9a-f]{64})",("databases":[\s\S]*)$/;

type Fingerprints = Record<string, string>;

/** Texts by name, for one database. */
export class KnownState {
  readonly #path: string;
  readonly #database: string;
  readonly #reads: boolean;
  readonly #seal: StateSeal | null;
  #all: Record<string, Fingerprints> | null = null;
  #changed = false;

  /**
   * @param database distinguishes databases with relations of the same name; written as a keyed hash, because it
   *   contains fields of the connection
   * @param reads false: nothing counts as known (`--full-refresh`), but new values are recorded
   * @param seal signs the file, because its contents decide which SQL is skipped; null: nothing is stored
   */
  constructor(path: string, database: string, reads: boolean, seal: StateSeal | null) {
    this.#path = path;
    this.#database = seal?.sign('database', database) ?? '';
    this.#reads = reads;
    this.#seal = seal;
  }

  get(name: string): string | undefined {
    return this.#reads ? this.#known()[name] : undefined;
  }

  /** Like `get`, also with `--full-refresh`. */
  noted(name: string): string | undefined {
    return this.#known()[name];
  }

  set(name: string, fingerprint: string): void {
    const known = this.#known();
    if (known[name] === fingerprint) return;
    known[name] = fingerprint;
    this.#changed = true;
  }

  /** Writes changes. A file that cannot be written is not an error. */
  save(): void {
    if (!this.#changed || this.#all === null || this.#seal === null) return;
    const temporary = `${this.#path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
    try {
      makeFolder(dirname(this.#path), 0o700);
      const text = `"databases":${JSON.stringify(this.#all)}}`;
      writeFileSync(temporary, `${HEAD}${this.#seal.sign(this.#purpose, text)}",${text}`, { mode: 0o600, flag: 'wx' });
      renameSync(temporary, this.#path);
      this.#changed = false;
    } catch {
      rmSync(temporary, { force: true });
    }
  }

  get #purpose(): string {
    return basename(this.#path);
  }

  #known(): Fingerprints {
    this.#all ??= this.#read();
    return (this.#all[this.#database] ??= Object.create(null) as Fingerprints);
  }

  #read(): Record<string, Fingerprints> {
    if (this.#seal === null) return {};
    try {
      const [, signature = '', text = ''] = SIGNED.exec(readFileText(this.#path, MOST_DATA)) ?? [];
      if (!this.#seal.isSigned(signature, this.#purpose, text)) return {};
      const { databases }: { databases: unknown } = JSON.parse(`{${text}`);
      return knownTexts(databases);
    } catch {
      return {};
    }
  }
}

/** The entries of a file that have the form written by `save`. */
function knownTexts(found: unknown): Record<string, Fingerprints> {
  const known: Record<string, Fingerprints> = Object.create(null) as Record<string, Fingerprints>;
  if (typeof found !== 'object' || found === null) return known;
  for (const [database, texts] of Object.entries(found)) {
    if (typeof texts !== 'object' || texts === null) continue;
    const own: Fingerprints = Object.create(null);
    for (const [name, text] of Object.entries(texts as object)) if (typeof text === 'string') own[name] = text;
    known[database] = own;
  }
  return known;
}

// What this target's runs know from one to the next, a short text by name in a small file below target/: fingerprints
// of views, when a test last saw all rows. Makes none of it and decides nothing; a lost or stale file only means that
// work is done again.
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { MOST_DATA, readFileText } from '../project/read-file.ts';
import { makeFolder } from '../make-folder.ts';

type Fingerprints = Record<string, string>;

/** Texts by name, for one database. */
export class KnownState {
  readonly #path: string;
  readonly #database: string;
  readonly #reads: boolean;
  #all: Record<string, Fingerprints> | null = null;
  #changed = false;

  /**
   * @param database tells databases apart that hold relations of the same name
   * @param reads false: nothing counts as known (`--full-refresh`), what is built is still noted
   */
  constructor(path: string, database: string, reads: boolean) {
    this.#path = path;
    this.#database = database;
    this.#reads = reads;
  }

  get(name: string): string | undefined {
    return this.#reads ? this.#known()[name] : undefined;
  }

  set(name: string, fingerprint: string): void {
    const known = this.#known();
    if (known[name] === fingerprint) return;
    known[name] = fingerprint;
    this.#changed = true;
  }

  /** Writes what changed. A file that cannot be written is no reason to fail. */
  save(): void {
    if (!this.#changed || this.#all === null) return;
    const temporary = `${this.#path}.${process.pid}.tmp`;
    try {
      makeFolder(dirname(this.#path));
      writeFileSync(temporary, JSON.stringify(this.#all), { flag: 'wx' });
      renameSync(temporary, this.#path);
      this.#changed = false;
    } catch {
      rmSync(temporary, { force: true });
    }
  }

  #known(): Fingerprints {
    this.#all ??= this.#read();
    return (this.#all[this.#database] ??= Object.create(null) as Fingerprints);
  }

  #read(): Record<string, Fingerprints> {
    try {
      return knownTexts(JSON.parse(readFileText(this.#path, MOST_DATA)) as unknown);
    } catch {
      return {};
    }
  }
}

/** The entries of a file that have the form which `save` writes. */
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

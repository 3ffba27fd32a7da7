// The manifest of a publication in an object store: the list of its version's files. Reads, claims and switches it by
// conditional writes, and removes files that no manifest names. lake-target.ts writes the files.
import { errorOf } from '../../error-table.ts';
import type { Body, ObjectStore } from '../../object-store/store.ts';

const NAME = 'manifest.json';
/**
 * Files of a publication below its path, in partition folders. Other files belong to other owners. A folder without `=`
 * contains files of another copy, whose path is below this one.
 */
const OURS = /^(?:[^/=]+=[^/]*\/)*tsdbt-[0-9a-f]{12}-[0-9a-f]{12}-\d{5}\.parquet$/;

/** Objects that runs created to test whether the store supports conditional writes. */
const TRIALS = /^\.tsdbt-[0-9a-f-]{36}$/;
/** A test takes minutes at most. Older objects are leftovers of killed runs. */
const LONGEST_TRIAL_MS = 3_600_000;

export interface ManifestFile {
  /** Relative to the folder of the manifest. */
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  /** Texts of its partition keys. */
  readonly partition: readonly (string | null)[];
}

/** What readers see: `files` together are one version. */
export interface Manifest {
  readonly publication: string;
  readonly model: string;
  /** Null: nothing is published yet. */
  readonly version: string | null;
  readonly run_id: string | null;
  readonly published_at: string | null;
  readonly rows: number;
  readonly columns: readonly { readonly name: string; readonly type: string; readonly nullable: boolean }[];
  readonly partition_by: readonly string[];
  readonly files: readonly ManifestFile[];
  /** Marks of the partitions, by their values as JSON. */
  readonly partitions: Readonly<Record<string, string>>;
  /**
   * The run that is writing the next version, and a random id: an etag may be a hash of the content, so two claims of
   * one run must differ. A later claim ends an earlier one.
   */
  readonly claim: string | null;
}

/** The state of a manifest when it was read. */
export interface Standing {
  readonly manifest: Manifest | null;
  /** Null: there is none. */
  readonly etag: string | null;
  /** Keys of files that it does not name, listed before it was read: no later claim can have written them. */
  readonly unnamed: readonly string[];
  /** Files that it names, and that are not in the store in this form. */
  readonly lost: readonly ManifestFile[];
}

export class ManifestFolder {
  /** Includes the bucket, for messages. */
  readonly place: string;
  readonly #store: ObjectStore;
  readonly #path: string;

  /** @param path without a trailing slash */
  constructor(store: ObjectStore, path: string) {
    this.#store = store;
    this.#path = path;
    this.place = `s3://${store.settings.bucket}/${path}`;
  }

  /** @param time of the run, ISO 8601; null: leftovers of tests are not searched */
  async standing(time: string | null = null): Promise<Standing> {
    const ended = time === null ? 0 : Date.parse(time) - LONGEST_TRIAL_MS;
    const paths: string[] = [];
    const sizes = new Map<string, number>();
    const others: string[] = [];
    for await (const { key, size, modified } of this.#store.list(`${this.#path}/`)) {
      const path = key.slice(this.#path.length + 1);
      sizes.set(path, size);
      if (OURS.test(path) || (TRIALS.test(path) && Date.parse(modified) < ended)) paths.push(path);
      // Every copy has a manifest before it has files.
      else if (path.endsWith(`/${NAME}`)) others.push(path.slice(0, -NAME.length));
    }
    const { manifest, etag } = await this.#now();
    const named = new Set(manifest?.files.map(({ path }) => path));
    const unnamed = paths.filter((path) => !named.has(path) && !others.some((folder) => path.startsWith(folder)));
    const lost = manifest?.files.filter(({ path, bytes }) => sizes.get(path) !== bytes) ?? [];
    return { manifest, etag, unnamed: unnamed.map((path) => this.#key(path)), lost };
  }

  /**
   * Replaces the manifest.
   * @returns its etag @throws `runtime` error if another manifest was written in the meantime
   */
  async change(etag: string | null, manifest: Manifest): Promise<string> {
    const body = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
    const condition = etag === null ? { whenAbsent: true } : { whenEtag: etag };
    const put = await this.#store.put(this.#key(NAME), body, { ...condition, type: 'application/json' });
    if (put.created && put.etag !== null) return put.etag;
    // A retry of a write whose response was lost is refused.
    const now = await this.#store.read(this.#key(NAME));
    if (now?.body.equals(body)) return now.etag;
    throw errorOf('notPublished', {
      place: this.place,
      why: 'another publication has begun or ended there meanwhile; run it again',
    });
  }

  async put(path: string, bytes: Body): Promise<void> {
    await this.#store.put(this.#key(path), bytes, { type: 'application/vnd.apache.parquet' });
  }

  /** @param keys from `Standing.unnamed` */
  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.#store.delete(key);
  }

  /**
   * Ends the claim of a failed run, and removes its files that no manifest can name any more. If the response to its
   * switch was lost, the switch may have taken effect, may still do so, or another run may have kept the files since.
   * @throws if it is unknown whether the claim is still valid: the files are kept
   */
  async abandon(claim: string | null, paths: readonly string[]): Promise<void> {
    const { manifest, etag } = await this.#now();
    if (manifest === null) return;
    // After this, a late switch is refused, because it needs the etag of the claim.
    if (claim !== null && manifest.claim === claim) await this.change(etag, { ...manifest, claim: null });
    const named = new Set(manifest.files.map(({ path }) => path));
    await this.remove(paths.filter((path) => !named.has(path)).map((path) => this.#key(path)));
  }

  async #now(): Promise<Pick<Standing, 'manifest' | 'etag'>> {
    const found = await this.#store.read(this.#key(NAME));
    return found === null ? { manifest: null, etag: null } : { manifest: this.#parsed(found.body), etag: found.etag };
  }

  /** @throws `runtime` error naming the store: without conditional writes two publications could mix */
  async needConditions(): Promise<void> {
    if (await this.#store.honoursConditions(`${this.#path}/`)) return;
    const { name, endpoint } = this.#store.settings;
    throw errorOf('notPublished', {
      place: this.place,
      why:
        `the object store '${name}' at ${endpoint} ignores conditional writes (If-None-Match, If-Match), by which ` +
        'the manifest is switched',
    });
  }

  #key(path: string): string {
    return `${this.#path}/${path}`;
  }

  #parsed(body: Buffer): Manifest {
    try {
      const manifest: Manifest = JSON.parse(body.toString());
      if (typeof manifest.publication === 'string' && Array.isArray(manifest.files)) return manifest;
    } catch {
      // Reported below.
    }
    throw errorOf('notPublished', {
      place: this.place,
      why: `there is a ${NAME} that is no manifest of tsdbt; another 'path' goes beside it`,
    });
  }
}

// A table of an Iceberg REST catalog: loaded, created if missing, and changed by one commit that asserts the previous
// state. Objects are stored below the table's location.
import { errorOf } from '../../error-table.ts';
import { type AvroFile, readAvroFile } from '../../object-store/avro-file.ts';
import type { Body, ObjectStore, StoredObject } from '../../object-store/store.ts';
import { TsdbtError } from '../../errors.ts';
import {
  type CatalogJson,
  items,
  member,
  namespacePath,
  type RestCatalog,
  text,
} from '../../object-store/rest-catalog.ts';

export class LakeTable {
  readonly place: string;
  readonly #catalog: RestCatalog;
  readonly #store: ObjectStore;
  readonly #namespace: readonly string[];
  readonly #name: string;

  constructor(catalog: RestCatalog, store: ObjectStore, namespace: string, name: string) {
    this.#catalog = catalog;
    this.#store = store;
    this.#namespace = namespace.split('.');
    this.#name = name;
    this.place = `${namespace}.${name}`;
  }

  /** @returns its metadata; null: there is no such table */
  async load(): Promise<CatalogJson> {
    return (await this.loadWithLocation()).metadata;
  }

  /** Also returns the URI of the metadata file; null: the catalog does not report it. */
  async loadWithLocation(): Promise<{ readonly metadata: CatalogJson; readonly location: string | null }> {
    const { status, body } = await this.#catalog.ask(
      'GET',
      this.#path(`/${encodeURIComponent(this.#name)}`),
      undefined,
      [404],
    );
    if (status === 404) return { metadata: null, location: null };
    return { metadata: this.#metadataOf(body), location: text(member(body, 'metadata-location')) };
  }

  /**
   * @returns its metadata, even if another writer has created it in the meantime
   * @throws `runtime` error if the name belongs to something else, such as a view
   */
  async create(schema: CatalogJson, spec: CatalogJson, properties: CatalogJson): Promise<CatalogJson> {
    const namespace = { namespace: this.#namespace, properties: {} };
    await this.#catalog.ask('POST', 'namespaces', namespace, [409]);
    const { status, body } = await this.#catalog.ask(
      'POST',
      this.#path(''),
      { name: this.#name, schema, 'partition-spec': { 'spec-id': 0, fields: spec }, properties, 'stage-create': false },
      [409],
    );
    if (status !== 409) return this.#metadataOf(body);
    const found = await this.load();
    if (found !== null) return found;
    throw errorOf('notPublished', { place: this.place, why: 'the catalog has something of that name, and no table' });
  }

  /**
   * @returns false: the table is not in the state that the commit asserts
   * @throws `connection` error if it is unknown whether the commit took effect
   */
  async commit(requirements: CatalogJson, updates: CatalogJson): Promise<boolean> {
    const { status } = await this.#catalog.ask(
      'POST',
      this.#path(`/${encodeURIComponent(this.#name)}`),
      { identifier: { namespace: this.#namespace, name: this.#name }, requirements, updates },
      [409],
      false,
    );
    return status !== 409;
  }

  /** Returns the key of an object's URI in the connection's bucket. @throws `runtime` error for another bucket */
  keyOf(uri: string): string {
    const key = this.findKey(uri);
    if (key !== null) return key;
    throw errorOf('notPublished', {
      place: this.place,
      why: `its files are at ${uri}, and the connection's bucket is '${this.#store.settings.bucket}'`,
    });
  }

  /** Null: it is not in the connection's bucket. */
  findKey(uri: string): string | null {
    const [, bucket, key] = /^s3[an]?:\/\/([^/]+)\/(.+)$/.exec(uri) ?? [];
    return bucket === this.#store.settings.bucket && key !== undefined ? key.replace(/\/$/, '') : null;
  }

  async put(uri: string, bytes: Body): Promise<void> {
    await this.#store.put(this.keyOf(uri), bytes);
  }

  /**
   * Reads a manifest or a manifest list.
   * @param missing called if the file is gone; null is returned then; absent: that is an error
   */
  async readAvro(uri: string): Promise<AvroFile>;
  async readAvro(uri: string, missing: (() => void) | undefined): Promise<AvroFile | null>;
  async readAvro(uri: string, missing?: () => void): Promise<AvroFile | null> {
    const key = missing === undefined ? this.keyOf(uri) : this.findKey(uri);
    const body = key === null ? null : await this.#store.get(key);
    if (body === null && missing !== undefined) {
      missing();
      return null;
    }
    if (body === null) throw this.#unreadable(uri, 'it is gone');
    try {
      return readAvroFile(body);
    } catch (error) {
      throw this.#unreadable(uri, error instanceof Error ? error.message : String(error));
    }
  }

  /** Returns an object by its key; null: there is none. */
  async find(key: string): Promise<Buffer | null> {
    return this.#store.get(key);
  }

  list(prefix: string): AsyncGenerator<StoredObject> {
    return this.#store.list(prefix);
  }

  async delete(key: string): Promise<void> {
    await this.#store.delete(key);
  }

  #unreadable(uri: string, why: string): Error {
    return errorOf('icebergFileUnread', { place: this.place, file: uri, why });
  }

  /** A file that cannot be removed now becomes an orphan. */
  async remove(uris: readonly string[]): Promise<void> {
    for (const uri of uris) await this.#store.delete(this.keyOf(uri)).catch(() => undefined);
  }

  #metadataOf(body: CatalogJson): CatalogJson {
    const metadata = member(body, 'metadata');
    if (metadata !== null) return metadata;
    throw errorOf('notPublished', { place: this.place, why: 'the catalog tells of it without its metadata' });
  }

  #path(rest: string): string {
    return `${namespacePath(this.#namespace)}/tables${rest}`;
  }
}

/** The current snapshot; null: none. */
export function currentSnapshot(metadata: CatalogJson): CatalogJson {
  const id = member(metadata, 'current-snapshot-id');
  return items(member(metadata, 'snapshots')).find((each) => member(each, 'snapshot-id') === id) ?? null;
}

export function snapshotsById(metadata: CatalogJson): ReadonlyMap<CatalogJson, CatalogJson> {
  return new Map(items(member(metadata, 'snapshots')).map((each) => [member(each, 'snapshot-id'), each]));
}

/** A commit that was sent. */
export interface SentCommit {
  /** Stored in its snapshot as `tsdbt.commit`. */
  readonly commit: string;
  /** The parent snapshot; null: none. */
  readonly parent: CatalogJson;
}

/**
 * Finds out what became of a commit that was sent.
 * @param metadata current metadata of the table
 * @returns its snapshot; null: it certainly did not take effect; undefined: later commits may have expired it
 */
export function landed(metadata: CatalogJson, { commit, parent }: SentCommit): CatalogJson | undefined {
  const known = snapshotsById(metadata);
  const mine = [...known.values()].find((each) => fact(each, 'summary', 'tsdbt.commit') === commit);
  if (mine !== undefined) return mine;
  // All snapshots since then exist, and none of them is this commit's.
  let id = currentSnapshot(metadata) === null ? null : member(metadata, 'current-snapshot-id');
  // A snapshot among its own ancestors would be followed endlessly.
  for (let left = known.size; id !== parent; left--) {
    const snapshot = known.get(id);
    if (snapshot === undefined || left === 0) return undefined;
    id = member(snapshot, 'parent-snapshot-id');
    if (id === null && parent !== null) return undefined;
  }
  return null;
}

/** A value from a snapshot's summary, or from the table's properties. */
export function fact(of: CatalogJson, place: 'summary' | 'properties', name: string): string | null {
  return text(member(member(of, place), name));
}

/** Whether the connection was lost, so that the outcome is unknown. */
export function isUnknown(error: unknown): boolean {
  return error instanceof TsdbtError && error.kind === 'connection';
}

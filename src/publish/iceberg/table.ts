// A table of an Iceberg REST catalog: loaded, made where it is missing, and changed by one commit that asserts what it
// was. Objects are below the table's location.
import { errorOf } from '../../error-table.ts';
import type { ObjectStore } from '../../object-store/store.ts';
import { TsdbtError } from '../../errors.ts';
import { type CatalogJson, items, member, type RestCatalog, text } from '../../object-store/rest-catalog.ts';

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
    const { status, body } = await this.#catalog.ask(
      'GET',
      this.#path(`/${encodeURIComponent(this.#name)}`),
      undefined,
      [404],
    );
    return status === 404 ? null : member(body, 'metadata');
  }

  /** @returns its metadata, also when another one has made it meanwhile */
  async create(schema: CatalogJson, spec: CatalogJson, properties: CatalogJson): Promise<CatalogJson> {
    const namespace = { namespace: this.#namespace, properties: {} };
    await this.#catalog.ask('POST', 'namespaces', namespace, [409]);
    const { status, body } = await this.#catalog.ask(
      'POST',
      this.#path(''),
      { name: this.#name, schema, 'partition-spec': { 'spec-id': 0, fields: spec }, properties, 'stage-create': false },
      [409],
    );
    return status === 409 ? this.load() : member(body, 'metadata');
  }

  /**
   * @returns false: the table is not what the commit asserts
   * @throws `connection` error when nobody knows whether it was done
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

  /** The key of an object's URI in the connection's bucket. @throws `runtime` error for another bucket */
  keyOf(uri: string): string {
    const [, bucket, key] = /^s3[an]?:\/\/([^/]+)\/(.+)$/.exec(uri) ?? [];
    if (bucket === this.#store.settings.bucket && key !== undefined) return key.replace(/\/$/, '');
    throw errorOf('notPublished', {
      place: this.place,
      why: `its files are at ${uri}, and the connection's bucket is '${this.#store.settings.bucket}'`,
    });
  }

  async put(uri: string, bytes: Uint8Array): Promise<void> {
    await this.#store.put(this.keyOf(uri), bytes);
  }

  async get(uri: string): Promise<Buffer> {
    const body = await this.#store.get(this.keyOf(uri));
    if (body === null) throw errorOf('notPublished', { place: this.place, why: `its file ${uri} is gone` });
    return body;
  }

  async remove(uris: readonly string[]): Promise<void> {
    for (const uri of uris) await this.#store.delete(this.keyOf(uri)).catch(() => undefined);
  }

  #path(rest: string): string {
    return `namespaces/${encodeURIComponent(this.#namespace.join('\u001f'))}/tables${rest}`;
  }
}

/** The current snapshot; null: none. */
export function currentSnapshot(metadata: CatalogJson): CatalogJson {
  const id = member(metadata, 'current-snapshot-id');
  return items(member(metadata, 'snapshots')).find((each) => member(each, 'snapshot-id') === id) ?? null;
}

/** A fact of a snapshot's summary, or of the table's properties. */
export function fact(of: CatalogJson, place: 'summary' | 'properties', name: string): string | null {
  return text(member(member(of, place), name));
}

/** Was it lost on the way, so that nobody knows whether it was done? */
export function isUnknown(error: unknown): boolean {
  return error instanceof TsdbtError && error.kind === 'connection';
}

// Files in a table's `data/` and `metadata/` that no snapshot references: leftovers of expired snapshots and killed
// commits. The store is listed before the table is read, so that a concurrent commit is taken into account.
import { gunzipSync } from 'node:zlib';
import { errorOf } from '../../error-table.ts';
import { type CatalogJson, items, member, readCatalogJson, text } from '../../object-store/rest-catalog.ts';
import type { StoredObject } from '../../object-store/store.ts';
import type { Orphan, OrphanSearch } from '../publication-target.ts';
import { filePath, liveEntries } from './iceberg-manifests.ts';
import { collectsGarbage } from './snapshots.ts';
import type { LakeTable } from './iceberg-table.ts';

const DELETED_AT_ONCE = 8;
/** Limit of a table's uncompressed metadata. Larger metadata is not read, and its file is kept. */
const MAX_METADATA_BYTES = 256 * 1024 ** 2;

/**
 * @param loaded the table's metadata, which is loaded again after the listing
 * @returns orphans, in the order of their keys; they are deleted if `remove` is set
 * @throws `runtime` error for a table whose files may not be removed, or that was dropped in the meantime
 */
export async function orphansOf(
  table: LakeTable,
  loaded: CatalogJson,
  { before, remove }: OrphanSearch,
): Promise<Orphan[]> {
  const root = table.keyOf(text(member(loaded, 'location')) ?? '');
  const listed: StoredObject[] = [];
  for (const folder of ['data', 'metadata'])
    for await (const each of table.list(`${root}/${folder}/`)) if (mayBeOrphan(each.key, folder)) listed.push(each);
  const { metadata, location } = await table.loadWithLocation();
  if (member(metadata, 'table-uuid') !== member(loaded, 'table-uuid'))
    throw errorOf('orphansNotRemoved', { place: table.place, why: 'another table has taken its name meanwhile' });
  const named = new Named(table);
  if (location !== null) named.add(location);
  await named.addTable(metadata);
  // Renamed or dropped tables may share the folder.
  for (const { key } of listed)
    if (key.endsWith('.metadata.json') && !named.has(key))
      await named.addOther(key, text(member(metadata, 'table-uuid')));
  const orphans = listed.filter(({ key, modified }) => !named.has(key) && Date.parse(modified) < before);
  if (remove && orphans.length > 0 && !collectsGarbage(metadata))
    throw errorOf('orphansNotRemoved', { place: table.place, why: "its property 'gc.enabled' is false" });
  for (let from = 0; remove && from < orphans.length; from += DELETED_AT_ONCE)
    await Promise.all(orphans.slice(from, from + DELETED_AT_ONCE).map(({ key }) => table.delete(key)));
  return orphans.map(({ key, size, modified }) => ({ file: key, bytes: size, modified }));
}

/** Files that Iceberg writers create. Other files are left alone. */
function mayBeOrphan(key: string, folder: string): boolean {
  const name = key.slice(key.lastIndexOf('/') + 1);
  if (/^[._]/.test(name)) return false;
  return (folder === 'data' ? /\.(parquet|avro|orc|puffin)$/ : /\.(avro|metadata\.json|stats|puffin)$/).test(name);
}

/** The keys that tables reference. */
class Named {
  readonly #table: LakeTable;
  readonly #keys = new Set<string>();
  readonly #manifests = new Set<string>();

  constructor(table: LakeTable) {
    this.#table = table;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  add(uri: string): void {
    const key = this.#table.findKey(uri);
    if (key !== null) this.#keys.add(key);
  }

  /** @param missing called for a file that is gone; absent: that is an error */
  async addTable(metadata: CatalogJson, missing?: () => void): Promise<void> {
    for (const each of items(member(metadata, 'metadata-log'))) this.add(text(member(each, 'metadata-file')) ?? '');
    for (const kind of ['statistics', 'partition-statistics'])
      for (const each of items(member(metadata, kind))) this.add(text(member(each, 'statistics-path')) ?? '');
    for (const snapshot of items(member(metadata, 'snapshots'))) {
      const list = text(member(snapshot, 'manifest-list'));
      if (list === null) {
        for (const path of items(member(snapshot, 'manifests'))) await this.#addManifest(text(path) ?? '', {}, missing);
        continue;
      }
      this.add(list);
      const file = await this.#table.readAvro(list, missing);
      for (const row of file?.rows ?? []) await this.#addManifest(String(row['manifest_path']), row, missing);
    }
  }

  /** Earlier metadata of this table references nothing more. Metadata of another table protects that table's files. */
  async addOther(key: string, uuid: string | null): Promise<void> {
    const body = await this.#table.find(key);
    if (body === null) return;
    let metadata: CatalogJson;
    try {
      metadata = readCatalogJson(
        (body[0] === 0x1f ? gunzipSync(body, { maxOutputLength: MAX_METADATA_BYTES }) : body).toString(),
      );
    } catch {
      this.#keys.add(key);
      return;
    }
    if (text(member(metadata, 'table-uuid')) === uuid) return;
    this.#keys.add(key);
    await this.addTable(metadata, () => undefined);
  }

  async #addManifest(
    uri: string,
    row: Parameters<typeof liveEntries>[1],
    missing: (() => void) | undefined,
  ): Promise<void> {
    if (this.#manifests.has(uri)) return;
    this.#manifests.add(uri);
    this.add(uri);
    const file = await this.#table.readAvro(uri, missing);
    if (file !== null) for (const entry of liveEntries(file, row)) this.add(filePath(entry));
  }
}

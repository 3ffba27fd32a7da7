// Which snapshots of an Iceberg table end with the next commit. Their files stay until orphans are removed: orphans.ts.
import type { PublicationConfig } from '../../contracts/publication.ts';
import { type CatalogJson, entries, items, member } from '../../object-store/rest-catalog.ts';
import { retentionMs } from '../partition-key.ts';
import { KEPT } from '../read-publications.ts';
import { fact } from './table.ts';

/**
 * Snapshots that the next commit may end: beyond the `keep` newest of main, the one of that commit among them, and
 * replaced for longer than `older_than`, so that a reader has that time. What a tag or another branch leads to stays,
 * and everything where the table's own `gc.enabled` is false.
 * @param at milliseconds since 1970 of that commit
 * @returns their ids
 */
export function endedSnapshots(
  metadata: CatalogJson,
  { snapshots: written }: Pick<PublicationConfig, 'snapshots'>,
  at: number,
): CatalogJson[] {
  if (!collectsGarbage(metadata)) return [];
  const { keep, older_than: age } = written ?? KEPT;
  const before = at - (retentionMs(age) ?? 0);
  const all = items(member(metadata, 'snapshots'));
  const history = ancestorsOf(all, member(metadata, 'current-snapshot-id'));
  const kept = new Set(history.slice(0, keep - 1));
  for (const [name, ref] of entries(member(metadata, 'refs'))) {
    if (name === 'main') continue;
    const head = member(ref, 'snapshot-id');
    for (const id of member(ref, 'type') === 'branch' ? ancestorsOf(all, head) : [head]) kept.add(id);
  }
  return all
    .filter((snapshot) => {
      const id = member(snapshot, 'snapshot-id');
      const place = history.indexOf(id);
      // A snapshot of main was read until its child came.
      const last = place === 0 ? at : timeOf(place < 0 ? snapshot : find(all, history[place - 1] ?? null));
      return !kept.has(id) && last < before;
    })
    .map((snapshot) => member(snapshot, 'snapshot-id'));
}

/** May snapshots and files of the table be removed? */
export function collectsGarbage(metadata: CatalogJson): boolean {
  return fact(metadata, 'properties', 'gc.enabled') !== 'false';
}

/** The ids of a snapshot and those before it, the newest first. */
function ancestorsOf(all: readonly CatalogJson[], head: CatalogJson): CatalogJson[] {
  const ids: CatalogJson[] = [];
  for (let each = find(all, head); each !== null; each = find(all, member(each, 'parent-snapshot-id')))
    ids.push(member(each, 'snapshot-id'));
  return ids;
}

function find(all: readonly CatalogJson[], id: CatalogJson): CatalogJson {
  return id === null ? null : (all.find((each) => member(each, 'snapshot-id') === id) ?? null);
}

function timeOf(snapshot: CatalogJson): number {
  return Number(member(snapshot, 'timestamp-ms') ?? 0);
}

// Which snapshots of an Iceberg table the next commit expires. iceberg-orphans.ts removes their files later.
import type { PublicationConfig } from '../../contracts/publication.ts';
import { type CatalogJson, entries, member } from '../../object-store/rest-catalog.ts';
import { retentionMs } from '../../settings/partition-key.ts';
import { currentSnapshot, fact, snapshotsById } from './iceberg-table.ts';

/** Defaults: Iceberg's own age, and more snapshots than Iceberg's default of one. */
const KEEP = 10;
const AGE_MS = 5 * 86_400_000;

/**
 * Snapshots that the next commit may expire: not among the `keep` newest of main (including that commit's), and
 * replaced for longer than `older_than`, which gives readers that time. Settings missing in the publication come from
 * main's retention, then the table's properties, as in Iceberg's specification, then the defaults above. Snapshots that
 * a tag or another branch references are kept; with `gc.enabled` false, all are kept.
 * @param at milliseconds since 1970, by this process's clock, because the clock in a snapshot's time may be ahead
 * @returns their ids
 */
export function endedSnapshots(
  metadata: CatalogJson,
  { snapshots: written }: Pick<PublicationConfig, 'snapshots'>,
  at: number,
): CatalogJson[] {
  if (!collectsGarbage(metadata)) return [];
  const keep = written?.keep ?? ownNumber(metadata, 'min-snapshots-to-keep') ?? KEEP;
  const age = written?.older_than ?? null;
  const own = ownNumber(metadata, 'max-snapshot-age-ms') ?? AGE_MS;
  const before = at - (age === null ? own : (retentionMs(age) ?? own));
  const known = snapshotsById(metadata);
  const history = [...ancestorsOf(known, member(metadata, 'current-snapshot-id'))];
  const places = new Map(history.map((id, place) => [id, place]));
  const kept = new Set(history.slice(0, keep - 1));
  const ofBranches = new Set<CatalogJson>();
  for (const [name, ref] of entries(member(metadata, 'refs'))) {
    if (name === 'main') continue;
    const head = member(ref, 'snapshot-id');
    if (member(ref, 'type') === 'branch') ancestorsOf(known, head, ofBranches);
    else kept.add(head);
  }
  return [...known.keys()].filter((id) => {
    const place = places.get(id);
    // A snapshot of main was read until its child was committed.
    const last = place === 0 ? at : timeOf(known.get(place === undefined ? id : (history[place - 1] ?? null)) ?? null);
    return !kept.has(id) && !ofBranches.has(id) && last < before;
  });
}

/** A retention setting of main, or of the table; null: neither is a whole number from 1 on. */
function ownNumber(metadata: CatalogJson, name: string): number | null {
  const main = member(member(member(metadata, 'refs'), 'main'), name);
  for (const value of [main, fact(metadata, 'properties', `history.expire.${name}`)])
    if (/^[1-9]\d*$/.test(String(value))) return Number(value);
  return null;
}

/** Retention settings of main, which a commit that sets the branch would otherwise remove. */
export function mainRetention(metadata: CatalogJson): { readonly [name: string]: CatalogJson } {
  const main = entries(member(member(metadata, 'refs'), 'main'));
  return Object.fromEntries(main.filter(([name, value]) => /^m(in|ax)-/.test(name) && value !== null));
}

/** Whether snapshots and files of the table may be removed. */
export function collectsGarbage(metadata: CatalogJson): boolean {
  return fact(metadata, 'properties', 'gc.enabled') !== 'false';
}

/** The snapshot that wrote the current rows. A `replace` snapshot, such as a compaction, changes only files. */
export function contentSnapshot(metadata: CatalogJson): CatalogJson {
  const known = snapshotsById(metadata);
  for (const id of ancestorsOf(known, member(currentSnapshot(metadata), 'snapshot-id'))) {
    const each = known.get(id) ?? null;
    if (fact(each, 'summary', 'operation') !== 'replace') return each;
  }
  return null;
}

/**
 * The snapshots of main, without those that a rollback has removed or that only another branch has. Snapshots older
 * than an expired one are included, because it is unknown where they belong.
 */
export function snapshotsOfMain(metadata: CatalogJson): CatalogJson[] {
  const known = snapshotsById(metadata);
  const history = ancestorsOf(known, member(metadata, 'current-snapshot-id'));
  const oldest = known.get([...history].at(-1) ?? null) ?? null;
  const number = (each: CatalogJson): number => Number(member(each, 'sequence-number'));
  const cut = member(oldest, 'parent-snapshot-id') !== null;
  return [...known]
    .filter(([id, each]) => history.has(id) || (cut && number(each) < number(oldest)))
    .map(([, each]) => each);
}

/**
 * Collects the ids of a snapshot and its ancestors, newest first. A snapshot among its own ancestors ends them.
 * @param ids already collected, with their ancestors
 */
function ancestorsOf(
  known: ReadonlyMap<CatalogJson, CatalogJson>,
  head: CatalogJson,
  ids: Set<CatalogJson> = new Set(),
): ReadonlySet<CatalogJson> {
  for (let id = head; known.has(id) && !ids.has(id); id = member(known.get(id) ?? null, 'parent-snapshot-id'))
    ids.add(id);
  return ids;
}

function timeOf(snapshot: CatalogJson): number {
  return Number(member(snapshot, 'timestamp-ms') ?? 0);
}

// Publishes Parquet files into an object store: files are written under new names, and finally the manifest is switched
// to them. A claim in the manifest distinguishes files of a running publication from leftovers of a killed one.
import { randomBytes, randomUUID } from 'node:crypto';
import type { PublicationNode } from '../../contracts/publication.ts';
import { errorOf } from '../../error-table.ts';
import type { ObjectStore } from '../../object-store/store.ts';
import { publishedName } from '../check-targets.ts';
import { type PartitionKey, readPartitionKey } from '../../settings/partition-key.ts';
import { confirmReceived } from '../publication-plan.ts';
import type { Published, Publishing, Receiver, StandingCopy, Summary } from '../publication-target.ts';
import { type Ended, endedPartitions, partitionKeysOf } from '../retention.ts';
import type { LakeColumn } from './lake-column.ts';
import { type Manifest, ManifestFolder, type ManifestFile, type Standing } from './lake-manifest.ts';
import { type LakeColumnOf, planFiles } from './planned-files.ts';
import { writeRowFiles } from './row-files.ts';

export class LakeReceiver implements Receiver {
  readonly #store: ObjectStore;
  readonly #columnOf: LakeColumnOf;
  #conditions: Promise<void> | null = null;

  constructor(store: ObjectStore, columnOf: LakeColumnOf) {
    this.#store = store;
    this.#columnOf = columnOf;
  }

  async publish(publishing: Publishing): Promise<Published> {
    const { node, force } = publishing;
    const { config } = node;
    const folder = new ManifestFolder(this.#store, config.path ?? '');
    this.#conditions ??= folder.needConditions();
    await this.#conditions;
    const standing = await folder.standing(publishing.time);
    const { manifest, lost } = standing;
    if (manifest !== null && manifest.publication !== node.unique_id && !config.adopt)
      throw errorOf('foreignTable', { place: folder.place, what: `it holds ${manifest.publication}` });
    const { columns, summary, version } = await planFiles(publishing, this.#columnOf);
    const ended = endedPartitions(publishing, folder.place, await publishing.source.now());
    const overdue = ended !== null && manifest?.files.some(({ partition }) => ended.has(partition)) === true;
    if (!force && !overdue && lost.length === 0 && manifest?.version === version) {
      await tidy(folder, standing, manifest);
      return { changed: false, rows: manifest.rows, sent: 0, removed: 0 };
    }
    return write(folder, publishing, { standing, columns, version, ended, summary });
  }

  async standing({ unique_id, config }: PublicationNode): Promise<StandingCopy | null> {
    const { manifest, lost } = await new ManifestFolder(this.#store, config.path ?? '').standing();
    if (manifest === null || manifest.publication !== unique_id) return null;
    const { version, run_id: runId, rows, published_at: publishedAt } = manifest;
    if (version === null || runId === null || publishedAt === null) return null;
    return { version, runId, rows, publishedAt, lostFiles: lost.length };
  }
}

/** Removes leftovers of killed runs and of older versions. */
async function tidy(folder: ManifestFolder, { etag, unnamed }: Standing, manifest: Manifest): Promise<void> {
  if (unnamed.length === 0) return;
  if (manifest.claim !== null) await folder.change(etag, { ...manifest, claim: null });
  await folder.remove(unnamed);
}

interface Next {
  readonly standing: Standing;
  readonly columns: readonly LakeColumn[];
  readonly version: string;
  readonly ended: Ended | null;
  readonly summary: Summary;
}

async function write(
  folder: ManifestFolder,
  publishing: Publishing,
  { standing, columns, version, ended, summary }: Next,
): Promise<Published> {
  const { node, source, runId, time, force } = publishing;
  const before = standing.manifest;
  const shape = columns.map(({ name, type, nullable }) => ({ name, type, nullable }));
  const parts = partitionKeysOf(publishing);
  const found = parts.length === 0 ? [] : await source.partitions(parts, columns);
  const partitions = found.filter(({ values }) => ended?.has(values) !== true);
  const kept = node.config.mode === 'partitions' && !force ? keptOf(folder, before, shape, parts) : [];
  const marks = new Map(partitions.map(({ values, mark: of }) => [JSON.stringify(values), of]));
  const lost = new Set(standing.lost.map(({ partition }) => JSON.stringify(partition)));
  const staying = kept.filter(({ path, partition }) => {
    const now = marks.get(JSON.stringify(partition));
    const damaged = lost.has(JSON.stringify(partition));
    if (damaged && now === undefined && ended?.has(partition) !== true)
      throw errorOf('notPublished', {
        place: folder.place,
        why:
          `the partition of its file ${path} has lost files, and the model has its rows no more; restore them, or ` +
          '--full-refresh publishes the partitions of the model and drops older ones',
      });
    return (
      !damaged &&
      ended?.has(partition) !== true &&
      (now === undefined || before?.partitions[JSON.stringify(partition)] === now)
    );
  });
  const there = new Set(staying.map(({ partition }) => JSON.stringify(partition)));
  const changed = partitions.filter(({ values }) => !there.has(JSON.stringify(values)));
  const claimed: Manifest = {
    ...(before ?? {
      model: publishedName(node),
      version: null,
      run_id: null,
      published_at: null,
      rows: 0,
      columns: shape,
      partition_by: node.config.partition_by,
      files: [],
      partitions: {},
    }),
    publication: node.unique_id,
    claim: `${runId} ${randomUUID()}`,
  };
  const etag = await folder.change(standing.etag, claimed);
  // The runs that wrote these have lost their claims, so they cannot publish them.
  await folder.remove(standing.unnamed);
  const files: ManifestFile[] = [];
  // Random, because late requests of a failed attempt could overwrite or delete the files of the run's next attempt.
  const mark = `${version.slice(0, 12)}-${randomBytes(6).toString('hex')}`;
  try {
    const sent = await writeRowFiles(
      source,
      {
        columns,
        only: parts.length === 0 ? null : { parts, partitions: changed, all: changed.length === found.length },
      },
      async ({ partition, rows, bytes, body }) => {
        const name = `tsdbt-${mark}-${String(files.length).padStart(5, '0')}.parquet`;
        const path = [...parts.map((part, index) => folderOf(part, partition[index] ?? null)), name].join('/');
        await folder.put(path, body);
        files.push({ path, rows, bytes, partition });
      },
    );
    const partitioned = parts.length === 0 ? null : changed;
    confirmReceived(source, folder.place, { summary, partitions: partitioned, mark: null }, sent);
    const all = [...staying, ...files].sort((a, b) => (a.path < b.path ? -1 : 1));
    const rows = all.reduce((sum, file) => sum + file.rows, 0);
    const stays = staying.map(({ partition }) => JSON.stringify(partition));
    await folder.change(etag, {
      publication: node.unique_id,
      model: publishedName(node),
      version,
      run_id: runId,
      published_at: time,
      rows,
      columns: shape,
      partition_by: node.config.partition_by,
      files: all,
      partitions: {
        ...Object.fromEntries(stays.map((values) => [values, before?.partitions[values] ?? ''])),
        ...Object.fromEntries(marks),
      },
      claim: null,
    });
    return { changed: true, rows, sent, removed: Math.max((before?.rows ?? 0) + sent - rows, 0) };
  } catch (error) {
    const paths = files.map(({ path }) => path);
    // If this fails too, the next run removes the files.
    await folder.abandon(claimed.claim, paths).catch(() => undefined);
    throw error;
  }
}

/** @throws `runtime` error if older partitions have other columns or keys: they exist only there */
function keptOf(
  folder: ManifestFolder,
  before: Manifest | null,
  shape: Manifest['columns'],
  parts: readonly PartitionKey[],
): readonly ManifestFile[] {
  if (before === null || before.version === null) return [];
  const sameColumns = JSON.stringify(before.columns) === JSON.stringify(shape);
  // Partitions by other keys never match those of the source, so their rows would be duplicated.
  if (sameColumns && JSON.stringify(before.partition_by.map(readPartitionKey)) === JSON.stringify(parts))
    return before.files;
  throw errorOf('notPublished', {
    place: folder.place,
    why:
      `its ${sameColumns ? "'partition_by' is another" : 'columns are others'} by now; ` +
      '--full-refresh publishes the partitions of the model and drops older ones',
  });
}

/** `created_at_day=2026-11-23`, the Hive convention for partition folders. */
function folderOf({ column, grain }: PartitionKey, value: string | null): string {
  const name = grain === null ? column : `${column}_${grain}`;
  const text = value === null ? '__HIVE_DEFAULT_PARTITION__' : encodeURIComponent(value);
  return `${encodeURIComponent(name)}=${text.replaceAll('.', '%2E')}`;
}

// Publishes into an Iceberg table through a REST catalog: data files, manifests and one commit that asserts the parent
// snapshot. The snapshot's summary contains run and version, by which a retry finds its own snapshot.
import { randomBytes, randomUUID } from 'node:crypto';
import type { PublicationNode } from '../../contracts/publication.ts';
import { errorOf } from '../../error-table.ts';
import type { AvroFile, AvroValue } from '../../object-store/avro-file.ts';
import { type CatalogJson, entries, member, type RestCatalog, text } from '../../object-store/rest-catalog.ts';
import type { ObjectStore } from '../../object-store/store.ts';
import { type LakeColumnOf, planFiles } from '../lake/planned-files.ts';
import { writeRowFiles } from '../lake/row-files.ts';
import { confirmReceived, forgotten } from '../publication-plan.ts';
import type {
  Orphan,
  OrphanSearch,
  Partition,
  Published,
  Publishing,
  Receiver,
  StandingCopy,
  Summary,
} from '../publication-target.ts';
import { type Ended, endedPartitions, partitionKeysOf } from '../retention.ts';
import {
  counts,
  listRows,
  liveEntries,
  type NewFile,
  type OldFile,
  partitionOf,
  renamedPartitions,
  type Standing,
  writeManifest,
  writeManifestList,
} from './iceberg-manifests.ts';
import { orphansOf } from './iceberg-orphans.ts';
import { partitionedOtherwise, type SpecField, specFields, specJson, specOf } from './partition-spec.ts';
import { contentSnapshot, endedSnapshots, mainRetention, snapshotsOfMain } from './snapshots.ts';
import { currentSnapshot, fact, isUnknown, LakeTable, landed, type SentCommit } from './iceberg-table.ts';
import { evolvedSchema, schemaJson, schemaUpdates, type TableSchema } from './table-schema.ts';

/** Number of attempts to commit after conflicting commits. */
const TRIES = 30;

export class IcebergReceiver implements Receiver {
  readonly #catalog: RestCatalog;
  readonly #store: ObjectStore;
  readonly #namespace: string;
  readonly #columnOf: LakeColumnOf;

  constructor(catalog: RestCatalog, store: ObjectStore, namespace: string, columnOf: LakeColumnOf) {
    this.#catalog = catalog;
    this.#store = store;
    this.#namespace = namespace;
    this.#columnOf = columnOf;
  }

  async publish(publishing: Publishing): Promise<Published> {
    const { node, source, force } = publishing;
    const { config } = node;
    const table = this.#table(config.table ?? '');
    const { place } = table;
    const parts = partitionKeysOf(publishing);
    let metadata = await table.load();
    refuseForeign(metadata, node, place);
    const { columns: planned, summary, version } = await planFiles(publishing, this.#columnOf);
    const ended = endedPartitions(publishing, place, await source.now());
    const found = config.mode === 'partitions' ? await source.partitions(parts, planned) : [];
    const partitions = found.filter(({ values }) => ended?.has(values) !== true);
    const marks = marksOf(metadata);
    const overdue = ended !== null && Object.keys(marks).some((values) => ended.has(JSON.parse(values)));
    if (!force && !overdue && holds(metadata, config.mode === 'append', version))
      return { changed: false, rows: rowsThere(metadata), sent: 0, removed: 0 };
    let schema = evolvedSchema(planned, metadata, config.mode === 'replace', place);
    let spec: readonly SpecField[] = specFields(parts, schema.columns, place);
    if (metadata === null) {
      metadata = await table.create(schemaJson(schema), specJson(spec), {
        'format-version': '2',
        'tsdbt.publication': node.unique_id,
      });
      // Another writer may have created it in the meantime.
      refuseForeign(metadata, node, place);
      const there = currentSnapshot(metadata) !== null;
      if (there && config.mode !== 'append') throw overtaken(place);
      if (there && !force && holds(metadata, true, version))
        return { changed: false, rows: rowsThere(metadata), sent: 0, removed: 0 };
      // The catalog has assigned the field ids.
      schema = evolvedSchema(planned, metadata, config.mode === 'replace', place);
      spec = specFields(parts, schema.columns, place);
    }
    // Fails before any row is sent.
    spec = specOf(metadata, spec, place).fields;
    const changed = force
      ? partitions
      : partitions.filter(({ values, mark }) => marks[JSON.stringify(values)] !== mark);
    const work = new IcebergWork(table, publishing, { version, ended, spec, schema, partitions, changed, summary });
    return work.commit(metadata);
  }

  async standing({ unique_id, config }: PublicationNode): Promise<StandingCopy | null> {
    const metadata = await this.#table(config.table ?? '').load();
    const snapshot = contentSnapshot(metadata);
    const [version, runId] = ['version', 'run-id'].map((name) => fact(snapshot, 'summary', `tsdbt.${name}`));
    const committed = Number(member(snapshot, 'timestamp-ms') ?? Number.NaN);
    if (fact(metadata, 'properties', 'tsdbt.publication') !== unique_id || Number.isNaN(new Date(committed).getTime()))
      return null;
    if (version == null || runId == null) return null;
    return { version, runId, rows: rowsThere(metadata), publishedAt: new Date(committed).toISOString() };
  }

  async orphans({ unique_id, config }: PublicationNode, search: OrphanSearch): Promise<Orphan[]> {
    const table = this.#table(config.table ?? '');
    const metadata = await table.load();
    if (fact(metadata, 'properties', 'tsdbt.publication') !== unique_id) return [];
    return orphansOf(table, metadata, search);
  }

  #table(written: string): LakeTable {
    const dot = written.lastIndexOf('.');
    const namespace = dot < 0 ? this.#namespace : written.slice(0, dot);
    return new LakeTable(this.#catalog, this.#store, namespace, written.slice(dot + 1));
  }
}

interface IcebergPlan {
  readonly version: string;
  readonly ended: Ended | null;
  readonly spec: readonly SpecField[];
  readonly schema: TableSchema;
  readonly partitions: readonly Partition[];
  readonly changed: readonly Partition[];
  readonly summary: Summary;
}

type Row = AvroFile['rows'][number];

class IcebergWork {
  readonly #table: LakeTable;
  readonly #publishing: Publishing;
  readonly #plan: IcebergPlan;
  readonly #files: NewFile[] = [];
  /** Files written only for the current attempt to commit. */
  #own: string[] = [];
  /** The commit that was sent and is not known to have been refused. */
  #asked: (SentCommit & { readonly before: number; readonly rows: number }) | null = null;
  #sent = 0;

  constructor(table: LakeTable, publishing: Publishing, plan: IcebergPlan) {
    this.#table = table;
    this.#publishing = publishing;
    this.#plan = plan;
  }

  /** @param loaded the table when the rows were planned; each attempt reloads it */
  async commit(loaded: CatalogJson): Promise<Published> {
    const { node, force } = this.#publishing;
    const { place } = this.#table;
    try {
      await this.#write(loaded);
      for (let tries = 1; ; tries++) {
        const now = await this.#table.load();
        // A proxy may have sent the commit twice, and only the second was refused.
        const mine = this.#asked === null ? null : landed(now, this.#asked);
        if (mine != null) return this.#done();
        if (now !== null) refuseForeign(now, node, place);
        if (mine === undefined || tries > TRIES || this.#moved(loaded, now)) throw overtaken(place);
        await this.#table.remove(this.#own);
        this.#asked = null;
        this.#own = [];
        if (node.config.mode === 'append' && !force && holds(now, true, this.#plan.version)) {
          await this.#table.remove(this.#files.map(({ path }) => path));
          return { changed: false, rows: rowsThere(now), sent: 0, removed: 0 };
        }
        if (await this.#try(now)) return this.#done();
      }
    } catch (error) {
      return this.#failed(error);
    }
  }

  /** Older rows must not overwrite those of a newer version. Mode append overwrites nothing. */
  #moved(loaded: CatalogJson, now: CatalogJson): boolean {
    const [before, current] = [loaded, now].map((each) => member(currentSnapshot(each), 'snapshot-id'));
    if (this.#publishing.node.config.mode !== 'append' && before !== current) return true;
    return ['table-uuid', 'location', 'current-schema-id', 'last-column-id'].some(
      (name) => member(loaded, name) !== member(now, name),
    );
  }

  #done(): Published {
    const { before = 0, rows = 0 } = this.#asked ?? {};
    return { changed: true, rows, sent: this.#sent, removed: Math.max(before + this.#sent - rows, 0) };
  }

  /** Removes the files only if no commit that references them was sent, or if it certainly did not take effect. */
  async #failed(error: unknown): Promise<Published> {
    const asked = this.#asked;
    if (asked !== null) {
      const mine = await this.#table.load().then(
        (now) => landed(now, asked),
        () => undefined,
      );
      if (mine != null) return this.#done();
      if (mine === undefined) throw error;
    }
    // Without a response the commit may still take effect, and an unreachable store removes nothing.
    if (!isUnknown(error)) await this.#table.remove([...this.#own, ...this.#files.map(({ path }) => path)]);
    throw error;
  }

  async #write(metadata: CatalogJson): Promise<void> {
    const { source, runId, node } = this.#publishing;
    const { schema, spec, version, changed, summary } = this.#plan;
    const parts = partitionKeysOf(this.#publishing);
    const mark = `${version.slice(0, 12)}-${runId.replaceAll('-', '').slice(0, 12)}-${randomBytes(3).toString('hex')}`;
    const location = text(member(metadata, 'location')) ?? '';
    const partitions =
      node.config.mode === 'partitions'
        ? changed
        : parts.length > 0
          ? await source.partitions(parts, schema.columns)
          : [];
    this.#sent = await writeRowFiles(
      source,
      { columns: schema.columns, only: spec.length === 0 ? null : { parts, partitions } },
      async ({ partition, rows, bytes, body }) => {
        const folders = spec.map(({ name }, index) => `${encodeURIComponent(name)}=${folderValue(partition[index])}/`);
        const number = String(this.#files.length).padStart(5, '0');
        const path = `${location}/data/${folders.join('')}${mark}-${number}.parquet`;
        this.#files.push({ path, rows, bytes, partition });
        await this.#table.put(path, body);
      },
    );
    const received = { summary, partitions: spec.length === 0 ? null : partitions, mark: null };
    confirmReceived(source, this.#table.place, received, this.#sent);
  }

  /** @returns false: the table is not in the state that the commit asserts */
  async #try(metadata: CatalogJson): Promise<boolean> {
    const { runId, time, node } = this.#publishing;
    const { mode } = node.config;
    const { version, schema, ended } = this.#plan;
    const parent = currentSnapshot(metadata);
    const location = text(member(metadata, 'location')) ?? '';
    const snapshotId = BigInt(`0x${randomBytes(6).toString('hex')}`);
    const last = String(member(metadata, 'last-sequence-number') ?? 0);
    if (!/^\d{1,18}$/.test(last))
      throw errorOf('notPublished', {
        place: this.#table.place,
        why: `the catalog reports the sequence number '${last.slice(0, 40)}'`,
      });
    const sequence = BigInt(last) + 1n;
    const { id: specId, fields: spec } = specOf(metadata, this.#plan.spec, this.#table.place);
    const standing = await this.#before(parent, specId, spec);
    const path = `${location}/metadata/${randomUUID()}-m0.avro`;
    const manifest = writeManifest({ path, spec, specId, schema, snapshotId, sequence }, this.#files, standing.old);
    const list = `${location}/metadata/snap-${snapshotId}-${randomUUID()}.avro`;
    const rows = [manifest.row, ...standing.carried];
    const summary = counts(standing, this.#files, (name) => (parent === null ? '0' : fact(parent, 'summary', name)));
    this.#own = [path, list];
    await this.#table.put(path, manifest.bytes);
    await this.#table.put(
      list,
      writeManifestList(rows, { 'snapshot-id': String(snapshotId), 'sequence-number': String(sequence) }),
    );
    const parentId = parent === null ? null : member(parent, 'snapshot-id');
    const marks = mode === 'partitions' ? this.#marks(metadata) : {};
    const at = Math.max(Date.parse(time), Number(member(metadata, 'last-updated-ms') ?? 0));
    // Uses this process's clock, because the previous writer's clock may be ahead.
    const gone = endedSnapshots(metadata, node.config, Date.parse(time));
    const refs = gone.length > 0 ? entries(member(metadata, 'refs')).filter(([name]) => name !== 'main') : [];
    const commit = randomUUID();
    this.#asked = { commit, parent: parentId, before: rowsThere(metadata), rows: Number(summary['total-records']) };
    // A tag that another writer created in the meantime cannot be asserted, because its name was unknown.
    if (gone.length > 0 && refsOf(await this.#table.load()) !== refsOf(metadata)) return false;
    return this.#table.commit(
      [
        { type: 'assert-table-uuid', uuid: member(metadata, 'table-uuid') },
        { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': parentId },
        ...refs.map(([ref, its]) => ({
          type: 'assert-ref-snapshot-id',
          ref,
          'snapshot-id': member(its, 'snapshot-id'),
        })),
        { type: 'assert-current-schema-id', 'current-schema-id': schema.before },
        { type: 'assert-default-spec-id', 'default-spec-id': specId },
      ],
      [
        ...schemaUpdates(schema),
        {
          action: 'add-snapshot',
          snapshot: {
            'snapshot-id': snapshotId,
            ...(parentId === null ? {} : { 'parent-snapshot-id': parentId }),
            'sequence-number': sequence,
            'timestamp-ms': at,
            'manifest-list': list,
            'schema-id': schema.id,
            summary: {
              operation: mode === 'append' ? 'append' : 'overwrite',
              ...summary,
              'tsdbt.publication': node.unique_id,
              'tsdbt.version': version,
              'tsdbt.run-id': runId,
              'tsdbt.commit': commit,
            },
          },
        },
        {
          action: 'set-snapshot-ref',
          'ref-name': 'main',
          type: 'branch',
          'snapshot-id': snapshotId,
          ...mainRetention(metadata),
        },
        ...(gone.length > 0 ? [{ action: 'remove-snapshots', 'snapshot-ids': gone }] : []),
        {
          action: 'set-properties',
          updates: {
            'tsdbt.publication': node.unique_id,
            'tsdbt.partitions': JSON.stringify(marks),
            'tsdbt.partitions-of': commit,
            ...(ended === null ? {} : { 'tsdbt.kept-from': ended.first }),
          },
        },
      ],
    );
  }

  /** Whether partitions that are not in the source are kept. */
  get #keeps(): boolean {
    const { node, force } = this.#publishing;
    return node.config.mode === 'partitions' && !force;
  }

  async #before(parent: CatalogJson, specId: number, spec: readonly SpecField[]): Promise<Standing> {
    const { mode } = this.#publishing.node.config;
    const uri = text(member(parent, 'manifest-list'));
    if (uri === null) return { carried: [], old: [] };
    const rows = listRows(await this.#table.readAvro(uri));
    if (mode === 'append') return { carried: rows, old: [] };
    const { changed } = this.#plan;
    const replaced = new Set(
      changed.map(({ values }) => keyOf(values.map((value, index) => partitionValue(spec, index, value)))),
    );
    const stays = (partition: readonly AvroValue[]): boolean =>
      this.#keeps && !replaced.has(keyOf(partition)) && !this.#isOver(partition);
    const carried: Row[] = [];
    const old: OldFile[] = [];
    for (const row of rows) {
      if (row['content'] !== 0) {
        if (this.#keeps) carried.push(row);
        continue;
      }
      if (this.#keeps && row['partition_spec_id'] !== specId)
        throw partitionedOtherwise(this.#table.place, 'several specs');
      const manifest = await this.#table.readAvro(String(row['manifest_path']));
      const entries = liveEntries(manifest, row);
      const files = renamedPartitions(entries, manifest, row['partition_spec_id'] === specId ? spec : []).map(
        (entry) => ({
          entry,
          stays: stays(partitionOf(entry, spec)),
        }),
      );
      if (files.length > 0 && files.every(({ stays }) => stays)) carried.push(row);
      else for (const file of files) old.push(file);
    }
    return { carried, old };
  }

  #isOver(partition: readonly AvroValue[]): boolean {
    const { ended, spec } = this.#plan;
    if (ended === null) return false;
    const place = spec.findIndex(({ transform }) => transform === ended.key.grain);
    const value = partition[place] ?? null;
    return value !== null && Number(value) < Number(partitionValue(spec, place, ended.first));
  }

  /** Marks of the table's partitions after the commit. */
  #marks(metadata: CatalogJson): Record<string, string> {
    const { ended, partitions } = this.#plan;
    const kept = this.#keeps ? Object.entries(marksOf(metadata)) : [];
    const before = kept.filter(([values]) => ended?.has(JSON.parse(values)) !== true);
    return {
      ...Object.fromEntries(before),
      ...Object.fromEntries(partitions.map((each) => [markKey(each), each.mark])),
    };
  }
}

/** @throws `runtime` error for a table of another format, or of another owner unless the publication adopts it */
function refuseForeign(metadata: CatalogJson, { unique_id, config }: PublicationNode, place: string): void {
  if (metadata === null) return;
  const owner = fact(metadata, 'properties', 'tsdbt.publication');
  const what = owner === null ? 'there is a table of that name that tsdbt has not published' : `it holds ${owner}`;
  if (owner !== unique_id && !config.adopt) throw errorOf('foreignTable', { place, what });
  const format = String(member(metadata, 'format-version'));
  if (format === '2') return;
  throw errorOf('notPublished', { place, why: `it has format version ${format}, and publications write version 2` });
}

function overtaken(place: string): Error {
  return errorOf('notPublished', {
    place,
    why: 'another commit has come there while the rows were loaded; run it again',
  });
}

function markKey({ values }: Partition): string {
  return JSON.stringify(values);
}

function partitionValue(spec: readonly SpecField[], index: number, value: string | null): AvroValue {
  return value === null ? null : (spec[index]?.value(value) ?? null);
}

/** Partitions are distinguished by the text of their values. */
function keyOf(partition: readonly AvroValue[]): string {
  return JSON.stringify(partition.map((value) => (value === null ? null : String(value))));
}

function folderValue(value: string | null | undefined): string {
  return value === null || value === undefined ? 'null' : encodeURIComponent(value).replaceAll('%', '_');
}

/** Tags and branches with their snapshots. */
function refsOf(metadata: CatalogJson): string {
  const refs = entries(member(metadata, 'refs')).map(([name, ref]) => [name, String(member(ref, 'snapshot-id'))]);
  return JSON.stringify(refs.sort());
}

/** Marks of the partitions. After a rollback or a commit of another writer, they are empty texts. */
function marksOf(metadata: CatalogJson): Readonly<Record<string, string>> {
  const marks: Readonly<Record<string, string>> = JSON.parse(fact(metadata, 'properties', 'tsdbt.partitions') ?? '{}');
  const commit = fact(metadata, 'properties', 'tsdbt.partitions-of');
  if (commit !== null && fact(contentSnapshot(metadata), 'summary', 'tsdbt.commit') === commit) return marks;
  return forgotten(marks);
}

function rowsThere(metadata: CatalogJson): number {
  return Number(fact(currentSnapshot(metadata), 'summary', 'total-records') ?? 0);
}

/** Whether the table contains this version: as the current snapshot, or in mode append as any snapshot of main. */
function holds(metadata: CatalogJson, appended: boolean, version: string): boolean {
  const snapshots = appended ? snapshotsOfMain(metadata) : [contentSnapshot(metadata)];
  return snapshots.some((each) => fact(each, 'summary', 'tsdbt.version') === version);
}

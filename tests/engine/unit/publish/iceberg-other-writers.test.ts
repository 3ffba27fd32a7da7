// Publications into Iceberg tables that other writers have changed since: rollbacks, rewritten rows and files, required
// columns, other format versions and other names in manifest lists. iceberg.test.ts covers commits.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AvroSchema, writeAvroFile } from '../../../../src/object-store/avro-file.ts';
import { type Any, IcebergTable, OWNER } from './iceberg-table.ts';

const PARTITIONS = { mode: 'partitions', partition_by: ['country'] };

describe('a publication to an Iceberg table that another writer has changed', () => {
  let table: IcebergTable;
  beforeEach(async () => {
    table = await new IcebergTable().open();
  });
  afterEach(() => table.close());

  /** Names of the data files that the current snapshot contains. */
  const live = (): string[] =>
    table
      .manifests()
      .flatMap((row) => table.avro(String(row['manifest_path'])))
      .filter((entry) => entry['status'] !== 2)
      .map((entry) => String((entry['data_file'] as Any).file_path))
      .sort();

  const head = (): Any => table.metadata.snapshots.at(-1);

  const rollBackTo = (id: unknown): void => {
    table.metadata['current-snapshot-id'] = id;
    table.metadata.refs.main['snapshot-id'] = id;
  };

  it('in mode partitions sends partitions again after a rollback', async () => {
    await table.publish(
      [
        [1, 'DE'],
        [2, 'FR'],
      ],
      PARTITIONS,
    );
    const first = table.metadata['current-snapshot-id'];
    await table.publish(
      [
        [10, 'DE'],
        [2, 'FR'],
      ],
      PARTITIONS,
    );
    rollBackTo(first);
    expect(
      await table.publish(
        [
          [10, 'DE'],
          [2, 'FR'],
        ],
        PARTITIONS,
      ),
    ).toMatchObject({ changed: true, rows: 2, sent: 2 });
  });

  it.each(['overwrite', 'delete', 'append'])(
    'in mode partitions sends partitions again after another %s',
    async (operation) => {
      await table.publish(
        [
          [1, 'DE'],
          [2, 'FR'],
        ],
        PARTITIONS,
      );
      const { 'manifest-list': list, summary } = head();
      table.snapshot(77, Date.now(), { operation, 'total-records': summary['total-records'] }, list);
      expect(
        await table.publish(
          [
            [1, 'DE'],
            [2, 'FR'],
          ],
          PARTITIONS,
        ),
      ).toMatchObject({ changed: true, rows: 2, sent: 2 });
    },
  );

  it('in mode partitions keeps unchanged partitions after another writer has compacted files', async () => {
    await table.publish(
      [
        [1, 'DE'],
        [2, 'FR'],
      ],
      PARTITIONS,
    );
    const { 'manifest-list': list, summary } = head();
    table.snapshot(77, Date.now(), { operation: 'replace', 'total-records': summary['total-records'] }, list);
    expect(
      await table.publish(
        [
          [1, 'DE'],
          [3, 'FR'],
        ],
        PARTITIONS,
      ),
    ).toMatchObject({ changed: true, rows: 2, sent: 1 });
  });

  it('in mode append adds a version again after a rollback has removed it', async () => {
    await table.publish([[1, 'DE']], { mode: 'append' });
    const first = table.metadata['current-snapshot-id'];
    await table.publish([[2, 'DE']], { mode: 'append' });
    rollBackTo(first);
    expect(await table.publish([[2, 'DE']], { mode: 'append' })).toMatchObject({ changed: true, rows: 2, sent: 1 });
    expect(live().length).toBe(2);
  });

  it('makes required columns optional, because the published rows may contain nulls', async () => {
    table.make({});
    table.metadata.schemas[0].fields[1].required = true;
    await table.publish([[1, 'DE']], { adopt: true });
    const schema = table.metadata.schemas.find(
      (each: Any) => each['schema-id'] === table.metadata['current-schema-id'],
    );
    expect(schema.fields.map((each: Any) => [each.name, each.required])).toEqual([
      ['id', false],
      ['country', false],
    ]);
  });

  it.each([1, 3])('rejects a table of format version %i before a row is sent', async (version) => {
    table.make({ 'tsdbt.publication': OWNER }, [], { 'format-version': version });
    await expect(table.publish([[1, 'DE']])).rejects.toThrow(`format version ${version}`);
    expect([table.commits, table.keys]).toEqual([[], []]);
  });

  it('carries manifests of writers that use older names in the manifest list', async () => {
    await table.publish(
      [
        [1, 'DE'],
        [2, 'FR'],
      ],
      { mode: 'append' },
    );
    const uri = head()['manifest-list'];
    const { rows } = table.file(uri);
    const names = (name: string): string => name.replace(/_files_count$/, '_data_files_count');
    const long = (value: unknown): boolean => typeof value === 'bigint';
    const ids: Record<string, number> = {
      manifest_path: 500,
      manifest_length: 501,
      partition_spec_id: 502,
      content: 517,
      sequence_number: 515,
      min_sequence_number: 516,
      added_snapshot_id: 503,
      added_files_count: 504,
      existing_files_count: 505,
      deleted_files_count: 506,
      added_rows_count: 512,
      existing_rows_count: 513,
      deleted_rows_count: 514,
    };
    const [row = {}] = rows;
    const schema: AvroSchema = {
      type: 'record',
      name: 'manifest_file',
      fields: Object.entries(row).map(([name, value]) => ({
        name: names(name),
        type: typeof value === 'string' ? 'string' : long(value) ? 'long' : 'int',
        'field-id': ids[name],
      })),
    } as AvroSchema;
    const renamed = rows.map((each) =>
      Object.fromEntries(Object.entries(each).map(([name, value]) => [names(name), value])),
    );
    table.objects.set(uri.replace('s3://lake/', ''), writeAvroFile(schema, renamed, {}));
    expect(await table.publish([[3, 'DE']], { mode: 'append' })).toMatchObject({ changed: true, rows: 3, sent: 1 });
    expect(table.manifests().map((each) => each['added_files_count'])).toEqual([1, 1]);
  });
});

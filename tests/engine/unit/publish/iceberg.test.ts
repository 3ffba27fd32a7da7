// Publications into Iceberg beside gateways, other writers and tables that others have made: what stays, what is
// refused, what ends. With a real catalog: tests/engine/kafka/iceberg.test.ts.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, IcebergTable, OWNER } from './iceberg-table.ts';

const HTML = '<html><body><h1>Bad Gateway</h1></body></html>';

describe('a publication to Iceberg', () => {
  let table: IcebergTable;
  beforeEach(async () => {
    table = await new IcebergTable().open();
  });
  afterEach(() => table.close());

  /** The first commit is done, and its answer another one. */
  const once = (answer: Answer): void => {
    table.after = (what) => {
      if (what !== 'POST commit') return undefined;
      table.after = () => undefined;
      return answer;
    };
  };

  it.each([
    ['502', { status: 502, body: HTML }],
    ['504', { status: 504, body: HTML }],
    ['500 without a word', { status: 500, body: '' }],
    ['429', { status: 429, body: HTML }],
    ['408', { status: 408, body: HTML }],
    ['200 that is no JSON', { status: 200, body: HTML }],
    ['400 of a gateway', { status: 400, body: HTML }],
    ['403 of a gateway', { status: 403, body: HTML }],
    ['409 of a commit that a proxy has sent twice', { status: 409, body: '{"error":{"message":"moved"}}' }],
    ['409 in HTML', { status: 409, body: HTML }],
  ])('keeps its files when a commit succeeds but its answer is %s', async (_, answer) => {
    await table.publish([[1, 'DE']]);
    once(answer);
    expect(
      await table.publish([
        [2, 'DE'],
        [3, 'FR'],
      ]),
    ).toEqual({ changed: true, rows: 2, sent: 2, removed: 1 });
    expect(table.gone()).toEqual([]);
    expect(table.commits.length).toBe(2);
  });

  it('keeps its files while the commit is uncertain, and removes them once the commit has failed', async () => {
    await table.publish([[1, 'DE']]);
    const before = table.keys;
    // The commit is refused in plain words, but the table cannot be looked at.
    let away = false;
    table.before = (what) => {
      if (what === 'POST commit') {
        away = true;
        return { status: 400, body: '{"error":{"message":"no such schema"}}' };
      }
      return away ? { status: 404, body: HTML } : undefined;
    };
    await expect(table.publish([[2, 'DE']])).rejects.toThrow('no such schema');
    const left = table.keys.length;
    expect(left).toBe(before.length + 3);
    table.before = (what) =>
      what === 'POST commit' ? { status: 400, body: '{"error":{"message":"no such schema"}}' } : undefined;
    await expect(table.publish([[2, 'DE']])).rejects.toThrow('no such schema');
    expect(table.keys.length).toBe(left);
  });

  it.each(['x', -1, 1.5, 1e300])('rejects the sequence number %s of a catalog in one sentence', async (last) => {
    await table.publish([[1, 'DE']]);
    table.metadata['last-sequence-number'] = last;
    await expect(table.publish([[2, 'DE']])).rejects.toThrow(
      /is not published: the catalog reports the sequence number/,
    );
  });

  it('keeps the files of a commit whose snapshot a later one has expired', async () => {
    await table.publish([[1, 'DE']]);
    const before = table.keys.length;
    table.after = (what) => {
      if (what !== 'POST commit') return undefined;
      table.after = () => undefined;
      const own = table.metadata['current-snapshot-id'];
      table.snapshot(77, Date.now());
      table.metadata.snapshots = table.metadata.snapshots.filter(
        (each: { 'snapshot-id': unknown }) => each['snapshot-id'] !== own,
      );
      return { status: 409, body: '{}' };
    };
    await expect(table.publish([[2, 'DE']], { mode: 'append' })).rejects.toThrow('another commit has come there');
    expect(table.keys.length).toBe(before + 3);
  });

  describe('into a table that is created by another writer meanwhile', () => {
    const FOREIGN = 'publication.p.other.ice_t';
    const meanwhile = (make: () => void): void => {
      table.before = (what) => {
        if (what === 'POST create' && table.metadata === null) make();
        return undefined;
      };
    };

    it.each(['replace', 'append'])('in mode %s rejects the table of another publication', async (mode) => {
      meanwhile(() => table.make({ 'tsdbt.publication': FOREIGN }));
      await expect(table.publish([[1, 'DE']], { mode })).rejects.toThrow(`'n.t' is not published: it holds ${FOREIGN}`);
      expect([table.commits, table.keys]).toEqual([[], []]);
    });

    it('in mode replace rejects rows of another commit', async () => {
      meanwhile(() => {
        table.make({ 'tsdbt.publication': OWNER });
        table.snapshot(5, Date.now());
      });
      await expect(table.publish([[1, 'DE']])).rejects.toThrow('another commit has come there');
      expect([table.commits, table.keys]).toEqual([[], []]);
    });

    it('fills its own empty table, and `append` adds to existing rows', async () => {
      meanwhile(() => table.make({ 'tsdbt.publication': OWNER }));
      expect(await table.publish([[1, 'DE']])).toMatchObject({ changed: true, rows: 1 });
      table.metadata = null;
      meanwhile(() => {
        table.make({ 'tsdbt.publication': OWNER });
        table.snapshot(5, Date.now(), { 'total-records': '4' });
      });
      expect(await table.publish([[1, 'DE']], { mode: 'append' })).toMatchObject({ changed: true, sent: 1 });
      expect(table.ids[0]).toBe('5');
    });

    it('fails in one sentence if the name belongs to something else', async () => {
      table.before = (what) => (what === 'POST create' ? { status: 409, body: '{}' } : undefined);
      await expect(table.publish([[1, 'DE']])).rejects.toThrow('the catalog has something of that name, and no table');
    });

    it('rejects other partitions before a row is sent', async () => {
      meanwhile(() => table.make({ 'tsdbt.publication': OWNER }));
      const config = { mode: 'partitions', partition_by: ['country'] };
      await expect(table.publish([[1, 'DE']], config)).rejects.toThrow('it is partitioned by nothing');
      expect(table.keys).toEqual([]);
    });
  });

  it('finds partitions by the ids of a table that another writer has partitioned, and uses its names', async () => {
    const config = { mode: 'partitions', partition_by: ['country'], adopt: true };
    const field = { name: 'land/es', transform: 'identity', 'source-id': 2, 'field-id': 1007 };
    table.make({}, [field]);
    // Its writer's name in Avro is another one than the spec's.
    table.written('Land', 1007, [
      ['DE', 'data/de.parquet'],
      ['FR', 'data/fr.parquet'],
      [null, 'data/none.parquet'],
    ]);
    expect(await table.publish([[1, 'DE']], config)).toMatchObject({ changed: true, rows: 3, sent: 1 });
    const look = () =>
      table.manifests().flatMap((row) =>
        table.avro(String(row['manifest_path'])).map((entry) => {
          const file = entry['data_file'] as { file_path: string; partition: Record<string, unknown> };
          return [Number(entry['status']), file.partition, file.file_path.replace(/^.*\/(?=\w+\.|land)/, '')];
        }),
      );
    const name = 'land_x2Fes';
    expect(look()).toEqual([
      [1, { [name]: 'DE' }, expect.stringMatching(/parquet$/)],
      [2, { [name]: 'DE' }, 'de.parquet'],
      [0, { [name]: 'FR' }, 'fr.parquet'],
      [0, { [name]: null }, 'none.parquet'],
    ]);
    const [manifest] = table.manifests();
    const { metadata } = table.file(String(manifest?.['manifest_path']));
    expect(JSON.parse(metadata.get('partition-spec')!)).toEqual([field]);
    expect(metadata.get('avro.schema')).toContain(
      `"name":"${name}","type":["null","string"],"default":null,"field-id":1007`,
    );
    // The same again by what was written now.
    expect(
      await table.publish(
        [
          [2, 'DE'],
          [3, 'FR'],
        ],
        config,
      ),
    ).toMatchObject({ rows: 3, sent: 2 });
    expect(look().filter(([status]) => status === 0)).toEqual([[0, { [name]: null }, 'none.parquet']]);
    expect(table.commits.at(-1).requirements).toContainEqual({ type: 'assert-default-spec-id', 'default-spec-id': 0 });
  });

  describe('expires snapshots', () => {
    const DAY = 86_400_000;
    /** Ids are the days since; each is replaced by the next. */
    const days = (ages: readonly number[], properties: object, main: object = {}): void => {
      table.make({ 'tsdbt.publication': OWNER, ...properties });
      for (const age of ages) table.snapshot(age, Date.now() - age * DAY);
      Object.assign(table.metadata.refs.main, main);
    };
    const left = async (snapshots: object | null): Promise<string[]> => {
      await table.publish([[1, 'DE']], { snapshots });
      return table.ids.slice(0, -1);
    };
    const AGE = 'max-snapshot-age-ms';
    const LEAST = 'min-snapshots-to-keep';
    const TABLE = { [`history.expire.${AGE}`]: String(20 * DAY), [`history.expire.${LEAST}`]: '2' };

    it.each([
      ['the publication', { keep: 1, older_than: '5 days' }, { [AGE]: 9 * DAY, [LEAST]: 9 }, TABLE, ['7', '4']],
      ['its number, and main its age', { keep: 1, older_than: null }, { [AGE]: 9 * DAY }, TABLE, ['11', '7', '4']],
      ['main', null, { [AGE]: 5 * DAY, [LEAST]: 4 }, TABLE, ['11', '7', '4']],
      ['the table', null, {}, TABLE, ['30', '18', '11', '7', '4']],
      ['the table, in its whole time', null, {}, { [`history.expire.${AGE}`]: '9223372036854775807' }, 'all'],
      ['nobody', null, {}, {}, 'all'],
      ['nobody in words', null, {}, { [`history.expire.${AGE}`]: 'a week' }, 'all'],
    ] as const)('as configured by %s', async (_, snapshots, main, properties, expected) => {
      const all = [50, 40, 30, 18, 11, 7, 4];
      days(all, properties, main);
      expect(await left(snapshots)).toEqual(expected === 'all' ? all.map(String) : expected);
      // The commit has left main its own words.
      expect(table.metadata.refs.main).toMatchObject(main);
    });

    it('beyond the ten newest after five days by default', async () => {
      days([50, 40, 30, 18, 11, 9, 8, 7, 6, 4, 3, 2], {});
      expect(await left(null)).toEqual(['18', '11', '9', '8', '7', '6', '4', '3', '2']);
    });

    it('by the refs that exist after the rows are written', async () => {
      days([50, 40, 30], {});
      table.rowsRead = () => {
        table.metadata.refs.v1 = { type: 'tag', 'snapshot-id': 50 };
      };
      expect(await left({ keep: 1, older_than: '5 days' })).toEqual(['50', '30']);
      expect(table.commits[0].requirements).toContainEqual({
        type: 'assert-ref-snapshot-id',
        ref: 'v1',
        'snapshot-id': 50,
      });
    });

    it('again when a tag moves between the read and the commit', async () => {
      days([50, 40, 30, 20], {});
      table.metadata.refs.v1 = { type: 'tag', 'snapshot-id': 50 };
      table.before = (what) => {
        if (what === 'POST commit') table.metadata.refs.v1 = { type: 'tag', 'snapshot-id': 40 };
        return undefined;
      };
      expect(await left({ keep: 1, older_than: '5 days' })).toEqual(['40', '20']);
      expect(table.commits.length).toBe(2);
      expect(table.gone()).toEqual([]);
      // Rows, manifest and list of one commit.
      expect(table.keys.length).toBe(3);
    });

    it('again when a tag is created while the commit is written', async () => {
      days([50, 40, 30], {});
      let looks = 0;
      table.before = (what) => {
        if (what === 'GET table' && ++looks === 3) table.metadata.refs.v1 = { type: 'tag', 'snapshot-id': 50 };
        return undefined;
      };
      expect(await left({ keep: 1, older_than: '5 days' })).toEqual(['50', '30']);
      expect(table.commits.length).toBe(1);
      expect(table.gone()).toEqual([]);
      expect(table.keys.length).toBe(3);
    });

    it('by its own clock when the clock of the previous writer is ahead', async () => {
      days([4, 3, 2], {});
      table.snapshot(1, Date.now() + 300 * DAY);
      expect(await left({ keep: 1, older_than: '5 days' })).toEqual(['4', '3', '2', '1']);
      expect(table.metadata.snapshots.at(-1)['timestamp-ms']).toBe(table.metadata.snapshots.at(-2)['timestamp-ms']);
    });
  });

  it('replaces the table without the partitions that are missing in the source if configured', async () => {
    const config = { mode: 'partitions', partition_by: ['country'] };
    const [de, fr] = [
      [1, 'DE'],
      [2, 'FR'],
    ] as const;
    await table.publish([de, fr], config);
    expect(await table.publish([[3, 'DE']], config)).toMatchObject({ rows: 2, sent: 1 });
    expect(await table.publish([[3, 'DE']], config, true)).toMatchObject({ rows: 1, sent: 1, removed: 2 });
    // It comes back as any other one.
    expect(await table.publish([[3, 'DE'], fr], config)).toMatchObject({ rows: 2, sent: 1 });
    expect(table.gone()).toEqual([]);
  });

  describe('that changes the schema of a table', () => {
    /** The fields of the current schema, and of the one that each commit has asserted. */
    const fields = (): string[] => {
      const { schemas, 'current-schema-id': id } = table.metadata;
      const now = schemas.find((each: { 'schema-id': number }) => each['schema-id'] === id);
      return now.fields.map((field: { id: number; name: string }) => `${field.id} ${field.name}`);
    };
    const asserted = (): unknown[] =>
      table.commits.map(({ requirements }) =>
        requirements.find((each: { type: string }) => each.type === 'assert-current-schema-id'),
      );
    /** A table that has `id` alone, in which another one commits before the first commit. */
    const meanwhile = (change: () => void): void => {
      table.make({ 'tsdbt.publication': OWNER });
      table.metadata.schemas[0].fields.pop();
      table.metadata['last-column-id'] = 1;
      let left = 1;
      table.before = (what) => {
        if (what === 'POST commit' && left-- > 0) {
          table.snapshot(77, Date.now());
          change();
        }
        return undefined;
      };
    };

    it('continues with the schema that it has read after a commit that kept it', async () => {
      meanwhile(() => undefined);
      expect(await table.publish([[1, 'DE']], { mode: 'append' })).toMatchObject({ changed: true, sent: 1 });
      const base = { type: 'assert-current-schema-id', 'current-schema-id': 0 };
      expect(asserted()).toEqual([base, base]);
      expect(fields()).toEqual(['1 id', '2 country']);
      expect(table.ids[0]).toBe('77');
      expect(table.gone()).toEqual([]);
    });

    it('is rejected after a commit that has changed the schema, too', async () => {
      meanwhile(() => {
        const more = { id: 2, name: 'country', required: false, type: 'string' };
        table.metadata.schemas.push({
          type: 'struct',
          'schema-id': 1,
          fields: [...table.metadata.schemas[0].fields, more],
        });
        Object.assign(table.metadata, { 'current-schema-id': 1, 'last-column-id': 2 });
      });
      await expect(table.publish([[1, 'DE']], { mode: 'append' })).rejects.toThrow('another commit has come there');
      expect([table.commits.length, table.keys]).toEqual([1, []]);
      // The next run finds the schema as it is by then.
      expect(await table.publish([[1, 'DE']], { mode: 'append' })).toMatchObject({ changed: true, sent: 1 });
      expect(fields()).toEqual(['1 id', '2 country']);
      expect(asserted().at(-1)).toMatchObject({ 'current-schema-id': 1 });
    });
  });

  it('is rejected before the commit when another commit was made while rows were written', async () => {
    await table.publish([[1, 'DE']]);
    const before = table.keys;
    table.rowsRead = () => table.snapshot(77, Date.now());
    await expect(table.publish([[2, 'DE']])).rejects.toThrow('another commit has come there');
    expect([table.commits.length, table.keys]).toEqual([1, before]);
  });
});

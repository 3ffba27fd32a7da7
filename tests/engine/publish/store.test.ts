// Publications as Parquet files in a real object store: what readers of the manifest find, what a repeat does, what is
// refused; and publishers killed while readers look. The long form is `npm run faults -- publish`.
import { createServer, type Server } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NO_STORE, SECRET_KEY } from '../support/s3-server.ts';
import { StoreLab } from './store-lab.ts';

const ROUNDS = Number(process.env['TSDBT_PUBLISH_ROUNDS'] ?? 6);
const ROWS = 30_000;

describe.skipIf(NO_STORE !== null)(`the files of a publication${NO_STORE === null ? '' : ` (${NO_STORE})`}`, () => {
  let lab: StoreLab;
  beforeAll(async () => {
    lab = await StoreLab.open();
  });
  afterAll(() => lab?.close());

  it('are complete in a manifest, and a repetition sends nothing', async () => {
    lab.model(
      `select 1 as id, 'a\tb\\c' || chr(10) || 'ü' as name, 12.50::numeric(10, 2) as price, ` +
        `date '2026-11-23' as day, timestamptz '2026-11-23 07:08:09.123456+02' as at, null::text as nothing, ` +
        `true as yes, '\\x00ff'::bytea as bytes ` +
        `union all select 2, null, null::numeric(10, 2), null, null, 'x', false, null`,
      { to: 'lake', path: 'marts/one', format: 'parquet' },
    );
    await lab.run('build');
    const manifest = await lab.manifest('marts/one');
    expect(manifest).toMatchObject({ model: 'model m', rows: 2, claim: null, partition_by: [] });
    expect(manifest?.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'id int',
      'name string',
      'price decimal(10, 2)',
      'day date',
      'at timestamptz',
      'nothing string',
      'yes boolean',
      'bytes binary',
    ]);
    expect((await lab.rows('marts/one')).sort((a, b) => Number(a['id']) - Number(b['id']))).toEqual([
      {
        id: 1,
        name: 'a\tb\\c\nü',
        price: 12.5,
        day: new Date('2026-11-23'),
        at: new Date('2026-11-23T05:08:09.123Z'),
        nothing: null,
        yes: true,
        bytes: '\0\ufffd',
      },
      { id: 2, name: null, price: null, day: null, at: null, nothing: 'x', yes: false, bytes: null },
    ]);
    const before = await lab.keys('marts/one/');
    expect(await lab.run('publish')).toContain('NO-OP');
    expect(await lab.keys('marts/one/')).toEqual(before);
    // The files of the version before stay for who has read its manifest, until the run after.
    await lab.run('build');
    expect((await lab.orphans('marts/one')).length).toBe(1);
    await lab.run('publish');
    expect(await lab.orphans('marts/one')).toEqual([]);
  });

  it('are sent for changed partitions, and deleted when retention drops them', async () => {
    const publish = { to: 'lake', path: 'marts/days', mode: 'partitions', partition_by: ['day(at)', 'country'] };
    const rows = (day: number): string =>
      `select g as id, now() - interval '1 day' * (g % ${day}) as at, ` +
      `case g % 3 when 0 then 'DE' when 1 then 'a/b=.' end as country, ` +
      `{{ var('mark', 0) }} * (g % ${day} = 0)::int as mark from generate_series(0, 29) g`;
    lab.model(rows(5), publish);
    await lab.run('build');
    const before = await lab.manifest('marts/days');
    expect(before?.files.length).toBe(15);
    await lab.run('build', '--vars', '{mark: 1}');
    const after = await lab.manifest('marts/days');
    const kept = new Set(before?.files.map(({ path }) => path));
    // The times differ from run to run, and so do all partitions: only names tell versions apart.
    expect(after?.rows).toBe(30);
    expect(after?.files.some(({ path }) => kept.has(path))).toBe(false);
    lab.model(rows(5).replaceAll('now()', "(current_date + interval '12 h')::timestamptz"), publish);
    await lab.run('build');
    const still = await lab.manifest('marts/days');
    await lab.run('build', '--vars', '{mark: 1}');
    const changed = await lab.manifest('marts/days');
    const same = new Set(still?.files.map(({ path }) => path));
    expect(changed?.files.filter(({ path }) => same.has(path)).length).toBe(12);
    expect(new Set((await lab.rows('marts/days')).map(({ id }) => id)).size).toBe(30);
    lab.model(rows(5).replaceAll('now()', "(current_date + interval '12 h')::timestamptz"), {
      ...publish,
      retention: '2 days',
    });
    await lab.run('build');
    expect((await lab.manifest('marts/days'))?.rows).toBe(18);
    await lab.run('publish');
    expect(await lab.orphans('marts/days')).toEqual([]);
  });

  it('are written again if they were deleted or overwritten, and an older partition is missed', async () => {
    const publish = { to: 'lake', path: 'marts/lost', mode: 'partitions', partition_by: ['id'] };
    const ids = async () => (await lab.rows('marts/lost')).map(({ id }) => id).sort();
    lab.model('select g as id from generate_series(1, 3) g', publish);
    await lab.run('build');
    const [first, second] = (await lab.manifest('marts/lost'))?.files ?? [];
    const { store } = lab;
    await store.delete(`marts/lost/${first?.path}`);
    await store.put(`marts/lost/${second?.path}`, Buffer.alloc(0));
    expect(await lab.run('publish', '--list')).toContain('damaged: 2 files missing or of another size');
    expect(await lab.run('publish')).toContain('PUBLISH 3');
    expect(await lab.run('publish', '--list')).not.toContain('damaged');
    expect(await ids()).toEqual([1, 2, 3]);
    lab.model('select g as id from generate_series(2, 3) g', publish);
    await lab.run('build');
    const oldest = (await lab.manifest('marts/lost'))?.files.find(({ partition }) => partition[0] === '1');
    await store.delete(`marts/lost/${oldest?.path}`);
    await expect(lab.run('publish')).rejects.toThrow('has lost files, and the model has its rows no more');
    expect(await lab.run('publish', '--full-refresh')).toContain('PUBLISH 2');
    expect(await ids()).toEqual([2, 3]);
  });

  it('with an unsupported type or value, or at a path of others, are rejected by name', async () => {
    const refused = async (sql: string, path: string): Promise<string> => {
      lab.model(sql, { to: 'lake', path });
      const { code, out } = await lab.project.run(['build']);
      expect(code).toBe(1);
      return out;
    };
    expect(await refused('select array[1] as list', 'no/list')).toContain(
      "Column 'list' of type integer[] cannot be published to Parquet",
    );
    expect(await refused("select 'infinity'::date as day", 'no/day')).toContain("Column 'day' has 1 value");
    expect(await lab.keys('no/')).toEqual([]);
    await lab.store.put('others/manifest.json', Buffer.from('{}'));
    expect(await refused('select 1 as id', 'others')).toContain('is no manifest of tsdbt');
    expect((await lab.store.get('others/manifest.json'))?.toString()).toBe('{}');
  });

  it('with a key, which nothing would check, are rejected while parsing', async () => {
    lab.model('select 1 as id', { to: 'lake', path: 'no/key', key: ['id'] });
    const { code, out } = await lab.project.run(['parse']);
    expect([code, out]).toEqual([
      2,
      expect.stringContaining("has 'key', which an object store ('lake') does not take"),
    ]);
  });

  it('in a folder of another publication are rejected while parsing', async () => {
    const parsed = async (...args: string[]): Promise<string> => {
      const { code, out } = await lab.project.run(['parse', ...args]);
      expect(code).toBe(2);
      return out;
    };
    lab.model(
      'select 1 as id',
      ['marts', 'marts2', 'marts/orders/new'].map((path) => ({ to: 'lake', path })),
    );
    expect(await parsed()).toContain(
      "goes to 'marts/orders/new' of 'lake', and model m goes to 'marts': one folder is the other, or in it",
    );
    lab.model(
      'select 1 as id',
      ['marts/orders', 'marts'].map((path) => ({ to: 'lake', path })),
    );
    expect(await parsed()).toContain("goes to 'marts' of 'lake', and model m goes to 'marts/orders'");
  });

  it('in a wrong bucket or with a wrong secret fail with one sentence', async () => {
    lab.model('select 1 as id', { to: 'lake', path: 'marts/never' });
    const failed = async (): Promise<string> => {
      const { code, out } = await lab.project.run(['build']);
      expect(code).toBe(1);
      return out;
    };
    try {
      lab.connect({ bucket: 'nowhere' });
      expect(await failed()).toContain("has no bucket 'nowhere'");
      lab.connect();
      lab.project.env = { S3_SECRET: 'another-secret' };
      const out = await failed();
      expect(out).toContain('the secret is wrong');
      expect(out).not.toContain('another-secret');
    } finally {
      lab.connect();
      lab.project.env = { S3_SECRET: SECRET_KEY };
    }
  });

  it('are one complete version for readers while publishers are killed, and leave nothing', async () => {
    const model = (version: number): void =>
      lab.model(`select g as id, g % 4 as part, ${version} as version from generate_series(1, ${ROWS}) g`, {
        to: 'lake',
        path: 'marts/read',
        partition_by: 'part',
      });
    model(0);
    await lab.run('build');
    let over = false;
    let looks = 0;
    const wrong: string[] = [];
    const reader = (async () => {
      while (!over) {
        // Files of a manifest stay for one publication more: who is slower begins again.
        const rows = await lab.rows('marts/read').catch(() => null);
        const versions = new Set(rows?.map(({ version }) => version));
        if (rows !== null && (rows.length !== ROWS || versions.size !== 1))
          wrong.push(`${rows.length} rows of ${[...versions].join()}`);
        if (rows !== null) looks++;
        await pause(20);
      }
    })();
    let disturbed = 0;
    for (let round = 1; round <= ROUNDS; round++) {
      model(round);
      await lab.run('run');
      const before = (await lab.manifest('marts/read'))?.run_id;
      const started = lab.project.start(['publish'], `at-${round}`);
      // From its claim on, a little later each time.
      while (started.child.exitCode === null) {
        const now = await lab.manifest('marts/read');
        if (now?.claim !== null || now.run_id !== before) break;
        await pause(5);
      }
      await pause((round * 400) / ROUNDS);
      if (await lab.disturb(started, round)) disturbed++;
    }
    await lab.run('publish');
    over = true;
    await reader;
    expect(wrong).toEqual([]);
    expect(looks).toBeGreaterThan(0);
    expect(disturbed).toBeGreaterThan(0);
    if (ROUNDS > 6) process.stdout.write(`${looks} looks\n`);
    expect(new Set((await lab.rows('marts/read')).map(({ version }) => version))).toEqual(new Set([ROUNDS]));
    await lab.run('publish');
    // A trial of the store that was killed goes with a run of an hour later: store-claims.test.ts.
    expect((await lab.orphans('marts/read')).filter((key) => !key.includes('/.tsdbt-'))).toEqual([]);
  }, 3_600_000);

  it('of two concurrent publishers are never mixed, and one is rejected', async () => {
    lab.model('select g as id from generate_series(1, 60000) g', { to: 'lake', path: 'marts/two' });
    await lab.run('run');
    const two = [1, 2].map((n) => lab.project.start(['publish', '--full-refresh'], `two-${n}`));
    const ended = await Promise.all(two.map(({ ended: each }) => each));
    expect(ended.some(({ code }) => code === 0)).toBe(true);
    for (const { code, out } of ended) if (code !== 0) expect(out).toContain('another publication has begun or ended');
    expect((await lab.rows('marts/two')).length).toBe(60_000);
    await lab.run('publish');
    expect(await lab.orphans('marts/two')).toEqual([]);
  });
});

describe('an object store that ignores conditions', () => {
  let server: Server;
  const objects = new Map<string, Buffer>();
  beforeAll(async () => {
    server = createServer((request, response) => {
      const parts: Buffer[] = [];
      const url = request.url?.split('?')[0] ?? '';
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        if (request.method === 'PUT') objects.set(url, Buffer.concat(parts));
        if (request.method === 'DELETE') objects.delete(url);
        response.writeHead(request.method === 'DELETE' ? 204 : 200, { etag: '"1"' });
        response.end(request.method === 'GET' ? '<ListBucketResult/>' : '');
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
  });
  afterAll(() => {
    server.close();
  });

  it('is rejected by name, and contains nothing afterwards', async () => {
    const address = server.address();
    const endpoint = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const { FaultProject } = await import('../faults/project.ts');
    const project = await FaultProject.open({
      'connections.yml': JSON.stringify({
        lax: { type: 's3', endpoint, bucket: 'b', access_key_id: 'k', secret_access_key: "{{ env_var('S3_SECRET') }}" },
      }),
      'models/m.sql':
        "{{ config(materialized='table', meta={'tsdbt': {'publish': {'to': 'lax', 'path': 'p'}}}) }} select 1 as id",
    });
    project.env = { S3_SECRET: SECRET_KEY };
    try {
      const started = project.start(['build']);
      const { code, out } = await started.ended;
      expect(code).toBe(1);
      expect(out).toContain(`the object store 'lax' at ${endpoint} ignores conditional writes`);
      expect([...objects.keys()]).toEqual([]);
    } finally {
      await project.close();
    }
  });
});

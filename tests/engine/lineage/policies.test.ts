// Policies: a tag of a column follows its data, and --strict reports where it may not be.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Dialect, shopFiles, writeFiles } from '../strict/planted-project.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { type Ended, run } from '../support/program.ts';

const dir = mkdtempSync(join(tmpdir(), 'tsdbt-policies-'));
afterAll(() => rmSync(dir, { recursive: true }));
const ENV = { ...process.env, NO_COLOR: '1', DBT_SEND_ANONYMOUS_USAGE_STATS: 'false' };
let projects = 0;

const POLICY = 'policies:\n  - tag: pii\n    allowed_in: [path:models/staging]\n    masks: [md5, sha256]\n';
/** Without what needs a type, so that no other mistake is reported. */
const SOURCES =
  'sources:\n  - name: raw\n    tables:\n      - name: users\n        columns:\n' +
  '          - {name: id, data_type: TEXT}\n' +
  '          - {name: email, data_type: TEXT, tags: [pii]}\n' +
  '          - {name: phone, data_type: TEXT, meta: {pii: phone}}\n' +
  '          - {name: city, data_type: TEXT, meta: {pii: false}}\n';

function strict(dialect: Dialect, files: Readonly<Record<string, string>>, ...args: string[]): Promise<Ended> {
  const folder = join(dir, String(projects++));
  mkdirSync(folder);
  const { 'dbt_project.yml': project = '', 'profiles.yml': profiles = '' } = shopFiles(dialect);
  writeFiles(folder, {
    'dbt_project.yml': project,
    'profiles.yml': profiles,
    'policies.yml': POLICY,
    'models/sources.yml': SOURCES.replaceAll('TEXT', dialect === 'postgres' ? 'text' : 'String'),
    'models/staging/users.sql': "select * from {{ source('raw', 'users') }}",
    ...files,
  });
  return run(['compile', '--strict', ...args, '--profiles-dir', '.'], { cwd: folder, env: ENV });
}

interface Reports {
  readonly violations: string[];
  readonly notChecked: string[];
}

/** `path:line node.column: tag`, and nodes that are not checked. */
async function reports(dialect: Dialect, files: Readonly<Record<string, string>>): Promise<Reports> {
  const { stdout, out } = await strict(dialect, files, '--output', 'json');
  expect(out).not.toMatch(/Error(?:s)?:|Encountered/);
  const all = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  return {
    violations: all
      .filter(({ status }) => status === 'mistake')
      .map(({ message, path, line }) => {
        const [, column, tag, target] = /column "(.*)" carries the tag "(.*)", which (.*?) may not hold/.exec(
          message,
        ) ?? [message];
        return `${path}:${line} ${String(target).replace('.shop.', '.')} ${column} ${tag}`;
      })
      .sort(),
    notChecked: all
      .filter(({ status }) => status === 'not_checked')
      .map(({ node, reason }) => `${node.replace('.shop.', '.')}: ${reason}`)
      .sort(),
  };
}

for (const dialect of ['postgres', 'clickhouse'] as const) {
  const text = dialect === 'postgres' ? 'text' : 'String';
  const md5 = dialect === 'postgres' ? 'md5' : 'MD5';
  describe.skipIf(dialect === 'clickhouse' && clickhouseMissing !== null)(`policies on ${dialect}`, () => {
    it('report a tagged column in each relation that may not hold it, with its path', async () => {
      const { code, out } = await strict(dialect, {
        'models/mart.sql': "select id,\n  email as contact\nfrom {{ ref('users') }}",
      });
      expect(code, out).toBe(1);
      expect(out).toContain('column "contact" carries the tag "pii", which model.shop.mart may not hold');
      expect(out).toContain('source.shop.raw.users.email → model.shop.users.email → model.shop.mart.contact');
      expect(out).toContain('models/mart.sql line 2, column 12');
      expect(out).toMatch(/policies: \d+ columns? with a tag, 0 not checked, 1 violation$/m);
    });

    it('follow expressions, casts, aggregates, CTEs, ephemeral models, snapshots and select *', async () => {
      const found = await reports(dialect, {
        'models/cte.sql': `with u as (select cast(lower(email) as ${text}) e from {{ ref('users') }}) select e from u`,
        'models/between.sql': "{{ config(materialized='ephemeral') }}\nselect id, phone from {{ ref('users') }}",
        'models/star.sql': "select * from {{ ref('between') }}",
        'models/ages.sql': "select city, max(email) as last_email from {{ ref('users') }} group by city",
        'models/added.sql':
          "{{ config(materialized='incremental', unique_key='id') }}\n" +
          "select id, {% if is_incremental() %}email{% else %}''{% endif %} as note from {{ ref('users') }}",
        'snapshots/kept.sql':
          "{% snapshot kept %}{{ config(target_schema='history', unique_key='id', strategy='check', " +
          "check_cols=['city']) }}\nselect id, city, email from {{ ref('users') }}{% endsnapshot %}",
      });
      expect(found).toEqual({
        violations: [
          'models/added.sql:2 model.added note pii',
          'models/ages.sql:1 model.ages last_email pii',
          'models/cte.sql:1 model.cte e pii',
          'models/star.sql:1 model.star phone pii',
          'snapshots/kept.sql:2 snapshot.kept email pii',
        ],
        notChecked: [],
      });
    });

    it('do not follow masks, counts, filters, joins and cleared columns', async () => {
      const found = await reports(dialect, {
        'models/masked.sql':
          `with u as (select id, concat('u-', ${md5}(lower(email))) as key, city from {{ ref('users') }} ` +
          "where phone <> '')\n" +
          "select u.key, u.city, count(v.email) as n, count(distinct v.phone) as m\nfrom u join {{ ref('users') }} v " +
          'on v.phone = u.id group by u.key, u.city',
        'models/cleared.sql': "select city, phone as area from {{ ref('users') }}",
        'models/reader.sql': "select area from {{ ref('cleared') }}",
        'models/m.yml':
          'models:\n  - name: cleared\n    columns:\n      - name: area\n' +
          '        meta: {tsdbt: {cleared: {pii: only the area code since 2020}}}\n',
      });
      expect(found).toEqual({ violations: [], notChecked: [] });
    });

    it('follow a column that is masked on some paths only', async () => {
      const found = await reports(dialect, {
        'models/both.sql':
          "select concat(md5(email), email) as x, coalesce(md5(phone), city) as y from {{ ref('users') }}",
        'models/either.sql':
          "select md5(email) as z from {{ ref('users') }} union all select email as z from {{ ref('users') }}",
      });
      expect(found.violations).toEqual([
        'models/both.sql:1 model.both x pii',
        'models/either.sql:1 model.either z pii',
      ]);
    });

    it('follow the tags of a source whose table is a seed, and those of archives', async () => {
      const load = '{connection: k, topic: users, archive: {connection: lake, path: "raw/dt={day}/"}}';
      const files = {
        'connections.yml':
          'connections:\n  k: {brokers: ["h:1"]}\n' +
          "  lake: {type: s3, bucket: b, access_key_id: k, secret_access_key: \"{{ env_var('X', 'p') }}\"}\n",
        'seeds/people.csv': 'id,email\n1,a@b.invalid\n',
        'models/more.yml':
          'sources:\n  - name: dev\n    schema: dev\n    tables:\n      - name: people\n        columns:\n' +
          '          - {name: email, tags: [pii]}\n' +
          '  - name: events\n    tables:\n      - name: users\n' +
          `        meta: {tsdbt: {load: ${load}}}\n        columns:\n` +
          `          - {name: email, data_type: ${text}, tags: [pii]}\n`,
        'models/seeded.sql': "select email as e from {{ source('dev', 'people') }}",
      };
      expect((await reports(dialect, files)).violations).toEqual([
        'models/more.yml:10 source.events.users email pii',
        'models/seeded.sql:1 model.seeded e pii',
      ]);
      const allowed = { ...files, 'policies.yml': POLICY.replace(']', ', connection:lake]') };
      expect((await reports(dialect, allowed)).violations).toEqual(['models/seeded.sql:1 model.seeded e pii']);
    });

    it('take macros as masks', async () => {
      const found = await reports(dialect, {
        'policies.yml': POLICY.replace('md5', 'md5, half'),
        'macros/half.sql': '{% macro half(column) %}substring({{ column }}, 1, 2){% endmacro %}',
        'models/masked.sql': "select {{ half('email') }} as start from {{ ref('users') }}",
        'models/plain.sql': "select substring(email, 1, 2) as start from {{ ref('users') }}",
      });
      expect(found).toEqual({ violations: ['models/plain.sql:1 model.plain start pii'], notChecked: [] });
    });

    it('report publications and exposures, but not those that are allowed', async () => {
      const publish = (to: string, table: string, columns: string): string =>
        `{{ config(meta={'tsdbt': {'publish': {'to': '${to}', 'table': '${table}', 'columns': ${columns}}}}) }}\n`;
      const found = await reports(dialect, {
        'connections.yml':
          'connections:\n' +
          ['lookup', 'vault']
            .map(
              (name) =>
                `  ${name}: {type: postgres, host: h, user: u, password: "{{ env_var('X', 'p') }}", dbname: d}\n`,
            )
            .join(''),
        'policies.yml': POLICY.replace(']', ', connection:vault]'),
        'models/staging/open.sql': `${publish('lookup', 'open', "['id', 'email']")}select * from {{ ref('users') }}`,
        'models/staging/narrow.sql': `${publish('lookup', 'narrow', "['id']")}select id, email from {{ ref('users') }}`,
        'models/staging/kept.sql': `${publish('vault', 'kept', "['id', 'email']")}select * from {{ ref('users') }}`,
        'models/e.yml':
          'exposures:\n  - name: board\n    type: dashboard\n    owner: {name: x, email: x@x.invalid}\n' +
          "    depends_on: [ref('narrow')]\n",
      });
      expect(found.violations).toEqual([
        'models/e.yml:2 exposure.board email pii',
        expect.stringMatching(/^models\/staging\/open\.sql:\S+ publication\.open\S* email pii$/),
      ]);
    });

    it('count what is not known as not checked', async () => {
      const found = await reports(dialect, {
        'models/asks.sql': "{% if run_query('select 1') %}{% endif %}select city as x from {{ ref('users') }}",
        'models/next.sql': "select x from {{ ref('asks') }}",
      });
      expect(found.violations).toEqual([]);
      expect(found.notChecked.filter((line) => line.includes('policy'))).toEqual([
        'model.asks: policy "pii": the lineage of * is not known: its template queries the database',
        'model.next: policy "pii": the lineage of x is not known: it comes from model.shop.asks.x, which is not ' +
          'certain',
      ]);
    });
  });
}

it('lineage shows the tags and masks of columns', async () => {
  const folder = join(dir, String(projects));
  await strict('postgres', { 'models/mart.sql': "select email as contact, md5(phone) as p from {{ ref('users') }}" });
  const lineage = (...args: string[]): Promise<Ended> =>
    run(['lineage', 'mart', '--profiles-dir', '.', ...args], { cwd: folder, env: ENV });
  expect((await lineage()).stdout).toMatch(
    / {2}contact \[pii\] +renamed +model\.shop\.users\.email\n {2}p +expression/,
  );
  const records = (await lineage('--output', 'json')).stdout.split('\n').filter((line) => line.startsWith('{'));
  expect(records.map((line) => JSON.parse(line))).toMatchObject([
    { column: 'contact', tags: ['pii'] },
    { column: 'p', sources: [{ column: 'phone', masks: ['md5'] }] },
  ]);
});

it('policies.yml with a mistake is reported with its line', async () => {
  for (const [file, message] of [
    ['policies:\n  - tag: pii\n    mask: [md5]\n', "Unknown key 'policies[0].mask'"],
    ['policies:\n  - tag: pii\n    allowed_in: ["nope:x"]\n', "'nope' is not a valid method name"],
    ['policies: [{tag: a}, {tag: a}]\n', 'is that of another policy: a'],
    ['- 1\n', 'Must be a dictionary'],
    [`policies: [{tag: a, masks: [${Array.from({ length: 21 }, (_, at) => `f${at}`).join(', ')}]}]\n`, 'at most 20'],
  ] as const) {
    const { code, out } = await strict('postgres', { 'policies.yml': file });
    expect(out).toContain(message);
    expect(out).toContain('policies.yml');
    expect(out).not.toContain('Internal');
    expect(code).toBe(2);
  }
});

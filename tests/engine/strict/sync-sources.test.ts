// sources sync: the columns of sources in a file for git, and what the checks and lineage take from it.
import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AnyProject, PROJECT_DATABASES } from '../support/any-project.ts';

const SCHEMA = 'sync_sources';

for (const dialect of ['postgres', 'clickhouse'] as const) {
  const database = PROJECT_DATABASES[dialect];
  describe.skipIf(database.missing !== null)(`sources sync on ${dialect}`, () => {
    const [number, text] = dialect === 'postgres' ? ['bigint', 'text'] : ['Int64', 'String'];
    const engine = dialect === 'postgres' ? '' : ' engine = MergeTree order by tuple()';
    let project: AnyProject;
    const execute = async (sql: string): Promise<void> => {
      const session = project.adapter.session({ name: 'test' });
      try {
        await session.begin();
        await session.execute(sql);
        await session.commit();
      } finally {
        await session.release();
      }
    };
    const lock = (): string => join(project.dir, 'sources.lock.json');
    const written = (): { sources: Record<string, { name: string; type: string }[]> } =>
      JSON.parse(readFileSync(lock(), 'utf8'));

    beforeAll(async () => {
      project = await AnyProject.open(database, SCHEMA, {
        'models/sources.yml':
          `sources:\n  - name: raw\n    schema: ${SCHEMA}\n    tables:\n      - name: users\n      - name: orders\n` +
          '      - name: gone\n',
        'models/one.sql': 'select 1 as one',
      });
      for (const sql of [
        `create table ${SCHEMA}.users (id ${number}, "Email" ${text}) ${engine}`,
        `create table ${SCHEMA}.orders (id ${number}, amount ${number}) ${engine}`,
        `create table ${SCHEMA}.undeclared (id ${number}) ${engine}`,
      ])
        await execute(sql);
    });
    afterAll(() => project?.close());

    it('writes the columns of declared sources only, always in the same order', async () => {
      const { code, out } = await project.tsdbt('sources', 'sync');
      expect(code, out).toBe(0);
      expect(out).toContain('source.p.raw.gone does not exist in the database');
      expect(readFileSync(lock(), 'utf8')).toBe(
        [
          '{',
          '  "version": 1,',
          `  "database": "${dialect}",`,
          '  "sources": {',
          '    "source.p.raw.orders": [',
          `      {"name": "id", "type": "${number}"},`,
          `      {"name": "amount", "type": "${number}"}`,
          '    ],',
          '    "source.p.raw.users": [',
          `      {"name": "id", "type": "${number}"},`,
          `      {"name": "Email", "type": "${text}"}`,
          '    ]',
          '  }',
          '}',
          '',
        ].join('\n'),
      );
      expect((await project.tsdbt('sources', 'sync', '--check')).code).toBe(0);
    });

    it('gives columns to lineage and types to strict checks, unless YAML declares them', async () => {
      project.write({
        'models/all_users.sql': "select * from {{ source('raw', 'users') }}",
        'models/wrong.sql': "select amont from {{ source('raw', 'orders') }}",
      });
      const lineage = await project.tsdbt('lineage', 'all_users', '--output', 'json');
      expect(lineage.stdout).toContain('"column":"Email","status":"known"');
      const strict = await project.tsdbt('compile', '--strict', '--select', 'all_users', 'wrong');
      expect(strict.code).toBe(1);
      expect(strict.out).toContain('models/wrong.sql');
      expect(strict.out).toContain('amont');
      expect(strict.out).toContain('1 nodes checked, 0 not checked, 1 mistakes found');
      const number = "select amount * 2 as twice from {{ source('raw', 'orders') }}";
      project.write({ 'models/wrong.sql': number });
      expect((await project.tsdbt('compile', '--strict')).code).toBe(0);
      const own = { 'models/own.sql': number.replaceAll("'raw'", "'own'") };
      project.write({
        ...own,
        'models/own.yml':
          `sources:\n  - name: own\n    schema: ${SCHEMA}\n    tables:\n      - name: orders\n        columns:\n` +
          `          - {name: amount, data_type: ${text}}\n`,
      });
      expect((await project.tsdbt('sources', 'sync')).code).toBe(0);
      expect((await project.tsdbt('compile', '--strict')).out).toContain('models/own.sql');
      rmSync(join(project.dir, 'models/own.sql'));
      rmSync(join(project.dir, 'models/own.yml'));
      await project.tsdbt('sources', 'sync');
    });

    it('lists what differs with --check, and changes the file only for selected sources', async () => {
      await execute(`alter table ${SCHEMA}.orders add column note ${text}`);
      await execute(`alter table ${SCHEMA}.users drop column "Email"`);
      const check = await project.tsdbt('sources', 'sync', '--check');
      expect(check.code).toBe(1);
      expect(check.stdout).toContain(`+ source.p.raw.orders.note: ${text}\n- source.p.raw.users.Email: ${text}\n`);
      const one = await project.tsdbt('sources', 'sync', '--select', 'source:raw.orders');
      expect(one.code, one.out).toBe(0);
      expect(Object.values(written().sources).map((columns) => columns.map(({ name }) => name))).toEqual([
        ['id', 'amount', 'note'],
        ['id', 'Email'],
      ]);
      expect((await project.tsdbt('sources', 'sync', '--check', '--select', 'source:raw.orders')).code).toBe(0);
    });

    it('reports a file that is not one of its own with one error', async () => {
      for (const [content, message] of [
        ['{"version": 1, "database"', 'sources.lock.json is invalid'],
        ['[]', '"version" must be 1'],
        ['{"version": 1, "sources": {"source.p.raw.users": [{"name": "id"}]}}', 'must have a "name" and a "type"'],
        ['{"version": 1, "sources": {"__proto__": 5}}', 'the columns of __proto__ must be a list'],
      ] as const) {
        writeFileSync(lock(), content);
        const { code, out } = await project.tsdbt('compile', '--strict');
        expect(out).toContain(message);
        expect(out).not.toContain('Internal');
        expect(code).toBe(2);
      }
      rmSync(lock());
      symlinkSync('/etc/hostname', lock());
      const { code, out } = await project.tsdbt('sources', 'sync');
      expect(out).not.toContain('Internal');
      expect(code).toBe(2);
      rmSync(lock());
      expect(existsSync(lock())).toBe(false);
    });
  });
}

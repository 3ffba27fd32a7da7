// Which macros of dbt are called from where, by dbt and by us: a project overrides every one, each override notes its
// call and does what dbt's own does. DIALECT-golden.json holds what real dbt calls in each step, by node
// (tests/oracle/overrides.mjs makes it); what differs on purpose is below.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import {
  type OverriddenMacro,
  overrides,
  type Play,
  playOverridden,
  type Step,
} from '../../oracle/support/overrides.mjs';
import { embeddedClickhouse, stopEmbedded } from '../../../src/adapters/clickhouse/embedded.ts';
import { createMacroResolver } from '../../../src/context/macro-resolver.ts';
import { createTemplateEnvironments } from '../../../src/context/templates.ts';
import type { MacroNode } from '../../../src/contracts/node.ts';
import { makers } from '../../../src/runner/makers.ts';
import { SERVERS } from '../adapters/servers.ts';
import { FaultProject } from '../faults/project.ts';
import { builtinMacros } from '../macros/recorder.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { run } from '../support/program.ts';
import { DIFFERENCES, type Difference } from './differences.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));

interface Golden {
  readonly macros: readonly OverriddenMacro[];
  readonly steps: readonly {
    readonly run: string;
    readonly exit: number;
    readonly calls: Readonly<Record<string, readonly string[]>>;
  }[];
}

const read = (name: string): unknown => JSON.parse(readFileSync(join(HERE, name), 'utf8'));

/** Calls that one side makes and the other does not, as `step | node | macro`; those that are meant to be left out. */
async function compare(
  dialect: 'postgres' | 'clickhouse',
  server: Pick<Play, 'output' | 'sql'>,
): Promise<{ missing: string[]; more: string[]; unused: Difference[] }> {
  const golden = read(`${dialect}-golden.json`) as Golden;
  const steps = read(`${dialect}/steps.json`) as Step[];
  const played = await playOverridden(run, {
    ...server,
    project: join(HERE, dialect),
    macros: golden.macros,
    steps,
  });
  expect(
    played.map(({ run, exit }) => [run, exit]),
    played.find(({ exit }, i) => exit !== golden.steps[i]?.exit)?.output,
  ).toEqual(golden.steps.map(({ run, exit }) => [run, exit]));
  const used = new Set<Difference>();
  const without = (
    here: Golden['steps'][number]['calls'],
    there: Golden['steps'][number]['calls'],
    run: string,
    who: Difference['who'],
  ): string[] =>
    Object.entries(here)
      .flatMap(([node, names]) =>
        names.filter((name) => there[node]?.includes(name) !== true).map((name) => `${run} | ${node} | ${name}`),
      )
      .filter((call) => {
        const known = DIFFERENCES[dialect].find((difference) => difference.who === who && difference.calls.test(call));
        if (known !== undefined) used.add(known);
        return known === undefined;
      });
  const missing = played.flatMap(({ run, calls }, i) => without(golden.steps[i]!.calls, calls, run, 'dbt'));
  const more = played.flatMap(({ run, calls }, i) => without(calls, golden.steps[i]!.calls, run, 'we'));
  return { missing, more, unused: DIFFERENCES[dialect].filter((difference) => !used.has(difference)) };
}

describe('the macros that a project overrides are called as in dbt', () => {
  it('on Postgres', async () => {
    const server = await SERVERS[0]!.open();
    const { host, port, user, password, database } = server.credentials as unknown as Record<
      'host' | 'user' | 'password' | 'database',
      string
    > & { port: number };
    const client = new pg.Client({ host, port, user, password, database });
    await client.connect();
    try {
      expect(
        await compare('postgres', {
          output: { type: 'postgres', host, port, user, password, dbname: database },
          sql: (text) => client.query(text),
        }),
      ).toEqual({ missing: [], more: [], unused: [] });
    } finally {
      await client.end();
      await server.close();
    }
  });

  it.skipIf(clickhouseMissing !== null)('on ClickHouse', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'tsdbt-overrides-ch-'));
    const server = await embeddedClickhouse({ dir: join(dir, 'data'), projectDir: process.cwd() });
    const sql = async (text: string): Promise<void> => {
      const response = await fetch(`http://${server.host}:${server.port}/`, {
        method: 'POST',
        body: text,
        headers: { 'X-ClickHouse-User': server.user, 'X-ClickHouse-Key': server.password },
      });
      if (!response.ok) throw new Error(await response.text());
    };
    try {
      const output = {
        type: 'clickhouse',
        host: server.host,
        port: server.port,
        user: server.user,
        password: server.password,
      };
      expect(await compare('clickhouse', { output, sql })).toEqual({ missing: [], more: [], unused: [] });
    } finally {
      await server.release();
      await stopEmbedded(join(dir, 'data'));
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

describe('one overridden macro', () => {
  const { macros, steps } = read('postgres-golden.json') as Golden;
  const ALONE = [
    'truncate_relation',
    'default__truncate_relation',
    'rename_relation',
    'drop_relation',
    'get_drop_sql',
    'postgres__drop_table',
    'postgres__drop_view',
    'create_view_as',
    'postgres__list_relations_without_caching',
    'postgres__get_relations',
    'list_schemas',
  ];

  it('is called even if nothing has changed and the fast path could skip it', async () => {
    const project = await FaultProject.open({
      'seeds/people.csv': 'id\n1\n',
      'models/v.sql': "{{ config(materialized='view') }} select id from {{ ref('people') }}",
      'models/w.sql': "{{ config(materialized='view') }} select id from {{ ref('t') }}",
      'models/t.sql': "{{ config(materialized='table') }} select id from {{ ref('v') }}",
    });
    try {
      expect((await project.run(['build'])).code).toBe(0);
      const called: string[] = [];
      for (const name of ALONE) {
        project.write({
          'macros/own.sql': overrides(
            macros.filter((macro) => macro.name === name),
            true,
          ),
        });
        const { code, out } = await project.run(['build']);
        expect(code, `${name}\n${out}`).toBe(0);
        if (out.includes(`CALLED ${name}.`)) called.push(name);
      }
      expect(called).toEqual(ALONE);
      expect(await project.rows('select id from s.w')).toEqual([['1']]);
    } finally {
      await project.close();
    }
  });

  it('of a package that the adapter calls by name counts, too', async () => {
    const project = await FaultProject.open({
      'seeds/people.csv': 'id\n1\n',
      'packages.yml': 'packages: [{local: ours}]\n',
      'dbt_packages/ours/dbt_project.yml': 'name: ours\nversion: "1.0"\n',
      'dbt_packages/ours/macros/t.sql':
        "{% macro truncate_relation(relation) %}{% do log('emptied by the package', info=true) %}{{ " +
        'return(dbt.truncate_relation(relation)) }}{% endmacro %}',
    });
    try {
      expect((await project.run(['seed'])).code).toBe(0);
      const { code, out } = await project.run(['seed']);
      expect([code, out.match(/emptied by the package/g)?.length], out).toEqual([0, 1]);
    } finally {
      await project.close();
    }
  });

  it.each(['view', 'table'])(
    "prevents the fast path for a %s, whichever of dbt's macros it replaces",
    (materialization) => {
      const again = steps.filter(({ run }) => run === 'run')[1]!.calls[`${materialization}_plain`]!;
      const ours = builtinMacros('postgres');
      const kept = again.filter((name) => {
        const own = {
          ...ours[0]!,
          name,
          package_name: 'p',
          unique_id: `macro.p.${name}`,
          macro_sql: `{% macro ${name}() %}{% endmacro %}`,
        } satisfies MacroNode;
        const resolver = createMacroResolver([...ours, own], {
          rootPackage: 'p',
          internalPackages: ['dbt_postgres', 'dbt'],
          adapterTypes: ['postgres'],
          dispatch: [],
          packages: ['p', 'dbt_postgres', 'dbt'],
          environment: createTemplateEnvironments().runtime,
        });
        return makers(resolver, materialization, false) !== null;
      });
      expect([again.length > 20, kept]).toEqual([true, []]);
    },
  );
});

// docs/settings.md and docs/commands.md name every key and variable that the code reads, and no other.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { settingsPages, VARIABLES } from '../../../scripts/docs.mjs';
import type { SourceDefinition } from '../../../src/contracts/node.ts';
import { TsdbtError } from '../../../src/errors.ts';
import { CLICKHOUSE_TABLE } from '../../../src/loader/clickhouse/table-options.ts';
import { loadTarget } from '../../../src/loader/settings/load-target.ts';
import { syncTarget } from '../../../src/loader/sync/config.ts';
import { POSTGRES_TABLE } from '../../../src/loader/postgres/table-options.ts';
import { ROOT } from './markdown.ts';

const page = readFileSync(join(ROOT, 'docs/settings.md'), 'utf8');

/** First cells of the table below a heading. */
function keys(heading: string): string[] {
  const section = page.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`docs/settings.md has no section ${heading}`);
  return [...section.matchAll(/^\| `([^`]+)`/gm)].map((match) => match[1]!);
}

/** Cells of the table below a heading, without its head. */
function rows(heading: string): string[][] {
  const section = page.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^\| (`.*) \|$/gm)].map((match) => match[1]!.split(' |').map((cell) => cell.trim()));
}

/** The names of an error's hint or message: `Options: a, b.` */
function named(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    if (!(error instanceof TsdbtError)) throw error;
    return /Options: ([^.]*)\./.exec(error.details.hint ?? '')?.[1]?.split(', ') ?? [error.message];
  }
  return [];
}

const source = (load: object, columns: object = {}): SourceDefinition =>
  ({
    source_name: 's',
    name: 't',
    original_file_path: 'models/s.yml',
    columns,
    meta: { tsdbt: { load } },
    config: {},
    source_meta: {},
  }) as unknown as SourceDefinition;

/** Every file of src/ that is TypeScript. */
function sources(dir = join(ROOT, 'src')): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? sources(path) : path.endsWith('.ts') ? [path] : [];
  });
}

it('the tables in docs/settings.md match the code', async () => {
  for (const [path, text] of await settingsPages()) expect(readFileSync(path, 'utf8'), path).toBe(text);
});

describe('docs/settings.md', () => {
  it('contains every option of `load`', () => {
    const changes = keys('Changes of a database');
    expect([...keys('load'), ...changes].sort()).toEqual(
      named(() => loadTarget(source({ topic: 't', nothing: 1 }), POSTGRES_TABLE)).sort(),
    );
    const onClickHouse = named(() => loadTarget(source({ topic: 't', nothing: 1 }), CLICKHOUSE_TABLE));
    const shared = keys('load').filter((key) => key !== 'partition_by' && key !== 'retention');
    expect([...shared, ...changes, ...keys('load on ClickHouse')].sort()).toEqual(onClickHouse.sort());
    expect(keys('flush').sort()).toEqual(
      named(() => loadTarget(source({ topic: 't', flush: { nothing: 1 } }), POSTGRES_TABLE)).sort(),
    );
  });

  it('is right about an unknown option of a table without a topic', () => {
    expect(() => loadTarget(source({ topik: 't1' }), POSTGRES_TABLE)).toThrow(/unknown option 'topik'/);
    expect(loadTarget(source({ mode: 'upsert', order_by: ['id'], every: '1h' }), POSTGRES_TABLE)).toBeNull();
  });

  it('contains every option of `archive`', () => {
    const archive = { connection: 'lake', path: 'p', nothing: 1 };
    const found = named(() => loadTarget(source({ topic: 't', archive }), POSTGRES_TABLE));
    expect(keys('archive').sort()).toEqual(found.sort());
  });

  it('contains every option of tables of other databases', () => {
    const found = named(() => syncTarget(source({ table: 'public.t', nothing: 1 })));
    expect(keys('Tables of other databases').sort()).toEqual(found.sort());
  });

  it('contains every option of a column', () => {
    const column = { name: 'c', data_type: 'text', meta: { tsdbt: { load: { nothing: 1 } } } };
    const found = named(() => loadTarget(source({ topic: 't', format: 'avro' }, { c: column }), POSTGRES_TABLE));
    expect([...keys('Columns'), ...keys('Columns of Avro')].sort()).toEqual(found.sort());
  });

  it('contains the defaults of a load config without options', () => {
    const target = loadTarget(source({ topic: 't' }), POSTGRES_TABLE)!;
    const cells = (heading: string): Map<string, string> =>
      new Map(rows(heading).map(([key, , fallback]) => [key!.replaceAll('`', ''), fallback!.replaceAll('`', '')]));
    const load = cells('load');
    expect({
      connection: load.get('connection'),
      format: load.get('format'),
      mode: load.get('mode'),
      schemaDrift: load.get('schema_drift'),
      rest: load.get('rest'),
      start: load.get('start'),
      onGap: load.get('on_gap'),
      maxDead: Number(load.get('max_dead')),
    }).toEqual({
      connection: target.connection,
      format: target.format,
      mode: target.mode,
      schemaDrift: target.schemaDrift,
      rest: target.rest,
      start: target.start,
      onGap: target.onGap,
      maxDead: target.maxDead,
    });
    const flush = Object.fromEntries(cells('flush'));
    expect(loadTarget(source({ topic: 't', flush }), POSTGRES_TABLE)!.flush).toEqual(target.flush);
  });
});

it('docs/commands.md contains every variable that the code reads', () => {
  const read = new Set<string>();
  for (const path of sources()) {
    for (const match of readFileSync(path, 'utf8').matchAll(
      /\benv(?:\?\.)?\??\[?\.?\['([A-Z][A-Z_]+)'\]|'((?:TSDBT|PG)_?[A-Z_]{3,})'/g,
    ))
      read.add(match[1] ?? match[2]!);
  }
  const known = new Set(VARIABLES.flatMap(([name]) => name.split(', ')));
  const options = readFileSync(join(ROOT, 'docs/commands.md'), 'utf8');
  const system = new Set(['PATH', 'TZ', 'PG_VERSION']);
  expect(
    [...read].filter(
      (name) => !known.has(name) && !system.has(name) && !options.includes(`\`${name.replace('_ENGINE', '')}\``),
    ),
  ).toEqual([]);
});

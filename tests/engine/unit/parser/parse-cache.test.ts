// When an earlier parse is taken again, and when not.
import { describe, expect, it } from 'vitest';
import { type ParseCache, parseWithCache } from '../../../../src/parser/parse-cache.ts';
import { type ParseOptions, parseInput } from '../../support/parse.ts';

const FILES = {
  'models/a.sql': "select {{ env_var('X', '1') }} as id, '{{ var(\"v\", 2) }}'",
  'models/s.yml': 'models:\n  - name: a\n    description: A\n',
};
const OLD = { mtime: Date.parse('2026-01-01') } satisfies ParseOptions;

async function parse(
  files: Readonly<Record<string, string>>,
  options: ParseOptions,
  previous: ParseCache | null,
  engine = '1',
) {
  return parseWithCache({ ...(await parseInput(files, options)), previous, engine });
}

describe('parseWithCache', () => {
  it('takes the earlier manifest when nothing has changed, under a new head', async () => {
    const first = await parse(FILES, OLD, null);
    const second = await parse(FILES, { ...OLD, startedAt: new Date('2026-02-02T00:00:00Z') }, first.cache);
    expect([first.reused, second.reused]).toEqual([false, true]);
    expect({ ...second.manifest, metadata: null }).toEqual({ ...first.manifest, metadata: null });
    expect(second.manifest.metadata.generated_at).toBe('2026-02-02T00:00:00.000000Z');
  });

  it.each<[string, Readonly<Record<string, string>>, ParseOptions, string]>([
    [
      'a file has other text and another time',
      { ...FILES, 'models/a.sql': 'select 2' },
      { mtime: Date.parse('2026-01-01T12:00:00Z') },
      '1',
    ],
    ['a file is new', { ...FILES, 'models/b.sql': 'select 2' }, OLD, '1'],
    ['a file is gone', { 'models/a.sql': FILES['models/a.sql'] }, OLD, '1'],
    ['an environment variable that a template read has another value', FILES, { ...OLD, env: { X: '2' } }, '1'],
    ['a variable has another value', FILES, { ...OLD, vars: { v: 3 } }, '1'],
    [
      'the project is configured otherwise',
      FILES,
      { ...OLD, project: { configs: { models: { '+materialized': 'table' } } } },
      '1',
    ],
    ['a behaviour flag is set', FILES, { ...OLD, flags: { require_unique_project_resource_names: true } }, '1'],
    ['the program is another', FILES, OLD, '2'],
  ])('parses again when %s', async (_why, files, options, engine) => {
    const first = await parse(FILES, OLD, null);
    expect((await parse(files, options, first.cache, engine)).reused).toBe(false);
  });

  it('does not mind a file that was only touched', async () => {
    const first = await parse(FILES, OLD, null);
    expect((await parse(FILES, { mtime: Date.parse('2026-01-01T12:00:00Z') }, first.cache)).reused).toBe(true);
  });

  it('looks at the text of a file that changed while it was parsed', async () => {
    const now = { mtime: Date.parse('2026-01-02T03:04:05Z') };
    const first = await parse(FILES, now, null);
    expect((await parse({ ...FILES, 'models/a.sql': 'select 9' }, now, first.cache)).reused).toBe(false);
    expect((await parse(FILES, now, first.cache)).reused).toBe(true);
  });

  it('parses again for another command when a template reads the flags', async () => {
    const files = { 'models/a.sql': 'select {{ 1 if flags.FULL_REFRESH else 2 }}' };
    const first = await parse(files, OLD, null);
    expect((await parse(files, OLD, first.cache)).reused).toBe(true);
    expect((await parse(files, { ...OLD, flags: { full_refresh: true } }, first.cache)).reused).toBe(false);
  });
});

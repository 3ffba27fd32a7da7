// Tests the parses that are cached per command: in any order of commands, each gets the result of a full parse, and is
// parsed once.
import { mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CachedParseOutput, parseWithCache } from '../../../../src/parser/parse-cache.ts';
import { ParseCaches } from '../../../../src/pipeline/parse-caches.ts';
import { Secrets } from '../../../../src/secrets.ts';
import { StateSeal } from '../../../../src/user-state.ts';
import { type ParseOptions, parseInput } from '../../support/parse.ts';

const FILES = {
  'models/a.sql': "select {{ config(alias='a_' ~ kind()) }} 1 as id",
  'models/b.sql': "{% if flags.FULL_REFRESH %}{{ config(tags='full') }}{% endif %} select * from {{ ref('a') }}",
  'models/c.sql':
    "{% if invocation_args_dict.get('defer') %}{{ config(meta={'s': invocation_args_dict.state | default('none')}) }}" +
    "{% endif %} select {{ 'empty' if flags.EMPTY }} 1",
  'models/s.yml': 'models:\n  - name: a\n    columns: [{name: id, data_tests: [unique]}]\n',
  // Of all flags only WHICH matters here, and of the commands only whether they run tests.
  'macros/kind.sql': "{% macro kind() %}{{ 'tests' if flags.WHICH == 'test' else 'runs' }}{% endmacro %}",
};
const PLAIN = { 'models/a.sql': 'select 1 as id', 'models/s.yml': FILES['models/s.yml'] };
const STARTED = Date.parse('2026-03-01T00:00:00Z');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsdbt-caches-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function parse(
  options: ParseOptions,
  files: Readonly<Record<string, string>> = FILES,
  caches: ParseCaches | null = new ParseCaches(folder, StateSeal.of(folder)!),
): Promise<CachedParseOutput> {
  const input = await parseInput(files, { mtime: STARTED - 1e6, startedAt: new Date(STARTED), ...options });
  const output = parseWithCache({ ...input, previous: caches?.read() ?? [], engine: '1' });
  if (output.fresh) caches?.write(output, new Secrets());
  return output;
}

const command = (which: string, flags: ParseOptions['flags'] = {}): ParseOptions => ({
  flags: { which, ...flags },
  args: { which, ...flags },
});

describe('ParseCaches', () => {
  it('keeps one parse per command that is parsed differently', async () => {
    const day = ['run', 'test', 'list', 'docs'];
    const reused = async (): Promise<boolean[]> => {
      const out = [];
      for (const which of day) out.push((await parse(command(which))).reused);
      return out;
    };
    expect(await reused()).toEqual([false, false, false, false]);
    expect(await reused()).toEqual([true, true, true, true]);
  });

  it('keeps one parse for all commands if no template reads flags', async () => {
    const files = PLAIN;
    await parse(command('run'), files);
    for (const options of [command('test'), command('list', { full_refresh: true }), command('docs', { empty: true })])
      expect((await parse(options, files)).reused).toBe(true);
    expect(readdirSync(folder)).toEqual(['partial_parse.json']);
  });

  it('discards the parses of other commands when the project configuration changes', async () => {
    for (const which of ['run', 'test', 'list']) await parse(command(which));
    await parse({ ...command('run'), vars: { v: 1 } });
    expect(readdirSync(folder)).toEqual(['partial_parse.json']);
  });

  it('keeps one parse if only hooks read flags and the result is the same', async () => {
    const files = {
      ...PLAIN,
      'macros/start.sql':
        "{% macro start() %}{% set which = flags.WHICH %}{% if which not in ['run', 'build'] %}{{ return('') }}" +
        "{% endif %}{{ log('parsed', info=true) }}{% endmacro %}",
    };
    const project = { on_run_start: ['{{ start() }}'] };
    await parse({ ...command('run'), project }, files);
    for (const which of ['test', 'list', 'run', 'docs', 'docs', 'test']) {
      const { reused, fresh } = await parse({ ...command(which), project }, files);
      expect([which, reused]).toEqual([which, true]);
      // The first parse knew that the hooks are the same for every existing command.
      if (which !== 'docs') expect([which, fresh]).toEqual([which, false]);
    }
    expect((await parse({ ...command('list'), project }, files)).fresh).toBe(false);
    expect(readdirSync(folder)).toEqual(['partial_parse.json']);
  });

  it.each([
    ['references', "{% if flags.WHICH == 'run' %}{{ ref('a') }}{% endif %}"],
    ['macros', "{% if flags.WHICH == 'run' %}{{ start() }}{% endif %}"],
    ['settings', '{{ config(tags=flags.WHICH) }}'],
    ['environment variables', "{% if flags.WHICH == 'test' %}{% set _ = env_var('UNKNOWN', '') %}{% endif %}"],
    ['errors', "{% if flags.WHICH == 'test' %}{{ exceptions.raise_compiler_error('no tests') }}{% endif %}"],
  ])('parses again if hooks have other %s in another command', async (_what, hook) => {
    const files = { ...PLAIN, 'macros/start.sql': '{% macro start() %}{{ ref("a") }}{% endmacro %}' };
    const of = (which: string): ParseOptions => ({ ...command(which), project: { on_run_start: [hook] } });
    await parse(of('run'), files);
    if (hook.includes('raise')) await expect(parse(of('test'), files)).rejects.toThrow('no tests');
    else expect((await parse(of('test'), files)).reused).toBe(false);
    expect((await parse(of('run'), files)).reused).toBe(true);
  });

  it('keeps the newest parses', async () => {
    for (const [i, which] of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].entries()) {
      const before = new Set(readdirSync(folder));
      await parse(command(which));
      for (const name of readdirSync(folder)) if (!before.has(name)) utimesSync(join(folder, name), i, i);
    }
    expect(readdirSync(folder)).toHaveLength(5);
    expect((await parse(command('h'))).reused).toBe(true);
    expect((await parse(command('d'))).reused).toBe(false);
  });

  it('returns for each of many commands in a row what a full parse returns', async () => {
    let state = 7;
    const random = (n: number): number => {
      state = (state * 1103515245 + 12345) & 0x7fffffff;
      return (state >> 8) % n;
    };
    const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
    let files: Record<string, string> = { ...FILES };
    let [now, taken, parsed] = [STARTED, 0, 0];
    for (let step = 0; step < 50; step += 1) {
      const flags: Record<string, boolean | string> = {};
      if (random(9) === 0) flags['full_refresh'] = true;
      if (random(9) === 0) flags['empty'] = true;
      if (random(9) === 0) flags['store_failures'] = true;
      if (random(9) === 0) flags['defer'] = true;
      if (random(4) === 0) flags['state'] = pick(['x', 'y']);
      if (random(12) === 0) files = { ...files, 'models/b.sql': `${files['models/b.sql']}, ${step}` };
      if (random(20) === 0) files = { ...files, [`models/n${step}.sql`]: `select '{{ flags.WHICH }}' as n` };
      const project = { on_run_end: ["{% if flags.WHICH == 'test' %}{{ ref('b') }}{% endif %}", '{{ kind() }}'] };
      const options = { project, ...command(pick(['run', 'run', 'test']), flags), threads: random(9) === 0 ? 4 : 1 };
      const at = { ...options, mtime: (now += 1e7), startedAt: new Date(now + 1) };
      const warm = await parse(at, files);
      const cold = await parse(at, files, null);
      if (warm.reused) taken += 1;
      else parsed += 1;
      const plain = ({ manifest: { metadata: _metadata, ...rest } }: CachedParseOutput): unknown =>
        JSON.parse(JSON.stringify(rest, (key, value: unknown) => (key === 'created_at' ? 0 : value)));
      expect(plain(warm), `step ${step}`).toEqual(plain(cold));
    }
    expect([taken > 10, parsed > 10]).toEqual([true, true]);
  });
});

// Tests when a cached parse is reused.
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
  return parseWithCache({
    ...(await parseInput(files, options)),
    previous: previous === null ? [] : [previous],
    engine,
  });
}

describe('parseWithCache', () => {
  it('reuses the manifest with new metadata if nothing has changed', async () => {
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

  it.each([{ target_path: '/x/target' }, { log_path: '/x/logs' }, { clean_targets: ['/x'] }])(
    'ignores where a command writes: %o',
    async (project) => {
      const first = await parse(FILES, OLD, null);
      expect((await parse(FILES, { ...OLD, project }, first.cache)).reused).toBe(true);
    },
  );

  it('ignores a file whose modification time alone has changed', async () => {
    const first = await parse(FILES, OLD, null);
    expect((await parse(FILES, { mtime: Date.parse('2026-01-01T12:00:00Z') }, first.cache)).reused).toBe(true);
  });

  it.each<[boolean, string]>([
    [true, '{{ config(tags=[model.name, model["unique_id"]]) }}'],
    [true, "{{ config(meta={'text': 'raw_code' in model, 'fields': model.keys() | list | length}) }}"],
    [true, '{{ config(tags=[this.name]) }}'],
    [false, '{{ config(tags=[model.raw_code | trim]) }}'],
    [false, '{{ config(tags=[model["checksum"].checksum]) }}'],
    [false, "{{ config(meta={'all': model | string}) }}"],
    [false, '{% for key, value in model.items() %}{% do config(meta={key: value | string}) %}{% endfor %}'],
  ])('applies the edit of a model text to the cached manifest: %s for %s', async (expected, template) => {
    const before = { 'models/a.sql': `${template}select 1` };
    const later = { mtime: Date.parse('2026-01-01T12:00:00Z') };
    const first = await parse(before, OLD, null);
    const second = await parse({ 'models/a.sql': `${template}select 2` }, later, first.cache);
    expect([second.reused, second.fresh]).toEqual([expected, true]);
  });

  it('compares the text of a file that changed while it was parsed', async () => {
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

  it('parses again with --debug if names contain spaces, and then lists all of them', async () => {
    const files = { 'models/a b.sql': 'select 1', 'models/c d.sql': 'select 1' };
    const project = { flags: { require_resource_names_without_spaces: false } };
    const first = await parse(files, { ...OLD, ...project }, null);
    const second = await parse(files, { ...OLD, flags: { ...project.flags, debug: true } }, first.cache);
    expect([first, second].map(({ warnings }) => warnings.filter(({ msg }) => /name of/.test(msg)).length)).toEqual([
      1, 2,
    ]);
  });

  it.each<[string, Readonly<Record<string, string>>]>([
    ['a comment names them', { 'macros/m.sql': '{# two flags, selected_resources #}' }],
    [
      'a description names them',
      { 'models/s.yml': 'models:\n  - {name: a, description: invocation_args_dict, flags}\n' },
    ],
    [
      'a macro that is not called reads them',
      { 'macros/m.sql': '{% macro m() %}{{ flags.WHICH }}{{ invocation_args_dict }}{% endmacro %}' },
    ],
    [
      'a macro reads them when it is executed',
      {
        'macros/m.sql':
          '{% macro m() %}{% if execute %}{{ flags.WHICH }}{% endif %}{{ return(config(tags="x")) }}{% endmacro %}',
        'models/b.sql': 'select {{ m() }} 1',
      },
    ],
    [
      'a macro without effects reads them',
      {
        'macros/m.sql': '{% macro m() %}{{ flags.WHICH }}{{ invocation_args_dict }}{% endmacro %}',
        'models/b.sql': 'select {{ m() }} 1',
      },
    ],
    [
      'a template reads another flag',
      { 'models/b.sql': 'select {{ 1 if flags.FULL_REFRESH else config(alias="c") }}' },
    ],
    [
      'a template reads another argument',
      {
        'models/b.sql':
          '{% if invocation_args_dict and invocation_args_dict.get("defer") %}{{ config(tags="x") }}{% endif %}',
      },
    ],
    [
      'a template asks for the selected resources, which a parse has not',
      { 'models/b.sql': 'select {{ config(tags=selected_resources) }} 1' },
    ],
  ])('reuses the parse of another command when %s', async (_why, more) => {
    const files = { ...FILES, ...more };
    const first = await parse(files, { ...OLD, flags: { which: 'run' }, args: { which: 'run', select: ['a'] } }, null);
    const other = { ...OLD, flags: { which: 'test' }, args: { which: 'test' } };
    expect((await parse(files, other, first.cache)).reused).toBe(true);
  });

  it.each<[string, string, ParseOptions]>([
    ['a flag', '{{ config(alias=flags.WHICH) }}', { flags: { which: 'test' } }],
    ['all flags as a text', '{{ config(alias=flags ~ "") }}', { flags: { which: 'test' } }],
    ['an argument', '{{ config(alias=invocation_args_dict.which) }}', { args: { which: 'test' } }],
    [
      'an argument that was not given',
      '{{ config(alias=invocation_args_dict.get("state", "x")) }}',
      { args: { state: 'y' } },
    ],
    ['all arguments', '{{ config(alias=tojson(invocation_args_dict)) }}', { args: { which: 'test' } }],
    [
      'the names of arguments',
      '{{ config(alias=invocation_args_dict.keys() | join) }}',
      { args: { which: 'run', x: 1 } },
    ],
    [
      'the arguments off a reference',
      '{{ config(alias=builtins.ref.config.args.which) }}',
      { args: { which: 'test' } },
    ],
  ])(
    'does not reuse the parse of a command for which a template reads other values: %s',
    async (_what, code, other) => {
      const files = { 'models/a.sql': `${code} select 1` };
      const run = { ...OLD, flags: { which: 'run' }, args: { which: 'run' } };
      const first = await parse(files, run, null);
      expect((await parse(files, run, first.cache)).reused).toBe(true);
      expect((await parse(files, { ...run, ...other }, first.cache)).reused).toBe(false);
    },
  );
});
